"""What an audit of the ledger found, as a table. Facts in, table out; no I/O."""

from kdx.language import N_, _
from kdx.report.tables import Column, Table
from kdx.state.ledger import Verdict


def verdict_table(verdict: Verdict) -> Table:
    """Return the faults of a ledger, one a row, and where it ends."""
    whole = _("The chain is whole.") if verdict.is_whole else _("The ledger was changed outside kdx.")
    return Table(
        title=_("Audit of the ledger"),
        columns=(Column("event", N_("Event"), "count"), Column("what", N_("What was found"), "word")),
        rows=[{"event": fault.event, "what": fault.what} for fault in verdict.faults],
        source=_("ledger #{id}").format(id=verdict.events),
        notes=(whole, _("{count} events, the last hash is {hash}").format(count=verdict.events, hash=verdict.head)),
    )
