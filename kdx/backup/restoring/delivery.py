"""Read files from the vault and write them where they go, many at a time, each proven before it gets its name.

What was read must have the SHA-256 the manifest says, or nothing is written. Nothing that is there is replaced. A fault
of one file is data; only a place that fails ends the work.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from kdx.backup.format.names import SEGMENT_BYTES, SEGMENTS
from kdx.backup.format.pack import Unpacker
from kdx.backup.format.vault import ObjectDamaged, Unit
from kdx.backup.restoring.errands import Errand, is_small
from kdx.backup.restoring.wanted import (
    DAMAGED,
    EXTENDED_RIGHTS,
    MODE,
    NAME_REFUSED,
    OWNER,
    TAKEN,
    TIME,
    WINDOWS_RIGHTS,
    Fault,
    Piece,
    Wanted,
)
from kdx.errors import DifferenceFound
from kdx.remotes.interface import Conflict, Expected, Kind, Metadata, NameRefused, NotFound, ReadFailed, Remote
from kdx.remotes.local import restore
from kdx.transfer.limit import Limiter

LOST_RIGHTS = {
    restore.OWNER: OWNER,
    restore.MODE: MODE,
    restore.TIME: TIME,
    restore.EXTENDED: EXTENDED_RIGHTS,
    restore.WINDOWS: WINDOWS_RIGHTS,
}


class Delivered(NamedTuple):
    """What came of one errand."""

    files: int = 0
    bytes: int = 0
    present: int = 0
    """Files that were there already, with the right content."""
    faults: tuple[Fault, ...] = ()
    lost: tuple[str, ...] = ()
    """What could not be put back, a word for each entry."""


@dataclass(slots=True)
class Lane:
    """What one thread works with."""

    unit: Unit
    target: Remote
    rights: restore.LocalRestore | None
    limiter: Limiter
    step: Callable[[int], None]
    """Told of every chunk that moved; raises when the work is to stop."""
    resumed: bool
    """Whether something may be there already, so that looking comes before reading."""
    unpacker: Unpacker = field(default_factory=Unpacker)
    lost: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Let go of both places."""
        self.unit.close()
        self.target.close()


def open_target(target: Remote) -> restore.LocalRestore | None:
    """Make a place ready for many files; return what puts rights back, None where the place has none."""
    from kdx.remotes.local import LocalRemote

    return target.restoring() if isinstance(target, LocalRemote) else None


def deliver(errand: Errand, lane: Lane) -> Delivered:
    """Carry out one errand."""
    files, present = _absent(errand.files, lane) if lane.resumed else (errand.files, 0)
    faults: list[Fault] = []
    count = size = 0
    for wanted, content in _contents(files, lane):
        try:
            there = _write(wanted, content, lane)
        except DifferenceFound as error:
            faults.append(Fault(wanted.path, DAMAGED, str(error)))
        except NameRefused as error:
            faults.append(Fault(wanted.path, NAME_REFUSED, str(error)))
        except Conflict:
            faults.append(Fault(wanted.path, TAKEN))
        else:
            present += there
            count += not there
            size += 0 if there else wanted.size
    lost, lane.lost = tuple(lane.lost), []
    return Delivered(count, size, present, tuple(faults), lost)


def settle(wanted: Wanted, lane: Lane) -> None:
    """Put time and rights back, and note what could not be."""
    if lane.rights is not None:
        lost = lane.rights.put_back(wanted.target, wanted.kind, wanted.mtime_ns, wanted.acl)
        lane.lost += (LOST_RIGHTS[word] for word in lost)


def _absent(files: list[Wanted], lane: Lane) -> tuple[list[Wanted], int]:
    """Return those of the files that are not there yet with the right content, and how many are."""
    absent = []
    for wanted in files:
        lane.step(0)
        if _is_there(wanted, lane.target):
            settle(wanted, lane)
        else:
            absent.append(wanted)
    return absent, len(files) - len(absent)


def _is_there(wanted: Wanted, target: Remote) -> bool:
    try:
        entry = target.stat(wanted.target)
        return (
            entry.kind == Kind.FILE
            and entry.size == wanted.size
            and target.digest(wanted.target).sha256 == bytes.fromhex(wanted.sha256)
        )
    except (NotFound, NameRefused, ReadFailed):
        return False


Content = Iterator[bytes | memoryview]


