"""A catalog's columns (design 4.3), and an entry as a journal line and as a row. Never re-encodes a name it keeps."""

from json.encoder import encode_basestring as in_json
from typing import Any

from kdx.inventory.catalog.table import Layout
from kdx.inventory.names import is_unicode, join_path, split_path
from kdx.remotes.interface import Entry

CATALOG = Layout(
    {
        "path": "VARCHAR",
        "path_raw": "BLOB",
        "kind": "VARCHAR",
        "link": "VARCHAR",
        "link_raw": "BLOB",
        "size": "BIGINT",
        "mtime_ns": "BIGINT",
        "sha256": "BLOB",
        "mode": "BIGINT",
        "owner": "VARCHAR",
        "acl": "VARCHAR",
        "file_id": "VARCHAR",
        "skip": "VARCHAR",
    }
)
"""`link_raw` is to `link` what `path_raw` is to `path`: the bytes of a target that is not UTF-8."""

ENTRY_COLUMNS = tuple(CATALOG.columns)


def journal_line(entry: Entry) -> str:
    """Return an entry as one line of a scan's journal.

    A line is made for every entry of a share; written out it costs a third of a JSON encoder (1.0 against 3 µs).
    """
    path, kind, size, mtime_ns, sha256, skip, link, mode, owner, acl, file_id, _etag = entry
    rare = ""
    if not path.isascii() and not is_unicode(path):
        path, raw = split_path(path)
        rare = f',"path_raw":"{raw}"'
    if link:
        text, raw = split_path(link)
        rare += f',"link":{in_json(text)}' + (f',"link_raw":"{raw}"' if raw else "")
    if sha256 is not None:
        rare += f',"sha256":"{sha256.hex()}"'
    if skip is not None:
        rare += f',"skip":"{skip}"'
    if acl:
        rare += f',"acl":{in_json(acl)}'
    return (
        f'{{"path":{in_json(path)},"kind":"{kind}","size":{size},"mtime_ns":{mtime_ns},"mode":{mode},'
        f'"owner":{in_json(owner)},"file_id":{in_json(file_id)}{rare}}}\n'
    )


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return the entry of a row with ENTRY_COLUMNS: the inverse of journal_line, by way of a table."""
    path, path_raw, kind, link, link_raw, size, mtime_ns, sha256, mode, owner, acl, file_id, skip = row
    return Entry(
        path if path_raw is None else join_path(path, path_raw),
        kind,
        size or 0,
        mtime_ns or 0,
        sha256,
        skip,
        join_path(link, link_raw) if link else "",
        mode or 0,
        owner or "",
        acl or "",
        file_id or "",
    )
