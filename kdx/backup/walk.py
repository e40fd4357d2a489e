"""Look through a share in the order of a manifest, without reading a file. Holds one folder of each depth.

A folder that cannot be listed is an entry with a skip, so that nobody takes what was in it for gone.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason

DIRECTORY = Kind.DIRECTORY.value
OTHER = Kind.OTHER.value


def walk_in_order(
    remote: Remote, ignored: Callable[[str], str | None], left: Counter[str]
) -> Iterator[tuple[bytes, Entry]]:
    """Yield (key, entry) of everything in a share but what is left by rule; that is counted in `left` by its reason.

    Raises only what the place itself raises: a root that cannot be listed is no empty share.
    """
    stack = [remote.list("")]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        path = entry.path
        if ignored(path[path.rfind("/") + 1 :]):
            left[SkipReason.IGNORED] += 1
            continue
        kind = entry.kind
        if kind == DIRECTORY and entry.skip is None:
            entry, inside = _look_into(remote, entry)
            stack.append(inside)
        elif kind == OTHER:
            left[SkipReason.SPECIAL] += 1
            continue
        yield path.encode("utf-8", "surrogateescape").replace(b"/", b"\0"), entry


def _look_into(remote: Remote, folder: Entry) -> tuple[Entry, Iterator[Entry]]:
    """Return a folder with what is in it; with a skip where it can no longer be listed."""
    inside = remote.list(folder.path)
    try:
        first = next(inside, None)
    except ReadFailed as failure:
        return folder._replace(skip=failure.reason.value), iter(())
    except NotFound:
        return folder._replace(skip=SkipReason.VANISHED.value), iter(())
    return folder, chain(() if first is None else (first,), inside)
