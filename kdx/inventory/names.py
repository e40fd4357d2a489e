"""File names as bytes and as text: what is stored, what a person reads. Never re-encodes a name it keeps.

A name that is not UTF-8 is read as cp932, then EUC-JP, component by component, as school servers hold names of every
vintage; the guess is for people, the bytes stay the key.
"""

import os
import re

GUESSES = ("cp932", "euc_jp")
NOT_IN_NAMES = frozenset("\x80\xa0\uf8f0\uf8f1\uf8f2\uf8f3")
"""What cp932 makes of single bytes that it has no character for: such a guess is wrong."""

_STAND_IN = re.compile(r"(?=[^~]*[A-Z])[A-Z0-9_!#$%&'()@^`{}-]{5,6}~[0-9A-Z]{1,2}(\.[A-Z0-9_!#$%&'()@^`{}-]{1,3})?")
"""Samba writes one letter of the name, five of its own and `~A.TXT`, Windows the first six and `~1.TXT`; people write
periods so, `2020~21`, and small letters."""


def is_stand_in(name: str) -> bool:
    """Whether a name looks like the 8.3 stand-in that an SMB server shows for a name it cannot show."""
    return _STAND_IN.fullmatch(name) is not None


def is_unicode(path: str) -> bool:
    """Whether the surrogate-escaped `path` was valid UTF-8 on the disk."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def readable(path: str) -> str:
    """Given a surrogate-escaped path, return it as valid Unicode text, guessing components that are not UTF-8."""
    return path if is_unicode(path) else "/".join(_readable(part) for part in path.split("/"))


def _readable(name: str) -> str:
    raw = os.fsencode(name)
    for encoding in ("utf-8", *GUESSES):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "/" not in text and "\0" not in text and NOT_IN_NAMES.isdisjoint(text):
            return text
    return raw.decode("utf-8", "backslashreplace").replace("/", "\\x2f")


def split_path(path: str) -> tuple[str, str | None]:
    """Return (readable text, hexadecimal bytes where the path is not UTF-8, else None): how journals keep a path."""
    if is_unicode(path):
        return path, None
    return readable(path), os.fsencode(path).hex()


def join_path(text: str, raw: bytes | None) -> str:
    """Return the surrogate-escaped path of a catalog row: the inverse of split_path."""
    return text if raw is None else os.fsdecode(raw)
