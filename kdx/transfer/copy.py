"""Move the items of a plan, many at a time, each read once. Decides nothing that the plan has not decided.

Never replaces what this migration did not write, never deletes, never takes a torn copy: a file that changes while it
is read is reported. What was done is yielded item by item, so that the caller can note it before anything else happens.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.digest import PassingDigest, part_size
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Kind,
    Metadata,
    NameRefused,
    NotFound,
    ReadFailed,
    Remote,
    SkipReason,
)
from kdx.transfer.crew import work_through
from kdx.transfer.limit import Limiter
from kdx.transfer.plan import Action
from kdx.transfer.reading import read_on
from kdx.transfer.rows import Done, Failed, Item

SMALL = 8 << 20
"""Bytes up to which a file is read into memory whole, so that its SHA-256 is known before it is sent."""
TRIES = 3
"""How often a file that changes while it is read is tried before it is reported."""

FRESH_SECONDS = 60
"""How long the list of a target counts as what lies there; after that a place that cannot refuse is asked per name."""

CONFLICT = "conflict"
NAME_REFUSED = "name refused"


@dataclass(frozen=True, slots=True)
class Lane:
    """What one thread works with: its own source and target, and what all threads share."""

    source: Remote
    target: Remote
    limiter: Limiter
    listed: float
    """When the target was listed for the plan (time.monotonic())."""
    step: Callable[[int], None]
    """Told of every chunk that moved; raises when the run is to stop."""

    def close(self) -> None:
        """Let go of both places."""
        self.source.close()
        self.target.close()


def copy(
    items: Iterable[Item],
    source: Place,
    target: Place,
    *,
    parallel: int,
    listed: float,
    limiter: Limiter,
    progress: Progress = SILENT,
) -> Iterator[Done | Failed]:
    """Carry out every item and yield what came of it, in the order they finish.

    `listed` is when the target was listed for the plan (time.monotonic()): a fresh list spares asking again. A place
    that is gone or refuses us ends the run with its error; everything yielded until then is done.
    """
    return work_through(
        items,
        open_lane=lambda step: Lane(source.open(), target.open(), limiter, listed, step),
        work=move,
        weight=lambda item: min(item.size, 2 * SMALL),
        parallel=parallel,
        progress=progress,
    )


def move(item: Item, lane: Lane) -> Done | Failed:
    """Carry out one item. Faults of the one entry come back as Failed, faults of a place are raised."""
    try:
        if item.kind == Kind.DIRECTORY:
            lane.target.make_directory(item.target)
            return _done(item)
        if item.kind == Kind.LINK:
            return _link(item, lane)
        return _file(item, lane)
    except NameRefused:
        return Failed(item.path, item.target, NAME_REFUSED, "")
    except Conflict as error:
        return Failed(item.path, item.target, CONFLICT, str(error))
    except NotFound:
        return Failed(item.path, item.target, SkipReason.VANISHED, "")
    except ReadFailed as error:
        return Failed(item.path, item.target, error.reason, str(error.values.get("detail", "")))


def _link(item: Item, lane: Lane) -> Done:
    if item.action == Action.COMPARE:
        raise Conflict(name=item.target)
    lane.target.make_link(item.target, item.link, _expected(item, lane))
    return _done(item)


def _file(item: Item, lane: Lane) -> Done:
    for attempt in range(TRIES):
        entry = lane.source.stat(item.path)
        unchanged = attempt == 0 and (entry.size, entry.mtime_ns) == (item.size, item.mtime_ns)
        fresh = item._replace(
            size=entry.size, mtime_ns=entry.mtime_ns, sha256=item.sha256 if unchanged else None
        )
        try:
            return _settled(fresh, lane) or _send(fresh, lane)
        except ReadFailed as error:
            if error.reason != SkipReason.CHANGED or attempt == TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


def _settled(item: Item, lane: Lane) -> Done | None:
    """Look at what already lies under the name. Return Done where it is the same file, None where it may be written.

    Raises Conflict where somebody else's bytes lie there.
    """
    if item.action == Action.SEND:
        return None
    if item.action == Action.REPLACE and item.listed_etag:
        if lane.target.stat(item.target).etag != item.listed_etag:
            raise Conflict(name=item.target)
        return None
    digest = PassingDigest(part_size(item.size))
    for chunk in read_on(lane.source, item.path, item.size, item.mtime_ns):
        digest.update(chunk)
    if item.listed_etag in digest.etags:
        return _done(item, digest, item.listed_etag)
    there = lane.target.digest(item.target)
    if there.sha256 == digest.sha256:
        return _done(item, digest, there.etag)
    if there.sha256 is None or there.sha256 != item.last_sha256:
        raise Conflict(name=item.target)
    return None


def _send(item: Item, lane: Lane) -> Done:
    digest = PassingDigest(part_size(item.size))
    if item.size <= SMALL:
        data = b"".join(_passing(item, lane, digest))
        metadata = _metadata(item, digest.sha256)
        lane.limiter.take(len(data))
        written = lane.target.write(item.target, (data,), len(data), metadata, _expected(item, lane))
        lane.step(len(data))
    else:
        # the header of a large object goes before its bytes, so its digest is asked for where that moves no data
        known = item.sha256 or (
            lane.source.digest(item.path).sha256 if lane.source.capabilities.digest_without_transfer else None
        )
        chunks = _limited(_passing(item, lane, digest, known), lane)
        written = lane.target.write(item.target, chunks, item.size, _metadata(item, known), _expected(item, lane))
    return _done(item, digest, written.etag)


def _passing(item: Item, lane: Lane, digest: PassingDigest, known: bytes | None = None) -> Iterator[bytes]:
    """Hand on the bytes of a file while they are hashed; at the end they must be the file that was announced."""
    count = 0
    for chunk in read_on(lane.source, item.path, item.size, item.mtime_ns):
        digest.update(chunk)
        count += len(chunk)
        yield chunk
    if count != item.size or (known and digest.sha256 != known):
        raise ReadFailed(name=item.path, reason=SkipReason.CHANGED, detail="")


def _limited(chunks: Iterable[bytes], lane: Lane) -> Iterator[bytes]:
    for chunk in chunks:
        lane.limiter.take(len(chunk))
        lane.step(len(chunk))
        yield chunk


def _expected(item: Item, lane: Lane) -> Expected:
    if item.action != Action.SEND:
        return Expected.ANY
    return Expected.NEW if time.monotonic() - lane.listed < FRESH_SECONDS else Expected.ABSENT


def _metadata(item: Item, sha256: bytes | None) -> Metadata:
    name = quote(os.fsencode(item.path.rpartition("/")[2]), safe="")
    return Metadata(mtime_ns=item.mtime_ns, sha256=sha256.hex() if sha256 else "", name=name)


def _done(item: Item, digest: PassingDigest | None = None, etag: str = "") -> Done:
    return Done(
        path=item.path,
        target=item.target,
        kind=item.kind,
        size=item.size,
        mtime_ns=item.mtime_ns,
        sha256=digest.sha256 if digest else item.sha256,
        etags=" ".join(sorted(digest.etags)) if digest else "",
        etag=etag,
        link=item.link,
    )
