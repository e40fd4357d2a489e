"""What rclone says of a file or folder, as entries, and which names it may be given. Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from kdx.language import N_, translate
from kdx.remotes.interface import Entry, Kind, NameRefused, SkipReason
from kdx.remotes.local.writer import is_part
from kdx.remotes.rclone.backends import Backend
from kdx.remotes.rclone.names import holds_slash
from kdx.remotes.smb.names import why_refused

LOST_BYTES = "\N{REPLACEMENT CHARACTER}"
CONTROL = re.compile("[\x01-\x1f\x7f]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ns(text: str) -> int:
    """Return nanoseconds since 1970 of a time as rclone writes it (RFC 3339, up to nine decimals, any zone)."""
    date, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _dot, decimals = date.partition(".")
    # not through float, which keeps no nanoseconds of today
    since = datetime.fromisoformat(whole + zone) - _EPOCH
    return (since.days * 86400 + since.seconds) * 10**9 + int(decimals.ljust(9, "0")[:9] or 0)


def entry_of(item: Mapping[str, Any], path: str, tag: str = "") -> Entry:
    """Return the entry of one item of a list, under its path below the root."""
    if item["IsDir"]:
        return Entry(path, Kind.DIRECTORY.value, mtime_ns=time_ns(item["ModTime"]), file_id=item.get("ID", ""))
    size, skip = item["Size"], None
    if size < 0:
        # made inside the service (Google Docs): there are no bytes to be proven, only an export made anew each time
        size, skip = 0, SkipReason.NO_BYTES.value
    if LOST_BYTES in path or holds_slash(item["Name"]):
        # a name that is not Unicode, or one with a / in it: the file cannot be asked for again
        skip = SkipReason.FAULTY.value
    return Entry(
        path, Kind.FILE.value, size, time_ns(item["ModTime"]), skip=skip, file_id=item.get("ID", ""), etag=tag
    )


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries of one folder in the order of their names' bytes, kdx's own unfinished files left out.

    Some services hold several files of one name: which one is meant nobody can say, so none is read.
    """
    shown = (entry for entry in entries if not is_part(entry.path.rpartition("/")[2]))
    ordered = sorted(shown, key=lambda entry: entry.path.encode("utf-8", "surrogateescape"))
    found = []
    for _path, group in groupby(ordered, attrgetter("path")):
        first, *others = group
        found.append(first._replace(skip=SkipReason.FAULTY.value) if others else first)
    return found


def check_name(path: str, backend: Backend) -> None:
    """NameRefused where a name is none, or one that the place would store under another."""
    parts = path.split("/")
    for part in parts:
        if part in ("", ".", ".."):
            raise NameRefused(name=path, why=translate(N_("it is not a name")))
        if backend.windows_names and (why := why_refused(part)):
            raise NameRefused(name=path, why=translate(why))
        try:
            length = len(part.encode())
        except UnicodeEncodeError:
            raise NameRefused(name=path, why=translate(N_("it is not Unicode"))) from None
        if "\0" in part or (backend.no_controls and CONTROL.search(part)):
            raise NameRefused(name=path, why=translate(N_("this place allows no control characters")))
        if backend.part_bytes and length > backend.part_bytes:
            raise NameRefused(name=path, why=translate(N_("the name is too long")))
