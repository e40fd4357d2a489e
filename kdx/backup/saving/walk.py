"""Look through a share in the order of a manifest, without reading a file, in a process of its own.

What it says are rows of a manifest that knows no content yet: `-` where digest and place will stand, `!` and a reason
where something cannot be read. A folder that cannot be listed is such a row, so that nobody takes what was in it for
gone. The process ends with its parent: nobody reads what it writes then.
"""

import base64
import fcntl
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from itertools import chain
from types import TracebackType

from kdx.backup.format.manifest import NOTHING, path_field, time_field
from kdx.backup.saving.errand import other_row
from kdx.inventory.ignore import ignore_matcher
from kdx.processes import Failure, Processes, raise_failure
from kdx.remotes import Place
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.rights import rights_of

UNREAD = b"!"
"""Begins the digest field of a row that could not be read; the reason follows."""
BATCH_BYTES = 64 << 10
PIPE_BYTES = 1 << 20
_END = b"="


def rows_of(remote: Remote, ignored: Callable[[str], str | None], left: Counter[str]) -> Iterator[bytes]:
    """Yield a row for everything in a share but what is left by rule; that is counted in `left` by its reason.

    Raises only what the place itself raises: a root that cannot be listed is no empty share.
    """
    rights = rights_of(remote)
    # of a whole school's files few have rights that no other has
    field = cache(lambda text: path_field(text) or NOTHING)
    stack = [remote.list("")]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        path, kind = entry.path, entry.kind
        if ignored(path[path.rfind("/") + 1 :]):
            left[SkipReason.IGNORED.value] += 1
        elif kind == "file" and entry.skip is None:
            yield _file_row(entry, field(rights(entry)))
        elif kind == "directory" and entry.skip is None:
            entry, inside = _look_into(remote, entry)
            stack.append(inside)
            yield _row(entry, field(rights(entry)))
        elif kind == "other":
            left[SkipReason.SPECIAL.value] += 1
        else:
            yield _row(entry, field(rights(entry)))


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


def _file_row(entry: Entry, acl: bytes) -> bytes:
    return b"file\t-\t%d\t%s\t%s\t%s\t-\t-\t-\t%s\t-\n" % (
        entry.size, time_field(entry.mtime_ns), acl, path_field(entry.file_id) or NOTHING,
        path_field(entry.path),
    )


def _row(entry: Entry, acl: bytes) -> bytes:
    if entry.skip is None:
        return other_row(entry, acl)
    row = _file_row(entry, acl) if entry.kind == Kind.FILE else other_row(entry, acl)
    return row.replace(b"\t-\t", b"\t" + UNREAD + entry.skip.encode("ascii") + b"\t", 1)


class Walk:
    """A share being looked through. Use as a context manager; iterate it once. `left` is whole when it has ended."""

    def __init__(self, place: Place, patterns: Sequence[str]) -> None:
        self.left: Counter[str] = Counter()
        ours, theirs = os.pipe()
        with suppress(OSError):
            # so much may lie between the two that neither waits for the other to be given its turn
            fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # before it is forked: loaded once, not once more
        place.open().close()
        self._processes = Processes()
        self._processes.fork(
            lambda: _walk_through(place, patterns, theirs), lambda failure: _say_end(theirs, {}, failure), theirs
        )
        os.close(theirs)
        self._file = os.fdopen(ours, "rb", buffering=PIPE_BYTES)

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            if line.startswith(_END):
                left, failure = pickle.loads(base64.b64decode(line[1:]))
                self.left.update(left)
                if failure:
                    raise_failure(failure)
                return
            yield line
        raise self._processes.died()

    def __enter__(self) -> "Walk":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.close()
        self._file.close()


def _walk_through(place: Place, patterns: Sequence[str], line: int) -> None:
    """Write down all that is in the share, and at last what was left by rule."""
    left: Counter[str] = Counter()
    with closing(place.open()) as remote:
        _write_all(line, rows_of(remote, ignore_matcher(patterns), left))
    _say_end(line, left, None)


def _say_end(line: int, left: Mapping[str, int], failure: Failure | None) -> None:
    _write(line, _END + base64.b64encode(pickle.dumps((dict(left), failure))) + b"\n")


def _write_all(line: int, rows: Iterator[bytes]) -> None:
    batch: list[bytes] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row)
        if size >= BATCH_BYTES:
            _write(line, b"".join(batch))
            batch, size = [], 0
    _write(line, b"".join(batch))


def _write(line: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(line, view) :]
