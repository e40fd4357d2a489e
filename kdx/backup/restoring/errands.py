"""In which order a restore reads the vault: each stretch of a pack once, for all files that lie in it.

Two million entries are sorted on the disk, never held in memory: by pack, and in it by offset.
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from kdx.backup.format.manifest import escape, unescape
from kdx.backup.format.names import PACKS
from kdx.backup.restoring.wanted import Piece, Wanted
from kdx.remotes.interface import Kind

CHUNK_LINES = 100_000
"""Lines sorted in memory at once: some 40 MB."""
GAP_BYTES = 1 << 20
"""What lies between two wanted frames is read along, up to so much: cheaper than to ask again."""
MOST_FILES = 2000


class Errand(NamedTuple):
    """Files whose pieces are read together: many small ones from one stretch of a pack, or one large one."""

    files: list[Wanted]

    @property
    def weight(self) -> int:
        """Bytes it reads, roughly; of a large file what is in memory at a time."""
        return min(sum(piece.length for file in self.files for piece in file.pieces), 16 << 20)


def is_small(wanted: Wanted) -> bool:
    """Whether a file lies in a pack, together with others."""
    return len(wanted.pieces) == 1 and wanted.pieces[0].object.startswith(PACKS)


def errands(files: Iterable[Wanted], scratch: Path) -> Iterator[Errand]:
    """Given files in any order, yield what to do, small files first, pack by pack."""
    large: list[Wanted] = []

    def lines() -> Iterator[bytes]:
        for wanted in files:
            if is_small(wanted):
                yield _line(wanted)
            else:
                large.append(wanted)

    ordered = map(_wanted, sorted_lines(lines(), scratch))
    for _object, members in groupby(ordered, key=lambda wanted: wanted.pieces[0].object):
        yield from _stretches(members)
    for wanted in large:
        yield Errand([wanted])


def _stretches(members: Iterable[Wanted]) -> Iterator[Errand]:
    files: list[Wanted] = []
    end = 0
    for wanted in members:
        piece = wanted.pieces[0]
        if files and (piece.offset > end + GAP_BYTES or len(files) >= MOST_FILES):
            yield Errand(files)
            files = []
        files.append(wanted)
        end = piece.offset + piece.length
    if files:
        yield Errand(files)


def sorted_lines(lines: Iterable[bytes], scratch: Path) -> Iterator[bytes]:
    """Yield lines sorted by their bytes, in bounded memory. Files in `scratch` are removed as soon as they are open."""
    stream = iter(lines)
    with ExitStack() as stack:
        runs: list[Iterable[bytes]] = []
        while chunk := sorted(islice(stream, CHUNK_LINES)):
            if len(chunk) < CHUNK_LINES:
                runs.append(chunk)
                break
            path = scratch / f"run-{len(runs)}"
            with path.open("wb") as file:
                file.writelines(chunk)
            runs.append(stack.enter_context(path.open("rb")))
            path.unlink()
        yield from heapq.merge(*runs)


def _line(wanted: Wanted) -> bytes:
    piece = wanted.pieces[0]
    numbers = b"%012d\t%d\t%d\t%d" % (piece.offset, piece.length, wanted.size, wanted.mtime_ns)
    texts = (escape(text.encode("utf-8", "surrogateescape")) for text in (wanted.acl, wanted.path, wanted.target))
    return b"\t".join((piece.object.encode("ascii"), numbers, wanted.sha256.encode("ascii"), *texts)) + b"\n"


def _wanted(line: bytes) -> Wanted:
    place, offset, length, size, mtime, digest, *texts = line[:-1].split(b"\t")
    acl, path, target = (unescape(text).decode("utf-8", "surrogateescape") for text in texts)
    piece = Piece(place.decode("ascii"), int(offset), int(length))
    return Wanted(Kind.FILE, path, digest.decode("ascii"), int(size), int(mtime), acl, "", (piece,), target)
