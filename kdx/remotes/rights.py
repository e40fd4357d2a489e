"""The rights on an entry as text (kdx/backup/FORMAT.md, section 6): owner, mode and POSIX ACL of a folder's files.

What a place already says in Entry.acl stands. Only of local folders more is asked: two attributes of each name.
"""

import errno
import grp
import os
import pwd
import struct
from collections.abc import Callable
from functools import cache

from kdx.remotes.interface import Entry, Remote

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_VERSION = struct.pack("<I", 2)
_USER, _GROUP = 0x02, 0x08
_TAGS = {0x01: "u:", _USER: "u:", 0x04: "g:", _GROUP: "g:", 0x10: "m:", 0x20: "o:"}
"""Tags of Linux's struct posix_acl_xattr_entry (include/uapi/linux/posix_acl.h), as setfacl writes them."""
_BASE = frozenset({0x01, 0x04, 0x20})
"""What the mode says already."""


def rights_of(remote: Remote) -> Callable[[Entry], str]:
    """Return what tells the rights of an entry of this place: `posix:…`, `sddl:…`, or "" where nothing is known."""
    from kdx.remotes.local import LocalRemote

    extended = _Extended(remote.location.path) if isinstance(remote, LocalRemote) else None

    def rights(entry: Entry) -> str:
        if entry.acl:
            return entry.acl if entry.acl.startswith(("posix:", "sddl:")) else f"sddl:{entry.acl}"
        if not entry.mode and not entry.owner:
            return ""
        more = extended.entries(entry) if extended and entry.kind != "link" else ""
        return f"posix:{entry.owner}::{entry.mode:04o}" + (f":{more}" if more else "")

    return rights


class _Extended:
    """Reads POSIX ACLs below one folder, until the file system says that it has none."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._has_any = True

    def entries(self, entry: Entry) -> str:
        """Return the entries beyond the mode, separated by commas; empty where there are none."""
        if not self._has_any:
            return ""
        path = f"{self._root}/{entry.path}"
        found = self._read(path, ACCESS, "")
        if entry.kind == "directory":
            found += self._read(path, DEFAULT, "d:")
        return ",".join(found)

    def _read(self, path: str, name: str, prefix: str) -> list[str]:
        try:
            raw = os.getxattr(path, name, follow_symlinks=False)
        except OSError as error:
            self._has_any = self._has_any and error.errno not in (errno.ENOTSUP, errno.ENOSYS)
            return []
        return acl_entries(raw, prefix)


def acl_entries(raw: bytes, prefix: str) -> list[str]:
    """Given a POSIX ACL attribute, return its entries as setfacl takes them; what a mode says only with a prefix."""
    if raw[:4] != _VERSION:
        return []
    found = []
    for tag, permissions, number in struct.iter_unpack("<HHI", raw[4 : 4 + (len(raw) - 4) // 8 * 8]):
        if tag in _TAGS and (prefix or tag not in _BASE):
            letters = "".join(letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
            found.append(f"{prefix}{_TAGS[tag]}{_name(tag, number)}:{letters}")
    return found


@cache
def _name(tag: int, number: int) -> str:
    """Return whom an entry names; the number where nobody knows a name."""
    try:
        if tag == _USER:
            return pwd.getpwuid(number).pw_name
        return grp.getgrgid(number).gr_name if tag == _GROUP else ""
    except KeyError:
        return str(number)
