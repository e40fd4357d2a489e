"""What becomes of every snapshot and why, and what leaves the vault, as a table. Facts in, a table out; no I/O."""

from collections.abc import Sequence

from kdx.backup.keeping.prune import Pruned
from kdx.backup.keeping.sweep import WAIT
from kdx.language import N_, _
from kdx.report.restore import STATES
from kdx.report.tables import Column, Table

STAYS, GOES = N_("stays"), N_("goes")


def pruned_table(units: Sequence[Pruned], applied: bool) -> Table:
    """Return the verdict on each snapshot, newest first, a share after the other."""
    return Table(
        title=_("Snapshots that stay and go") if applied else _("Snapshots that would stay and go"),
        columns=(
            Column("school", N_("School")),
            Column("share", N_("Share")),
            Column("snapshot", N_("Snapshot")),
            Column("state", N_("State"), "word"),
            Column("verdict", N_("Verdict"), "word"),
            Column("reason", N_("Why"), "word"),
            Column("detail", N_("Which")),
        ),
        rows=[
            {
                "school": unit.school,
                "share": share,
                "snapshot": str(verdict.snapshot.name),
                "state": STATES[verdict.snapshot.state],
                "verdict": STAYS if verdict.stays else GOES,
                "reason": verdict.reason,
                "detail": verdict.detail,
            }
            for unit in units
            for share, verdict in unit.verdicts
        ],
        source=_("the vault, and backup: keep: in kdx.yml"),
        notes=tuple(note for unit in units for note in _notes(unit, applied)),
    )


def _notes(unit: Pruned, applied: bool) -> list[str]:
    if unit.faults:
        return [_("{school}: nothing was marked or removed, because not everything in the vault holds.").format(
            school=unit.school)]
    notes = []
    if unit.marked:
        text = _("{school}: {count} objects ({size:.1f} MB) marked, to be removed in {days} days at the earliest.")
        notes.append(text.format(school=unit.school, count=unit.marked, size=unit.marked_bytes / 1e6, days=WAIT.days))
    if unit.removed:
        text = _("{school}: {count} objects ({size:.1f} MB) removed that were marked before.")
        notes.append(text.format(school=unit.school, count=unit.removed, size=unit.removed_bytes / 1e6))
    if unit.waiting:
        notes.append(_("{school}: {count} marked objects wait.").format(school=unit.school, count=unit.waiting))
    if unit.locked:
        text = _("{school}: {count} marked objects are still locked; they go when their lock has run out.")
        notes.append(text.format(school=unit.school, count=unit.locked))
    if unit.refused:
        text = _("{school}: the store did not let {count} objects go, and no lock holds them: is it the board's key?")
        notes.append(text.format(school=unit.school, count=unit.refused))
    if notes and not applied:
        notes.append(_("Nothing was changed. To do it: kdx backup prune --apply"))
    return notes
