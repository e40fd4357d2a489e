"""Move the items of a plan, many at a time, each read once. Decides nothing that the plan has not decided.

Never replaces what this migration did not write, never deletes, never takes a torn copy: a file that changes while it
is read is reported. What was done is yielded item by item, so that the caller can note it before anything else happens.
A bundle of small files is read over a borrowed connection first and written when that is given back; a large file
passes through.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.digest import PassingDigest, part_size
from kdx.remotes.interface import (
    BEGUN,
    Conflict,
    Entry,
    Expected,
    Kind,
    Metadata,
    NameRefused,
    NotFound,
    ReadFailed,
    Remote,
    SkipReason,
    Written,
)
from kdx.remotes.together import AT_ONCE, Outgoing, Together
from kdx.transfer.crew import ONE_BY_ONE, Errand, work_through
from kdx.transfer.limit import Limiter
from kdx.transfer.pace import Pace
from kdx.transfer.plan import Action
from kdx.transfer.reading import SMALL, Parcel, as_it_is, digest_of, fetch, is_small, passing
from kdx.transfer.rows import Done, Failed, Item
from kdx.transfer.sources import Sources

FRESH_SECONDS = 60
"""How long the list of a target counts as what lies there; after that a place that cannot refuse is asked per name."""

TOGETHER_BYTES = 4 << 20
"""Up to so many bytes go in one request: it ends before a run that is to stop does."""

CONFLICT = "conflict"
NAME_REFUSED = "name refused"

More = ParamSpec("More")
Came = TypeVar("Came")


@dataclass(frozen=True, slots=True)
class Lane:
    """What one thread works with: its own target, and what all threads share."""

    sources: Sources
    target: Remote
    limiter: Limiter
    listed: float
    """When the target was listed for the plan (time.monotonic())."""
    step: Callable[[int], None]
    """Told of every chunk that moved; raises when the run is to stop."""

    @property
    def tagged(self) -> bool:
        """Whether the target computes tags of the bytes it holds."""
        return self.target.capabilities.etags

    def close(self) -> None:
        """Let go of the target."""
        self.target.close()


def copy(
    items: Iterable[Item],
    source: Place,
    target: Place,
    *,
    parallel: int,
    together: int = 0,
    listed: float,
    limiter: Limiter,
    progress: Progress = SILENT,
) -> Iterator[Done | Failed]:
    """Carry out every item and yield what came of it, in the order they finish.

    `parallel` is how many are under way to begin with; the run finds its own pace from there. `together` is how many
    small files the target takes in one request (Capabilities). `listed` is when the
    target was listed for the plan (time.monotonic()): a fresh list spares asking again. A place that is gone or refuses
    us ends the run with its error; everything yielded until then is done.
    """
    pace = Pace(parallel)
    sources = Sources(source, pace.strain)
    try:
        yield from work_through(
            items,
            open_lane=lambda step: Lane(sources, target.open(), limiter, listed, step),
            work=move,
            weight=lambda item: min(item.size, 2 * SMALL),
            pace=pace,
            progress=progress,
            errand=partial(errand_for, together, limiter),
        )
    finally:
        sources.close()


def errand_for(together: int, limiter: Limiter, most: int = TOGETHER_BYTES) -> Errand:
    """Return how much one thread takes along now for a place that takes so many small files in one request.

    `most` is in bytes.
    """
    if not together:
        return ONE_BY_ONE
    size = max(ONE_BY_ONE.bytes, min(most, limiter.burst))
    return Errand(together, int(size), AT_ONCE)


def move(items: Sequence[Item], lane: Lane) -> Iterator[Done | Failed]:
    """Carry out a bundle. Faults of one entry come back as Failed, faults of a place are raised."""
    fetched = _fetch_small(items, lane)
    went = [one for one in fetched if isinstance(one, Parcel) and one.item.action == Action.SEND]
    there = _send_together(went, lane)
    above = {folder for path in there or () for folder in _folders_above(path)}
    for found in fetched:
        if isinstance(found, Failed):
            yield found
        elif isinstance(found, Parcel):
            together = there if found.item.action == Action.SEND else None
            yield _caught(_deliver, found.item, found, lane, together)
        elif found.kind == Kind.DIRECTORY and found.target in above:
            yield _done(found)
        else:
            yield _caught(_carry, found, lane)


def _fetch_small(items: Sequence[Item], lane: Lane) -> Sequence[Item | Parcel | Failed]:
    """Return a bundle with its small files read, and the source given back."""
    small = [(item.path, item.size) for item in items if is_small(item)]
    if not small:
        return items
    # before they are read, not before they are written: what is read ahead crosses the school's line too
    lane.limiter.take(sum(size for _, size in small))
    with lane.sources.borrow() as source:
        source.prepare(small)
        return [_caught(fetch, item, source, lane.tagged) if is_small(item) else item for item in items]


def _send_together(parcels: Sequence[Parcel], lane: Lane) -> Mapping[str, Written] | None:
    """Send files that need not be compared first in one request; return what is there then, None if none went."""
    if len(parcels) < 2 or not isinstance(lane.target, Together):
        return None
    files = [Outgoing(item.target, data, _metadata(item, digest.sha256)) for item, data, digest in parcels]
    return lane.target.write_together(files, _expected(parcels[0].item, lane))


def _folders_above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _caught(
    work: Callable[Concatenate[Item, More], Came], item: Item, *more: More.args, **named: More.kwargs
) -> Came | Failed:
    """Do something about one item; what is the fault of that entry alone comes back as Failed."""
    try:
        return work(item, *more, **named)
    except NameRefused:
        return Failed(item.path, item.target, NAME_REFUSED, "")
    except Conflict as error:
        return Failed(item.path, item.target, CONFLICT, str(error))
    except NotFound:
        return Failed(item.path, item.target, SkipReason.VANISHED, "")
    except ReadFailed as error:
        return Failed(item.path, item.target, error.reason, str(error.values.get("detail", "")))


def _deliver(item: Item, parcel: Parcel, lane: Lane, together: Mapping[str, Written] | None) -> Done:
    """Write a file that was read; `together` is what a request for many brought there, None where there was none."""
    if together is not None:
        if item.target in together:
            lane.step(len(parcel.data))
            return _done(item, parcel.digest, together[item.target].etag)
        item = _looked_at(item, lane)
    settled = _settled(item, lane, lambda: parcel.digest, parcel.data)
    if settled is not None:
        return settled
    metadata = _metadata(item, parcel.digest.sha256)
    written = lane.target.write(item.target, (parcel.data,), len(parcel.data), metadata, _expected(item, lane))
    lane.step(len(parcel.data))
    return _done(item, parcel.digest, written.etag)


def _looked_at(item: Item, lane: Lane) -> Item:
    """Return what to do about a file that a request for many did not bring there whole: perhaps a piece of it is."""
    try:
        lane.target.stat(item.target)
    except NotFound:
        return item
    return item._replace(action=Action.COMPARE)


def _carry(item: Item, lane: Lane) -> Done:
    """Make a folder or a link, or move a file that is too large to be held."""
    if item.kind == Kind.DIRECTORY:
        lane.target.make_directory(item.target)
        return _done(item)
    if item.kind == Kind.LINK:
        if item.action == Action.COMPARE:
            raise Conflict(name=item.target)
        lane.target.make_link(item.target, item.link, _expected(item, lane))
        return _done(item)
    with lane.sources.borrow() as source:
        return as_it_is(item, source, lambda fresh: _pass_on(fresh, source, lane))


def _pass_on(item: Item, source: Remote, lane: Lane) -> Done:
    """Send a large file while it is read."""
    settled = _settled(item, lane, lambda: digest_of(item, source, lane.tagged))
    if settled is not None:
        return settled
    # the header of a large object goes before its bytes, so its digest is asked for where that moves no data
    known = item.sha256 or (
        source.digest(item.path).sha256 if source.capabilities.digest_without_transfer else None
    )
    digest = PassingDigest(part_size(item.size), lane.tagged)
    chunks = _limited(passing(item, source, digest, known), lane)
    written = lane.target.write(item.target, chunks, item.size, _metadata(item, known), _expected(item, lane))
    return _done(item, digest, written.etag)


def _settled(
    item: Item, lane: Lane, digest_here: Callable[[], PassingDigest], data: bytes = b""
) -> Done | None:
    """Look at what already lies under the name. Return Done where it is the same file, None where it may be written.

    Raises Conflict where somebody else's bytes lie there. `digest_here` is asked only where it is needed; `data` are
    the bytes of a file that is held, of which a piece may lie there.
    """
    if item.action == Action.SEND:
        return None
    if item.action == Action.REPLACE and item.listed_etag:
        if lane.target.stat(item.target).etag != item.listed_etag:
            raise Conflict(name=item.target)
        return None
    digest = digest_here()
    if item.listed_etag in digest.etags:
        return _done(item, digest, item.listed_etag)
    there = lane.target.digest(item.target)
    if there.sha256 == digest.sha256:
        return _done(item, digest, there.etag.removeprefix(BEGUN))
    if _is_our_piece(there, data):
        return None
    if there.sha256 is None or there.sha256 != item.last_sha256:
        raise Conflict(name=item.target)
    return None


def _is_our_piece(there: Entry, data: bytes) -> bool:
    """Whether an upload that we began and that broke has left the beginning of these very bytes."""
    begun = there.etag.startswith(BEGUN) and there.size < len(data)
    return begun and there.sha256 == sha256(data[: there.size]).digest()


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
