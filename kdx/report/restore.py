"""What was restored, and which versions of a file there are, as tables. Facts in, tables out; no I/O."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from itertools import groupby

from kdx.backup.format.chain import Stored
from kdx.backup.format.seal import State
from kdx.backup.restoring.find import Version
from kdx.backup.restoring.restored import LOST, Restored
from kdx.backup.restoring.sources import BOARD_ITSELF
from kdx.errors import KdxError
from kdx.language import N_, _
from kdx.report.tables import Column, Table, visible

STATES = {
    State.COMPLETE: N_("complete"),
    State.PARTIAL: N_("partial"),
    State.SUSPECT: N_("suspect"),
}
MOST_FAULTS = 200
"""So many lines a person reads; the rest is counted."""


def restored_table(restored: Restored, zone: tzinfo) -> Table:
    """Return what a restore did."""
    rows = [
        {"result": N_("restored"), "entries": restored.files, "bytes": restored.bytes},
        {"result": N_("there already"), "entries": restored.present, "bytes": None},
        {"result": N_("folders"), "entries": restored.folders, "bytes": None},
        {"result": N_("links"), "entries": restored.links, "bytes": None},
        {"result": N_("not restored"), "entries": len(restored.faults), "bytes": None},
    ]
    what = N_("Would be restored") if restored.dry_run else N_("Restored")
    return Table(
        title=f"{_(what)}  {restored.source.name} -> {restored.target.location}",
        columns=(
            Column("result", N_("Result"), "word"),
            Column("entries", N_("Entries"), "count"),
            Column("bytes", N_("Bytes"), "bytes"),
        ),
        rows=[row for row in rows if row["entries"] or row["result"] == "restored"],
        as_of=restored.ended,
        source=snapshot_words(restored.snapshot, zone),
        notes=(*_warnings(restored.snapshot), *_lost(restored), *_next_step(restored)),
    )


def _next_step(restored: Restored) -> list[str]:
    """Say how to go on: after a loss, and where the board's own machine came back, whose keys are in an envelope."""
    if any(fault.why in LOST for fault in restored.faults) and restored.source.school != BOARD_ITSELF:
        how = _("Another snapshot may have what is lost here: kdx restore {school} --find NAME")
        return [how.format(school=restored.source.school)]
    if restored.source.school != BOARD_ITSELF or restored.dry_run or restored.target.location.scheme != "file":
        return []
    folder = restored.target.location.path
    how = _("Put the private keys from the envelope into {keys}, then go on with: {command}")
    command = f"kdx --inventory {shlex.quote(f'{folder}/inventory')} --state {shlex.quote(folder)} backup init"
    return [how.format(keys=f"{folder}/keys", command=command)]


def snapshot_words(stored: Stored, zone: tzinfo) -> str:
    """Return how a person calls a snapshot: its name, its time, its state."""
    name = stored.seal.name
    return _("snapshot {name} ({time}, {state})").format(
        name=name, time=f"{name.started.astimezone(zone):%Y-%m-%d %H:%M}", state=_(STATES[stored.state])
    )


def _warnings(stored: Stored) -> list[str]:
    counts = stored.seal.counts
    said = []
    if stored.state == State.SUSPECT:
        said.append(_("This snapshot is suspect: the share was very unlike the night before. Look at what came back."))
    if counts.waiting:
        text = _("This snapshot is a checkpoint of a long run: {count} files had not been come to.")
        said.append(text.format(count=f"{counts.waiting:,}"))
    elif counts.unread:
        text = _("{count} entries could not be read at that time; they came back as they were read last.")
        said.append(text.format(count=f"{counts.unread:,}"))
    return said


def _lost(restored: Restored) -> list[str]:
    return [
        _("Not put back for {count} entries: {what}.").format(count=f"{count:,}", what=_(what))
        for what, count in restored.lost.items()
    ]


def faults_text(restored: Restored) -> str:
    """Return a line for each entry that did not come back, and for what is wrong with the vault."""
    lines = alarms_lines(restored.alarms)
    for fault in restored.faults[:MOST_FAULTS]:
        detail = f": {_(fault.detail)}" if fault.detail else ""
        lines.append(f"  {visible(fault.path)}  ({_(fault.why)}{visible(detail)})")
    if len(restored.faults) > MOST_FAULTS:
        lines.append("  " + _("… and {count} more").format(count=f"{len(restored.faults) - MOST_FAULTS:,}"))
    return "\n".join(lines)


def alarms_lines(alarms: Sequence[KdxError]) -> list[str]:
    """Return a line for each alarm, and after those that ask for the same what to do."""
    lines: list[str] = []
    for advice, some in groupby(alarms, key=lambda alarm: alarm.advise()):
        lines += [visible(str(alarm)) for alarm in some]
        lines += [visible(advice)] if advice else []
    return lines


def versions_table(text: str, versions: Sequence[Version]) -> Table:
    """Return the versions of the files that were found, one a row."""
    notes = []
    if versions:
        how = _("To bring one back: kdx restore {school} PATH --at SNAPSHOT --beside")
        notes.append(how.format(school=versions[0].source.school))
    else:
        notes.append(_("No snapshot has a file with this in its path. A shorter part of the name may find it."))
    if any(version.best.state != State.COMPLETE for version in versions):
        notes.append(_("partial: not everything was read that night. suspect: look at it before you rely on it."))
    return Table(
        title=_("Versions of {text}").format(text=visible(text)),
        columns=(
            Column("path", N_("Path"), "path"),
            Column("bytes", N_("Bytes"), "bytes"),
            Column("modified", N_("Modified"), "time"),
            Column("snapshot", N_("Snapshot")),
            Column("state", N_("State"), "word"),
            Column("since", N_("Since"), "time"),
            Column("share", N_("Share")),
        ),
        rows=[_version_row(version) for version in versions],
        notes=tuple(notes),
    )


def _version_row(version: Version) -> dict[str, object]:
    return {
        "path": version.hit.path,
        "bytes": version.hit.size,
        "modified": _moment(version.hit.mtime_ns),
        "snapshot": str(version.best.seal.name),
        "state": STATES[version.best.state],
        "since": version.oldest.seal.name.started,
        "share": version.source.name,
    }


def _moment(nanoseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
