"""From what a scan saw to one table: journals of the walk, hashes that are known already, hashes made just now.

A known hash counts for an entry of the same path bytes, kind, size, mtime and (where both are known) file id, and only
if the file was quiet for a moment before it was read then: a change within the clock's grain would leave no trace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.catalog.rows import CATALOG, ENTRY_COLUMNS, entry_of
from kdx.inventory.catalog.table import Database, connect, execute, journal_source, parquet, stream, write_rows
from kdx.remotes.interface import Entry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUIET = timedelta(seconds=2)
"""How long before a scan began a file must have been left alone for its hash to be believed later. FAT and old NAS keep
times to two seconds."""

TO_HASH = "kind = 'file' AND skip IS NULL AND sha256 IS NULL"


@dataclass(frozen=True, slots=True)
class Known:
    """Where hashes of earlier scans are: the last catalog, journals a killed scan left, and when each began."""

    catalog: Catalog | None
    journals: tuple[Path, ...]
    journals_began: datetime

    @property
    def sources(self) -> Iterator[str]:
        """SQL of the rows whose hash may be believed, one statement for each source, each path once."""
        if self.catalog:
            yield f"SELECT * FROM {parquet(self.catalog.path)} WHERE {_quiet(self.catalog.metadata.started)}"
        if self.journals:
            # attempts that were killed one after the other may have hashed the same file
            yield (
                f"SELECT * FROM ({journal_source(CATALOG, self.journals)}) WHERE {_quiet(self.journals_began)} "
                f"QUALIFY row_number() OVER (PARTITION BY {CATALOG.sort_key}, size, mtime_ns, file_id) = 1"
            )


def _quiet(began: datetime) -> str:
    before = int((began - QUIET - EPOCH) / timedelta(microseconds=1)) * 1000
    return f"sha256 IS NOT NULL AND mtime_ns < {before}"


def write_walk(
    database: Database,
    path: Path,
    journals: Sequence[Path],
    known: Known,
    metadata: Mapping[str, str],
) -> None:
    """Write what a walk saw as a table, with every known hash that still counts."""
    query = f"SELECT * EXCLUDE (seq) FROM ({journal_source(CATALOG, journals)})"
    for source in known.sources:
        query = _with_hashes(query, source)
    write_rows(database, path, CATALOG, query, metadata)


def _with_hashes(query: str, source: str) -> str:
    key = CATALOG.sort_key
    return (
        f"SELECT walk.* REPLACE (coalesce(walk.sha256, known.sha256) AS sha256) "
        f"FROM (SELECT *, {key} AS key FROM ({query})) AS walk "
        f"LEFT JOIN (SELECT {key} AS key, kind, size, mtime_ns, file_id, sha256 FROM ({source})) AS known "
        f"ON walk.key = known.key AND walk.kind = known.kind AND walk.size = known.size AND walk.skip IS NULL "
        f"AND walk.mtime_ns = known.mtime_ns "
        f"AND (walk.file_id = known.file_id OR coalesce(walk.file_id, '') = '' OR coalesce(known.file_id, '') = '')"
    )


def bytes_to_hash(database: Database, walk: Path) -> int:
    """Return the bytes of the files of a walk that have no hash yet."""
    query = f"SELECT coalesce(sum(size), 0)::BIGINT FROM {parquet(walk)} WHERE {TO_HASH}"
    return int(execute(database, query, walk).fetchall()[0][0])


def unhashed(walk: Path) -> Iterator[Entry]:
    """Yield every file of a walk that has no hash yet, in order of path."""
    with connect(walk.parent) as database:
        query = f"SELECT {', '.join(ENTRY_COLUMNS)} FROM {parquet(walk)} WHERE {TO_HASH}"
        yield from map(entry_of, stream(database, query, walk))


def write_hashed(
    database: Database,
    path: Path,
    walk: Path,
    journals: Sequence[Path],
    metadata: Mapping[str, str],
) -> None:
    """Write the rows of a walk as a table; those that were hashed since come from the journals."""
    hashed = f"SELECT * EXCLUDE (seq) FROM ({journal_source(CATALOG, journals)})"
    key = CATALOG.sort_key
    untouched = f"SELECT * FROM {parquet(walk)} WHERE {key} NOT IN (SELECT {key} FROM ({hashed}))"
    write_rows(database, path, CATALOG, f"{hashed} UNION ALL BY NAME {untouched}", metadata)
