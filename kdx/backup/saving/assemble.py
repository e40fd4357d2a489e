"""Make the manifest of a snapshot from its outline and what the workers have done; parts that did not change stay.

A checkpoint is made in the same way from what is done until then: what is not read yet keeps its last version.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from kdx.backup.format.manifest import FILE, FILE_ID, OBJECT, PART_ROWS, SHA256, SIZE
from kdx.backup.format.seal import Part
from kdx.backup.saving.outline import BEGIN, MANY, PART, TODO, UNREAD
from kdx.backup.saving.results import Result


@dataclass(slots=True)
class Assembled:
    """The manifest of a snapshot, before its seal."""

    parts: list[Part] = field(default_factory=list)
    objects: set[bytes] = field(default_factory=set)
    """What the rows of files need that were read in this run, or were to be."""
    entries: int = 0
    files: int = 0
    size: int = 0
    """Bytes, as entries and files of what was to be read alone."""
    waiting: int = 0
    unread: list[bytes] = field(default_factory=list)
    """Rows of the unread list."""
    reasons: dict[str, int] = field(default_factory=dict)
    silent: list[bytes] = field(default_factory=list)
    """Paths of files whose content changed though size and time did not."""


Since = Callable[[bytes], str]
Put = Callable[[bytes, int], Part]
"""Stores text, so many rows of it, as a part of a manifest."""


class Assembler:
    """Reads an outline once and writes parts. Holds the rows of one part."""

    def __init__(self, results: Mapping[str, Iterator[Result]], since: Since, put: Put) -> None:
        self._streams = {bucket.encode("ascii"): stream for bucket, stream in results.items()}
        self._next = {bucket: next(stream, None) for bucket, stream in self._streams.items()}
        self._since = since
        self._put = put
        self._made = Assembled()
        self._origin: Part | None = None
        self._same = False
        self._groups: list[tuple[bytes, ...]] = []
        self._rows = 0

    def run(self, outline: Iterable[bytes]) -> Assembled:
        """Return the manifest that an outline and the results make."""
        lines = iter(outline)
        for line in lines:
            first = line[:2]
            if first == TODO + b"\t":
                self._read(line, lines)
            elif first == UNREAD + b"\t":
                _mark, kind, reason, since, path = line[:-1].split(b"\t")
                self._note_unread(kind, reason, since, path)
            elif first == PART + b"\t":
                self._end_part()
                self._made.parts.append(_part_of(line))
            elif first == BEGIN + b"\t":
                self._end_part()
                self._origin, self._same = _part_of(line), line.endswith(b"\t1\n")
            elif first == MANY + b"\t":
                self._add(tuple(next(lines) for _row in range(int(line[2:-1]))))
            else:
                self._add((line,))
        self._end_part()
        assert not any(self._next.values()), self._next
        return self._made

    def _read(self, line: bytes, lines: Iterator[bytes]) -> None:
        """A file that was to be read: what became of it."""
        _mark, bucket, count, path = line[:-1].split(b"\t")
        last = () if count == b"0" else tuple([next(lines) for _row in range(int(count))])
        result = self._result(bucket, path)
        if result is None:
            self._made.waiting += 1
            rows = last
        else:
            rows = self._outcome(result, last, path)
        if rows != last:
            self._same = False
        if rows:
            self._made.entries += 1
            self._made.files += 1
            fields = rows[0].split(b"\t", OBJECT + 1)
            self._made.size += int(fields[SIZE])
            self._made.objects.add(fields[OBJECT])
            if len(rows) > 1:
                self._made.objects.update(row.split(b"\t", OBJECT + 1)[OBJECT] for row in rows)
            self._add(rows)

    def _result(self, bucket: bytes, path: bytes) -> Result | None:
        """Return what became of a file; None where nobody has come to it. Results stand in the outline's order."""
        result = self._next.get(bucket)
        if result is None or result.path != path:
            return None
        self._next[bucket] = next(self._streams[bucket], None)
        return result

    def _outcome(self, result: Result, last: tuple[bytes, ...], path: bytes) -> tuple[bytes, ...]:
        if not result.rows:
            since = self._since(path) if last else "-"
            self._note_unread(FILE, result.reason.encode("ascii"), since.encode("ascii"), path)
            return last
        if not last:
            return result.rows
        new, old = (rows[0][:-1].split(b"\t") for rows in (result.rows, last))
        is_same = new[SIZE : FILE_ID + 1] == old[SIZE : FILE_ID + 1]
        if new[SHA256] != old[SHA256]:
            if is_same:
                self._made.silent.append(path)
            return result.rows
        # the same content: it stays where it lies
        return last if is_same else tuple(_with_facts(row, new) for row in last)

    def _note_unread(self, kind: bytes, reason: bytes, since: bytes, path: bytes) -> None:
        self._made.unread.append(b"\t".join((kind, reason, since, path)) + b"\n")
        word = reason.decode("ascii")
        self._made.reasons[word] = self._made.reasons.get(word, 0) + 1

    def _add(self, rows: tuple[bytes, ...]) -> None:
        self._groups.append(rows)
        self._rows += len(rows)
        if not self._same and self._rows >= 2 * PART_ROWS:
            self._write(PART_ROWS)

    def _end_part(self) -> None:
        if self._same and self._origin is not None and self._origin.rows:
            self._made.parts.append(self._origin)
            self._groups, self._rows = [], 0
        else:
            while self._groups:
                # two halves rather than a full part and a crumb
                self._write(self._rows if self._rows < 1.5 * PART_ROWS else (self._rows + 1) // 2)
        self._origin, self._same = None, False

    def _write(self, rows: int) -> None:
        """Write about so many rows as a part; the rows of one path stay together."""
        count = taken = 0
        while count < len(self._groups) and taken < rows:
            taken += len(self._groups[count])
            count += 1
        text = b"".join(chain.from_iterable(self._groups[:count]))
        self._made.parts.append(self._put(text, taken))
        self._groups = self._groups[count:]
        self._rows -= taken


def _with_facts(row: bytes, new: list[bytes]) -> bytes:
    """Return a row with time, rights and id of a newer look."""
    fields = row.split(b"\t")
    fields[SIZE : FILE_ID + 1] = new[SIZE : FILE_ID + 1]
    return b"\t".join(fields)


def _part_of(line: bytes) -> Part:
    name, rows, size = line.split(b"\t")[1:4]
    return Part(name.decode("ascii"), int(rows), int(size))
