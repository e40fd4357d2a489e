"""The outline of a snapshot: what of the last one stands, and what is to be read, as a file in the scratch folder.

Written once, before anything is read; every checkpoint and the snapshot itself are made from it and from what the
workers have done until then. Lines, in the order of the manifest:

    P object rows bytes          this part of the last manifest stands as it is
    B object rows bytes pure     what follows, up to the next P or B, is made from that part ("-" where from none);
                                 pure 1: nothing but files to be read again stands between it and its reuse
    file|directory|link ...      a row that stands
    M count                      a file of so many rows that stands; they follow
    T bucket count path          a file to be read; `count` rows of its last version follow
    U kind reason since path     something that could not be read; its last version, where there is one, stands before
"""

from collections.abc import Sequence
from typing import BinaryIO

from kdx.backup.format.manifest import OBJECT, Held
from kdx.backup.format.seal import Part

PART, BEGIN, TODO, UNREAD, MANY = b"P", b"B", b"T", b"U", b"M"
NO_PART = Part("-", 0, 0)


class OutlineWriter:
    """Writes an outline from left to right. `close()` it."""

    def __init__(self, file: BinaryIO, parts: Sequence[Part]) -> None:
        self._file = file
        self._parts = parts
        self._part = -1
        self._lines: list[bytes] = []
        self._pure = False
        self._reads = False
        self.objects: set[bytes] = set()
        """Objects of all rows that stand."""

    def enter(self, held: Held) -> None:
        """Note which part of the last manifest we have come to."""
        if held.part > self._part:
            self._end_part()
            self._part, self._pure = held.part, True
        if held.fresh or held.part < 0:
            self._pure = False

    def keep(self, held: Held) -> None:
        """Let the rows of a path stand."""
        if len(held.rows) == 1:
            self._lines.append(held.rows[0])
            self.objects.add(held.fields[OBJECT])
        else:
            self._lines.append(MANY + b"\t%d\n" % len(held.rows))
            self._lines += held.rows
            self.objects.update(row.split(b"\t", OBJECT + 1)[OBJECT] for row in held.rows)

    def add(self, row: bytes) -> None:
        """Add or change a row."""
        self._pure = False
        self._lines.append(row)

    def drop(self) -> None:
        """Leave out rows of the last manifest."""
        self._pure = False

    def read(self, bucket: str, path: bytes, last: Sequence[bytes], again: bool = False) -> None:
        """Have a file read. `again`: only to see that it is still what it was."""
        self._pure = self._pure and again
        self._reads = True
        self._lines.append(b"\t".join((TODO, bucket.encode("ascii"), b"%d" % len(last), path)) + b"\n")
        self._lines += last

    def unread(self, kind: bytes, reason: bytes, since: str, path: bytes) -> None:
        """Note that something could not be read."""
        self._reads = True
        self._lines.append(b"\t".join((UNREAD, kind, reason, since.encode("ascii"), path)) + b"\n")

    def close(self) -> None:
        """Write what is left."""
        self._end_part()
        self._file.flush()

    def _end_part(self) -> None:
        if self._part < 0 and not self._lines:
            return
        part = self._parts[self._part] if self._part >= 0 else NO_PART
        numbers = (part.object.encode("ascii"), b"%d" % part.rows, b"%d" % part.bytes)
        if self._pure and not self._reads:
            self._file.write(b"\t".join((PART, *numbers)) + b"\n")
        else:
            self._file.write(b"\t".join((BEGIN, *numbers, b"%d" % self._pure)) + b"\n")
            self._file.writelines(self._lines)
        self._lines, self._reads = [], False
