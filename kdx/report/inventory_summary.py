"""Summaries of a share's content, as tables: one function for each thing one can ask for. No I/O."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo

from kdx.config.model import School
from kdx.inventory import summary
from kdx.inventory.fiscal_year import fiscal_year_label
from kdx.inventory.names import is_unicode, readable
from kdx.inventory.open_files import open_files
from kdx.inventory.overview import Shelf
from kdx.inventory.summary import Group
from kdx.language import N_, _
from kdx.remotes.interface import Entry
from kdx.report.tables import Column, Table

FILES = Column("files", N_("Files"), "count")
BYTES = Column("bytes", N_("Bytes"), "bytes")
SHARE_OF = Column("part", N_("Part of all bytes"), "ratio")
NEWEST = Column("newest", N_("Newest change"), "date")
CHANGED = Column("changed", N_("Last change"), "time")
OWNER = Column("owner", N_("Owner"))
PATH = Column("path", N_("Path"), "path")
REASON = Column("reason", N_("Reason"), "word")


def summary_table(by: str, school: School, shelf: Shelf, now: datetime, zone: tzinfo) -> Table:
    """Return the summary `by` (a key of SUMMARIES) of a school's shares."""
    title, columns, rows_of = SUMMARIES[by]
    return Table(
        title=f"{_(title)}  {school.name}",
        columns=columns,
        rows=rows_of(shelf, now, zone),
        as_of=shelf.as_of,
        source=_("catalog {name}").format(name=shelf.names),
    )


Rows = list[dict[str, object]]


def _group_rows(groups: Sequence[Group], *names: str) -> Rows:
    total = sum(group.bytes for group in groups)
    return [
        {
            **dict(zip(names, group.key, strict=True)),
            "files": group.files,
            "bytes": group.bytes,
            "part": group.bytes / total if total else None,
            "newest": summary.moment_of(group.newest) if group.newest > 0 else None,
        }
        for group in groups
    ]


def _fiscal_years(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    groups = summary.group_files(shelf.entries(), summary.by_fiscal_year(zone))
    groups.sort(key=lambda group: (-(int(str(group.key[0])) if group.key[0] is not None else 0), not group.key[1]))
    rows = _group_rows(groups, "year", "told_by")
    for row in rows:
        year = row["year"]
        row["fiscal_year"] = fiscal_year_label(year) if isinstance(year, int) else None
        row["told_by"] = N_("name") if row["told_by"] else N_("last change")
    return rows


def _folders(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    rows = _group_rows(summary.group_files(shelf.entries(), summary.by_folder), "path")
    return [{**row, "path": row["path"] or _(summary.TOP)} for row in rows]


def _types(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    return _group_rows(summary.group_files(shelf.entries(), summary.by_type), "type", "ending")


def _ages(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    groups = summary.group_files(shelf.entries(), summary.by_age(now))
    return _group_rows(sorted(groups, key=lambda group: int(str(group.key[0]))), "rank", "age")


def _owners(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    rows = _group_rows(summary.group_files(shelf.entries(), summary.by_owner), "owner")
    return [{**row, "owner": row["owner"] or None} for row in rows]


def _largest(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    return [_entry_row(entry) for entry in summary.largest(shelf.entries())]


def _open(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    return [
        {"document": document, "path": one.owner_file.path, "changed": _changed(one.owner_file),
         "owner": one.owner_file.owner or None}
        for one in open_files(shelf.entries)
        for document in one.documents or (None,)
    ]


def _unreadable(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    return [_entry_row(entry) for entry in summary.unread(shelf.entries())]


def _names(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    return [
        {
            "path": entry.path,
            "reading": readable(entry.path),
            "kind": entry.kind,
            "bytes": entry.size,
            "reason": summary.odd_name(entry.path.rpartition("/")[2]),
        }
        for entry in summary.odd_names(shelf.entries())
    ]


def _ignored(shelf: Shelf, now: datetime, zone: tzinfo) -> Rows:
    groups = summary.ignored(shelf.entries(), shelf.patterns)
    return [{"pattern": group.key[0], "entries": group.files, "bytes": group.bytes} for group in groups]


def _entry_row(entry: Entry) -> dict[str, object]:
    return {
        "path": entry.path,
        "kind": entry.kind,
        "bytes": entry.size,
        "changed": _changed(entry),
        "owner": entry.owner or None,
        "reason": entry.skip,
    }


def _changed(entry: Entry) -> datetime | None:
    return summary.moment_of(entry.mtime_ns) if entry.mtime_ns > 0 else None


SUMMARIES: dict[str, tuple[str, tuple[Column, ...], Callable[[Shelf, datetime, tzinfo], Rows]]] = {
    "fiscal-year": (
        N_("By fiscal year"),
        (Column("fiscal_year", N_("Fiscal year")), Column("told_by", N_("Told by"), "word"), FILES, BYTES, SHARE_OF,
         NEWEST),
        _fiscal_years,
    ),
    "folder": (N_("By topmost folder"), (Column("path", N_("Folder"), "path"), FILES, BYTES, SHARE_OF, NEWEST),
               _folders),
    "type": (
        N_("By type of file"),
        (Column("type", N_("Type"), "word"), Column("ending", N_("Ending")), FILES, BYTES, SHARE_OF, NEWEST),
        _types,
    ),
    "age": (N_("By age since the last change"), (Column("age", N_("Age"), "word"), FILES, BYTES, SHARE_OF), _ages),
    "owner": (N_("By owner"), (OWNER, FILES, BYTES, SHARE_OF, NEWEST), _owners),
    "largest": (N_("Largest files"), (BYTES, PATH, CHANGED, OWNER), _largest),
    "open": (
        N_("Documents that seem to be open"),
        (Column("document", N_("Document"), "path"), Column("path", N_("Owner file"), "path"),
         Column("changed", N_("Since"), "time"), OWNER),
        _open,
    ),
    "unreadable": (N_("Entries that could not be read"),
                   (REASON, Column("kind", N_("Kind"), "word"), BYTES, CHANGED, OWNER, PATH), _unreadable),
    "names": (
        N_("Names that are not UTF-8, or stand in for another"),
        (Column("reading", N_("Reads as"), "path"), PATH, Column("kind", N_("Kind"), "word"), BYTES, REASON),
        _names,
    ),
    "ignored": (N_("Left by pattern"),
                (Column("pattern", N_("Pattern")), Column("entries", N_("Entries"), "count"), BYTES), _ignored),
}


def entry_columns() -> tuple[Column, ...]:
    """Return the columns of a catalog as it is exported."""
    return (
        PATH,
        Column("path_raw", N_("Path, raw bytes (hexadecimal)")),
        Column("kind", N_("Kind"), "word"),
        Column("link", N_("Target of the link"), "path"),
        BYTES,
        CHANGED,
        Column("sha256", N_("SHA-256")),
        Column("mode", N_("Mode")),
        OWNER,
        Column("skip", N_("Skipped because"), "word"),
    )


def export_rows(entries: Iterable[Entry]) -> Iterable[dict[str, object]]:
    """Yield the rows of a catalog as it is exported: names that are not UTF-8 as they read, with their bytes."""
    for entry in entries:
        yield {
            **_entry_row(entry),
            "path": readable(entry.path),
            "path_raw": None if is_unicode(entry.path) else entry.path.encode("utf-8", "surrogateescape").hex(),
            "link": readable(entry.link) or None,
            "sha256": entry.sha256.hex() if entry.sha256 else None,
            "mode": f"{entry.mode:04o}",
            "skip": entry.skip,
        }
