"""Walk and hash by what a place lists, where it has no faster way than one by one. Raises for no entry."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason


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


def digest_or_skip(remote: Remote, entry: Entry) -> Entry:
    """Return the entry as it is now with its SHA-256, or with the reason why it could not be read."""
    try:
        return remote.digest(entry.path)
    except NotFound:
        return entry._replace(skip=SkipReason.VANISHED.value)
    except ReadFailed as failure:
        reason = failure.reason.value
    try:
        # it was perhaps listed by name only: say how large that is which nobody may read
        return remote.stat(entry.path)._replace(skip=reason)
    except (NotFound, ReadFailed):
        return entry._replace(skip=reason)
