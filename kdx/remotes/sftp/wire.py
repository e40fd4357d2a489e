"""SFTP version 3 as kdx needs it: names are bytes, and many questions go out before the first answer is waited for.

On a line of 30 ms every question that waits for the one before it costs 30 ms, and paramiko's own SFTP client waits
for nearly all of them and cannot list a folder that holds a name in cp932. Servers must handle what concerns one file
in the order in which it was asked (draft-ietf-secsh-filexfer-02, 6.1), so stat, read, stat, close may go out together.
Knows no file and decides nothing; what a refusal means is said by sftp_faults.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdx.config.location import Location
from kdx.remotes.sftp.faults import Refusal, line_broken

if TYPE_CHECKING:
    from paramiko import Channel

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR = 9, 10, 11, 12, 13, 14, 15
REALPATH, STAT, RENAME, READLINK, SYMLINK = 16, 17, 18, 19, 20
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
EXTENDED, EXTENDED_REPLY = 200, 201

FOR_READING, FOR_WRITING, CREATE, EXCLUSIVE = 0x01, 0x02, 0x08, 0x20

OK, END, BAD_MESSAGE = 0, 1, 5
"""Codes of a STATUS; what the others mean is said by sftp_faults."""

POSIX_RENAME = b"posix-rename@openssh.com"
FSYNC = b"fsync@openssh.com"
STATVFS = b"statvfs@openssh.com"

HAS_SIZE, HAS_OWNER, HAS_MODE, HAS_TIMES, HAS_MORE = 0x01, 0x02, 0x04, 0x08, 0x80000000
MOST_BYTES = 1 << 24
"""Longer than any answer a server may give: more is not SFTP (a shell that talks before it begins)."""
_TAKE = 1 << 18
_USUAL = HAS_SIZE | HAS_OWNER | HAS_MODE | HAS_TIMES
_USUAL_FIELDS = struct.Struct(">QIIIII")


class Attributes(NamedTuple):
    """What a server says of a file. None where it does not say."""

    size: int | None
    owner: int | None
    mode: int | None
    mtime: int | None
    """Whole seconds since 1970, as an unsigned 32-bit number: that is all SFTP version 3 has."""
    atime: int | None = None


class Answer(NamedTuple):
    """One answer: its kind, and what follows the number of the question."""

    kind: int
    body: bytes

    def status(self) -> int:
        """Return the code of a STATUS, OK for anything else."""
        return int.from_bytes(self.body[:4]) if self.kind == STATUS else OK

    def good(self, kind: int = STATUS) -> bytes:
        """Return the body of an answer that must be of this kind. Refusal where the server says no."""
        if self.kind == STATUS:
            code = self.status()
            if code != OK or kind != STATUS:
                # servers of the oldest kind send no text
                text = _string(self.body, 4)[0] if len(self.body) >= 8 else b""
                raise Refusal(code, text.decode("utf-8", "replace"))
        elif self.kind != kind:
            raise Refusal(BAD_MESSAGE, f"unexpected answer {self.kind}")
        return self.body

    def handle(self) -> bytes:
        """Return the handle of an opened file or folder."""
        return _string(self.good(HANDLE), 0)[0]

    def data(self) -> bytes:
        """Return what was read."""
        return _string(self.good(DATA), 0)[0]

    def attributes(self) -> Attributes:
        """Return what the server says of a file."""
        return _attributes(self.good(ATTRS), 0)[0]

    def names(self) -> list[tuple[bytes, Attributes]]:
        """Return names with what the server says of each."""
        body = self.good(NAME)
        place, found = 4, []
        for _ in range(int.from_bytes(body[:4])):
            name, place = _string(body, place)
            _line_for_people, place = _string(body, place)
            attributes, place = _attributes(body, place)
            found.append((name, attributes))
        return found


class Wire:
    """One SFTP conversation over an SSH channel. Not for two threads."""

    def __init__(self, channel: "Channel", location: Location) -> None:
        self.location = location
        self.extensions: Mapping[bytes, bytes] = {}
        self._channel = channel
        self._number = 0
        self._taken = bytearray()
        self._answers: dict[int, Answer] = {}
        self._forgotten: set[int] = set()
        self._begin()

    def ask(self, *questions: bytes) -> list[Answer]:
        """Send all questions at once and return their answers in the same order. PlaceSilent where none comes."""
        return [self.hear(number) for number in self.send(questions)]

    def send(self, questions: Iterable[bytes]) -> Sequence[int]:
        """Send questions and return their numbers, to be heard one by one."""
        parts, first = [], self._number
        for question in questions:
            # question: kind, then what follows the number
            parts.append(struct.pack(">IBI", len(question) + 4, question[0], self._number))
            parts.append(question[1:])
            self._number = (self._number + 1) & 0xFFFFFFFF
        try:
            self._channel.sendall(b"".join(parts))
        except (OSError, EOFError) as error:
            raise line_broken(error, self.location) from error
        return range(first, self._number)

    def hear(self, number: int) -> Answer:
        """Return the answer to a question that was sent."""
        while number not in self._answers:
            kind, body = self._packet()
            heard = int.from_bytes(body[:4])
            if heard in self._forgotten:
                self._forgotten.remove(heard)
            else:
                self._answers[heard] = Answer(kind, body[4:])
        return self._answers.pop(number)

    def forget(self, numbers: Iterable[int]) -> None:
        """Nobody will hear the answers to these questions: drop them when they come."""
        for number in numbers:
            if self._answers.pop(number, None) is None:
                self._forgotten.add(number)

    def tell(self, *questions: bytes) -> None:
        """Send questions whose answers do not matter."""
        self.forget(self.send(questions))

    def _begin(self) -> None:
        try:
            self._channel.sendall(struct.pack(">IBI", 5, INIT, 3))
        except (OSError, EOFError) as error:
            raise line_broken(error, self.location) from error
        kind, body = self._packet()
        if kind != VERSION:
            raise line_broken(ValueError("not SFTP"), self.location)
        place, found = 4, {}
        while place < len(body):
            name, place = _string(body, place)
            found[name], place = _string(body, place)
        self.extensions = found

    def _packet(self) -> tuple[int, bytes]:
        length = int.from_bytes(self._take(4))
        if not 1 <= length <= MOST_BYTES:
            raise line_broken(ValueError("not SFTP"), self.location)
        packet = self._take(length)
        return packet[0], packet[1:]

    def _take(self, count: int) -> bytes:
        taken = self._taken
        while len(taken) < count:
            try:
                fresh = self._channel.recv(_TAKE)
            except (OSError, EOFError) as error:
                raise line_broken(error, self.location) from error
            if not fresh:
                raise line_broken(EOFError(), self.location)
            taken += fresh
        found = bytes(taken[:count])
        del taken[:count]
        return found


def string(data: bytes) -> bytes:
    """Return bytes with their length before them."""
    return len(data).to_bytes(4) + data


def question(kind: int, *strings: bytes, rest: bytes = b"") -> bytes:
    """Return a question: its kind, byte strings, and what follows as it is."""
    return bytes((kind,)) + b"".join(map(string, strings)) + rest


def read_at(handle: bytes, offset: int, count: int) -> bytes:
    """Return the question for `count` bytes from `offset`."""
    return question(READ, handle, rest=struct.pack(">QI", offset, count))


def write_at(handle: bytes, offset: int, data: bytes) -> bytes:
    """Return the request to write `data` at `offset`."""
    return question(WRITE, handle, rest=struct.pack(">QI", offset, len(data)) + data)


def open_file(path: bytes, how: int) -> bytes:
    """Return the question for a handle; what a new file may be is left to the server."""
    return question(OPEN, path, rest=struct.pack(">II", how, 0))


def set_times(handle: bytes, atime: int, mtime: int) -> bytes:
    """Return the request that gives an open file its times, in whole seconds."""
    return question(FSETSTAT, handle, rest=struct.pack(">III", HAS_TIMES, atime, mtime))


def extended(name: bytes, *strings: bytes) -> bytes:
    """Return a request of an extension."""
    return question(EXTENDED, name, *strings)


def make_folder(path: bytes) -> bytes:
    """Return the request to make a folder; its mode is left to the server."""
    return question(MKDIR, path, rest=bytes(4))


def _string(data: bytes, place: int) -> tuple[bytes, int]:
    """Return the string that begins at `place`, and where it ends."""
    start = place + 4
    end = start + int.from_bytes(data[place:start])
    if end > len(data):
        raise Refusal(BAD_MESSAGE, "cut short")
    return data[start:end], end


def _attributes(data: bytes, place: int) -> tuple[Attributes, int]:
    """Return the attributes that begin at `place`, and where they end."""
    try:
        flags = int.from_bytes(data[place : place + 4])
        if flags == _USUAL:
            size, owner, _group, mode, atime, mtime = _USUAL_FIELDS.unpack_from(data, place + 4)
            return Attributes(size, owner, mode, mtime, atime), place + 4 + _USUAL_FIELDS.size
        place += 4
        size = owner = mode = mtime = atime = None
        if flags & HAS_SIZE:
            (size,), place = struct.unpack_from(">Q", data, place), place + 8
        if flags & HAS_OWNER:
            (owner,), place = struct.unpack_from(">I", data, place), place + 8
        if flags & HAS_MODE:
            (mode,), place = struct.unpack_from(">I", data, place), place + 4
        if flags & HAS_TIMES:
            (atime, mtime), place = struct.unpack_from(">II", data, place), place + 8
        if flags & HAS_MORE:
            (count,), place = struct.unpack_from(">I", data, place), place + 4
            for _ in range(2 * count):
                _ignored, place = _string(data, place)
    except struct.error as error:
        raise Refusal(BAD_MESSAGE, "cut short") from error
    return Attributes(size, owner, mode, mtime, atime), place
