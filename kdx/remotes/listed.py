"""Walk and hash by what a place lists, where it has no faster way than one by one. Raises for no entry."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import chain, groupby

from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason

AT_ONCE = 1 << 20
"""Bytes up to which a file may cross a line in one go: with a megabyte a second the lessons notice nothing."""


def walk_folders(root: Entry, listing: Callable[[str], Iterator[Entry]]) -> Iterator[Entry]:
    """Yield every entry below a root, each folder before what is in it; what cannot be listed is a skip.

    A folder that is closed to us, or gone since its parent was listed, shows only when it is listed itself.
    """
    pending = [root]
    while pending:
        folder = pending.pop()
        inside = listing(folder.path)
        try:
            first = next(inside, None)
        except (ReadFailed, NotFound) as error:
            yield folder._replace(skip=error.reason if isinstance(error, ReadFailed) else SkipReason.VANISHED)
            continue
        if folder.path:
            yield folder
        for entry in chain(() if first is None else (first,), inside):
            if entry.kind == Kind.DIRECTORY and entry.skip is None:
                pending.append(entry)
            else:
                yield entry


def digest_each(remote: Remote, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield each entry as it is now with its SHA-256, or with the reason why it could not be read."""
    for entry in entries:
        yield digest_or_skip(remote, entry)


def digest_paced(remote: Remote, entries: Iterable[Entry], take: Callable[[int], None]) -> Iterator[Entry]:
    """Yield the same as digest_listed(), no faster than `take` lets bytes pass that come over a line.

    Small files are asked for ahead of time, as the place does it, and wait after they came; a large one waits piece by
    piece. Where the place hashes without moving data, nothing waits.
    """
    if remote.capabilities.digest_without_transfer:
        yield from remote.digest_listed(entries)
        return
    for is_large, some in groupby(entries, lambda entry: entry.size > AT_ONCE):
        if is_large:
            for entry in some:
                yield digest_or_skip(remote, entry, lambda path: _read_paced(remote, path, take))
            continue
        for entry in remote.digest_listed(some):
            take(entry.size if entry.sha256 is not None else 0)
            yield entry


def _read_paced(remote: Remote, path: str, take: Callable[[int], None]) -> Entry:
    before, digest, count = remote.stat(path), sha256(), 0
    for chunk in remote.read(path):
        take(len(chunk))
        digest.update(chunk)
        count += len(chunk)
    after = remote.stat(path)
    if (before.size, before.mtime_ns) != (after.size, after.mtime_ns) or count != after.size:
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
    return after._replace(sha256=digest.digest())


def digest_or_skip(remote: Remote, entry: Entry, digest: Callable[[str], Entry] | None = None) -> Entry:
    """Return the entry as it is now with its SHA-256, or with the reason why it could not be read.

    `digest` is another way to it than the place's own.
    """
    try:
        return (digest or remote.digest)(entry.path)
    except NotFound:
        return entry._replace(skip=SkipReason.VANISHED.value)
    except ReadFailed as failure:
        reason = failure.reason.value
    try:
        # it was perhaps listed by name only: say how large that is which nobody may read
        return remote.stat(entry.path)._replace(skip=reason)
    except (NotFound, ReadFailed):
        return entry._replace(skip=reason)
