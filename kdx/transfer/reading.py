"""Read a file of a source to its end, over a line that breaks: on from where it broke, and never another version of it.

What was handed out cannot be taken back, so that the bytes are one file's is settled before the last of them counts:
size and time must be those that were announced, at every new beginning and once more at the end.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from kdx.remotes.digest import PassingDigest, part_size
from kdx.remotes.interface import Kind, PlaceSilent, ReadFailed, Remote, SkipReason
from kdx.transfer.rows import Item

SMALL = 8 << 20
"""Bytes up to which a file is read into memory whole, so that its SHA-256 is known before it is sent."""
TRIES = 3
"""How often a file that changes while it is read is tried before it is reported."""

PATIENCE_SECONDS = 60.0
"""How long a source may stay silent before the run ends; what has arrived until then is not lost on large uploads."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0

Came = TypeVar("Came")


class Parcel(NamedTuple):
    """A small file as it was read."""

    item: Item
    """With the size and time it had when it was read."""
    data: bytes
    digest: PassingDigest


def is_small(item: Item) -> bool:
    """Whether an item is a file that is held in memory."""
    return item.kind == Kind.FILE and item.size <= SMALL


def fetch(item: Item, source: Remote, tagged: bool) -> Parcel | Item:
    """Read a small file; the item as it is now where it has grown large. ReadFailed, NotFound.

    `tagged`: the place it goes to computes tags (PassingDigest).
    """

    def read(fresh: Item) -> Parcel | Item:
        if not is_small(fresh):
            return fresh
        digest = PassingDigest(part_size(fresh.size), tagged)
        return Parcel(fresh, b"".join(passing(fresh, source, digest)), digest)

    return as_it_is(item, source, read)


def as_it_is(item: Item, source: Remote, work: Callable[[Item], Came]) -> Came:
    """Do `work` with an item as the source has it now; again where the file changes meanwhile, at most TRIES times."""
    for attempt in range(TRIES):
        entry = source.stat(item.path)
        unchanged = attempt == 0 and (entry.size, entry.mtime_ns) == (item.size, item.mtime_ns)
        sha256 = item.sha256 if unchanged else None
        try:
            return work(item._replace(size=entry.size, mtime_ns=entry.mtime_ns, sha256=sha256))
        except ReadFailed as error:
            if error.reason != SkipReason.CHANGED or attempt == TRIES - 1:
                raise
    raise AssertionError("the last try returns or raises")


def digest_of(item: Item, source: Remote, tagged: bool) -> PassingDigest:
    """Read a file only to know its digests."""
    digest = PassingDigest(part_size(item.size), tagged)
    for _chunk in passing(item, source, digest):
        pass
    return digest


def passing(item: Item, source: Remote, digest: PassingDigest, known: bytes | None = None) -> Iterator[bytes]:
    """Hand on the bytes of a file while they are hashed; at the end they must be the file that was announced."""
    count = 0
    for chunk in read_on(source, item.path, item.size, item.mtime_ns):
        digest.update(chunk)
        count += len(chunk)
        yield chunk
    if count != item.size or (known and digest.sha256 != known):
        raise ReadFailed(name=item.path, reason=SkipReason.CHANGED, detail="")


def read_on(
    source: Remote,
    path: str,
    size: int,
    mtime_ns: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """Yield the bytes of a file that is `size` bytes long and was last changed at `mtime_ns`.

    ReadFailed(changed) where it is not that file any more; PlaceSilent where the source stays away too long; what
    read() raises passes through.
    """
    offset, broken = 0, False
    last_sign, pause = clock(), FIRST_PAUSE
    while True:
        try:
            if broken:
                _same(source, path, size, mtime_ns)
            if not broken or offset < size:
                for chunk in source.read(path, start=offset):
                    offset += len(chunk)
                    last_sign, pause = clock(), FIRST_PAUSE
                    yield chunk
            if broken:
                _same(source, path, size, mtime_ns)
            return
        except PlaceSilent:
            if clock() - last_sign > PATIENCE_SECONDS:
                raise
            broken = True
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _same(source: Remote, path: str, size: int, mtime_ns: int) -> None:
    entry = source.stat(path)
    if (entry.size, entry.mtime_ns) != (size, mtime_ns):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
