"""POSIX ACLs from their text (FORMAT.md, section 6) to the attributes Linux keeps them in. The way back of rights.py.

Never gives more than there was: what names nobody here is left out, and where the text does not say what the owning
group may, it may nothing. (With an ACL, the group digit of a mode is the mask, not the group's own right.)
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_VERSION = struct.pack("<I", 2)
_NOBODY = 0xFFFFFFFF
_USER_OBJECT, _USER, _GROUP_OBJECT, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_TAGS = {"u": (_USER_OBJECT, _USER), "g": (_GROUP_OBJECT, _GROUP), "m": (_MASK, _MASK), "o": (_OTHER, _OTHER)}
"""Tags of Linux's struct posix_acl_xattr_entry (include/uapi/linux/posix_acl.h): without a name, and with one."""

Number = Callable[[str], int]
"""Given a name, its number here; -1 where it has none."""
Rights = dict[tuple[int, int], int]


class Attributes(NamedTuple):
    """What to set, empty for nothing, and whether that is all the text said."""

    access: bytes
    default: bytes
    is_whole: bool


def attributes_of(entries: str, mode: int, user: Number, group: Number) -> Attributes:
    """Given entries separated by commas as `setfacl --modify` reads them, and the mode they belong to."""
    access: Rights = {}
    default: Rights = {}
    is_whole, is_own = True, False
    for entry in entries.split(","):
        is_default = entry.startswith("d:")
        is_own = is_own or not is_default
        found = _entry(entry.removeprefix("d:"), user, group)
        if found is None:
            is_whole = False
        else:
            (default if is_default else access).update([found])
    # a folder with nothing but a default ACL has an ordinary mode, and no ACL of its own
    own = b""
    if is_own:
        is_whole = is_whole and (_GROUP_OBJECT, _NOBODY) in access
        access.setdefault((_USER_OBJECT, _NOBODY), mode >> 6 & 7)
        access.setdefault((_GROUP_OBJECT, _NOBODY), 0)
        access.setdefault((_MASK, _NOBODY), mode >> 3 & 7)
        access.setdefault((_OTHER, _NOBODY), mode & 7)
        own = _attribute(access)
    if default:
        for tag in (_USER_OBJECT, _GROUP_OBJECT, _OTHER):
            default.setdefault((tag, _NOBODY), 0)
        if any(tag in (_USER, _GROUP) for tag, _number in default):
            default.setdefault((_MASK, _NOBODY), 0)
    return Attributes(own, _attribute(default) if default else b"", is_whole)


def _entry(text: str, user: Number, group: Number) -> tuple[tuple[int, int], int] | None:
    """Return one entry as (tag, number) and rights; None where it is not one or names nobody here."""
    kind, colon, rest = text.partition(":")
    name, second, letters = rest.rpartition(":")
    if kind not in _TAGS or not colon or not second or not _is_rights(letters):
        return None
    rights = sum(bit for letter, bit in zip(letters, (4, 2, 1), strict=True) if letter != "-")
    if not name:
        return (_TAGS[kind][0], _NOBODY), rights
    number = user(name) if kind == "u" else group(name) if kind == "g" else -1
    return ((_TAGS[kind][1], number), rights) if number >= 0 else None


def _is_rights(letters: str) -> bool:
    return len(letters) == 3 and all(letter in (right, "-") for letter, right in zip(letters, "rwx", strict=True))


def _attribute(rights: Rights) -> bytes:
    entries = (struct.pack("<HHI", tag, value, number) for (tag, number), value in sorted(rights.items()))
    return _VERSION + b"".join(entries)
