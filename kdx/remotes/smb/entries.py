"""What an SMB server says of the entries of a folder, as kdx's entries. Pure: bytes in, entries out.

Links of every kind (symbolic links, junctions, DFS links) are left by rule and never followed; files that a server
keeps in another form (deduplicated, compressed, in a cloud) are ordinary files, for it reads them to us.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from kdx.remotes.interface import Entry, Kind, SkipReason
from kdx.remotes.local.writer import is_part
from kdx.remotes.smb.messages import IS_FOLDER, IS_LINK, Opened, mtime_ns

_ROW = struct.Struct("<I4xqqqqQQIII")
"""Offset of the next entry; times made, read, written, changed; size, room; attributes, length of name, tag."""
_ID_AT, _NAME_AT = 96, 104
_SURROGATE = 0x20000000
"""The bit of a tag that says: this stands for something that lies elsewhere ([MS-FSCC] 2.1.2.1)."""
_DFS = frozenset({0x8000000A, 0x80000012})
_SPECIAL = frozenset({0x80000014, 0x80000023, 0x80000024, 0x80000025, 0x80000026})
"""NFS special files, and sockets, pipes and devices of Linux on Windows."""


class Listed(NamedTuple):
    """One entry as a folder tells it."""

    name: str
    entry: Entry
    """With `name` for its path."""
    file_id: int
    """0 where the server has none."""
    changed: int
    """When anything about it changed last, in steps of 100 ns since 1601."""


def entries_in(answer: bytes, *, with_parts: bool = False) -> Iterator[Listed]:
    """Yield what an answer to list_folder holds, "." and ".." too; kdx's own unfinished files only where asked for."""
    start = 0
    while start + _NAME_AT <= len(answer):
        step, _made, _read, written, changed, size, _room, attributes, length, tag = _ROW.unpack_from(answer, start)
        raw = answer[start + _NAME_AT : start + _NAME_AT + length]
        file_id = int.from_bytes(answer[start + _ID_AT : start + _NAME_AT], "little")
        found = _listed(raw, written, size, attributes, tag, file_id)._replace(changed=changed)
        if with_parts or not is_part(found.name):
            yield found
        if not step:
            return
        start += step


def _listed(raw: bytes, written: int, size: int, attributes: int, tag: int, file_id: int) -> Listed:
    kind, skip = kind_of(attributes, tag)
    try:
        name = raw.decode("utf-16-le")
        if "/" in name or "\0" in name:
            raise ValueError(name)
    except ValueError:
        # half a surrogate pair, or a name no path can hold: it can be seen and not be asked for
        name, skip = raw.decode("utf-16-le", "replace").replace("/", "\ufffd").replace("\0", "\ufffd"), "faulty"
    return Listed(
        name,
        Entry(
            name,
            kind,
            size if kind == "file" else 0,
            mtime_ns(written),
            skip=skip,
            file_id=str(file_id) if file_id else "",
        ),
        file_id,
        0,
    )


def kind_of(attributes: int, tag: int) -> tuple[str, str | None]:
    """Given the attributes of an entry and its reparse tag (0: none), return its kind and its skip."""
    if attributes & IS_LINK and tag:
        if tag & _SURROGATE or tag in _DFS:
            return Kind.LINK.value, SkipReason.LINK.value
        if tag in _SPECIAL:
            return Kind.OTHER.value, SkipReason.SPECIAL.value
    return (Kind.DIRECTORY if attributes & IS_FOLDER else Kind.FILE).value, None


def entry_of(path: str, facts: Opened, file_id: int) -> Entry:
    """Return the entry of a file or folder that was opened."""
    kind, skip = kind_of(facts.attributes, 0)
    size = facts.size if kind == "file" else 0
    return Entry(path, kind, size, mtime_ns(facts.written), skip=skip, file_id=str(file_id) if file_id else "")


def is_unchanged(before: Opened, after: Opened) -> bool:
    """Whether a file is the same it was when it was opened."""
    return (before.size, before.written, before.changed) == (after.size, after.written, after.changed)
