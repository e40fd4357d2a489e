"""Read files of an SFTP server: stat, read, stat on one open handle, in as few round trips as the protocol allows.

A small file takes two: what it is and a handle; then stat, read, stat, close together, which the server must do in that
order. SFTP cannot open a file without following a link, so whatever was not a file a moment ago is not opened at all.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kdx.errors import KdxError
from kdx.remotes.interface import Entry, Kind, ReadFailed, SkipReason
from kdx.remotes.sftp.faults import Refusal, reading, reading_failed
from kdx.remotes.sftp.paths import Paths, entry_of, is_file, same, text
from kdx.remotes.sftp.wire import (
    CLOSE,
    END,
    FOR_READING,
    FSTAT,
    LSTAT,
    READLINK,
    STAT,
    Attributes,
    Wire,
    open_file,
    question,
    read_at,
)

PIECE = 32 << 10
"""Bytes of one read request: what every server answers in one piece."""
IN_FLIGHT = 384
"""Read requests under way: 12 MiB, enough for 100 Mbit/s over a second's delay. OpenSSH stalls paramiko's own client
at 64, and unlimited ones hang some servers (paramiko#1788, #1779)."""
CHUNK = 1 << 20
SMALL = 1 << 20
"""Bytes up to which files are read several at a time."""
TOGETHER, TOGETHER_BYTES = 128, 8 << 20


def stat(wire: Wire, paths: Paths, path: str) -> Entry:
    """Return one entry as it is now, links unfollowed. "" is the root."""
    name = paths.of(path)
    with reading(path, wire.location):
        if not path:
            return entry_of("", wire.ask(question(STAT, name))[0].attributes())
        # a link is rare, and asking at once where it points costs less than asking again
        looked, target = wire.ask(question(LSTAT, name), question(READLINK, name))
        entry = entry_of(path, looked.attributes())
        if entry.kind != Kind.LINK:
            return entry
        return entry._replace(link=text(target.names()[0][0]))


class Whole(NamedTuple):
    """A small file, read at once."""

    attributes: Attributes
    data: bytes


def read_small(wire: Wire, paths: Paths, files: Sequence[str]) -> list[Whole | KdxError | None]:
    """Read small files that were files a moment ago, two round trips for all of them.

    ReadFailed or NotFound in its place where one cannot be read; None where it must be read the long way: it has grown
    large, or the server answers in smaller pieces than others do.
    """
    names = [paths.of(path) for path in files]
    asked = wire.send(part for name in names for part in (question(LSTAT, name), open_file(name, FOR_READING)))
    opened = [(wire.hear(look), wire.hear(handle)) for look, handle in zip(asked[::2], asked[1::2], strict=True)]
    found: list[Whole | KdxError | None] = []
    under_way: list[tuple[int, int, Sequence[int]]] = []
    for place, (look, answer) in enumerate(opened):
        found.append(None)
        try:
            handle = answer.handle()
            before = look.attributes()
        except Refusal as refusal:
            found[place] = reading_failed(refusal, files[place], wire.location)
            continue
        size = before.size or 0
        if not is_file(before) or size > SMALL:
            wire.tell(question(CLOSE, handle))
            continue
        reads = [read_at(handle, offset, min(PIECE, size - offset)) for offset in range(0, size, PIECE)]
        stat = question(FSTAT, handle)
        under_way.append((place, size, wire.send((stat, *reads, stat, question(CLOSE, handle)))))
    for place, size, numbers in under_way:
        found[place] = _whole(wire, files[place], size, numbers)
    return found


def _whole(wire: Wire, path: str, size: int, numbers: Sequence[int]) -> Whole | KdxError | None:
    before, *reads, after, _closed = [wire.hear(number) for number in numbers]
    try:
        then, now = before.attributes(), after.attributes()
        pieces = [answer.data() for answer in reads if answer.status() != END]
    except Refusal as refusal:
        return reading_failed(refusal, path, wire.location)
    data = b"".join(pieces)
    if len(data) == size and is_file(then) and same(then, now) and then.size == size:
        return Whole(now, data)
    if same(then, now) and then.size == size and len(pieces) == len(reads):
        return None
    return ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")


class OpenFile:
    """One file that was opened for reading, and what it was then. Close it."""

    def __init__(self, wire: Wire, paths: Paths, path: str, known_as_file: bool = False) -> None:
        self.path = path
        self._wire = wire
        name = paths.of(path)
        with reading(path, wire.location):
            if known_as_file:
                look, opened = wire.ask(question(LSTAT, name), open_file(name, FOR_READING))
                self._require_file(look.attributes())
            else:
                # opening a pipe would wait for a writer, for ever
                self._require_file(wire.ask(question(LSTAT, name))[0].attributes())
                (opened,) = wire.ask(open_file(name, FOR_READING))
            self._handle = opened.handle()
            (before,) = wire.ask(question(FSTAT, self._handle))
            self.before = self._require_file(before.attributes())

    @property
    def size(self) -> int:
        """Bytes when it was opened."""
        return self.before.size or 0

    def pieces(self, start: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to the size it had, many requests ahead of what is taken."""
        asked: deque[tuple[int, int, int]] = deque()
        offset = start
        try:
            while offset < self.size or asked:
                if len(asked) <= IN_FLIGHT // 2:
                    offset = self._ask_more(asked, offset)
                number, place, count = asked.popleft()
                answer = self._wire.hear(number)
                if answer.status() == END:
                    return
                with reading(self.path, self._wire.location):
                    data = answer.data()
                if len(data) < count:
                    # a server may answer less than it was asked for; the rest comes before what is already asked
                    (again,) = self._wire.send([read_at(self._handle, place + len(data), count - len(data))])
                    asked.appendleft((again, place + len(data), count - len(data)))
                yield data
        finally:
            self._wire.forget(number for number, _place, _count in asked)

    def _ask_more(self, asked: deque[tuple[int, int, int]], offset: int) -> int:
        """Ask for as much as may be under way, in one message; return where the next request begins."""
        wanted: list[tuple[int, int]] = []
        while offset < self.size and len(asked) + len(wanted) < IN_FLIGHT:
            count = min(PIECE, self.size - offset)
            wanted.append((offset, count))
            offset += count
        numbers = self._wire.send(read_at(self._handle, place, count) for place, count in wanted)
        asked.extend((number, place, count) for number, (place, count) in zip(numbers, wanted, strict=True))
        return offset

    def is_unchanged(self) -> bool:
        """Whether it is now what it was when it was opened."""
        with reading(self.path, self._wire.location):
            return same(self.before, self._wire.ask(question(FSTAT, self._handle))[0].attributes())

    def close(self) -> None:
        """Give the handle back; nobody waits for that."""
        self._wire.tell(question(CLOSE, self._handle))

    def _require_file(self, attributes: Attributes) -> Attributes:
        if not is_file(attributes):
            raise ReadFailed(name=self.path, reason=SkipReason.CHANGED, detail="it is no longer a file")
        return attributes


def chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Put pieces together to chunks of about CHUNK bytes."""
    some: list[bytes] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(some)
            some, size = [], 0
    if some:
        yield b"".join(some)


def bundles(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Put small files together; a large one goes by itself."""
    bundle: list[Entry] = []
    size = 0
    for entry in entries:
        if bundle and (entry.size > SMALL or len(bundle) == TOGETHER or size > TOGETHER_BYTES):
            yield bundle
            bundle, size = [], 0
        if entry.size > SMALL:
            yield [entry]
        else:
            bundle.append(entry)
            size += entry.size
    if bundle:
        yield bundle
