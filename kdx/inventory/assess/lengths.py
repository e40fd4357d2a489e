"""Rules on how long a name and its whole path may be, in the target's own unit, and how deep folders may lie."""

import unicodedata
from collections.abc import Callable
from hashlib import sha256

from kdx.inventory.assess.finding import Row, Rule, Seen, Severity
from kdx.language import N_

UNITS: dict[str, Callable[[str], int]] = {
    "bytes": lambda text: len(text) if text.isascii() else len(text.encode("utf-8")),
    "characters": len,
    "utf16": lambda text: len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2,
}
"""How targets count: bytes of UTF-8, characters, or units of UTF-16."""
LONGEST_ENDING = 12
"""A longer piece after the last dot is a part of the name and may be cut."""
MARK_DIGITS = 6


def shorten(name: str, most: int, unit: str) -> str:
    """Return `name` in at most `most` units, empty where that cannot be.

    The ending stays; what is cut is told apart by six digits of the SHA-256 of the whole name.
    """
    measure = UNITS[unit]
    if measure(name) <= most:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        stem, dot, ending = name, "", ""
    tail = f"-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:MARK_DIGITS]}{dot}{ending}"
    room = most - measure(tail)
    while stem and measure(stem) > room:
        # never between a character and its mark
        stem = stem[:-1]
        while stem and unicodedata.combining(stem[-1]):
            stem = stem[:-1]
    stem = stem.rstrip(" .")
    return f"{stem}{tail}" if stem else ""


def _exceeds(found: int, most: int) -> str:
    return f"{found:,} > {most:,}" if found > most else ""


def _name(seen: Seen, row: Row) -> str:
    return _exceeds(UNITS[row.unit](seen.name), row.most)


def _path(seen: Seen, row: Row) -> str:
    return _exceeds(UNITS[row.unit](seen.parent + seen.name), row.most)


def _short_enough(seen: Seen, row: Row) -> str:
    return shorten(seen.name, row.most, row.unit)


def _short_enough_there(seen: Seen, row: Row) -> str:
    return shorten(seen.name, row.most - UNITS[row.unit](seen.parent), row.unit)


def _depth(seen: Seen, row: Row) -> str:
    return _exceeds(seen.depth + seen.is_folder, row.most)


NAME = Rule(
    "name-too-long", Severity.BLOCKS, N_("the name is too long for this target"), _name, _short_enough,
    needs=("most", "unit"),
)
PATH = Rule(
    "path-too-long", Severity.BLOCKS, N_("the whole path is too long for this target"), _path, _short_enough_there,
    needs=("most", "unit"),
)
DEPTH = Rule("too-deep", Severity.BLOCKS, N_("folders lie deeper than the target allows"), _depth, needs=("most",))

RULES = (NAME, PATH, DEPTH)
