"""What doctor found, as a table. Facts in, table out; no I/O."""

from collections.abc import Sequence

from kdx.doctor import Check, State
from kdx.errors import ExitCode, gravest
from kdx.language import N_, _
from kdx.report.tables import Column, Table

STATES = {State.OK: N_("ok"), State.WARN: N_("warning"), State.FAIL: N_("fails")}


def doctor_table(checks: Sequence[Check]) -> Table:
    """Return the checks, one a row."""
    return Table(
        title=_("Whether this machine can do its work"),
        columns=(
            Column("check", N_("Check"), "word"),
            Column("subject", N_("Of")),
            Column("state", N_("State"), "word"),
            Column("detail", N_("Found")),
            Column("next_step", N_("What to do")),
        ),
        rows=[
            {
                "check": check.name,
                "subject": check.subject or None,
                "state": STATES[check.state],
                "detail": check.detail,
                "next_step": check.next_step or None,
            }
            for check in checks
        ],
    )


def doctor_exit_code(checks: Sequence[Check]) -> ExitCode:
    """Return the gravest of the failures; warnings do not count."""
    return gravest(check.exit_code for check in checks if check.state == State.FAIL)
