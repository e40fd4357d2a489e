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

from kdx.backup.saving.errand import BATCH_BYTES, BATCH_FILES, Task
from kdx.backup.format.manifest import (
    ACL,
    DIRECTORY,
    FILE,
    FILE_ID,
    KIND,
    LENGTH,
    MTIME,
    NOTHING,
    OBJECT,
    OFFSET,
    PATH,
    SHA256,
    SIZE,
    Held,
    merged,
    unescape,
)
from kdx.backup.format.seal import Rotation
from kdx.backup.saving.outline import OutlineWriter
from kdx.inventory.fiscal_year import fiscal_year_of_moment, fiscal_year_of_path


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

    def add(self, bucket: str, path: bytes, known: bytes, size: int) -> None:
        """Add a file and the digest it had, `-` where it had none; batches of them become tasks."""
        self._end += self.file.write(path + b"\t" + known + b"\n")
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
    marker_missing: bool = False
    """Whether the file that shows that the share is mounted is not there."""

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

    def __init__(
        self, outline: OutlineWriter, open_todo: Callable[[str], BinaryIO], last: Last, zone: tzinfo, marker: str
    ) -> None:
        self.plan = Plan(marker_missing=bool(marker))
        self._outline = outline
        self._open_todo = open_todo
        self._last = last
        self._zone = zone
        self._marker = marker.encode("utf-8")
        self._closed = b""
        """Key of the last folder that could not be listed, with a zero byte: what was in it stays."""
        self._folder = b""
        self._year: int | None = None

    def run(self, found: Iterable[Held]) -> Plan:
        """Compare everything and return the plan. `found` are the rows of kdx.backup.saving.walk."""
        plan, last_part = self.plan, -2
        for old, new in merged(self._last.entries, found):
            if old is not None and (old.part != last_part or old.fresh):
                self._outline.enter(old)
                last_part = old.part
            if new is None:
                assert old is not None
                self._vanished(old)
                continue
            plan.seen += 1
            fields = new.fields
            if fields[SHA256] != NOTHING:
                self._not_read(new, old)
            elif fields[KIND] != FILE:
                self._other(new, old)
            elif old is None:
                plan.new += 1
                self._read(fields, None)
            else:
                self._file(new, old)
        for bucket, todo in plan.todo.items():
            todo.end_task(bucket)
            todo.file.flush()
        self._outline.close()
        plan.objects = frozenset(self._outline.objects - {NOTHING})
        return plan

    def _file(self, new: Held, old: Held) -> None:
        """A file at a path where something was."""
        plan, now, was = self.plan, new.fields, old.fields
        if was[KIND] != FILE:
            plan.new += 1
            return self._read(now, None)
        is_same = now[SIZE:OBJECT] == was[SIZE:OBJECT]
        if not is_same and (now[SIZE] != was[SIZE] or now[MTIME] != was[MTIME] or now[FILE_ID] != was[FILE_ID]):
            plan.changed += 1
            return self._read(now, old if self._is_usable(old) else None)
        if not self._is_usable(old):
            return self._read(now, None)
        if self._last.shares and self._is_due(old.key):
            plan.again += 1
            return self._read(now, old, again=True)
        plan.unchanged += 1
        if now[PATH] == self._marker:
            plan.marker_missing = False
        if not is_same:
            # its rights are others
            self._outline.drop()
            rows = tuple(_with_acl(row, now[ACL]) for row in old.rows)
            old = old._replace(rows=rows)
        self._keep(old)

    def _other(self, new: Held, old: Held | None) -> None:
        if old is not None and old.rows == new.rows:
            return self._keep(old)
        self.plan.entries += 1
        self._outline.add(new.rows[0])

    def _not_read(self, new: Held, old: Held | None) -> None:
        """Note what could not be read, and let its last version stand."""
        kind, path, since = new.fields[KIND], new.fields[PATH], "-"
        if kind == DIRECTORY:
            self._closed = new.key + b"\0"
        if old is not None and self._is_usable(old):
            since = self._last.since(path)
            self._keep(old)
        elif kind == DIRECTORY:
            self.plan.entries += 1
            self._outline.add(_without_reason(new.rows[0]))
        elif old is not None:
            self._outline.drop()
        self._outline.unread(kind, new.fields[SHA256][1:], since, path)

    def _vanished(self, old: Held) -> None:
        if self._closed and old.key.startswith(self._closed) and self._is_usable(old):
            return self._keep(old)
        self.plan.gone += old.fields[KIND] == FILE
        self._outline.drop()

    def _keep(self, held: Held) -> None:
        plan = self.plan
        plan.entries += 1
        if held.fields[KIND] == FILE:
            plan.files += 1
            plan.bytes += int(held.fields[SIZE])
        self._outline.keep(held)

    def _read(self, now: list[bytes], last: Held | None, again: bool = False) -> None:
        """Have a file read. `last`: its last version, where the vault still has it."""
        path = now[PATH]
        if path == self._marker:
            self.plan.marker_missing = False
        bucket = self._bucket(path, now[MTIME])
        todo = self.plan.todo.get(bucket)
        if todo is None:
            todo = self.plan.todo[bucket] = Todo(self._open_todo(bucket))
        todo.add(bucket, path, last.fields[SHA256] if last else NOTHING, int(now[SIZE]))
        self._outline.read(bucket, path, last.rows if last else (), again)

    def _bucket(self, path: bytes, mtime: bytes) -> str:
        """Return the fiscal year a file belongs to: that of its folder, else that of its own time."""
        folder = path[: path.rfind(b"/") + 1]
        if folder != self._folder:
            name = unescape(folder).decode("utf-8", "surrogateescape")
            self._folder, self._year = folder, fiscal_year_of_path(name + "-")
        if self._year is not None:
            return f"{self._year:04d}"
        try:
            moment = datetime.fromtimestamp(float(mtime), UTC)
            return f"{fiscal_year_of_moment(moment, self._zone):04d}"
        except (ValueError, OverflowError, OSError):
            return "0000"

    def _is_usable(self, held: Held) -> bool:
        """Whether the vault has everything these rows need, as far as its list tells."""
        usable, fields = self._last.usable, held.fields
        try:
            if len(held.rows) == 1:
                place = fields[OBJECT]
                return place == NOTHING or usable.get(place, -1) >= int(fields[OFFSET]) + int(fields[LENGTH])
            pieces = (row.split(b"\t") for row in held.rows)
            return all(usable.get(each[OBJECT], -1) >= int(each[OFFSET]) + int(each[LENGTH]) for each in pieces)
        except ValueError:
            # no kdx wrote such a row: the file is read anew
            return False

    def _is_due(self, key: bytes) -> bool:
        rotation, shares = self._last.rotation, self._last.shares
        return rotation is not None and (zlib.crc32(key) - rotation.next) % rotation.of < shares


def _with_acl(row: bytes, acl: bytes) -> bytes:
    fields = row.split(b"\t")
    fields[ACL] = acl
    return b"\t".join(fields)


def _without_reason(row: bytes) -> bytes:
    fields = row.split(b"\t")
    fields[SHA256] = NOTHING
    return b"\t".join(fields)


def open_todo_in(scratch: Path, attempt: str) -> Callable[[str], BinaryIO]:
    """Return what opens the todo list of a fiscal year."""
    return lambda bucket: (scratch / f"{attempt}-{bucket}.todo").open("wb")
