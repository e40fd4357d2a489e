"""Walk a remote: several folders listed at once, because each costs a round trip to the service."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, SkipReason

FOLDERS_AT_ONCE = 8
"""As many as rclone itself would (--checkers)."""

Listing = Callable[[str], Sequence[Entry]]


def walk_at_once(listing: Listing) -> Iterator[Entry]:
    """Yield every entry below the root, each folder before what is in it; what cannot be listed is a skip."""
    with ThreadPoolExecutor(FOLDERS_AT_ONCE, "kdx-walk") as crew:
        yield from _below(Entry("", Kind.DIRECTORY.value), listing, crew)


def _below(root: Entry, listing: Listing, crew: ThreadPoolExecutor) -> Iterator[Entry]:
    asked: list[tuple[Entry, Future[Sequence[Entry]]]] = [(root, crew.submit(listing, root.path))]
    waiting: list[Entry] = []
    while asked:
        folder, coming = asked.pop(0)
        try:
            inside = coming.result()
        except (ReadFailed, NotFound) as error:
            reason = error.reason if isinstance(error, ReadFailed) else SkipReason.VANISHED
            yield folder._replace(skip=reason.value)
            continue
        if folder.path:
            yield folder
        yield from (entry for entry in inside if entry.kind != Kind.DIRECTORY)
        waiting += reversed([entry for entry in inside if entry.kind == Kind.DIRECTORY])
        # the deepest first, so that what waits stays as small as one branch
        while waiting and len(asked) < FOLDERS_AT_ONCE:
            entry = waiting.pop()
            asked.append((entry, crew.submit(listing, entry.path)))
