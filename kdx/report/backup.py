"""What a run of the backup is about to do, did, and could not, as tables. Facts in, tables out; no I/O."""

from collections.abc import Iterable, Mapping, Sequence

from kdx.backup.format.names import moment_of
from kdx.backup.saving.begin import Begun
from kdx.backup.saving.comparison import Plan
from kdx.backup.saving.guard import REASONS
from kdx.backup.saving.job import Job, Ran
from kdx.backup.saving.sealing import CHECKPOINT
from kdx.backup.saving.sealing import RECOVERING as WHILE_RECOVERING
from kdx.language import N_, _, translate
from kdx.report.tables import Column, Table, visible

SCHOOL = Column("school", N_("School"))
SHARE = Column("share", N_("Share"))
STATE = Column("state", N_("State"), "word")
FILES = Column("files", N_("Files"), "count")
BYTES = Column("bytes", N_("Bytes"), "bytes")
SNAPSHOT = Column("snapshot", N_("Snapshot"))
UNREAD_REASONS = {
    "locked": N_("files somebody has open"),
    "denied": N_("files this user may not read"),
    "changed": N_("files that changed while they were read"),
    "vanished": N_("files that vanished before they were read"),
    "faulty": N_("files the server could not read"),
    CHECKPOINT: N_("checkpoint of a run that goes on"),
    WHILE_RECOVERING: N_("a restore is under way"),
}
KEPT, BROKEN, NONE = N_("kept"), N_("broken"), N_("no backup")


def begun_table(begun: Begun) -> Table:
    """Return what backup init made or found."""
    made = _("new key; have {file} reviewed and shared").format(file=begun.public_file)
    return Table(
        title=_("Vault of {board}").format(board=begun.about.board),
        columns=(
            Column("vault", N_("Vault"), "path"), Column("id", N_("Id")), Column("created", N_("Created"), "time"),
            Column("fingerprint", N_("Key of this machine")), Column("key", N_("What became of it")),
        ),
        rows=[
            {
                "vault": begun.place, "id": begun.about.id, "created": moment_of(begun.about.created),
                "fingerprint": begun.key.fingerprint, "key": made if begun.is_new_key else _("there already"),
            }
        ],
        notes=tuple(
            note
            for each in begun.earlier
            for note in (
                _(
                    "{file} is the key of another or an earlier machine of this name and is still trusted. Where that "
                    "machine is gone, the board ends the key: have this line reviewed in place of the one that is "
                    "there. What was signed until then stays good."
                ).format(file=each.file),
                each.ended,
            )
        ),
    )


def planned_table(plans: Sequence[tuple[Job, Plan]]) -> Table:
    """Return what runs would read, a share a row."""
    return Table(
        title=_("To be backed up"),
        columns=(
            SCHOOL, SHARE, Column("entries", N_("Entries"), "count"), Column("new", N_("New"), "count"),
            Column("changed", N_("Changed"), "count"), Column("gone", N_("Gone"), "count"),
            Column("again", N_("Read again"), "count"), Column("read_bytes", N_("Bytes to read"), "bytes"),
        ),
        rows=[
            {
                "school": job.share.school, "share": job.share.name, "entries": plan.seen, "new": plan.new,
                "changed": plan.changed, "gone": plan.gone, "again": plan.again, "read_bytes": plan.bytes_to_read,
            }
            for job, plan in plans
        ],
        source=_("the shares as they are, and the vault"),
    )


def ran_table(results: Sequence[Ran], names: Mapping[str, str]) -> Table:
    """Return what runs did, a share a row. `names`: those of the schools, by their ids."""
    return Table(
        title=_("Backup"),
        columns=(
            SCHOOL, SHARE, STATE, FILES, BYTES, Column("new", N_("New"), "count"),
            Column("changed", N_("Changed"), "count"), Column("gone", N_("Gone"), "count"),
            Column("unread", N_("Not read"), "count"), Column("stored", N_("Bytes stored"), "bytes"),
            Column("seconds", N_("Time taken"), "seconds"), SNAPSHOT,
        ),
        rows=[_ran_row(result) for result in results],
        notes=tuple(note for result in results for note in _notes(result, names)),
    )


def _ran_row(result: Ran) -> dict[str, object]:
    seal = result.seal
    counts = seal.counts
    return {
        "school": result.job.share.school,
        "share": result.job.share.name,
        "state": str(seal.state),
        "files": counts.files,
        "bytes": counts.bytes,
        "new": counts.new,
        "changed": counts.changed,
        "gone": counts.gone,
        "unread": counts.unread,
        "stored": counts.stored_bytes,
        "seconds": (result.ended - result.started).total_seconds(),
        "snapshot": str(seal.name),
    }


def _notes(result: Ran, names: Mapping[str, str]) -> Iterable[str]:
    share = result.job.share
    for sentence in map(reason_words, result.seal.reasons):
        yield f"{names.get(share.school, share.school)} {share.name}: {sentence}"
    if result.seal.state == "suspect":
        yield _("Stored, but suspect: look at it, then kdx backup accept {school}").format(school=share.school)
    if result.forks:
        yield _("{share}: another run sealed {names} at the same time; both snapshots are valid.").format(
            share=share.name, names=", ".join(map(str, result.forks))
        )
    if result.silent:
        yield _("{share}: {count} files changed though size and time did not, the first: {first}").format(
            share=share.name, count=len(result.silent), first=visible(result.silent[0])
        )


def reason_words(reason: str) -> str:
    """Return a reason of a seal as a sentence, its figures behind it."""
    word, _blank, figures = reason.partition(" ")
    words = translate(REASONS.get(word) or UNREAD_REASONS.get(word) or word)
    return f"{words} ({figures})" if figures else words


def unread_lines(results: Sequence[Ran], most: int = 20) -> str:
    """Return a line for each entry that was not read, as far as a person reads."""
    rows = [(path, reason) for result in results for path, reason in result.unread]
    lines = [f"  {visible(path)}  ({translate(UNREAD_REASONS.get(reason, reason))})" for path, reason in rows[:most]]
    if len(rows) > most:
        lines.append("  " + _("… and {count} more").format(count=f"{len(rows) - most:,}"))
    return "\n".join(lines)
