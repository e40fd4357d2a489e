"""Questions to one catalog or two, answered by DuckDB. Returns plain rows; has no words for a person, no judgement."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kdx.inventory.catalog.table import Database, execute, parquet
from kdx.inventory.names import join_path
from kdx.remotes.interface import NOT_READ, Kind

UNREAD = f"skip IN ({', '.join(repr(str(reason)) for reason in sorted(NOT_READ))})"


class Count(NamedTuple):
    """How many entries of one kind and skip reason a catalog has."""

    kind: str
    skip: str
    """A SkipReason, "" where there is none."""
    entries: int
    bytes: int
    hashed: int
    """Those whose content is known."""


def count_entries(database: Database, table: Path) -> list[Count]:
    """Return the entries of a catalog by kind and skip reason."""
    query = (
        f"SELECT kind, coalesce(skip, ''), count(*), coalesce(sum(size), 0)::BIGINT, count(sha256) "
        f"FROM {parquet(table)} GROUP BY ALL ORDER BY ALL"
    )
    return [Count(*row) for row in execute(database, query, table).fetchall()]


def ignored_paths(database: Database, table: Path) -> Iterator[str]:
    """Yield the paths left because a pattern says so."""
    query = f"SELECT path, path_raw FROM {parquet(table)} WHERE skip = 'ignored'"
    for path, raw in execute(database, query, table).fetchall():
        yield join_path(path, raw)


def unread_paths(database: Database, table: Path, most: int) -> list[tuple[str, str]]:
    """Return (path, reason) of the first `most` entries that were not read, in order of path."""
    query = f"SELECT path, path_raw, skip FROM {parquet(table)} WHERE {UNREAD} LIMIT {most}"
    return [(join_path(path, raw), skip) for path, raw, skip in execute(database, query, table).fetchall()]


def files_in(counts: Iterable[Count]) -> int:
    """Return how many files there are, whatever became of them."""
    return sum(count.entries for count in counts if count.kind == Kind.FILE)
