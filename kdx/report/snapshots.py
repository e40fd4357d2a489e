"""What lies in a vault as tables: snapshots, how shares stand, what verification found. Facts in; no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kdx.backup.format.note import RECOVERING
from kdx.backup.keeping.copy import Copied
from kdx.backup.keeping.status import ShareStatus, Snapshots
from kdx.backup.keeping.verify import Verified
from kdx.backup.restoring.pace import Pace
from kdx.backup.saving.accept import Accepted
from kdx.language import N_, _
from kdx.report.backup import BYTES, FILES, SCHOOL, SHARE, SNAPSHOT, STATE, reason_words
from kdx.report.tables import Column, Table

KEPT, BROKEN, NONE = N_("kept"), N_("broken"), N_("no backup")


def snapshots_table(found: Sequence[Snapshots]) -> Table:
    """Return all snapshots, newest first within a share."""
    return Table(
        title=_("Snapshots"),
        columns=(
            SCHOOL, SHARE, Column("started", N_("Started"), "time"), STATE, FILES, BYTES,
            Column("new", N_("New"), "count"), Column("changed", N_("Changed"), "count"),
            Column("gone", N_("Gone"), "count"), Column("unread", N_("Not read"), "count"), SNAPSHOT,
            Column("remark", N_("Remark")),
        ),
        rows=[
            {
                "school": each.share.school, "share": each.share.name, "started": stored.seal.name.started,
                "state": str(stored.state), "files": stored.seal.counts.files, "bytes": stored.seal.counts.bytes,
                "new": stored.seal.counts.new, "changed": stored.seal.counts.changed,
                "gone": stored.seal.counts.gone, "unread": stored.seal.counts.unread,
                "snapshot": str(stored.seal.name), "remark": _remark(each, index) or None,
            }
            for each in found
            for index, stored in enumerate(each.stored)
        ],
        source=_("the vault alone"),
    )


def _remark(found: Snapshots, index: int) -> str:
    stored = found.stored[index]
    remarks = [reason_words(reason) for reason in stored.seal.reasons]
    if stored.acceptance:
        recovering = stored.acceptance.word == RECOVERING
        remarks.append(_("accepted for the time of a restore") if recovering else _("accepted"))
    if str(stored.seal.name) in found.forked:
        remarks.append(_("two runs at once"))
    return "; ".join(remarks)


def status_table(found: Sequence[ShareStatus], now: datetime, source: str, measured: Mapping[str, Pace]) -> Table:
    """Return how every share stands. `measured`: what bringing back reached, by share id."""
    return Table(
        title=_("Backups"),
        columns=(
            SCHOOL, SHARE, Column("good", N_("Last good run"), "time"), Column("age", N_("How long ago"), "seconds"),
            Column("promise", N_("Promise"), "word"), Column("state", N_("Newest"), "word"), FILES, BYTES,
            Column("unread", N_("Not read"), "count"), Column("without_copy", N_("Without a copy"), "count"),
            Column("oldest", N_("Oldest copy"), "seconds"), Column("reread", N_("Read again since"), "date"),
            Column("restore", N_("Time to restore"), "seconds"), Column("next", N_("What to do")),
        ),
        rows=[{**_status_row(each), "restore": _seconds_to_restore(each, measured)} for each in found],
        as_of=now,
        source=source,
        notes=tuple(_restore_notes(found, measured)),
    )


def _seconds_to_restore(each: ShareStatus, measured: Mapping[str, Pace]) -> float | None:
    pace = measured.get(each.share.id)
    return pace.seconds(each.good.seal.counts.bytes) if pace and each.good else None


def _restore_notes(found: Sequence[ShareStatus], measured: Mapping[str, Pace]) -> Iterable[str]:
    """Say where the times to restore come from, and where there are none."""
    used = [measured[each.share.id].measured for each in found if each.good and each.share.id in measured]
    if used:
        yield _("Time to restore: the last good snapshot at the pace of its last drill or restore (the oldest of them "
                "on {day:%Y-%m-%d}): an estimate, no promise.").format(day=min(used))
    missing = [each for each in found if each.good and each.share.id not in measured]
    if missing:
        yield _("Time to restore not measured yet: {count} shares. kdx drill measures it.").format(count=len(missing))


def _status_row(each: ShareStatus) -> dict[str, object]:
    standing, newest = each.standing, each.newest
    counts = newest.seal.counts if newest else None
    broken = standing.is_broken or standing.is_file_broken
    return {
        "school": each.share.school,
        "share": each.share.name,
        "good": standing.good_at,
        "age": standing.age.total_seconds() if standing.age else None,
        "promise": NONE if newest is None else BROKEN if broken else KEPT,
        "state": str(newest.state) if newest else None,
        "files": counts.files if counts else None,
        "bytes": counts.bytes if counts else None,
        "unread": counts.unread if counts else None,
        "without_copy": standing.without_copy if counts else None,
        "oldest": standing.oldest_file.total_seconds() if standing.oldest_file else None,
        "reread": each.rotation_began.date() if each.rotation_began else None,
        "next": _next_step(each) or None,
    }


def _next_step(each: ShareStatus) -> str:
    school = each.share.school
    if each.faults:
        return "kdx backup verify"
    if each.newest and each.newest.state == "suspect" and not each.newest.acceptance:
        return f"kdx backup list {school}; kdx backup accept {school}"
    if each.standing.is_broken:
        return f"kdx backup run {school}"
    if each.standing.is_file_broken:
        return _("close the open files and back up: kdx backup run {school}").format(school=school)
    if each.is_rotation_late:
        return _("give reading again more time")
    return ""


def verified_table(found: Sequence[Verified]) -> Table:
    """Return what is not what it must be, one a row."""
    total = sum(each.bytes for each in found)
    noted = sum(each.noted for each in found)
    notes = [
        _("Looked at {objects} objects and {snapshots} snapshots; read {size} bytes.").format(
            objects=f"{sum(each.objects for each in found):,}",
            snapshots=f"{sum(each.snapshots for each in found):,}",
            size=f"{total:,}",
        )
    ]
    if noted:
        notes.append(_("{count} notes were written: nothing new will rely on these objects.").format(count=noted))
    if any(each.findings for each in found):
        notes.append(_("The next kdx backup run stores anew what the source still has."))
    return Table(
        title=_("Verification of the vault"),
        columns=(
            SCHOOL, Column("what", N_("What"), "word"), Column("name", N_("Name"), "path"),
            Column("needed_by", N_("Needed by snapshots"), "count"), Column("why", N_("Why")),
        ),
        rows=[
            {
                "school": finding.school, "what": finding.what, "name": finding.name, "needed_by": finding.needed_by,
                "why": str(finding.error) if finding.error else None,
            }
            for each in found
            for finding in each.findings
        ],
        source=_("every byte") if all(each.full for each in found) else _("names, lists and manifests"),
        notes=tuple(notes),
    )


def accepted_table(accepted: Accepted) -> Table:
    """Return what was accepted."""
    word = N_("right while a restore is under way") if accepted.word == RECOVERING else N_("good")
    return Table(
        title=_("Accepted"),
        columns=(SCHOOL, SHARE, SNAPSHOT, Column("word", N_("As"), "word")),
        rows=[
            {
                "school": accepted.share.school, "share": accepted.share.name,
                "snapshot": str(accepted.stored.seal.name), "word": word,
            }
        ],
    )


def copied_table(copied: Copied, target: str) -> Table:
    """Return what a copy of the vault did."""
    return Table(
        title=_("Copy of the vault to {target}").format(target=target),
        columns=(
            FILES, BYTES, Column("there", N_("There already"), "count"), Column("damaged", N_("Damaged"), "count")
        ),
        rows=[
            {"files": copied.files, "bytes": copied.bytes, "there": copied.there, "damaged": len(copied.faults)}
        ],
        notes=tuple(map(str, copied.faults[:20])),
    )
