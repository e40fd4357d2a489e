"""Names as an SMB server takes them: UTF-16, and never one that Windows would store under another name. Pure.

What Windows forbids (Microsoft, "Naming Files, Paths, and Namespaces") is refused, never rewritten: a colon would write
into a hidden stream of another file, a trailing dot or space would be dropped without a word.
"""

import re

from kdx.language import N_, translate
from kdx.remotes.interface import NameRefused

LONGEST = 255
"""UTF-16 units of one component (NTFS)."""

_FORBIDDEN = re.compile('[\0-\x1f"*/:<>?\\\\|]')
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])(\..*)?", re.IGNORECASE)


def on_server(base: str, path: str) -> str:
    """Return `path` below the folder `base` of a share, with backslashes. NameRefused, naming the path."""
    parts = path.split("/") if path else []
    for part in parts:
        why = why_refused(part)
        if why:
            raise NameRefused(name=path, why=translate(why))
    return "\\".join([*filter(None, base.split("/")), *parts])


def why_refused(name: str) -> str:
    """Return why Windows cannot hold one component of a path under exactly this name, "" where it can."""
    if name in ("", ".", ".."):
        return N_("it is not a name")
    try:
        units = len(name.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        return N_("it is not Unicode")
    if _FORBIDDEN.search(name):
        return N_("Windows allows no control characters and none of \" * / : < > ? \\ |")
    if name.endswith((" ", ".")):
        return N_("Windows would drop the space or dot at its end")
    if _RESERVED.fullmatch(name):
        return N_("Windows keeps the name for a device")
    return N_("the name is too long") if units > LONGEST else ""
