"""What takes long, and goes on where a broken line left it: the bytes of a large file, the hashes of a server."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain

from kdx.remotes.interface import Entry, PlaceSilent, ReadFailed, SkipReason
from kdx.remotes.sftp.commands import Hashing
from kdx.remotes.sftp.faults import LineBroken
from kdx.remotes.sftp.files import OpenFile, chunks
from kdx.remotes.sftp.kept import KeptConnection
from kdx.remotes.sftp.paths import Paths, same
from kdx.remotes.sftp.shell import hash_listed
from kdx.remotes.sftp.wire import Attributes


def read_on(kept: KeptConnection, paths: Paths, path: str, start: int, known_as_file: bool) -> Iterator[bytes]:
    """Yield the bytes of a file. The last chunk is held back until the file is known not to have changed.

    Given up where a new connection gets no further than the last one.
    """
    held, offset, reached = b"", start, -1
    before: Attributes | None = None
    while True:
        try:
            with closing(OpenFile(kept.get().wire, paths, path, known_as_file)) as file:
                if before is not None and not same(before, file.before):
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                before = file.before
                for chunk in chunks(file.pieces(offset)):
                    offset += len(chunk)
                    if held:
                        yield held
                    held = chunk
                if offset != max(start, file.size) or not file.is_unchanged():
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
            break
        except LineBroken:
            kept.close()
            if offset == reached:
                raise
            reached = offset
    if held:
        yield held


def hash_on(kept: KeptConnection, paths: Paths, hashing: Hashing, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Let the server hash files; what it had not answered when the line broke is asked once more."""
    unanswered: deque[Entry] = deque()
    fresh = _noting(entries, unanswered)
    broken = 0
    while unanswered or next(fresh, None) is not None:
        asked = chain(tuple(unanswered), fresh)
        try:
            for found in hash_listed(kept.get(), paths, hashing, asked):
                unanswered.popleft()
                broken = 0
                yield found
        except LineBroken:
            kept.close()
            broken += 1
            if broken > 1:
                raise


def _noting(entries: Iterable[Entry], noted: "deque[Entry]") -> Iterator[Entry]:
    """Note entries as they are taken. Where they end in a broken line there are no more to ask for: that is final."""
    try:
        for entry in entries:
            noted.append(entry)
            yield entry
    except LineBroken as error:
        raise PlaceSilent(**error.values) from error
