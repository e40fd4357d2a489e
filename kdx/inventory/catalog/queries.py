"""Questions to one catalog or two, answered by DuckDB. Returns plain rows; has no words for a person, no judgement."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from kdx.inventory.catalog.rows import CATALOG, ENTRY_COLUMNS, entry_of
from kdx.inventory.catalog.table import Database, connect, execute, parquet, quote, stream
from kdx.inventory.names import join_path
from kdx.remotes.interface import NOT_READ, Entry, Kind

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


def entries_by_folder(table: Path) -> Iterator[Entry]:
    """Yield all entries of a catalog folder by folder, a folder before what lies in it, in bounded memory.

    Order of path does not do that: `a b` stands between `a` and `a/x` there.
    """
    # two folders whose bytes differ may read the same; then the bytes part them
    folder = "regexp_extract(path, '^(.*)/', 1, 's')"
    query = (
        f"SELECT {', '.join(ENTRY_COLUMNS)} FROM {parquet(table)} ORDER BY {folder}, {CATALOG.sort_key}"
    )
    with connect(table.parent) as database:
        yield from map(entry_of, stream(database, query, table))


def folders_of_catalog(table: Path) -> Iterator[Entry]:
    """Yield the folders of a catalog, each after the folder it lies in."""
    query = (
        f"SELECT {', '.join(ENTRY_COLUMNS)} FROM {parquet(table)} WHERE kind = 'directory' ORDER BY {CATALOG.sort_key}"
    )
    with connect(table.parent) as database:
        yield from map(entry_of, stream(database, query, table))


def ignored_paths(database: Database, table: Path) -> Iterator[str]:
    """Yield the paths left because a pattern says so."""
    query = f"SELECT path, path_raw FROM {parquet(table)} WHERE skip = 'ignored'"
    for path, raw in execute(database, query, table).fetchall():
        yield join_path(path, raw)


def unread_paths(database: Database, table: Path, most: int) -> list[tuple[str, str]]:
    """Return (path, reason) of the first `most` entries that were not read, in order of path."""
    query = f"SELECT path, path_raw, skip FROM {parquet(table)} WHERE {UNREAD} LIMIT {most}"
    return [(join_path(path, raw), skip) for path, raw, skip in execute(database, query, table).fetchall()]


def entries_in(counts: Iterable[Count]) -> int:
    """Return how many entries there are."""
    return sum(count.entries for count in counts)


def files_in(counts: Iterable[Count]) -> int:
    """Return how many files there are, whatever became of them."""
    return sum(count.entries for count in counts if count.kind == Kind.FILE)


class Copy(NamedTuple):
    """One of several files with the same content."""

    group: int
    """1 for the group that wastes most."""
    copies: int
    size: int
    path: str


def duplicate_files(database: Database, tables: Sequence[tuple[str, Path]], most: int) -> tuple[int, int, list[Copy]]:
    """Return (groups, bytes that could be saved, the files of the `most` groups that waste most).

    Several catalogs are looked at as one; the name given with each is put before its paths. Empty files are not
    duplicates, and names of one file (hard links, one file id in one catalog) count once.
    """
    files = " UNION ALL ".join(
        f"SELECT {number} AS place, {quote(name)} AS name, path, path_raw, {CATALOG.sort_key} AS key, size, sha256, "
        f"coalesce(nullif(file_id, ''), 'path ' || path) AS file_id FROM {parquet(table)} "
        f"WHERE kind = 'file' AND skip IS NULL AND sha256 IS NOT NULL AND size > 0"
        for number, (name, table) in enumerate(tables)
    )
    database.execute(
        f"CREATE OR REPLACE TEMP VIEW content AS SELECT * FROM ({files}) "
        f"QUALIFY row_number() OVER (PARTITION BY place, sha256, file_id ORDER BY key) = 1"
    )
    groups = (
        "SELECT sha256, size, count(*) AS copies, (count(*) - 1) * size AS wasted FROM content "
        "GROUP BY sha256, size HAVING count(*) > 1"
    )
    place = tables[0][1]
    total = execute(database, f"SELECT count(*), coalesce(sum(wasted), 0)::BIGINT FROM ({groups})", place).fetchall()[0]
    heaviest = (
        f"SELECT *, row_number() OVER (ORDER BY wasted DESC, sha256) AS number FROM ({groups}) "
        f"ORDER BY number LIMIT {most}"
    )
    rows = execute(
        database,
        f"SELECT number, copies, heaviest.size, name, path, path_raw FROM ({heaviest}) AS heaviest "
        f"JOIN content USING (sha256, size) ORDER BY number, place, key",
        place,
    ).fetchall()
    copies = [
        Copy(number, count, size, _placed(name, join_path(path, raw))) for number, count, size, name, path, raw in rows
    ]
    return int(total[0]), int(total[1]), copies


def _placed(name: str, path: str) -> str:
    return f"{name}/{path}" if name else path


class Content(NamedTuple):
    """How many files of one kind there are, and from when."""

    fiscal_year: int | None
    """Of their last change; None where the time makes no sense."""
    ending: str
    files: int
    bytes: int


def content_by_year(database: Database, tables: Sequence[Path], offset: timedelta) -> list[Content]:
    """Return files and bytes by fiscal year (from April) of the last change and by ending, over several catalogs.

    `offset` is the time zone's. What is ignored by pattern is no content.
    """
    if not tables:
        return []
    moment = f"make_timestamp(mtime_ns // 1000 + {offset // timedelta(microseconds=1)}) - INTERVAL 3 MONTH"
    query = (
        f"SELECT CASE WHEN mtime_ns > 0 THEN year({moment}) END, "
        f"lower(regexp_extract(path, '[^/]\\.([^./ ]{{1,10}})$', 1)), count(*), coalesce(sum(size), 0)::BIGINT "
        f"FROM {parquet(*tables)} WHERE kind = 'file' AND coalesce(skip, '') <> 'ignored' GROUP BY ALL ORDER BY ALL"
    )
    return [Content(*row) for row in execute(database, query, tables[0]).fetchall()]
