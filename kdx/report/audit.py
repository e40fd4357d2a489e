"""What an audit of the ledger found, as a table. Facts in, table out; no I/O."""

from kdx.language import N_, _
from kdx.report.tables import Column, Table
from kdx.state.ledger import Verdict


def verdict_table(verdict: Verdict) -> Table:
    """Return the faults of a ledger, one a row, and where it ends."""
    whole = _("The chain is whole.") if verdict.is_whole else _("The ledger was changed outside kdx.")
    more = _("{count} more faults are not listed.").format(count=f"{verdict.faults_more:,}")
    end = _("{count} events; the last is #{id}, its hash {hash}").format(
        count=f"{verdict.events:,}", id=verdict.head.id, hash=verdict.head.hash
    )
    return Table(
        title=_("Audit of the ledger"),
        columns=(
            Column("event", N_("Event"), "count"), Column("what", N_("What was found"), "word"),
            Column("detail", N_("Detail")),
        ),
        rows=[
            {"event": found.event, "what": found.what, "detail": found.detail or None}
            for found in (*verdict.faults, *verdict.notes)
        ],
        source=_("ledger #{id}").format(id=verdict.head.id),
        notes=(whole, *([more] if verdict.faults_more else []), end),
    )
