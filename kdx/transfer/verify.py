"""Hold what lies at a target against what was read at the source, and say for every entry how it was proven.

Only a digest the store itself computed from the bytes it holds counts, or the bytes read back: metadata that kdx wrote
is never proof. kdx never sends an MD5, so a store whose tag equals the MD5 taken in the one read of the source has
computed it (for multipart uploads: the MD5 of the parts' MD5s).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from hashlib import sha256
from operator import attrgetter

from kdx.language import N_, translate
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import ALTERED, CHANGED_AT, Entry, Kind, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.together import Together
from kdx.transfer.copy import CONFLICT, TOGETHER_BYTES, errand_for
from kdx.transfer.crew import work_through
from kdx.transfer.limit import Limiter
from kdx.transfer.merge import merge
from kdx.transfer.pace import Pace
from kdx.transfer.plan import AT_TARGET, Action
from kdx.transfer.reading import SMALL
from kdx.transfer.rows import Checked, Done, Failed, Item, Known


class Level(StrEnum):
    """How hard to look."""

    LISTING = "listing"
    """Names and sizes."""
    CHECKSUM = "checksum"
    """The digests the store computed; where a place computes none but is near (a folder), the bytes."""
    READBACK = "readback"
    """Every byte read back from the target."""


class Outcome(StrEnum):
    """What came of looking for one entry."""

    PROVEN = "proven"
    LISTED = "listed"
    """There, with the right size; nothing more was asked for."""
    UNPROVEN = "not proven"
    DIFFERENT = "different"
    MISSING = "missing"
    CONFLICT = "conflict"
    ALTERED = "altered by the service"
    """What the store holds is what it made of our file (SharePoint rewrites Office files); both digests are told."""
    UNREAD = "not read"
    BLOCKED = "blocked"
    RULE = "left by rule"
    CARRIED = "carried"
    WAITING = "waiting"
    EXTRA = "extra"
    FOREIGN = "foreign"
    """At the target, but not from this migration."""

    TO_READ = "to read"
    """Between the two steps of a verification only."""


class How(StrEnum):
    """How an entry was proven."""

    STORE_MD5 = "store MD5"
    STORE_PARTS = "store MD5 of parts"
    STORE_SHA256 = "store SHA-256"
    """The place computed it with a program of its own, from the bytes it holds."""
    READ_BACK = "read back"
    LISTING = "listing"
    FOLDER = "folder"
    """A folder is there; it has no bytes."""


WRONG = frozenset({Outcome.DIFFERENT, Outcome.MISSING, Outcome.CONFLICT})
OPEN = frozenset({Outcome.UNPROVEN, Outcome.ALTERED, Outcome.UNREAD, Outcome.BLOCKED, Outcome.WAITING})

READ_TOGETHER = 4
"""So many times as much as is sent is read back in one request: nothing is held, and each asks for its folders anew."""

NOT_SENT = N_("not sent yet")
HASHES = N_("sent with SHA-256 {sent}, read back with {there}")
GONE = N_("gone from the target")
OTHER_SIZE = N_("another size")
OTHER_BYTES = N_("other bytes")
OTHER_KIND = N_("something else lies under this name")
TAG_UNKNOWN = N_("the store's tag is not a checksum of the bytes; read it back")


def expect(items: Iterable[Item], done: Iterable[Done], failed: Iterable[Failed]) -> Iterator[Checked]:
    """Given a plan and what its run left behind (all sorted by path bytes), yield what a verification must find."""
    path = attrgetter("path")
    for first, refused in merge(merge(items, done, path, path), failed, _path_of_pair, path):
        if first and first[0] is not None:
            yield _expect(first[0], first[1], refused)


def judge(expected: Iterable[Checked], known: Iterable[Known], level: Level) -> Iterator[Checked]:
    """Given what must be found and what the target lists (both sorted by name), yield the outcome of each.

    TO_READ marks those that only their bytes can settle.
    """
    for row, listed in merge(expected, known, attrgetter("target"), attrgetter("target")):
        if row is None:
            assert listed is not None
            if listed.kind != Kind.DIRECTORY:
                yield _foreign(listed)
        elif row.outcome != Outcome.TO_READ:
            yield row
        else:
            outcome, how, why = _look(row, listed, level)
            yield row._replace(outcome=outcome, how=how, why=why)


def settle_by_bytes(
    rows: Iterable[Checked],
    target: Remote,
    place: Place,
    level: Level,
    progress: Progress = SILENT,
    limiter: Limiter = Limiter(None),
) -> Iterator[Checked]:
    """Let the bytes that lie at the target settle every row, and yield the outcome.

    A place that hashes by itself is asked to, unless every byte is to be read back: no data goes over the line then.
    Else they are read over several connections to `place`.
    """
    can = target.capabilities
    if can.digest_by_store and level != Level.READBACK:
        return _ask_store(rows, target, progress)
    return work_through(
        rows,
        open_lane=lambda step: Lane(place.open(), step, limiter),
        work=_read_bundle,
        weight=lambda row: min(row.size, 2 * SMALL) if can.together else 0,
        pace=Pace(can.parallel),
        progress=progress,
        errand=partial(errand_for, READ_TOGETHER * can.together, limiter, READ_TOGETHER * TOGETHER_BYTES),
    )


@dataclass(frozen=True, slots=True)
class Lane:
    """What one thread reads back with."""

    target: Remote
    step: Callable[[int], None]
    limiter: Limiter

    def close(self) -> None:
        """Let go of the target."""
        self.target.close()


def _path_of_pair(pair: tuple[Item | None, Done | None]) -> str:
    item, done = pair
    return item.path if item is not None else done.path if done is not None else ""


def _expect(item: Item, done: Done | None, failed: Failed | None) -> Checked:
    blank = Checked(
        item.path, item.target, item.kind, item.size, item.sha256, "", "", item.why, item.renamed, "", "", item.link
    )
    if item.action not in AT_TARGET:
        return blank._replace(outcome=_FIXED[Action(item.action)])
    if failed is not None:
        conflict = failed.reason == CONFLICT
        return blank._replace(outcome=Outcome.CONFLICT if conflict else Outcome.UNREAD, why=failed.reason)
    if done is None or done.target != item.target:
        if item.kind == Kind.FILE or item.action != Action.PRESENT:
            return blank._replace(outcome=Outcome.MISSING, why=NOT_SENT)
        return blank._replace(outcome=Outcome.TO_READ)
    return blank._replace(
        outcome=Outcome.TO_READ, size=done.size, sha256=done.sha256, etags=done.etags, etag=done.etag, link=done.link
    )


_FIXED = {
    Action.RULE: Outcome.RULE,
    Action.CARRIED: Outcome.CARRIED,
    Action.UNREAD: Outcome.UNREAD,
    Action.BLOCKED: Outcome.BLOCKED,
    Action.WAITING: Outcome.WAITING,
    Action.EXTRA: Outcome.EXTRA,
}


def _look(row: Checked, listed: Known | None, level: Level) -> tuple[Outcome, str, str]:
    if listed is None:
        return Outcome.MISSING, "", GONE
    if listed.kind != row.kind:
        return Outcome.DIFFERENT, "", OTHER_KIND
    if row.kind == Kind.LINK:
        same = listed.link == row.link
        return (Outcome.PROVEN, How.READ_BACK, "") if same else (Outcome.DIFFERENT, "", OTHER_BYTES)
    if row.kind == Kind.DIRECTORY:
        return Outcome.PROVEN, How.FOLDER, ""
    if row.etag.startswith(ALTERED):
        # the store may have rewritten it when it arrived, but nobody has touched it since
        if listed.etag != row.etag:
            return Outcome.DIFFERENT, "", OTHER_BYTES
        return (Outcome.LISTED, How.LISTING, "") if level == Level.LISTING else (Outcome.TO_READ, "", "")
    if listed.size != row.size:
        return Outcome.DIFFERENT, "", OTHER_SIZE
    if level == Level.LISTING:
        return Outcome.LISTED, How.LISTING, ""
    if level == Level.CHECKSUM and listed.etag and not listed.etag.startswith(CHANGED_AT):
        return _by_tag(row, listed)
    return Outcome.TO_READ, "", ""


def _by_tag(row: Checked, listed: Known) -> tuple[Outcome, str, str]:
    if listed.etag in row.etags.split():
        return Outcome.PROVEN, How.STORE_PARTS if "-" in listed.etag else How.STORE_MD5, ""
    if listed.etag == row.etag:
        return Outcome.UNPROVEN, "", TAG_UNKNOWN
    # neither what the store answered to our write nor a digest of our bytes: only the bytes can tell
    return Outcome.TO_READ, "", ""


def _ask_store(rows: Iterable[Checked], target: Remote, progress: Progress) -> Iterator[Checked]:
    asked: deque[Checked] = deque()
    for there in target.digest_listed(_as_entries(rows, asked)):
        row = asked.popleft()
        if there.sha256 is not None:
            progress.advance(there.size)
            yield _by_digest(row, there.sha256, How.STORE_SHA256)
        elif there.skip == SkipReason.VANISHED:
            yield row._replace(outcome=Outcome.MISSING, why=GONE)
        else:
            unread = ReadFailed(name=row.target, reason=there.skip, detail="")
            yield row._replace(outcome=Outcome.UNPROVEN, why=str(unread))


def _as_entries(rows: Iterable[Checked], asked: deque[Checked]) -> Iterator[Entry]:
    for row in rows:
        asked.append(row)
        yield Entry(row.target, row.kind, row.size)


def _read_bundle(rows: Sequence[Checked], lane: Lane) -> Iterator[Checked]:
    """Settle rows by what is read back: together where the target can, by itself whatever that does not prove."""
    digests = _digests_together(rows, lane)
    for row in rows:
        if row.sha256 is not None and digests.get(row.target) == row.sha256:
            lane.step(row.size)
            yield row._replace(outcome=Outcome.PROVEN, how=How.READ_BACK)
        else:
            yield _read_back(row, lane)


def _digests_together(rows: Sequence[Checked], lane: Lane) -> Mapping[str, bytes]:
    small = [(row.target, row.size) for row in rows if row.size <= SMALL]
    if len(small) < 2 or not isinstance(lane.target, Together):
        return {}
    lane.limiter.take(sum(size for _target, size in small))
    return lane.target.digests_together(small)


def _read_back(row: Checked, lane: Lane) -> Checked:
    try:
        size, digest = _read(lane, row.target)
    except NotFound:
        return row._replace(outcome=Outcome.MISSING, why=GONE)
    except ReadFailed as error:
        return row._replace(outcome=Outcome.UNPROVEN, why=str(error))
    lane.step(size)
    return _by_digest(row, digest, How.READ_BACK)


def _read(lane: Lane, path: str) -> tuple[int, bytes | None]:
    """Return size and SHA-256 of the bytes that kdx itself reads at the target, over a line no faster than its cap."""
    can = lane.target.capabilities
    if can.digest_without_transfer and not can.digest_by_store:
        there = lane.target.digest(path)
        return there.size, there.sha256
    size, digest = 0, sha256()
    for chunk in lane.target.read(path):
        lane.limiter.take(len(chunk))
        digest.update(chunk)
        size += len(chunk)
    return size, digest.digest()


def _by_digest(row: Checked, there: bytes | None, how: How) -> Checked:
    if there == row.sha256:
        return row._replace(outcome=Outcome.PROVEN, how=how)
    if row.etag.startswith(ALTERED) and there is not None and row.sha256 is not None:
        why = translate(HASHES).format(sent=row.sha256.hex(), there=there.hex())
        return row._replace(outcome=Outcome.ALTERED, why=why)
    return row._replace(outcome=Outcome.DIFFERENT, why=OTHER_BYTES)


def _foreign(listed: Known) -> Checked:
    return Checked("", listed.target, listed.kind, listed.size, None, Outcome.FOREIGN, "", "", 0, "", listed.etag, "")
