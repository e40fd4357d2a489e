"""3-2-1-1-0 of each share, every cell with its evidence and its date, as a table. Facts in, a table out; no I/O."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from kdx.backup.keeping.copies import Cell, Evidence
from kdx.backup.keeping.copies_seen import ShareCopies
from kdx.language import N_, _
from kdx.remotes.trials import NO, YES
from kdx.report.tables import Column, Table

UNKNOWN = N_("unknown")
ANSWERS = {True: YES, False: NO, None: UNKNOWN}


def copies_table(found: Iterable[ShareCopies], names: dict[str, str], now: datetime) -> Table:
    """Return five rows a share: the rule, whether it holds, and how that is known. `names`: school id -> name."""
    return Table(
        title=_("Copies by the rule 3-2-1-1-0"),
        columns=(
            Column("school", N_("School")), Column("share", N_("Share")), Column("rule", N_("Asked for"), "word"),
            Column("holds", N_("Kept"), "word"), Column("count", N_("Counted"), "count"),
            Column("evidence", N_("How it is known")), Column("seen", N_("Seen"), "date"),
        ),
        rows=[
            {
                "school": names[each.share.school], "share": each.share.name, "rule": str(cell.rule),
                "holds": ANSWERS[cell.holds], "count": cell.count, "evidence": _words(cell.evidence),
                "seen": newest.date() if (newest := _newest(cell)) else None,
            }
            for each in found
            for cell in each.cells
        ],
        as_of=now,
        source=_("the vault, and what the ledger of this machine recorded"),
        notes=(
            _("Where a store stands only the board can say: site: in kdx.yml."),
            _("A disk on the power line of the server is no other place."),
        ),
    )


def _words(evidence: Sequence[Evidence]) -> str:
    return "; ".join(_(each.what).format(place=each.place) for each in evidence)


def _newest(cell: Cell) -> datetime | None:
    return max((each.at for each in cell.evidence if each.at), default=None)
