"""Which of two Debian versions is newer (Debian Policy 5.6.12), so that a server need not be asked to say so."""

import re
from itertools import zip_longest

_PIECE = re.compile(r"([^0-9]*)([0-9]*)")


def is_newer(one: str, other: str) -> bool:
    """Whether a version is newer than another: epoch, then upstream version, then revision."""
    return _key(one) > _key(other)


def _key(version: str) -> tuple[int, "_Part", "_Part"]:
    epoch, colon, rest = version.partition(":")
    number = int(epoch) if colon and epoch.isdecimal() else 0
    upstream, _dash, revision = (rest if colon else version).rpartition("-")
    return number, _Part(upstream or revision), _Part(revision if upstream else "0")


class _Part(str):
    """A part of a version, ordered as Debian orders: ~ before the end, letters before signs, digits as numbers."""

    def __gt__(self, other: str) -> bool:
        return _compare(self, other) > 0

    def __lt__(self, other: str) -> bool:
        return _compare(self, other) < 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and _compare(self, other) == 0

    __hash__ = None  # type: ignore[assignment]


def _compare(one: str, other: str) -> int:
    for (words, digits), (theirs, numbers) in zip_longest(
        _PIECE.findall(one), _PIECE.findall(other), fillvalue=("", "")
    ):
        for mine, yours in zip_longest(words, theirs, fillvalue=""):
            if _weight(mine) != _weight(yours):
                return _weight(mine) - _weight(yours)
        if int(digits or 0) != int(numbers or 0):
            return int(digits or 0) - int(numbers or 0)
    return 0


def _weight(sign: str) -> int:
    if not sign:
        return 0
    if sign == "~":
        return -1
    return ord(sign) if sign.isascii() and sign.isalpha() else ord(sign) + 256
