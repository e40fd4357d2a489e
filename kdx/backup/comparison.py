"""Compare a share as it is with the last snapshot: what stands, what must be read, what is gone. Reads no file.

Unchanged is a file of the same size, time and file id whose content the vault still has. Everything passes by once, in
the order of the manifest: two million entries take the memory of one part.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import BinaryIO

from kdx.backup.errand import BATCH_BYTES, BATCH_FILES, Task, acl_field, other_row
from kdx.backup.manifest import (
    ACL,
    FILE,
    FILE_ID,
    KIND,
    LENGTH,
    MTIME,
    NOTHING,
    OBJECT,
    OFFSET,
    SIZE,
    Held,
    path_field,
    time_field,
)
from kdx.backup.outline import OutlineWriter
from kdx.backup.seal import Rotation
from kdx.inventory.fiscal_year import fiscal_year_of_moment, fiscal_year_of_path
from kdx.remotes.interface import Entry, Kind

Found = tuple[bytes, Entry]


@dataclass(slots=True)
class Todo:
    """What is to be read of one fiscal year, in the order of the manifest."""

    file: BinaryIO
    files: int = 0
    size: int = 0
    """Bytes of these files."""
    tasks: list[Task] = field(default_factory=list)
    _start: int = 0
    _end: int = 0
    _open: tuple[int, int] = (0, 0)

    def add(self, bucket: str, path: bytes, size: int) -> None:
        """Add a file; batches of them become tasks."""
        self.file.write(path + b"\n")
        self._end += len(path) + 1
        files, weight = self._open
        self._open = files + 1, weight + size
        self.files, self.size = self.files + 1, self.size + size
        if files + 1 >= BATCH_FILES or weight + size >= BATCH_BYTES:
            self.end_task(bucket)

    def end_task(self, bucket: str) -> None:
        """Make a task of what was added since the last one."""
        if self._end > self._start:
            length = self._end - self._start
            self.tasks.append(Task(bucket, len(self.tasks), self._start, length, *self._open))
            self._start, self._open = self._end, (0, 0)


@dataclass(slots=True)
class Plan:
    """What a comparison found. Numbers of files against the last snapshot, for a person to look at."""

    todo: dict[str, Todo] = field(default_factory=dict)
    """By fiscal year."""
    objects: frozenset[bytes] = frozenset()
    """What the rows that stand need."""
    entries: int = 0
    files: int = 0
    bytes: int = 0
    """Of what stands."""
    unchanged: int = 0
    again: int = 0
    """Unchanged files that are read again."""
    new: int = 0
    changed: int = 0
    gone: int = 0
    seen: int = 0
    """Entries in the share now."""
    left: Counter[str] = field(default_factory=Counter)
    """Entries left by rule, by reason."""

    @property
    def files_to_read(self) -> int:
        """Number of files that must be read."""
        return sum(todo.files for todo in self.todo.values())

    @property
    def bytes_to_read(self) -> int:
        """Their size."""
        return sum(todo.size for todo in self.todo.values())

    def tasks(self) -> Iterator[Task]:
        """Yield everything to be read, the newest fiscal year first."""
        for bucket in sorted(self.todo, reverse=True):
            yield from self.todo[bucket].tasks


@dataclass(frozen=True, slots=True)
class Last:
    """What a share is compared with."""

    entries: Iterable[Held]
    """In order; nothing for a first snapshot."""
    usable: Mapping[bytes, int]
    """Objects that are there and may be relied on, and their sizes."""
    since: Callable[[bytes], str]
    """Given a path field, when the version the last snapshot holds was really read (UTC stamp)."""
    rotation: Rotation | None
    shares: int
    """So many of rotation.of equal shares of the unchanged files are read again."""


class Comparison:
    """One pass over a share and its last snapshot."""

    def __init__(self, outline: OutlineWriter, open_todo: Callable[[str], BinaryIO], last: Last, zone: tzinfo) -> None:
        self.plan = Plan()
        self._outline = outline
        self._open_todo = open_todo
        self._last = last
        self._zone = zone
        self._closed = b""
        """Key of the last folder that could not be listed, with a zero byte: what was in it stays."""
        self._folder = ""
        self._year: int | None = None

    def run(self, found: Iterable[Found]) -> Plan:
        """Compare everything and return the plan."""
        for key, entry, held in _side_by_side(found, self._last.entries):
            if held is not None:
                self._outline.enter(held)
            if entry is None:
                assert held is not None
                self._vanished(key, held)
                continue
            self.plan.seen += 1
            if entry.skip is not None:
                self._not_read(key, entry, held)
            elif entry.kind == Kind.FILE:
                self._file(key, entry, held)
            else:
                self._other(entry, held)
        for bucket, todo in self.plan.todo.items():
            todo.end_task(bucket)
            todo.file.flush()
        self._outline.close()
        self.plan.objects = frozenset(self._outline.objects - {NOTHING})
        return self.plan

    def _file(self, key: bytes, entry: Entry, held: Held | None) -> None:
        if held is None:
            self.plan.new += 1
            return self._read(entry, ())
        fields = held.fields
        if fields[KIND] != FILE:
            self.plan.new += 1
            return self._read(entry, ())
        usable = self._is_usable(held, fields)
        if (
            fields[SIZE] != b"%d" % entry.size
            or fields[MTIME] != time_field(entry.mtime_ns)
            or fields[FILE_ID] != (path_field(entry.file_id) or NOTHING)
        ):
            self.plan.changed += 1
            return self._read(entry, held.rows if usable else ())
        if not usable:
            return self._read(entry, ())
        if self._is_due(key):
            self.plan.again += 1
            return self._read(entry, held.rows, again=True)
        self.plan.unchanged += 1
        acl = acl_field(entry)
        if fields[ACL] == acl:
            self._keep(held.rows, fields)
        else:
            self._outline.drop()
            self._keep(tuple(_with_acl(row, acl) for row in held.rows), fields)

    def _other(self, entry: Entry, held: Held | None) -> None:
        row = other_row(entry)
        if held is not None and held.rows == (row,):
            return self._keep(held.rows, held.fields)
        self.plan.entries += 1
        self._outline.add(row)

    def _not_read(self, key: bytes, entry: Entry, held: Held | None) -> None:
        """Note what could not be read, and let its last version stand."""
        if entry.kind == Kind.DIRECTORY:
            self._closed = key + b"\0"
        path, since = path_field(entry.path), "-"
        fields = held.fields if held else []
        if held is not None and self._is_usable(held, fields):
            since = self._last.since(path)
            self._keep(held.rows, fields)
        elif entry.kind == Kind.DIRECTORY:
            self.plan.entries += 1
            self._outline.add(other_row(entry))
        elif held is not None:
            self._outline.drop()
        self._outline.unread(entry.kind, str(entry.skip), since, path)

    def _vanished(self, key: bytes, held: Held) -> None:
        fields = held.fields
        if self._closed and key.startswith(self._closed) and self._is_usable(held, fields):
            return self._keep(held.rows, fields)
        self.plan.gone += fields[KIND] == FILE
        self._outline.drop()

    def _keep(self, rows: tuple[bytes, ...], fields: list[bytes]) -> None:
        self.plan.entries += 1
        if fields[KIND] == FILE:
            self.plan.files += 1
            self.plan.bytes += int(fields[SIZE])
        self._outline.keep(rows)

    def _read(self, entry: Entry, last: tuple[bytes, ...], again: bool = False) -> None:
        path, bucket = path_field(entry.path), self._bucket(entry)
        todo = self.plan.todo.get(bucket)
        if todo is None:
            todo = self.plan.todo[bucket] = Todo(self._open_todo(bucket))
        todo.add(bucket, path, entry.size)
        self._outline.read(bucket, path, last, again)

    def _bucket(self, entry: Entry) -> str:
        """Return the fiscal year a file belongs to: that of its folder, else that of its own time."""
        folder = entry.path[: entry.path.rfind("/") + 1]
        if folder != self._folder:
            self._folder, self._year = folder, fiscal_year_of_path(folder + "-")
        if self._year is not None:
            return str(self._year)
        try:
            moment = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC)
            return str(fiscal_year_of_moment(moment, self._zone)).zfill(4)
        except (ValueError, OverflowError, OSError):
            return "0000"

    def _is_usable(self, held: Held, fields: list[bytes]) -> bool:
        """Whether the vault has everything these rows need, as far as its list tells."""
        usable = self._last.usable
        if len(held.rows) == 1:
            place = fields[OBJECT]
            return place == NOTHING or usable.get(place, -1) >= int(fields[OFFSET]) + int(fields[LENGTH])
        pieces = (row.split(b"\t") for row in held.rows)
        return all(usable.get(each[OBJECT], -1) >= int(each[OFFSET]) + int(each[LENGTH]) for each in pieces)

    def _is_due(self, key: bytes) -> bool:
        rotation, shares = self._last.rotation, self._last.shares
        return rotation is not None and (zlib.crc32(key) - rotation.next) % rotation.of < shares


def _with_acl(row: bytes, acl: bytes) -> bytes:
    fields = row.split(b"\t")
    fields[ACL] = acl
    return b"\t".join(fields)


def _side_by_side(
    found: Iterable[Found], last: Iterable[Held]
) -> Iterator[tuple[bytes, Entry | None, Held | None]]:
    """Walk the share and its last snapshot side by side."""
    here, there = iter(found), iter(last)
    new, old = next(here, None), next(there, None)
    while new is not None or old is not None:
        if old is None or (new is not None and new[0] < old.key):
            assert new is not None
            yield *new, None
            new = next(here, None)
        elif new is None or old.key < new[0]:
            yield old.key, None, old
            old = next(there, None)
        else:
            yield *new, old
            new, old = next(here, None), next(there, None)


def open_todo_in(scratch: Path, attempt: str) -> Callable[[str], BinaryIO]:
    """Return what opens the todo list of a fiscal year."""
    return lambda bucket: (scratch / f"{attempt}-{bucket}.todo").open("wb")
