"""Scan a share: walk it once, hash what is new, write the catalog. Never believes that it shrank without being told.

A first scan walks and hashes in one go. A later one, and one that goes on after a kill, walks names first, takes over
every hash that still counts, and reads only the rest. Until the catalog has its name, the last one stays the last.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kdx.config.model import Share
from kdx.errors import ExitCode, Unreachable
from kdx.inventory.attempt import Attempt, begin_attempt
from kdx.inventory.errand import BATCH_BYTES, BATCH_FILES, BATCH_LETTERS, Errand, Task
from kdx.inventory.guard import Shrinking, SourceShrunk, refuse_shrunk
from kdx.inventory.ignore import ignore_matcher
from kdx.inventory.rights import read_rights
from kdx.inventory.workers import Workers
from kdx.language import _
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import LEFT_BY_RULE, NOT_READ, Entry, Kind, PlaceMissing, SkipReason
from kdx.state.folder import StateFolder, full_disk_explained

if TYPE_CHECKING:
    from kdx.inventory.catalog.queries import Count
    from kdx.inventory.catalog.table import Database
    from kdx.state.events.moving import ScanFinished

UNREAD_LISTED = 1000
"""So many unread entries are listed by a scan; the catalog has all of them."""
HOLDERS_ASKED = 20
"""As many as a person reads; each may cost several round trips."""


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


def scan_share(
    share: Share,
    place: Place,
    state: StateFolder,
    *,
    clock: Callable[[], datetime],
    processes: int,
    read_content: bool = True,
    accept_smaller: bool = False,
    take: Callable[[int], None] | None = None,
    progress: Progress = SILENT,
    meanwhile: Callable[[], object] = lambda: None,
) -> ScanResult:
    """Scan one share and write its catalog into the state folder.

    `take` waits until so many bytes of content may cross the line, in every process that reads; None: none is crossed.
    `meanwhile` runs in a thread beside the scan: for what the caller needs afterwards and takes long to load. What it
    raises is forgotten, for what is missing then will be missed again.
    Raises Locked where the share is being scanned, SourceShrunk unless `accept_smaller`, DiskFull, and what the place
    raises (Unreachable). Entries that cannot be read raise nothing: they are in the result.
    """
    with state.lock(f"scan-{share.id}"), full_disk_explained(state.root):
        attempt = begin_attempt(share, state, clock, progress)
        at_once = read_content and attempt.is_first
        errand = Errand(place, share.ignore.patterns, at_once, take, attempt.scratch / attempt.name)
        with Workers(errand, processes) as workers:
            workers.send(Task(folder=Entry("", Kind.DIRECTORY)))
            # only now: loading DuckDB takes longer than starting the workers, and they need nothing of it
            from kdx.inventory.catalog.table import connect

            with _beside(meanwhile), closing(connect(attempt.scratch)) as database:
                seen = _walk(attempt, workers, database, accept_smaller)
                if read_content and not at_once:
                    seen = _hash_rest(attempt, workers, database, seen)
                return _finish(attempt, place, database, seen, read_content)


@contextmanager
def _beside(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` in a thread during the block. Waiting for workers and DuckDB's own threads leave it the interpreter."""

    def run() -> None:
        with suppress(Exception):
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a scan has come: a table of everything, and how much was read for it."""

    table: Path
    counts: tuple["Count", ...]
    ended: datetime
    hashed: int
    hashed_bytes: int


def _walk(attempt: Attempt, workers: Workers, database: "Database", accept_smaller: bool) -> _Seen:
    """Wait until everything was seen, and write it as a table with every hash that is known."""
    from kdx.inventory.catalog.assemble import Known, write_walk
    from kdx.inventory.catalog.catalog import catalog_in, metadata_of
    from kdx.inventory.catalog.queries import count_entries, entries_in, files_in

    last = catalog_in(database, attempt.last) if attempt.last else None
    before = count_entries(database, last.path) if last else []
    attempt.progress.start(
        _("Looking through {share}").format(share=attempt.share.name), entries_in(before) or None, "entries"
    )
    try:
        told = workers.run((), lambda report: attempt.progress.advance(report.entries))
    except PlaceMissing as error:
        if last and not accept_smaller:
            raise SourceShrunk(share=attempt.share.name, now=0, before=files_in(before)) from error
        raise
    finally:
        attempt.progress.done()
    if attempt.is_first:
        workers.dismiss()
    table, ended = attempt.scratch / "walk.parquet", attempt.clock()
    rights = read_rights(attempt.journals("rights"))
    metadata = metadata_of(attempt.share, attempt.started, ended, rights).as_text()
    known = Known(last, attempt.left, attempt.began)
    write_walk(database, table, attempt.journals("walk", "names"), known, metadata)
    seen = _Seen(table, _whole(database, table, told.entries), ended, told.hashed, told.bytes)
    if not accept_smaller:
        files = files_in(before) if last else None
        refuse_shrunk(attempt.share.name, Shrinking(files, files_in(seen.counts), told.entries))
    return seen


def _hash_rest(attempt: Attempt, workers: Workers, database: "Database", seen: _Seen) -> _Seen:
    """Hash the files whose content is not known yet, and write the table again with what came of it."""
    from kdx.inventory.catalog.assemble import bytes_to_hash, unhashed, write_hashed
    from kdx.inventory.catalog.catalog import metadata_of
    from kdx.inventory.catalog.queries import entries_in

    if all(count.hashed == count.entries for count in seen.counts if (count.kind, count.skip) == (Kind.FILE, "")):
        return seen
    size = bytes_to_hash(database, seen.table)
    attempt.progress.start(_("Reading {share}").format(share=attempt.share.name), size, "bytes")
    try:
        told = workers.run(_tasks(unhashed(seen.table)), lambda report: attempt.progress.advance(report.bytes))
    finally:
        attempt.progress.done()
    workers.dismiss()
    table, ended = attempt.scratch / "hashed.parquet", attempt.clock()
    rights = read_rights(attempt.journals("rights"))
    metadata = metadata_of(attempt.share, attempt.started, ended, rights).as_text()
    write_hashed(database, table, seen.table, attempt.journals("hash"), metadata)
    return _Seen(table, _whole(database, table, entries_in(seen.counts)), ended, told.hashed, told.bytes)


def _whole(database: "Database", table: Path, entries: int) -> tuple["Count", ...]:
    """Return the numbers of a table that must hold so many entries. TableDamaged where it does not."""
    from kdx.inventory.catalog.queries import count_entries, entries_in
    from kdx.inventory.catalog.table import TableDamaged

    counts = tuple(count_entries(database, table))
    if entries_in(counts) != entries:
        raise TableDamaged(path=table, why=_("rows are missing"))
    return counts


def _tasks(files: Iterable[Entry]) -> Iterator[Task]:
    """Yield files as tasks small enough that all cores are busy to the end."""
    batch: list[Entry] = []
    size = letters = 0
    for entry in files:
        batch.append(entry)
        size, letters = size + entry.size, letters + len(entry.path)
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES or letters >= BATCH_LETTERS:
            yield Task(files=batch)
            batch, size, letters = [], 0, 0
    if batch:
        yield Task(files=batch)


def _finish(
    attempt: Attempt, place: Place, database: "Database", seen: _Seen, read_content: bool
) -> ScanResult:
    """Give the table its name as a catalog, and sum it up."""
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
