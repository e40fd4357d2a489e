"""Walk a remote: several folders listed at once, because each costs a round trip to the service."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from kdx.errors import KdxError
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, SkipReason

FOLDERS = 16
"""In one request, of which rclone lists a few at once (together.AT_ONCE)."""
REQUESTS = 2
"""Under way: with them rclone lists as many folders at once as it would by itself (--checkers)."""

Found = Sequence[Entry] | KdxError
"""What is in a folder, or why it was not listed."""
Listing = Callable[[Sequence[str]], Sequence[Found]]


def walk_at_once(listing: Listing) -> Iterator[Entry]:
    """Yield every entry below the root, each folder before what is in it; what cannot be listed is a skip."""
    with ThreadPoolExecutor(REQUESTS, "kdx-walk") as crew:
        yield from _below(Entry("", Kind.DIRECTORY.value), listing, crew)


def _below(root: Entry, listing: Listing, crew: ThreadPoolExecutor) -> Iterator[Entry]:
    asked: list[tuple[list[Entry], Future[Sequence[Found]]]] = []
    waiting = [root]
    while waiting or asked:
        # the deepest first, so that what waits stays as small as a few branches
        while waiting and len(asked) < REQUESTS:
            folders = [waiting.pop() for _ in range(min(FOLDERS, len(waiting)))]
            asked.append((folders, crew.submit(listing, [folder.path for folder in folders])))
        folders, coming = asked.pop(0)
        for folder, found in zip(folders, coming.result(), strict=True):
            if isinstance(found, KdxError):
                yield folder._replace(skip=_skip(found))
                continue
            if folder.path:
                yield folder
            yield from (entry for entry in found if entry.kind != Kind.DIRECTORY)
            waiting += reversed([entry for entry in found if entry.kind == Kind.DIRECTORY])


def _skip(error: KdxError) -> str:
    if isinstance(error, ReadFailed):
        return error.reason.value
    if isinstance(error, NotFound):
        return SkipReason.VANISHED.value
    raise error
