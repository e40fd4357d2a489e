"""Large tables on disk: journals of JSON lines in, one sorted Parquet file out, rows streamed back in bounded memory.

Scans, plans and migration results all live in such tables. A table is replaced whole or not at all. Binary columns are
hexadecimal in journals. Rows are sorted by the bytes of their path, so that two tables can be merged as streams.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kdx.errors import DifferenceFound, DiskFull, KdxError
from kdx.language import N_

if TYPE_CHECKING:
    import _duckdb

Database: TypeAlias = "_duckdb.DuckDBPyConnection"

MEMORY_LIMIT = "220MB"
"""What DuckDB may use before it spills. Reading journals takes 100 MB whatever their size (three buffers of 32 MB), so
160 MB failed to sort a million rows and 200 MB sorts any number; the whole scan then stays below 400 MB."""
ROW_BATCH = 2048
ROW_GROUP = 30720
"""Rows DuckDB compresses as one piece: small enough that both cores have one at 60,000 files (80 against 97 ms)."""


class TableDamaged(DifferenceFound):
    """A file kdx wrote cannot be read back."""

    message = N_("{path} is damaged and cannot be read: {why}.")
    advice = N_("Move it aside and run the scan or plan again.")


class TooLittleMemory(KdxError):
    """The engine could neither stay within MEMORY_LIMIT nor spill: a fault of kdx, not of the disk."""

    message = N_("{path} could not be made within {limit} of memory: {why}.")
    advice = N_("Run the same command again; if it happens again, report it with the number of entries of the share.")


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a kind of table (name -> VARCHAR, BIGINT or BLOB) and the column of the path it is keyed by."""

    columns: Mapping[str, str]
    path: str = "path"

    @property
    def raw(self) -> str:
        """Column with the bytes of a path that is not UTF-8."""
        return f"{self.path}_raw"

    @property
    def sort_key(self) -> str:
        """SQL of the bytes of the path."""
        return f"coalesce({self.raw}, encode({self.path}))"


_engines: dict[int, Database] = {}
"""Process -> its DuckDB: to begin one costs 17 ms, a connection to it 5 microseconds. One begun before a fork lacks its
threads after it, so a process that was forked begins its own."""


def connect(scratch: Path) -> Database:
    """Return a connection to the DuckDB of this process, to be closed after use.

    What does not fit into memory is spilled into the `scratch` that was named first.
    """
    process = os.getpid()
    if process not in _engines:
        _engines[process] = begin_engine(scratch)
    return _engines[process].cursor()


def begin_engine(scratch: Path) -> Database:
    """Return a DuckDB that stays within MEMORY_LIMIT, spilling into `scratch`."""
    # the engine without its Python package: data frames and expressions, unused here, load in 50 ms, the engine in 11
    import _duckdb

    return _duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": min(2, os.cpu_count() or 1),
            "temp_directory": str(scratch),
            # rows come in a file's own order, so a million of them need no second sort
            "preserve_insertion_order": True,
        }
    )


def journal_source(layout: Layout, journals: Sequence[Path]) -> str:
    """Return SQL that reads journals as rows of `layout`; a half line left by a kill is passed over.

    DuckDB makes such a line a row of nothing but NULL.
    """
    columns = {name: "VARCHAR" if kind == "BLOB" else kind for name, kind in layout.columns.items()}
    columns["seq"] = "BIGINT"
    declared = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    files = ", ".join(quote(str(path)) for path in journals)
    chosen = ", ".join(
        f"unhex({name}) AS {name}" if kind == "BLOB" else name for name, kind in layout.columns.items()
    )
    return (
        f"SELECT {chosen}, seq FROM read_json([{files}], format='newline_delimited', ignore_errors=true, "
        f"maximum_object_size=1048576, columns={{{declared}}}) WHERE {layout.path} IS NOT NULL"
    )


