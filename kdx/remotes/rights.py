"""The rights on an entry as text (kdx/backup/FORMAT.md, section 6): owner, mode and POSIX ACL of a folder's files.

What a place already says in Entry.acl stands. Only of local folders more is asked: two attributes of each name.
"""

import errno
import os
from collections.abc import Callable

from kdx.remotes.interface import Entry, Remote
from kdx.remotes.local.rights import entries_in

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


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
    """Given a POSIX ACL attribute, return its entries as setfacl takes them; what a mode says only with a prefix.

    Beside an ACL the group digit of a mode is the mask, so what the owning group may is said here.
    """
    found = entries_in(raw)
    by_mode = () if prefix else ("user", "other")
    return [f"{prefix}{who[0]}:{name}:{letters}" for who, name, letters in found if name or who not in by_mode]
