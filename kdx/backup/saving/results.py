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
        for group in self._grouped(bucket):
            _worker, first = group[0]
            if first[0] == FAILED:
                yield Result(first[3], (), first[2].decode("ascii"))
            elif all([self._place(fields, worker, claimed) for worker, fields in group]):
                yield Result(first[PATH], tuple([b"\t".join(fields) + b"\n" for _worker, fields in group]))

    def _grouped(self, bucket: str) -> Iterator[list[tuple[int, list[bytes]]]]:
        """Yield the fields of all rows of each file, and whose rows they are."""
        group: list[tuple[int, list[bytes]]] = []
        last = b""
        for worker, line in self._lines(bucket):
            fields = line[:-1].split(b"\t")
            path = fields[-1] if fields[0] == FAILED else fields[PATH]
            if group and path != last:
                yield group
                group = []
            group.append((worker, fields))
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

    def _place(self, fields: list[bytes], worker: int, claimed: dict[bytes, Place]) -> bool:
        """Put the place of a row in; False where its content was in hand when the workers were stopped."""
        place = fields[OBJECT]
        try:
            if place == CLAIMED:
                fields[OBJECT : LENGTH + 1] = claimed[fields[SHA256]]
            elif place.startswith(PACK_MARK):
                fields[OBJECT] = self.packs[worker, int(place[1:])]
        except KeyError:
            if self.is_cut_short:
                return False
            raise
        return True

    def _claimed_places(self) -> dict[bytes, Place]:
        """Return where content lies that stands more than once in this run."""
        mark = b"\t" + CLAIMED + b"\t"
        lines = (line[:-1].split(b"\t") for line in self._all() if mark in line)
        wanted = {fields[SHA256] for fields in lines if len(fields) == FIELDS and fields[OBJECT] == CLAIMED}
        found: dict[bytes, Place] = {}
        for bucket in self.tasks if wanted else ():
            for group in self._grouped(bucket):
                worker, fields = group[0]
                digest = fields[SHA256]
                if len(group) == 1 and digest in wanted and digest not in found and fields[OBJECT] != CLAIMED:
                    if self._place(fields, worker, {}):
                        found[digest] = fields[OBJECT], fields[OFFSET], fields[LENGTH]
        return found

    def _all(self) -> Iterator[bytes]:
        for bucket in self.tasks:
            for _worker, line in self._lines(bucket):
                yield line


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
