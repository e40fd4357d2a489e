"""Hash files that were listed, where a place has no faster way than one by one. Raises for no entry."""

from collections.abc import Iterable, Iterator

from kdx.remotes.interface import Entry, NotFound, ReadFailed, Remote, SkipReason


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
