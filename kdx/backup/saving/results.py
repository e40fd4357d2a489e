"""What the workers of a run have written down, as rows that name their places. Reads journals; decides nothing."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kdx.backup.saving.errand import CLAIMED, FAILED, PACK_MARK, Report, with_place
from kdx.backup.format.manifest import (
    FIELDS,
    LENGTH,
    OBJECT,
    OFFSET,
    PATH,
    SHA256,
    Held,
    RowRefused,
    decode_row,
    key_of_field,
)
from kdx.backup.format.names import SEGMENT_BYTES, is_content

Place = tuple[bytes, bytes, bytes]


class Result(NamedTuple):
    """What became of one file that was to be read."""

    path: bytes
    """Its path field."""
    rows: tuple[bytes, ...]
    """Empty where it could not be read."""
    reason: str = ""


@dataclass(slots=True)
class Results:
    """Everything the workers of a run have done so far."""

    journal: Callable[[int], Path]
    tasks: dict[str, dict[int, Report]] = field(default_factory=dict)
    packs: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Name of each pack by worker and the worker's number of it."""
    objects: int = 0
    stored: int = 0
    is_cut_short: bool = False
    """Whether the workers were stopped: what they had in hand then has no place in the vault, and is passed over."""

    @property
    def has_any(self) -> bool:
        """Whether any file was read whose content is in the vault."""
        return any(result.rows for stream in self.streams().values() for result in stream)

    def note(self, report: Report) -> None:
        """Take in what a worker said."""
        if report.number >= 0:
            self.tasks.setdefault(report.bucket, {})[report.number] = report
        for number, name in report.packs:
            self.packs[report.worker, number] = name.encode("ascii")
        self.objects, self.stored = self.objects + report.objects, self.stored + report.stored

    def streams(self) -> dict[str, Iterator[Result]]:
        """Return, for each fiscal year, what became of its files in the order they were to be read."""
        claimed = self._claimed_places()
        return {bucket: self._stream(bucket, claimed) for bucket in self.tasks}

    def _stream(self, bucket: str, claimed: dict[bytes, Place]) -> Iterator[Result]:
        for line in self._grouped(bucket):
            rows = tuple(self._placed(row, worker, claimed) for worker, row in line)
            if not all(rows):
                continue
            if rows[0].startswith(FAILED):
                _mark, _kind, reason, path = rows[0][:-1].split(b"\t")
                yield Result(path, (), reason.decode("ascii"))
            else:
                yield Result(rows[0].split(b"\t", PATH + 1)[PATH], rows)

    def _grouped(self, bucket: str) -> Iterator[list[tuple[int, bytes]]]:
        group: list[tuple[int, bytes]] = []
        last = b""
        for worker, line in self._lines(bucket):
            path = line[:-1].split(b"\t")[PATH if not line.startswith(FAILED) else 3]
            if group and path != last:
                yield group
                group = []
            group.append((worker, line))
            last = path
        if group:
            yield group

    def _lines(self, bucket: str) -> Iterator[tuple[int, bytes]]:
        done = self.tasks[bucket]
        for number in sorted(done):
            report = done[number]
            with self.journal(report.worker).open("rb") as file:
                for line in os.pread(file.fileno(), report.length, report.offset).splitlines(keepends=True):
                    yield report.worker, line

    def _placed(self, row: bytes, worker: int, claimed: dict[bytes, Place]) -> bytes:
        """Return a row with its place; nothing where it was in hand when the workers were stopped."""
        fields = row.split(b"\t", LENGTH + 1)
        place = fields[OBJECT] if len(fields) > OBJECT else b""
        try:
            if place == CLAIMED:
                return with_place(row, *claimed[fields[SHA256]])
            if place.startswith(PACK_MARK):
                return with_place(row, self.packs[worker, int(place[1:])], fields[OFFSET], fields[LENGTH])
        except KeyError:
            if self.is_cut_short:
                return b""
            raise
        return row

    def _claimed_places(self) -> dict[bytes, Place]:
        """Return where content lies that stands more than once in this run."""
        wanted = {line.split(b"\t", 2)[SHA256] for line in self._all() if b"\t=\t" in line and _place(line) == CLAIMED}
        found: dict[bytes, Place] = {}
        for bucket in self.tasks if wanted else ():
            for group in self._grouped(bucket):
                worker, row = group[0]
                digest = row.split(b"\t", 2)[SHA256]
                if len(group) == 1 and digest in wanted and digest not in found and _place(row) != CLAIMED:
                    placed = self._placed(row, worker, {})
                    if not placed:
                        continue
                    fields = placed.split(b"\t", LENGTH + 1)
                    found[digest] = fields[OBJECT], fields[OFFSET], fields[LENGTH]
        return found

    def _all(self) -> Iterator[bytes]:
        for bucket in self.tasks:
            for _worker, line in self._lines(bucket):
                yield line


def _place(row: bytes) -> bytes:
    fields = row.split(b"\t", OBJECT + 1)
    return fields[OBJECT] if len(fields) > OBJECT else b""


def read_leftover(journals: list[Path], present: dict[str, int]) -> list[Held]:
    """Return, in order, the rows a killed run wrote down of files whose content is all in the vault.

    Whatever is torn, half or not understood is passed over: those files are read again.
    """
    whole: dict[bytes, Held] = {}
    claimed: list[bytes] = []
    places: dict[bytes, Place] = {}
    for journal in journals:
        for rows in _whole_groups(journal, present):
            fields = rows[0].split(b"\t")
            if fields[OBJECT] == CLAIMED:
                claimed.append(rows[0])
                continue
            if len(rows) == 1:
                places[fields[SHA256]] = fields[OBJECT], fields[OFFSET], fields[LENGTH]
            _note(whole, rows)
    for row in claimed:
        if place := places.get(row.split(b"\t", 2)[SHA256]):
            _note(whole, (with_place(row, *place),))
    return sorted(whole.values(), key=lambda held: held.key)


def _note(whole: dict[bytes, Held], rows: tuple[bytes, ...]) -> None:
    with suppress(RowRefused):
        row = decode_row(rows[0])
        # a large file whose rows were torn off is no file
        if len(rows) == max(1, -(-row.size // SEGMENT_BYTES)) or row.size < SEGMENT_BYTES:
            key = key_of_field(rows[0].split(b"\t", PATH + 1)[PATH])
            whole[key] = Held(key, rows, rows[0][:-1].split(b"\t"), -1, True)


def _whole_groups(journal: Path, present: dict[str, int]) -> Iterator[tuple[bytes, ...]]:
    """Yield the rows of each file of a journal, where every pack they name was stored."""
    lines = [line for line in journal.read_bytes().split(b"\n")[:-1] if line]
    marks = (line.split(b"\t") for line in lines if line.startswith(PACK_MARK + b"\t"))
    packs = {fields[1]: fields[2] for fields in marks if len(fields) == 4}
    group: list[bytes] = []
    last = b""
    for line in [*lines, b""]:
        fields = line.split(b"\t")
        path = fields[PATH] if len(fields) == FIELDS else b""
        if group and path != last:
            if all(group):
                yield tuple(group)
            group = []
        if path:
            place = fields[OBJECT]
            if place.startswith(PACK_MARK):
                fields[OBJECT] = packs.get(place[1:], b"")
            name = fields[OBJECT].decode("ascii", "replace")
            known = place in (CLAIMED, b"-") or (is_content(name) and name in present)
            group.append(b"\t".join(fields) + b"\n" if known else b"")
        last = path
