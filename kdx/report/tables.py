"""A table as facts: columns, rows of raw values, date and source. Draws nothing, opens nothing, reads no clock.

`visible` is the one place where a hostile name becomes harmless text; whoever shows a name shows `visible(name)`.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from kdx.errors import UsageMistake
from kdx.language import N_

Kind = Literal["text", "path", "count", "bytes", "time", "date", "seconds", "ratio", "mark", "word"]
Row = Mapping[str, object]

NUMBERS: frozenset[Kind] = frozenset({"count", "bytes", "seconds", "ratio"})
WHOLE: frozenset[Kind] = frozenset({"time", "date", "mark"})
"""What no page breaks over two lines, like NUMBERS."""


class UnknownColumn(UsageMistake):
    """A column was named that the table does not have."""

    message = N_("The table has no column {name!r}.")
    advice = N_("Nearest: {nearest}. All of them: {known}.")


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `key` is its name in rows, JSON, --columns, --sort and --filter; it never changes."""

    key: str
    heading: str
    """An N_() string, translated when shown."""
    kind: Kind = "text"
    """Decides unit, alignment and sorting. bytes, seconds: plain numbers of that unit; ratio: 0 to 1.
    word: an N_() string, translated for people, as it is for programs."""
    choices: tuple[str, ...] = ()
    """Where a person is to fill the column in: the N_() strings a spreadsheet offers. The legend gets its own sheet."""


@dataclass(frozen=True, slots=True)
class Table:
    """Facts for a person. Values are int, float, str, bool, aware datetime, date or None (not known)."""

    title: str
    """Already translated and filled in: it usually names a school."""
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    as_of: datetime | None = None
    """When the facts were true; None where they are those of the moment of showing."""
    source: str = ""
    """Where they come from, already translated: a catalog, a ledger entry, the configuration."""
    above: tuple[str, ...] = ()
    """Lines between the title and the table, already translated."""
    notes: tuple[str, ...] = ()
    """Sentences below the table, already translated."""
    legend: tuple[tuple[str, str], ...] = ()
    """(mark, meaning) pairs; meanings are N_() strings."""
    blocks: bool = False
    """Whether a row is too much for one line of a terminal: there it is a block of lines, nothing of it cut."""


def column_of(table: Table, key: str) -> Column:
    """Return the column `key`; UnknownColumn offers the nearest names."""
    known = {column.key: column for column in table.columns}
    if key not in known:
        from kdx.config.naming import nearest_names

        near = nearest_names(key, list(known))
        raise UnknownColumn(name=key, nearest=", ".join(near) or "-", known=", ".join(known))
    return known[key]


def select_columns(table: Table, keys: Sequence[str]) -> Table:
    """Return the table with only the columns `keys`, in that order."""
    return replace(table, columns=tuple(column_of(table, key) for key in keys)) if keys else table


def sort_rows(table: Table, keys: Sequence[str]) -> Table:
    """Return the table sorted by `keys`, the first deciding; a key after `-` sorts downwards. Unknown values last."""
    rows = list(table.rows)
    for key in reversed(keys):
        name = column_of(table, key.removeprefix("-")).key
        known = [row for row in rows if row.get(name) is not None]
        unknown = [row for row in rows if row.get(name) is None]
        known.sort(key=lambda row: _rank(row[name]), reverse=key.startswith("-"))
        rows = known + unknown
    return replace(table, rows=rows)


def _rank(value: object) -> tuple[str, float, str]:
    """Numbers by size, times by moment, everything else by text, so that mixed columns never fail."""
    if isinstance(value, (bool, int, float)):
        return "number", float(value), ""
    if isinstance(value, datetime):
        return "time", value.timestamp(), ""
    return "text", 0.0, str(value)


def visible(text: str) -> str:
    r"""Given any text, return it with everything escaped that could move a cursor, hide, reorder or forge text.

    Escaped are control characters (C0, C1, newline), format characters (bidi overrides, zero width), line and paragraph
    separators, private use, unassigned code points and surrogates; a byte that was not UTF-8 shows as \xNN. Japanese,
    including variation selectors of names (葛󠄀), stays as it is. The result is printable, one line, and valid Unicode;
    applying it twice changes nothing. A backslash stays single: exact names are in JSON.
    """
    if text.isprintable():
        return text
    return "".join(character if is_plain(character) else _escaped(character) for character in text)


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def is_plain(character: str) -> bool:
    """Whether one character can be shown as it is."""
    category = unicodedata.category(character)
    if category == "Cn":
        # kanji newer than this Python's tables; noncharacters end every plane
        return 0x20000 <= ord(character) < 0x40000 and ord(character) & 0xFFFE != 0xFFFE
    return category not in _HARMFUL


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
