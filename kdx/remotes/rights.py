"""The rights on an entry as text (kdx/backup/FORMAT.md, section 6): owner, mode and POSIX ACL of a folder's files.

What a place already says in Entry.acl stands. Only of local folders more is asked: two attributes of each name.
"""

import os
from collections.abc import Callable
from functools import cache

from kdx.remotes.interface import Entry, Remote
from kdx.remotes.local.rights import NONE_HERE, entries_in

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def rights_of(remote: Remote) -> Callable[[Entry], str]:
    """Return what tells the rights of an entry of this place: `posix:…`, `sddl:…`, or "" where nothing is known."""
    from kdx.remotes.local import LocalRemote

    extended = _Extended(remote.location.path) if isinstance(remote, LocalRemote) else None

    @cache
    def plain(owner: str, mode: int) -> str:
        return f"posix:{owner}::{mode:04o}"

    def rights(entry: Entry) -> str:
        if entry.acl:
            return entry.acl if entry.acl.startswith(("posix:", "sddl:")) else f"sddl:{entry.acl}"
        if not entry.mode and not entry.owner:
            return ""
        more = extended.entries(entry) if extended and entry.kind != "link" else ""
        own = plain(entry.owner, entry.mode)
        return f"{own}:{more}" if more else own

    return rights


class _Extended:
    """Reads POSIX ACLs below one folder, where its file system keeps any."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._has_any = _keeps_lists(root)

    def entries(self, entry: Entry) -> str:
        """Return the entries beyond the mode, separated by commas; empty where there are none."""
        if not self._has_any:
            return ""
        path = f"{self._root}/{entry.path}"
        try:
            # to ask which there are costs half of being told that one is not there
            names = os.listxattr(path, follow_symlinks=False)
        except OSError:
            return ""
        if not names:
            return ""
        found = _read(path, ACCESS, "") if ACCESS in names else []
        if DEFAULT in names:
            found += _read(path, DEFAULT, "d:")
        return ",".join(found)


def _keeps_lists(root: str) -> bool:
    try:
        os.getxattr(root, ACCESS)
    except OSError as error:
        return error.errno not in NONE_HERE
    return True


def _read(path: str, name: str, prefix: str) -> list[str]:
    try:
        return acl_entries(os.getxattr(path, name, follow_symlinks=False), prefix)
    except OSError:
        return []


def acl_entries(raw: bytes, prefix: str) -> list[str]:
    """Given a POSIX ACL attribute, return its entries as setfacl takes them; what a mode says only with a prefix.

    Beside an ACL the group digit of a mode is the mask, so what the owning group may is said here.
    """
    found = entries_in(raw)
    by_mode = () if prefix else ("user", "other")
    return [f"{prefix}{who[0]}:{name}:{letters}" for who, name, letters in found if name or who not in by_mode]
