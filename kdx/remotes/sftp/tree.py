"""The whole tree of a server with a shell, as find(1) tells it: read while it is still coming, kept as it came.

What comes is taken in by a thread as fast as the line brings it, so that a reader that also hashes never holds up the
server's find, and a line that breaks later takes nothing away. What find did not see is known at the end.
"""

import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO

from kdx.remotes.interface import Entry, SkipReason
from kdx.remotes.local.writer import is_part
from kdx.remotes.sftp.commands import TRIAL_ANSWERS, WALK
from kdx.remotes.sftp.connection import Connection
from kdx.remotes.sftp.faults import LineBroken, Refusal
from kdx.remotes.sftp.paths import SECOND, Paths, text
from kdx.remotes.sftp.program import NoProgram, Program
from kdx.remotes.sftp.shell import TRY_SECONDS, Abilities, judge_trial, landmarks, seconds

IN_MEMORY = 16 << 20
"""Bytes of a listing that are kept in memory; more goes to a temporary file."""
TAKE = 1 << 18
WHOLE = b"= 0\0\0\0"
"""How an answer ends that missed nothing."""

_KINDS = {b"f": "file", b"d": "directory", b"l": "link"}
_new = tuple.__new__


def look_through(connection: Connection, paths: Paths) -> tuple[Abilities, "Tree | None"]:
    """Find out what the server can do by itself, and let it tell its whole tree if it can do that."""
    try:
        with ExitStack() as on_failure:
            program = on_failure.enter_context(Program(connection, WALK, TRY_SECONDS))
            program.send(paths.root + b"\n")
            program.end_input()
            expected = landmarks(connection)
            answers, pieces = _after_trial(program.pieces())
            abilities = judge_trial(answers, expected)
            if not abilities.lists:
                return abilities, None
            on_failure.pop_all()
    except (NoProgram, LineBroken, Refusal):
        if not connection.transport.is_active():
            raise
        return Abilities(), None
    program.wait = connection.patience.answer
    return abilities, Tree(program, pieces)


def _after_trial(pieces: Iterator[bytes]) -> tuple[list[bytes], Iterator[bytes]]:
    """Return what the trial answered, and what follows."""
    told = b""
    for piece in pieces:
        told += piece
        *answers, rest = told.split(b"\0", TRIAL_ANSWERS)
        if len(answers) == TRIAL_ANSWERS:
            return answers, chain((rest,), pieces)
    raise NoProgram


class Tree:
    """What a server tells of its tree. Close it."""

    def __init__(self, program: Program, pieces: Iterator[bytes]) -> None:
        self.whole = False
        """Whether find saw all there is; known when entries() has ended."""
        self._program = program
        self._kept: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None
        self._news = threading.Condition()
        self._taking = threading.Thread(target=self._take_in, args=(pieces,), daemon=True)
        self._taking.start()

    def entries(self) -> Iterator[Entry]:
        """Yield every entry find saw, each folder before what is in it."""
        rest = yield from read_tree(self._pieces())
        self.whole = rest == WHOLE

    def paths(self) -> set[str]:
        """Return the paths of all entries, once more. Only for a find that missed something: it takes memory."""
        return {entry.path for entry in read_tree(self._pieces())}

    def close(self) -> None:
        """Let go of the program and of what it told."""
        self._program.close()
        self._taking.join()
        self._kept.close()

    def _take_in(self, pieces: Iterator[bytes]) -> None:
        try:
            for piece in pieces:
                with self._news:
                    self._kept.seek(0, 2)
                    self._size += self._kept.write(piece)
                    self._news.notify()
        except BaseException as error:
            # raised where what came is read
            self._error = error
        with self._news:
            self._ended = True
            self._news.notify()

    def _pieces(self) -> Iterator[bytes]:
        place = 0
        while piece := self._after(place):
            place += len(piece)
            yield piece
        if self._error is not None:
            raise self._error

    def _after(self, place: int) -> bytes:
        """Return what came after so many bytes, as soon as there is some; nothing at the end."""
        with self._news:
            self._news.wait_for(lambda: self._size > place or self._ended)
            self._kept.seek(place)
            return self._kept.read(TAKE)


def read_tree(pieces: Iterable[bytes]) -> Generator[Entry, None, bytes]:
    """Yield the entries of what WALK printed after its landmarks; return what is left over at the end.

    An entry counts once the next one is whole too: whatever a find that was cut off left half said is left over.
    """
    pieces = iter(pieces)
    rest = b""
    while b"\0" not in rest and (piece := next(pieces, b"")):
        rest += piece
    users, _nul, rest = rest.partition(b"\0")
    owners = {number: name for name, _colon, number in (line.rpartition(b":") for line in users.split(b"\n"))}
    for piece in chain((b"",), pieces):
        parts = (rest + piece).split(b"\0")
        sure = max(0, (len(parts) - 1) // 3 - 1) * 3
        for place in range(0, sure, 3):
            head, path, link = parts[place : place + 3]
            entry = _entry(head, path, link, owners)
            if entry is not None:
                yield entry
        rest = b"\0".join(parts[sure:])
    return rest


def _entry(head: bytes, path: bytes, link: bytes, owners: Mapping[bytes, bytes]) -> Entry | None:
    kind, size, mtime, mode, number, owner = head.split(b" ")
    if b".kdx-" in path and is_part(text(path.rpartition(b"/")[2])):
        return None
    skip = None
    if kind.startswith(b"x"):
        kind, skip = kind[1:], SkipReason.DENIED.value
    name = _KINDS.get(kind)
    if name is None:
        name, skip = "other", SkipReason.SPECIAL.value
    return _new(
        Entry,
        (
            text(path),
            name,
            int(size) if name == "file" else 0,
            seconds(mtime) * SECOND,
            None,
            skip,
            text(link),
            int(mode, 8) & 0o7777,
            text(owners.get(owner, owner)),
            "",
            number.decode(),
            "",
        ),
    )
