"""What changed between two catalogs of one share, answered by DuckDB. Content counts, a new time alone does not.

Folders are left out (they change whenever something in them does), and so is what is ignored by pattern.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from kdx.inventory.catalog.rows import CATALOG
from kdx.inventory.catalog.table import Database, execute, parquet
from kdx.inventory.names import join_path


class Change(StrEnum):
    """What became of one file or link."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    """The same content under another path; each file that vanished is paired with one that appeared."""


class Difference(NamedTuple):
    """One file or link that is not what it was. Sizes in bytes, None on the side where it is not."""

    change: str
    path: str
    """Where it is now; where it was, if it was removed."""
    before: str | None
    """Where it was, if it moved."""
    size_before: int | None
    size_now: int | None


_CHOSEN = "kind, size, mtime_ns, sha256, coalesce(link, '') AS link, path, path_raw"
_CHANGED = (
    "old.kind <> new.kind OR old.size <> new.size OR old.link <> new.link OR CASE "
    "WHEN old.sha256 IS NOT NULL AND new.sha256 IS NOT NULL THEN old.sha256 <> new.sha256 "
    "ELSE old.mtime_ns <> new.mtime_ns END"
)


def differences(database: Database, before: Path, now: Path) -> Iterator[Difference]:
    """Yield what changed, in order of path. Where a hash is not known, size and time decide."""
    key = CATALOG.sort_key
    for name, table in (("before", before), ("now", now)):
        execute(
            database,
            f"CREATE OR REPLACE TEMP VIEW {name}_files AS SELECT {key} AS key, {_CHOSEN} FROM {parquet(table)} "
            f"WHERE kind <> 'directory' AND skip IS DISTINCT FROM 'ignored'",
            table,
        )
    execute(
        database,
        "CREATE OR REPLACE TEMP TABLE met AS "
        "SELECT old.key AS old_key, new.key AS new_key, old.path AS old_path, old.path_raw AS old_raw, "
        "new.path AS new_path, new.path_raw AS new_raw, old.size AS old_size, new.size AS new_size, "
        "old.sha256 AS old_sha256, new.sha256 AS new_sha256 "
        "FROM before_files AS old FULL JOIN now_files AS new ON old.key = new.key "
        f"WHERE old.key IS NULL OR new.key IS NULL OR {_CHANGED}",
        now,
    )
    rows = execute(database, f"SELECT * EXCLUDE (key) FROM ({_paired()}) ORDER BY key", now)
    while batch := rows.fetchmany(2048):
        for change, path, raw, old_path, old_raw, old_size, new_size in batch:
            was = join_path(old_path, old_raw) if old_path is not None else None
            yield Difference(change, join_path(path, raw), was, old_size, new_size)


def _paired() -> str:
    """SQL that pairs what vanished with what appeared of the same content, and calls the rest by its name."""
    twins = "row_number() OVER (PARTITION BY {side}_sha256, {side}_size ORDER BY {side}_key) AS twin"
    gone = f"SELECT *, {twins.format(side='old')} FROM met WHERE new_key IS NULL"
    come = f"SELECT *, {twins.format(side='new')} FROM met WHERE old_key IS NULL"
    return (
        "SELECT new_key AS key, 'changed' AS change, new_path AS path, new_raw AS raw, NULL::VARCHAR AS old_path, "
        "NULL::BLOB AS old_raw, old_size, new_size FROM met WHERE old_key IS NOT NULL AND new_key IS NOT NULL "
        "UNION ALL "
        "SELECT coalesce(come.new_key, gone.old_key), CASE WHEN gone.old_key IS NULL THEN 'added' "
        "WHEN come.new_key IS NULL THEN 'removed' ELSE 'moved' END, "
        "coalesce(come.new_path, gone.old_path), "
        "CASE WHEN come.new_key IS NULL THEN gone.old_raw ELSE come.new_raw END, "
        "CASE WHEN come.new_key IS NOT NULL THEN gone.old_path END, "
        "CASE WHEN come.new_key IS NOT NULL THEN gone.old_raw END, gone.old_size, come.new_size "
        f"FROM ({gone}) AS gone FULL JOIN ({come}) AS come "
        "ON gone.old_sha256 = come.new_sha256 AND gone.old_size = come.new_size AND gone.twin = come.twin "
    )
