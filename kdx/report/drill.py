"""What drills did, as a table. Facts in, a table out; no I/O."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from kdx.backup.restoring.drill_result import Drill, forecast
from kdx.language import N_, _
from kdx.report.restore import MOST_FAULTS, alarms_lines
from kdx.report.tables import Column, Table, visible

PASSED, FAILED, NOTHING = N_("as it was stored"), N_("NOT as it was stored"), N_("nothing this time")
PLANNED = N_("would be brought back")


def drills_table(drills: Sequence[Drill], names: Mapping[str, str], dry_run: bool = False) -> Table:
    """Return what came back, a share a row, and how long a whole school would take. `names`: of schools, by id."""
    return Table(
        title=_("Drills"),
        columns=(
            Column("school", N_("School")),
            Column("share", N_("Share")),
            Column("result", N_("Result"), "word"),
            Column("files", N_("Files"), "count"),
            Column("bytes", N_("Bytes"), "bytes"),
            Column("different", N_("Not back"), "count"),
            Column("seconds", N_("Time taken"), "seconds"),
            Column("rate", N_("Bytes per second"), "bytes"),
            Column("proven", N_("Came back so far"), "ratio"),
            Column("oldest", N_("Oldest drill"), "date"),
            Column("snapshot", N_("Snapshot")),
        ),
        rows=[_row(drill, dry_run) for drill in drills],
        as_of=max((drill.ended for drill in drills), default=None),
        source=_("the vault, restored and read again"),
        notes=tuple(note for some in _by_school(drills) for note in _school_notes(some, names)),
    )


def _by_school(drills: Sequence[Drill]) -> list[list[Drill]]:
    return [list(some) for _school, some in groupby(drills, key=lambda drill: drill.source.school)]


def _row(drill: Drill, dry_run: bool) -> dict[str, object]:
    result = FAILED if drill.faults else PASSED if drill.files else NOTHING
    ran = bool(drill.files) and not dry_run
    return {
        "school": drill.source.school,
        "share": drill.source.name,
        "result": PLANNED if drill.files and dry_run else result,
        "files": drill.files,
        "bytes": drill.bytes,
        "different": len(drill.faults),
        "seconds": drill.seconds if ran else None,
        "rate": int(drill.rate) if drill.rate else None,
        "proven": drill.proven,
        "oldest": drill.oldest,
        "snapshot": str(drill.snapshot.seal.name),
    }


def _school_notes(drills: list[Drill], names: Mapping[str, str]) -> list[str]:
    """Return what must be said of one school."""
    school, counts = drills[0].source.school, [drill.snapshot.seal.counts for drill in drills]
    name = names.get(school, school)
    seconds = forecast(drills, sum(each.bytes for each in counts), sum(each.files for each in counts))
    notes = []
    if seconds is not None:
        text = _("{school}: all of it ({bytes:.1f} GB) would take about {time} at this rate: an estimate, no promise.")
        size = sum(each.bytes for each in counts) / 1e9
        notes.append(text.format(school=name, bytes=size, time=_duration(seconds)))
    if not any(drill.files for drill in drills) and any(each.files for each in counts):
        notes.append(_("{school}: this week's budget for reading back is spent.").format(school=name))
    for drill in drills:
        if drill.too_large:
            text = _("{share}: {bytes:.1f} GB lie in parts larger than a week's budget; kdx drill {school} --whole "
                     "brings them back, or a larger backup: {{drill_megabytes: …}} in kdx.yml.")
            notes.append(text.format(share=drill.source.name, bytes=drill.too_large / 1e9, school=school))
    return notes


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return _("{count} minutes").format(count=max(1, round(seconds / 60)))
    return _("{count:.1f} hours").format(count=seconds / 3600)


def faults_text(drills: Sequence[Drill]) -> str:
    """Return a line for each entry that did not come back as it was, and for what is wrong with the vault."""
    lines = [line for drill in drills for line in alarms_lines(drill.alarms)]
    faults = [fault for drill in drills for fault in drill.faults]
    for fault in faults[:MOST_FAULTS]:
        detail = f": {visible(_(fault.detail))}" if fault.detail else ""
        lines.append(f"  {visible(fault.path)}  ({_(fault.why)}{detail})")
    if len(faults) > MOST_FAULTS:
        lines.append("  " + _("… and {count} more").format(count=f"{len(faults) - MOST_FAULTS:,}"))
    return "\n".join(lines)
