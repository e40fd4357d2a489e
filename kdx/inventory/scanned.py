"""What a scan saw: a table becomes the catalog of its share, and this is its sum."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kdx.config.model import Share
from kdx.errors import ExitCode, Unreachable
from kdx.inventory.attempt import Attempt
from kdx.inventory.ignore import ignore_matcher
from kdx.remotes import Place
from kdx.remotes.interface import LEFT_BY_RULE, NOT_READ, Kind, SkipReason

if TYPE_CHECKING:
    from kdx.inventory.catalog.queries import Count
    from kdx.inventory.catalog.table import Database
    from kdx.state.events.moving import ScanFinished

UNREAD_LISTED = 1000
"""So many unread entries are listed by a scan; the catalog has all of them."""
HOLDERS_ASKED = 20
"""As many as a person reads; each may cost several round trips."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a scan has come: a table of everything, and how much was read for it."""

    table: Path
    counts: tuple["Count", ...]
    ended: datetime
    hashed: int
    hashed_bytes: int


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan saw. The catalog has every entry; this is its sum."""

    share: Share
    catalog: Path
    catalog_sha256: str
    """Hexadecimal, of the catalog file."""
    started: datetime
    ended: datetime
    counts: tuple["Count", ...]
    ignored: tuple[tuple[str, int], ...]
    """(pattern, entries left because of it), every pattern of the share in its order."""
    unread: tuple[tuple[str, str], ...]
    """(path, reason) of the first UNREAD_LISTED entries that were not read."""
    holders: Mapping[str, str]
    """Who has a locked file open, by path, where that is known; asked for the first HOLDERS_ASKED locked ones."""
    read_content: bool
    """False for a scan of names: what was not known before is still not known."""
    hashed: int
    """Files whose content this scan read; the others were known."""
    hashed_bytes: int

    def entries(self, kind: str | None = None) -> int:
        """Return the number of entries, of one kind or of all."""
        return sum(count.entries for count in self.counts if kind in (None, count.kind))

    @property
    def bytes(self) -> int:
        """Size of all files, whatever becomes of them."""
        return sum(count.bytes for count in self.counts)

    @property
    def left_by_rule(self) -> int:
        """Number of entries left by rule."""
        return sum(count.entries for count in self.counts if count.skip in LEFT_BY_RULE)

    @property
    def not_read(self) -> int:
        """Number of entries that could not be read."""
        return sum(count.entries for count in self.counts if count.skip in NOT_READ)

    @property
    def exit_code(self) -> ExitCode:
        """3 where something could not be read."""
        return ExitCode.INCOMPLETE if self.not_read else ExitCode.DONE

    def event(self) -> "ScanFinished":
        """Return what the ledger keeps of it."""
        from kdx.state.events.moving import ScanFinished

        return ScanFinished(
            school=self.share.school,
            share=self.share.name,
            share_id=self.share.id,
            entries=self.entries(),
            files=self.entries(Kind.FILE),
            bytes=self.bytes,
            not_read=self.not_read,
            left_by_rule=self.left_by_rule,
            read_content=self.read_content,
            catalog=self.catalog.name,
            catalog_sha256=self.catalog_sha256,
            started=self.started,
            ended=self.ended,
        )


def catalogued(
    attempt: Attempt, place: Place, database: "Database", seen: Seen, read_content: bool
) -> ScanResult:
    """Give the table its name as a catalog, and return its sum."""
    from kdx.inventory.catalog.catalog import new_catalog_path
    from kdx.inventory.catalog.queries import ignored_paths, unread_paths
    from kdx.inventory.catalog.table import move_durably

    pattern_of = ignore_matcher(attempt.share.ignore.patterns)
    skips = {count.skip for count in seen.counts}
    paths = ignored_paths(database, seen.table) if SkipReason.IGNORED in skips else ()
    ignored = Counter(pattern_of(path.rpartition("/")[2]) for path in paths)
    unread = tuple(unread_paths(database, seen.table, UNREAD_LISTED)) if skips & NOT_READ else ()
    result = ScanResult(
        share=attempt.share,
        catalog=new_catalog_path(attempt.catalogs, attempt.started),
        catalog_sha256=_sha256(seen.table),
        started=attempt.started,
        ended=seen.ended,
        counts=seen.counts,
        ignored=tuple((pattern, ignored[pattern]) for pattern in attempt.share.ignore.patterns),
        unread=unread,
        holders=_holders(place, [path for path, reason in unread if reason == SkipReason.LOCKED]),
        read_content=read_content,
        hashed=seen.hashed,
        hashed_bytes=seen.hashed_bytes,
    )
    move_durably(seen.table, result.catalog)
    attempt.forget()
    return result


def _holders(place: Place, locked: Sequence[str]) -> dict[str, str]:
    """Ask who has files open. Information only: a place that answers no more has been scanned all the same."""
    if not locked:
        return {}
    from kdx.remotes.holder import holder_of

    found: dict[str, str] = {}
    with suppress(Unreachable), closing(place.open()) as remote:
        for path in locked[:HOLDERS_ASKED]:
            if holder := holder_of(remote, path):
                found[path] = holder
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
