"""Where content lies already: the lookup of earlier snapshots, and what the workers of this run have claimed.

The lookup is a sorted file that is searched where it lies, never a dict: two million entries are 88 MB on the disk and
nothing in memory. It is made from manifests before files are read, and thrown away. Claims stand in memory that all
workers of a run share.
"""

import mmap
from array import array
from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple

from kdx.backup.format.manifest import FILE, KIND, LENGTH, OBJECT, OFFSET, SHA256, Held
from kdx.backup.format.names import PACKS

CHUNK_RECORDS = 200_000
"""Records sorted in memory at once: some 20 MB."""
_DIGEST, _PLACE = 32, 12
_RECORD = _DIGEST + _PLACE
_SLOT = 16


class PackPlace(NamedTuple):
    """One member of a pack."""

    object: str
    offset: int
    length: int


def write_lookup(path: Path, entries: Iterable[Held], usable: Iterable[str]) -> None:
    """Write where the content of small files lies, and the table of the packs it lies in beside it.

    Only packs in `usable` are believed to be there.
    """
    packs = sorted(name for name in usable if name.startswith(PACKS))
    number_of = {name.encode("ascii"): number for number, name in enumerate(packs)}
    runs: list[Path] = []
    records: list[bytes] = []

    def spill() -> None:
        records.sort()
        runs.append(path.with_name(f"{path.name}.{len(runs)}"))
        runs[-1].write_bytes(b"".join(records))
        records.clear()

    for held in entries:
        fields = held.fields
        if len(held.rows) == 1 and fields[KIND] == FILE and (number := number_of.get(fields[OBJECT])) is not None:
            try:
                place = array("I", (number, int(fields[OFFSET]), int(fields[LENGTH]))).tobytes()
                record = bytes.fromhex(fields[SHA256].decode("ascii")) + place
            except (ValueError, OverflowError):
                # no kdx wrote it: nothing may rely on it
                continue
            if len(record) == _RECORD:
                records.append(record)
            if len(records) >= CHUNK_RECORDS:
                spill()
    spill()
    with path.open("wb") as file:
        last = b""
        for record in merge(*map(_records, runs)):
            if record[:_DIGEST] != last:
                file.write(record)
                last = record[:_DIGEST]
    path.with_suffix(".packs").write_bytes(b"".join(name + b"\n" for name in number_of))
    for run in runs:
        run.unlink()


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while record := file.read(_RECORD):
            yield record


class Lookup:
    """An open lookup. Good after a fork."""

    def __init__(self, path: Path) -> None:
        self._packs = path.with_suffix(".packs").read_text("ascii").split("\n")[:-1]
        size = path.stat().st_size
        self._count = size // _RECORD
        self._map: mmap.mmap | bytes = b""
        if size:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def find(self, digest: bytes) -> PackPlace | None:
        """Return where this content lies, None where it does not."""
        data, low, high = self._map, 0, self._count
        while low < high:
            middle = (low + high) // 2
            if data[middle * _RECORD : middle * _RECORD + _DIGEST] < digest:
                low = middle + 1
            else:
                high = middle
        start = low * _RECORD
        if low == self._count or data[start : start + _DIGEST] != digest:
            return None
        number, offset, length = array("I", data[start + _DIGEST : start + _RECORD])
        return PackPlace(self._packs[number], offset, length)


class Claims:
    """Which content some worker of this run has put into a pack. Made before the workers are forked.

    Two that claim at the same moment may both succeed: the content is then stored twice, and nothing is wrong.
    """

    def __init__(self, most: int) -> None:
        self._slots = 1 << max(10, (2 * most).bit_length())
        self._map = mmap.mmap(-1, self._slots * _SLOT)

    def claim(self, digest: bytes) -> bool:
        """Claim content. False where somebody already has."""
        name, free = digest[:_SLOT], bytes(_SLOT)
        slot = int.from_bytes(digest[:8]) % self._slots
        for _probe in range(self._slots):
            start = slot * _SLOT
            found = self._map[start : start + _SLOT]
            if found == name:
                return False
            if found == free:
                self._map[start : start + _SLOT] = name
                return True
            slot = (slot + 1) % self._slots
        return True
