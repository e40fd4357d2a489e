"""Scan a share: walk it once, hash what is new, write the catalog. Never believes that it shrank without being told.

A first scan walks and hashes in one go. A later one, and one that goes on after a kill, walks names first, takes over
every hash that still counts, and reads only the rest. Until the catalog has its name, the last one stays the last.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kdx.config.model import Share
from kdx.inventory.attempt import Attempt, begin_attempt
from kdx.inventory.errand import BATCH_BYTES, BATCH_FILES, BATCH_LETTERS, Errand, Task
from kdx.inventory.guard import Shrinking, SourceShrunk, refuse_shrunk
from kdx.inventory.rights import read_rights
from kdx.inventory.scanned import ScanResult, Seen, catalogued
from kdx.inventory.workers import Workers
from kdx.language import _
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import Entry, Kind, PlaceMissing
from kdx.state.folder import StateFolder, full_disk_explained

if TYPE_CHECKING:
    from kdx.inventory.catalog.queries import Count
    from kdx.inventory.catalog.table import Database


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
                return catalogued(attempt, place, database, seen, read_content)


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


def _walk(attempt: Attempt, workers: Workers, database: "Database", accept_smaller: bool) -> Seen:
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
    seen = Seen(table, _whole(database, table, told.entries), ended, told.hashed, told.bytes)
    if not accept_smaller:
        files = files_in(before) if last else None
        refuse_shrunk(attempt.share.name, Shrinking(files, files_in(seen.counts), told.entries))
    return seen


def _hash_rest(attempt: Attempt, workers: Workers, database: "Database", seen: Seen) -> Seen:
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
    return Seen(table, _whole(database, table, entries_in(seen.counts)), ended, told.hashed, told.bytes)


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