def _contents(files: list[Wanted], lane: Lane) -> Iterator[tuple[Wanted, Content]]:
    """Yield each file with its content, which must be used before the next is asked for."""
    if files and is_small(files[0]):
        yield from _small(files, lane)
        return
    for wanted in files:
        yield wanted, _large(wanted, lane)


def _small(files: list[Wanted], lane: Lane) -> Iterator[tuple[Wanted, Content]]:
    """Read one stretch of a pack from left to right, each frame once for all files that have its content."""
    frames = _Stretch(lane, files[0].pieces[0].object, files[0].pieces[0].offset)
    last: Piece | None = None
    content: memoryview | DifferenceFound = memoryview(b"")
    for wanted in files:
        [piece] = wanted.pieces
        if piece != last:
            last = piece
            try:
                content = lane.unpacker.content_of(frames.take(piece), piece.object)
            except DifferenceFound as error:
                content = error
        yield wanted, _proven(wanted, content)
    frames.close()


def _proven(wanted: Wanted, content: memoryview | DifferenceFound) -> Content:
    if isinstance(content, DifferenceFound):
        raise content
    if len(content) != wanted.size or hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise ObjectDamaged(name=wanted.pieces[0].object)
    yield content


class _Stretch:
    """An object that is read once, from left to right. Close it."""

    def __init__(self, lane: Lane, name: str, start: int) -> None:
        self._lane = lane
        self._name = name
        self._chunks = lane.unit.read(name, start)
        self._at = start
        """Where in the object the next byte stands."""
        self._held = memoryview(b"")

    def take(self, piece: Piece) -> bytes | memoryview:
        """Return the stored bytes of a piece that does not begin before the last one. ObjectMissing, ObjectDamaged."""
        if piece.offset < self._at:
            # two rows claim overlapping frames: only a hostile manifest does
            raise ObjectDamaged(name=self._name)
        self._pass_over(piece.offset - self._at)
        self._at = piece.offset + piece.length
        parts, missing = [], piece.length
        while missing:
            if not self._held:
                self._next_chunk()
            part = self._held[:missing]
            parts.append(part)
            missing -= len(part)
            self._held = self._held[len(part) :]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _pass_over(self, count: int) -> None:
        while count > len(self._held):
            count -= len(self._held)
            self._next_chunk()
        self._held = self._held[count:]

    def _next_chunk(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise ObjectDamaged(name=self._name)
        self._lane.limiter.take(len(chunk))
        self._lane.step(len(chunk))
        self._held = memoryview(chunk)

    def close(self) -> None:
        """Stop reading."""
        closing(self._chunks).__exit__(None, None, None)  # type: ignore[type-var]


def _large(wanted: Wanted, lane: Lane) -> Content:
    """Yield a file piece by piece; at its end it must be the file the manifest says."""
    digest = hashlib.sha256()
    for number, piece in enumerate(wanted.pieces):
        is_whole = piece.object.startswith(SEGMENTS)
        data = lane.unit.fetch(piece.object) if is_whole else _cut(piece, lane)
        if len(data) != min(SEGMENT_BYTES, wanted.size - number * SEGMENT_BYTES):
            raise ObjectDamaged(name=piece.object)
        lane.limiter.take(len(data))
        lane.step(len(data))
        digest.update(data)
        yield data
    if digest.hexdigest() != wanted.sha256:
        raise ObjectDamaged(name=wanted.pieces[-1].object if wanted.pieces else "-")


def _cut(piece: Piece, lane: Lane) -> memoryview:
    frame = lane.unit.read_range(piece.object, piece.offset, piece.length)
    return lane.unpacker.content_of(frame, piece.object)


def _write(wanted: Wanted, content: Content, lane: Lane) -> bool:
    """Write a file whole. Return whether it was there already. Conflict where something else is."""
    try:
        if lane.rights is not None:
            lost = lane.rights.put(wanted.target, content, wanted.size, wanted.mtime_ns, wanted.acl)
            lane.lost += map(LOST_RIGHTS.__getitem__, lost)
        else:
            name = quote(os.fsencode(wanted.path.rpartition("/")[2]), safe="")
            metadata = Metadata(wanted.mtime_ns, wanted.sha256, name)
            lane.target.write(wanted.target, map(bytes, content), wanted.size, metadata, Expected.ABSENT)
    except Conflict:
        if not _is_there(wanted, lane.target):
            raise
        settle(wanted, lane)
        return True
    return False
