"""Typed rows of the large tables a migration keeps: plan, what was written, what failed, what was verified.

A row is a NamedTuple; its table's columns follow from its fields. Rows go through a journal into a sorted table
(kdx/inventory/catalog/table.py), so that nothing here grows with the number of files.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from json.encoder import encode_basestring_ascii as string_in_json
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_type_hints

from kdx.inventory.assess.decisions import Decided
from kdx.inventory.catalog.table import Layout, journal_source, newest_rows, read_table, write_table
from kdx.inventory.names import is_unicode, join_path, readable
from kdx.state.journal import Journal, read_journal
from kdx.transfer.merge import path_bytes

PATHS = frozenset({"path", "target", "link"})
"""Fields that may hold bytes that are not UTF-8: each has a twin column with the bytes."""
IN_MEMORY = 50_000
"""Rows up to which sorting stays in memory: some 30 MB, and no file is written for them."""
BATCH = 1000
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
    """Reads, writes and sorts rows of one kind, in the order of the bytes of `key` (path or target)."""

    def __init__(self, row: type[Row], key: str = "path") -> None:
        self.row = cast(Any, row)
        self.columns = _columns(row)
        self.layout = Layout(self.columns, key)
        self._key = attrgetter(key)
        fields = self.row._fields
        self._in_json = [_in_json(name, self.columns[name]) for name in fields]
        self._line = "{" + ",".join(f'"{name}":%s' for name in ("seq", *fields)) + "}\n"

    def line(self, row: Row, sequence: int) -> str:
        """Return a row as a line of a journal; of two lines of one path the higher sequence counts.

        Written out, because a run makes several for every file: a tenth of the cost of a dict and a JSON encoder.
        """
        return self._line % (sequence, *(in_json(value) for in_json, value in zip(self._in_json, row, strict=True)))

    def write(self, path: Path, rows: Iterable[Row], metadata: Mapping[str, str] | None = None) -> None:
        """Write all rows, whatever their order, as the table at `path`, with `metadata` in its head."""
        unsorted = path.with_suffix(".ndjson")
        unsorted.unlink(missing_ok=True)
        with Journal(unsorted) as journal:
            lines = (self.line(row, sequence) for sequence, row in enumerate(rows))
            while batch := list(islice(lines, BATCH)):
                journal.write_lines(batch)
        write_table(path, self.layout, journal_source(self.layout, [unsorted]), metadata or {})
        unsorted.unlink()

    def sort(self, rows: Iterable[Row], scratch: Path) -> Iterator[Row]:
        """Yield rows in the order of their key. More than IN_MEMORY of them are sorted on disk, as `scratch`."""
        stream = iter(rows)
        first = list(islice(stream, IN_MEMORY))
        if len(first) < IN_MEMORY:
            yield from sorted(first, key=lambda row: path_bytes(self._key(row)))
            return
        try:
            self.write(scratch, chain(first, stream))
            del first
            yield from self.read(scratch)
        finally:
            scratch.unlink(missing_ok=True)

    def fold(self, path: Path, journal: Path) -> None:
        """Fold a journal into the table at `path`: of several rows of one path the newest stays."""
        if not journal.exists():
            return
        if journal.stat().st_size:
            write_table(path, self.layout, newest_rows(self.layout, path if path.exists() else None, journal), {})
        journal.unlink()

    def read(self, path: Path, only: Mapping[str, str] | None = None) -> Iterator[Row]:
        """Yield a table's rows (`only` those with these values) in order of its key; nothing where there is none."""
        if not path.exists():
            return
        names = list(self.columns)
        places = [
            (names.index(name), names.index(f"{name}_raw") if name in PATHS else None) for name in self.row._fields
        ]
        make = self.row._make
        for values in read_table(path, self.layout, only=only):
            yield make(
                [
                    values[text] if raw is None or values[raw] is None else join_path(values[text], values[raw])
                    for text, raw in places
                ]
            )

    def read_lines(self, journal: Path) -> Iterator[Row]:
        """Yield the rows of a journal in the order they were written."""
        for record in read_journal(journal):
            yield self.row._make([self._value(record, name) for name in self.row._fields])

    def _value(self, record: Mapping[str, Any], field: str) -> Any:
        if raw := record.get(f"{field}_raw"):
            return os.fsdecode(bytes.fromhex(raw))
        value = record[field]
        return bytes.fromhex(value) if value is not None and self.columns[field] == "BLOB" else value


def _in_json(field: str, kind: str) -> Callable[[Any], str]:
    """Return how a field is written in JSON; a path that is not UTF-8 brings its bytes along as a second member."""
    if kind == "BIGINT":
        return str

    def encode(value: str) -> str:
        if value.isascii() or is_unicode(value):
            return string_in_json(value)
        raw = f',"{field}_raw":"{path_bytes(value).hex()}"' if field in PATHS else ""
        return string_in_json(readable(value)) + raw

    return _digest_in_json if kind == "BLOB" else encode


def _digest_in_json(value: bytes | None) -> str:
    return "null" if value is None else f'"{value.hex()}"'


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
DECIDED = Rows(Decided)
CHECKED = Rows(Checked, "target")
"""Sorted as the target lists."""
