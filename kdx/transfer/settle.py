"""Let the bytes that lie at a target settle what its listing could not: asked of its own program, or read back."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import ALTERED, Entry, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.together import Together
from kdx.transfer.altered import Originals, settle_altered
from kdx.transfer.copy import TOGETHER_BYTES, errand_for
from kdx.transfer.crew import work_through
from kdx.transfer.limit import Limiter
from kdx.transfer.pace import Pace
from kdx.transfer.reading import SMALL
from kdx.transfer.rows import Checked
from kdx.transfer.verify import GONE, OTHER_BYTES, How, Level, Outcome

READ_TOGETHER = 4
"""So many times as much as is sent is read back in one request: nothing is held, and each asks for its folders anew."""


def settle_by_bytes(
    rows: Iterable[Checked],
    target: Remote,
    place: Place,
    level: Level,
    originals: Originals,
    progress: Progress = SILENT,
    limiter: Limiter = Limiter(None),
) -> Iterator[Checked]:
    """Let the bytes that lie at the target settle every row, and yield the outcome.

    A place that hashes by itself is asked to, unless every byte is to be read back: no data goes over the line then.
    Else they are read over several connections to `place`. `originals` is asked for what a service altered.
    """
    can = target.capabilities
    if can.digest_by_store and level != Level.READBACK:
        return _ask_store(rows, target, progress)
    return work_through(
        rows,
        open_lane=lambda step: Lane(place.open(), originals, step, limiter),
        work=_read_bundle,
        weight=lambda row: 2 * row.size if _may_be_altered(row) else min(row.size, 2 * SMALL) if can.together else 0,
        pace=Pace(can.parallel),
        progress=progress,
        errand=partial(errand_for, READ_TOGETHER * can.together, limiter, READ_TOGETHER * TOGETHER_BYTES),
    )


@dataclass(frozen=True, slots=True)
class Lane:
    """What one thread reads back with."""

    target: Remote
    originals: Originals
    step: Callable[[int], None]
    limiter: Limiter

    def close(self) -> None:
        """Let go of the target."""
        self.target.close()


def _may_be_altered(row: Checked) -> bool:
    """Whether the service may have rewritten it: it is held on this machine beside the one that was sent."""
    return row.etag.startswith(ALTERED)


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
    small = [(row.target, row.size) for row in rows if row.size <= SMALL and not _may_be_altered(row)]
    if len(small) < 2 or not isinstance(lane.target, Together):
        return {}
    lane.limiter.take(sum(size for _target, size in small))
    return lane.target.digests_together(small)


def _read_back(row: Checked, lane: Lane) -> Checked:
    try:
        if _may_be_altered(row):
            settled, size = settle_altered(row, lane.target, lane.limiter.take, lane.originals)
        else:
            size, digest = _read(lane, row.target)
            settled = _by_digest(row, digest, How.READ_BACK)
    except NotFound:
        return row._replace(outcome=Outcome.MISSING, why=GONE)
    except ReadFailed as error:
        return row._replace(outcome=Outcome.UNPROVEN, why=str(error))
    lane.step(size)
    return settled


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
    return row._replace(outcome=Outcome.DIFFERENT, why=OTHER_BYTES)