def newest_rows(layout: Layout, table: Path | None, journal: Path) -> str:
    """Return SQL of the table's rows and the journal's: of each path the journal's highest `seq`, else the table's."""
    sources = [journal_source(layout, [journal])]
    if table:
        sources.append(f"SELECT {', '.join(layout.columns)}, -1 AS seq FROM {parquet(table)}")
    newest = f"row_number() OVER (PARTITION BY {layout.sort_key} ORDER BY seq DESC) = 1"
    return f"SELECT * EXCLUDE (seq) FROM ({' UNION ALL '.join(sources)}) QUALIFY {newest}"


def write_table(
    path: Path, layout: Layout, query: str, metadata: Mapping[str, str], scratch: Path | None = None
) -> None:
    """Run `query` (its columns are those of `layout`), sort by path bytes and write `path` as a whole, durably."""
    unfinished = path.with_suffix(".unfinished")
    with connect(scratch or path.parent) as database:
        write_rows(database, unfinished, layout, query, metadata)
    move_durably(unfinished, path)


def write_rows(
    database: Database, path: Path, layout: Layout, query: str, metadata: Mapping[str, str]
) -> None:
    """The same with a database that is open already, straight into `path`: whole only once this has returned."""
    pairs = ", ".join(f"{quote(name)}: {quote(value)}" for name, value in metadata.items())
    chosen = ", ".join(layout.columns)
    statement = (
        f"COPY (SELECT {chosen} FROM ({query}) ORDER BY {layout.sort_key}) TO {quote(str(path))} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP}"
        f"{f', KV_METADATA {{{pairs}}}' if pairs else ''})"
    )
    execute(database, statement, path.parent)


def move_durably(source: Path, path: Path) -> None:
    """Give a finished file its name. After a power cut there is the whole file or the one that was there before."""
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_table(
    path: Path, layout: Layout, columns: Sequence[str] | None = None, only: Mapping[str, str] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table in the order of their path's bytes; `only` those with these values in these columns.

    TableDamaged where it is not one.
    """
    chosen = ", ".join(columns or layout.columns)
    fitting = " AND ".join(f"{name} = {quote(value)}" for name, value in (only or {}).items())
    with connect(path.parent) as database:
        query = f"SELECT {chosen} FROM {parquet(path)}" + (f" WHERE {fitting}" if fitting else "")
        yield from stream(database, query, path)


def stream(database: Database, query: str, place: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query over tables in the tables' own order, in bounded memory."""
    cursor = execute(database, query, place)
    while rows := cursor.fetchmany(ROW_BATCH):
        yield from rows


def read_metadata(path: Path) -> dict[str, str]:
    """Return the key-value metadata of a table."""
    with connect(path.parent) as database:
        return metadata_in(database, path)


def metadata_in(database: Database, path: Path) -> dict[str, str]:
    """The same as read_metadata with a database that is open already."""
    query = f"SELECT key, value FROM parquet_kv_metadata({quote(str(path))})"
    return {
        key.decode("utf-8"): value.decode("utf-8") for key, value in execute(database, query, path).fetchall()
    }


def quote(text: str) -> str:
    """Return `text` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet(*paths: Path) -> str:
    """Return SQL of all rows of tables."""
    return f"read_parquet([{', '.join(quote(str(path)) for path in paths)}])"


def execute(database: Database, statement: str, place: Path) -> Database:
    """Run SQL; what goes wrong becomes DiskFull, TooLittleMemory or TableDamaged, naming `place`."""
    import _duckdb

    try:
        return database.execute(statement)
    except _duckdb.Error as error:
        why = str(error).splitlines()[0]
        # a spill that finds no room is told as a lack of memory too
        if "No space left" in str(error) or "max_temp_directory_size" in str(error):
            raise DiskFull(folder=place) from error
        if isinstance(error, _duckdb.OutOfMemoryException):
            raise TooLittleMemory(path=place, limit=MEMORY_LIMIT, why=why) from error
        raise TableDamaged(path=place, why=why) from error
