"""Typed rows of the large tables a migration keeps: plan, what was written, what failed, what was verified.

A row is a NamedTuple; its table's columns follow from its fields. Rows go through a journal into a sorted table
(kdx/inventory/catalog/table.py), so that nothing here grows with the number of files.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

from kdx.inventory.catalog.table import Layout, journal_source, newest_rows, read_table, write_table
from kdx.inventory.names import join_path, readable, split_path
from kdx.state.journal import Journal

PATHS = frozenset({"path", "target", "link"})
"""Fields that may hold bytes that are not UTF-8: each has a twin column with the bytes."""
TYPES = {str: "VARCHAR", int: "BIGINT"}


class Item(NamedTuple):
    """One entry of a plan: what lies at the source, where it goes, what is to be done about it and why."""

    path: str
    target: str
    kind: str
    size: int
    mtime_ns: int
    sha256: bytes | None
    """As the last catalog knows it; None where the content was not read."""
    link: str
    action: str
    why: str
    last_sha256: bytes | None
    """What this migration last wrote under `target`; None where it wrote nothing."""
    last_size: int
    last_mtime_ns: int
    listed_etag: str
    """The tag the target listed under `target` when the plan was made."""
    renamed: int
    """1 where `target` is not the name it has at the source."""


class Known(NamedTuple):
    """What a target lists under one name, as far as a plan or a verification asks."""

    target: str
    size: int
    mtime_ns: int
    etag: str
    kind: str
    link: str


class Done(NamedTuple):
    """What this migration last wrote for one path, and how the store can be asked about it."""

    path: str
    target: str
    kind: str
    size: int
    mtime_ns: int
    sha256: bytes | None
    etags: str
    """All ETags an honest store that computes MD5 could answer, space-separated; from the one read of the source."""
    etag: str
    """What the store answered to the write."""
    link: str


class Failed(NamedTuple):
    """One entry that the last run did not take: `reason` is a SkipReason or "conflict"."""

    path: str
    target: str
    reason: str
    detail: str


class Checked(NamedTuple):
    """One line of a verification: what should lie at the target, what came of looking, and how it was proven."""

    path: str
    """At the source; empty for something at the target that this migration knows nothing of."""
    target: str
    kind: str
    size: int
    sha256: bytes | None
    """Of the bytes that were read at the source when they were sent."""
    outcome: str
    how: str
    why: str
    renamed: int
    etags: str
    etag: str
    link: str


Row = TypeVar("Row", bound=tuple[Any, ...])


class Rows(Generic[Row]):
    """Reads and writes tables of one kind of row, sorted by the bytes of `key` (path or target)."""

    def __init__(self, row: type[Row], key: str = "path") -> None:
        self.row: Any = row
        self.columns = _columns(row)
        self.layout = Layout(self.columns, key)

    def record(self, row: Row, sequence: int) -> dict[str, Any]:
        """Return a row as a journal keeps it; of two records of one path the higher sequence counts."""
        record: dict[str, Any] = {"seq": sequence}
        for name, value in zip(self.row._fields, row, strict=True):
            if name in PATHS:
                record[name], record[f"{name}_raw"] = split_path(value)
            elif isinstance(value, bytes):
                record[name] = value.hex()
            else:
                record[name] = readable(value) if isinstance(value, str) else value
        return record

    def write(self, path: Path, rows: Iterable[Row], metadata: Mapping[str, str] | None = None) -> None:
        """Write all rows, whatever their order, as the table at `path`, with `metadata` in its head."""
        unsorted = path.with_suffix(".ndjson")
        unsorted.unlink(missing_ok=True)
        with Journal(unsorted) as journal:
            for sequence, row in enumerate(rows):
                journal.write(self.record(row, sequence))
        write_table(path, self.layout, journal_source(self.layout, [unsorted]), metadata or {})
        unsorted.unlink()

    def fold(self, path: Path, journal: Path) -> None:
        """Fold a journal into the table at `path`: of several rows of one path the newest stays."""
        if not journal.exists():
            return
        write_table(path, self.layout, newest_rows(self.layout, path if path.exists() else None, journal), {})
        journal.unlink()

    def read(self, path: Path) -> Iterator[Row]:
        """Yield the rows of a table in order of its key; nothing where there is no table yet."""
        if not path.exists():
            return
        places = [self._places(name) for name in self.row._fields]
        for values in read_table(path, self.layout):
            yield self.row._make(
                values[first] if second is None else join_path(values[first], values[second])
                for first, second in places
            )

    def _places(self, field: str) -> tuple[int, int | None]:
        names = list(self.columns)
        return names.index(field), names.index(f"{field}_raw") if field in PATHS else None


def _columns(row: type[Any]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for name, kind in get_type_hints(row).items():
        columns[name] = TYPES.get(kind, "BLOB")
        if name in PATHS:
            columns[f"{name}_raw"] = "BLOB"
    return columns


ITEMS = Rows(Item)
ITEMS_BY_TARGET = Rows(Item, "target")
KNOWN = Rows(Known, "target")
DONE = Rows(Done)
FAILED = Rows(Failed)
CHECKED = Rows(Checked, "target")
"""Sorted as the target lists."""
