"""Paths below a root on an SFTP server, and what the server says of them, as entries. Sends nothing.

SFTP has no way to open a folder and go on from there, so a path is always spelt out from the root, and whoever may
write into a share could swap a folder for a link between two questions. What was listed as a link is never opened.
"""

import os
import stat

from kdx.config.location import Location
from kdx.language import N_, translate
from kdx.remotes.interface import Entry, NameRefused, SkipReason
from kdx.remotes.sftp.wire import Attributes

SECOND = 1_000_000_000
"""Nanoseconds. SFTP version 3 keeps times in whole seconds, so that is what every entry of such a place has."""

_new = tuple.__new__


class Paths:
    """Turns relative paths into the bytes the server is asked with. A path is refused unless it is one."""

    def __init__(self, location: Location) -> None:
        # an address without a path means the folder where the server lets this user in
        self.root = location.path.encode("utf-8", "surrogateescape") or b"."
        self._prefix = self.root.rstrip(b"/") + b"/"

    def of(self, path: str) -> bytes:
        """Return the whole path; "" is the root. NameRefused where it cannot be a path below the root."""
        if not path:
            return self.root
        check(path)
        return self._prefix + path.encode("utf-8", "surrogateescape")


def check(path: str) -> None:
    """NameRefused where a path is not one below a root."""
    if not {"", ".", ".."}.isdisjoint(path.split("/")) or "\0" in path:
        raise NameRefused(name=path, why=translate(N_("it is not a name")))


def text(name: bytes) -> str:
    """Return a name as kdx keeps it."""
    return name.decode("utf-8", "surrogateescape")


def seconds(mtime_ns: int) -> int:
    """Return a time as SFTP version 3 can hold it: seconds from 1970 to 2106; what lies outside becomes the nearest."""
    return min(max(mtime_ns // SECOND, 0), 0xFFFFFFFF)


def entry_of(path: str, attributes: Attributes, link: str = "") -> Entry:
    """Return an entry for what a server says; a kind that it does not tell is OTHER, and nobody opens it."""
    size, owner, mode, mtime, _atime = attributes
    bits = mode or 0
    kind = stat.S_IFMT(bits)
    if kind == stat.S_IFREG:
        name, size, skip = "file", size or 0, None
    elif kind == stat.S_IFDIR:
        name, size, skip = "directory", 0, None
    elif kind == stat.S_IFLNK:
        name, size, skip = "link", 0, None
    else:
        name, size, skip = "other", 0, SkipReason.SPECIAL.value
    who = "" if owner is None else str(owner)
    # Entry(...) without its argument handling: this runs for every file of a school
    return _new(
        Entry, (path, name, size, (mtime or 0) * SECOND, None, skip, link, bits & 0o7777, who, "", "", "")
    )


def is_file(attributes: Attributes) -> bool:
    """Whether this is a regular file: all that may be opened."""
    return stat.S_ISREG(attributes.mode or 0)


def is_folder(attributes: Attributes) -> bool:
    """Whether this is a folder, and not a link to one."""
    return stat.S_ISDIR(attributes.mode or 0)


def same(before: Attributes, after: Attributes) -> bool:
    """Whether a file was left alone between two looks, as far as whole seconds can tell."""
    return (before.size, before.mtime) == (after.size, after.mtime)


def parents(path: str) -> list[str]:
    """Return every folder above a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def by_bytes(entry: Entry) -> bytes:
    """The order of a list."""
    return os.fsencode(entry.path)
