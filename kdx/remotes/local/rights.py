"""POSIX access lists as the short text of getfacl(1), read from the attributes where Linux keeps them.

The layout of the attribute is the kernel's (include/uapi/linux/posix_acl_xattr.h). Reads one folder that is open.
"""

import errno
import grp
import os
import struct
from functools import cache

from kdx.remotes.local.entries import owner_name

_ATTRIBUTES = (("", "system.posix_acl_access"), ("default:", "system.posix_acl_default"))
_TAGS = {0x01: "user", 0x02: "user", 0x04: "group", 0x08: "group", 0x10: "mask", 0x20: "other"}
_NAMED_USER, _NAMED_GROUP = 0x02, 0x08
_VERSION = 2
NONE_HERE = frozenset({errno.ENOTSUP, errno.EPERM, errno.ENOSYS})
"""What a file system answers that keeps no such lists at all."""


class FolderRights:
    """The access list of the folder that was listed last: read while it is open, where two system calls are enough."""

    def __init__(self) -> None:
        self._noted = "", ""
        self._disk_keeps_some = True

    def note(self, folder: str, descriptor: int) -> None:
        """Read the list of an open folder; nothing where the disk keeps no lists."""
        self._noted = folder, ""
        if self._disk_keeps_some:
            try:
                self._noted = folder, rights_text(descriptor)
            except OSError as error:
                self._disk_keeps_some = error.errno not in NONE_HERE

    def of(self, folder: str) -> str:
        """Return the list of the folder that was noted last, "" for any other and where its mode says everything."""
        noted, text = self._noted
        return text if noted == folder else ""


def rights_text(descriptor: int) -> str:
    """Return the list of an open folder with its defaults, "" where its mode says everything. OSError (NONE_HERE)."""
    found = []
    for prefix, attribute in _ATTRIBUTES:
        try:
            found.append(short_text(os.getxattr(descriptor, attribute), prefix))
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
    return ",".join(filter(None, found))


def short_text(attribute: bytes, prefix: str = "") -> str:
    """Return the value of such an attribute as text, "" where it is not understood."""
    return ",".join(f"{prefix}{who}:{name}:{letters}" for who, name, letters in entries_in(attribute))


def entries_in(attribute: bytes) -> list[tuple[str, str, str]]:
    """Return (user, group, mask or other; whose name; rwx) of every entry, none where the value is not understood."""
    if len(attribute) < 4 or len(attribute) % 8 != 4 or struct.unpack_from("<I", attribute)[0] != _VERSION:
        return []
    entries = []
    for tag, permissions, number in struct.iter_unpack("<HHI", attribute[4:]):
        if tag not in _TAGS or permissions > 7:
            return []
        name = owner_name(number) if tag == _NAMED_USER else _group_name(number) if tag == _NAMED_GROUP else ""
        letters = "".join(letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        entries.append((_TAGS[tag], name, letters))
    return entries


@cache
def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
