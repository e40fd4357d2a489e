"""Find files by a part of their path in every snapshot of a share: which versions there are, and where each is.

A part of a manifest that several snapshots share is read once.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from kdx.backup.format.chain import Chain, Stored, rows_of
from kdx.backup.format.manifest import FILE, KIND, PATH, RowRefused, decode_row, unescape
from kdx.backup.format.seal import Part
from kdx.backup.format.vault import Unit
from kdx.backup.restoring.choice import is_good
from kdx.backup.restoring.restored import Source
from kdx.backup.restoring.wanted import folded
from kdx.errors import DifferenceFound, KdxError
from kdx.progress import SILENT, Progress

Match = Callable[[str], bool]


class Hit(NamedTuple):
    """One content under one path."""

    path: str
    sha256: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Version:
    """One content under one path, and the snapshots it stands in."""

    source: Source
    hit: Hit
    best: Stored
    """The newest good snapshot that has it; the newest of the others where no good one has."""
    oldest: Stored


def holding(text: str) -> Match:
    """Return the rule "this text stands in the path", as people search."""
    wanted = folded(text)
    return lambda path: wanted in folded(path)


def find(source: Source, match: Match, progress: Progress = SILENT) -> tuple[list[Version], list[KdxError]]:
    """Return the versions of all files that match, by path and newest first, and what could not be looked through."""
    versions: dict[Hit, Version] = {}
    parts: dict[str, list[Hit]] = {}
    faults: list[KdxError] = []
    with closing(source.vault.unit(source.school)) as unit:
        chain = Chain(unit, source.share, source.keys)
        progress.start("", None, "entries")
        for stored in chain.newest_first():
            for part in stored.seal.parts:
                if part.object not in parts:
                    parts[part.object] = _hits(unit, part, match, faults)
                    progress.advance(part.rows)
                for hit in parts[part.object]:
                    version = versions.setdefault(hit, Version(source, hit, stored, stored))
                    version.oldest = stored
                    if is_good(stored) and not is_good(version.best):
                        version.best = stored
        progress.done()
        faults += chain.faults.values()
    found = sorted(versions.values(), key=lambda version: version.best.seal.name.rank, reverse=True)
    return sorted(found, key=lambda version: version.hit.path), faults


def _hits(unit: Unit, part: Part, match: Match, faults: list[KdxError]) -> list[Hit]:
    """Return the files of one part that match, each once."""
    hits: dict[Hit, None] = {}
    try:
        for line in rows_of(unit, part):
            fields = line.split(b"\t")
            if len(fields) > PATH and fields[KIND] == FILE and match(_text(fields[PATH])):
                try:
                    row = decode_row(line)
                except RowRefused:
                    # a restore names it; nothing can be had from it
                    continue
                hits[Hit(row.path, row.sha256, row.size, row.mtime_ns)] = None
    except DifferenceFound as error:
        faults.append(error)
    return list(hits)


def _text(field: bytes) -> str:
    try:
        return unescape(field).decode("utf-8", "surrogateescape")
    except RowRefused:
        return ""
