"""Rows of a snapshot as entries that may be written somewhere (FORMAT.md, section 6, "What a reader refuses").

A manifest is as hostile as whoever wrote it. Nothing leaves here whose path could lead out of a target or through a
link of the same snapshot. What is refused is named, and the others go on. One pass, in bounded memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kdx.backup.format.chain import rows_of
from kdx.backup.format.manifest import ManifestDamaged, Row, RowRefused, decode_row
from kdx.backup.format.names import SEGMENT_BYTES
from kdx.backup.format.seal import Part, Seal
from kdx.backup.format.vault import Unit
from kdx.backup.restoring.wanted import PART_LOST, REFUSED, Fault, Piece, Wanted
from kdx.errors import DifferenceFound
from kdx.language import N_, _
from kdx.remotes.interface import Kind

TWICE = N_("its path stands there twice")
DISORDER = N_("its path is out of order")
HOMELESS = N_("its folder is not in the list, or is none")
PIECES = N_("its pieces are not all there")
MOST_REFUSED = 1000
"""Of one part. Whoever writes more of them wants to fill the memory of the one who names them."""


@dataclass(slots=True)
class _Last:
    """The path that came last, component by component, and which of them are folders."""

    names: list[bytes] = field(default_factory=list)
    folders: list[bool] = field(default_factory=list)
    after_gap: bool = False
    """A part was lost: the next path may lie in folders that nobody has named."""

    def admit(self, row: Row) -> None:
        """Let a path follow. RowRefused where it may not."""
        parts = row.path.encode("utf-8", "surrogateescape").split(b"/")
        same = 0
        while same < min(len(parts), len(self.names)) and parts[same] == self.names[same]:
            same += 1
        if same == len(parts):
            raise RowRefused(TWICE if same == len(self.names) else DISORDER)
        if same < len(self.names) and parts[same] < self.names[same]:
            raise RowRefused(DISORDER)
        if (same and not self.folders[same - 1]) or not (same == len(parts) - 1 or self.after_gap):
            raise RowRefused(HOMELESS)
        self.names[same:] = parts[same:]
        self.folders[same:] = [True] * (len(parts) - 1 - same) + [row.kind == Kind.DIRECTORY]
        self.after_gap = False


def admitted(unit: Unit, seal: Seal, faults: list[Fault]) -> Iterator[Wanted]:
    """Yield the entries of a snapshot in order; what cannot be one is added to `faults`."""
    last, file = _Last(), _File()
    for part in seal.parts:
        try:
            for row in _rows(unit, part, last, file, faults):
                yield from file.close(faults)
                if row.kind == Kind.FILE:
                    file.begin(row)
                else:
                    yield Wanted(row.kind, row.path, mtime_ns=row.mtime_ns, acl=row.acl, link=row.link)
        except DifferenceFound as error:
            faults.append(Fault(part.object, PART_LOST, str(error)))
            last.after_gap = True
    yield from file.close(faults)


def _rows(unit: Unit, part: Part, last: "_Last", file: "_File", faults: list[Fault]) -> Iterator[Row]:
    """Yield the first rows of the entries of a part. ManifestDamaged, ObjectMissing or ObjectDamaged."""
    refused = 0
    for line in rows_of(unit, part):
        try:
            row = decode_row(line)
            if file.takes(row):
                continue
            last.admit(row)
        except RowRefused as refusal:
            refused += 1
            if refused > MOST_REFUSED:
                raise ManifestDamaged(name=part.object, why=_("most of its rows are none")) from refusal
            faults.append(Fault(_name_in(line), REFUSED, str(refusal)))
            continue
        yield row


class _File:
    """A file while its pieces come in."""

    def __init__(self) -> None:
        self._row: Row | None = None
        self._pieces: list[Piece] = []

    def begin(self, row: Row) -> None:
        """Take the first piece."""
        self._row, self._pieces = row, [Piece(row.object, row.offset, row.length)] if row.object else []

    def takes(self, row: Row) -> bool:
        """Take the next piece, where the row is one."""
        mine = self._row
        if mine is None or row.path != mine.path or row.kind != mine.kind or len(self._pieces) >= _pieces(mine.size):
            return False
        if row._replace(object=mine.object, offset=mine.offset, length=mine.length) != mine:
            return False
        self._pieces.append(Piece(row.object, row.offset, row.length))
        return True

    def close(self, faults: list[Fault]) -> Iterator[Wanted]:
        """Yield the file, where it is whole."""
        row, self._row = self._row, None
        if row is None:
            return
        if len(self._pieces) != _pieces(row.size):
            faults.append(Fault(row.path, REFUSED, PIECES))
            return
        yield Wanted(row.kind, row.path, row.sha256, row.size, row.mtime_ns, row.acl, "", tuple(self._pieces))


def _pieces(size: int) -> int:
    return min(size, 1) if size < SEGMENT_BYTES else -(-size // SEGMENT_BYTES)


def _name_in(line: bytes) -> str:
    """Return what a refused row calls itself, as it stands."""
    fields = line.rstrip(b"\n").split(b"\t")
    name = fields[9][:4096] if len(fields) > 9 else line[:200].rstrip(b"\n")
    return name.decode("utf-8", "surrogateescape")
