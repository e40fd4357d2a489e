"""A file somebody sent -> its cells, and rows under the headings that are looked for. Judges no value.

The text may be UTF-8 with or without a byte order mark, UTF-16 with one, or what Excel writes in Japan (cp932); which
it was is said. Headings may stand below a title, and in two rows, the upper one merged over several columns.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kdx.errors import GateClosed
from kdx.language import N_
from kdx.rollout.values import normal, squeezed

Grid = Sequence[Sequence[object]]
MOST_BYTES = 50_000_000
HEADINGS_WITHIN = 20
"""The headings stand in one of so many first rows."""
GUARDED = tuple("=+-@\t\r＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula; kdx writes ' before it."""
TOTALS = ("合計", "計", "総計", "小計", "total")


class FileUnclear(GateClosed):
    """A file cannot be taken in as it is; nothing of it was."""

    message = N_("{file} cannot be read: {why}.")
    advice = N_("Save it as CSV or xlsx with the headings in one row, and import it again.")


class HeadingsMissing(GateClosed):
    """A table has not the columns that are needed."""

    message = N_("{file} has no row with the headings {missing}.")
    advice = N_("Correct the headings, or name a column map with --map. Found: {found}.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be. A few kilobytes may unpack to gigabytes."""

    bytes: int = MOST_BYTES
    unpacked: int = 4 * MOST_BYTES
    rows: int = 200_000
    columns: int = 200


REPORT = Limits()


@dataclass(frozen=True, slots=True)
class Record:
    """One row under its headings."""

    number: int
    """Of the row in the file, from 1."""
    values: Mapping[str, str]
    """Key -> what the cell says, normalised."""


def decode(raw: bytes, file: str) -> tuple[str, str]:
    """Return text and encoding of a CSV file."""
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((encoding for mark, encoding in marks if raw.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "cp932"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, encoding
    raise FileUnclear(file=file, why=N_("it is neither UTF-8 nor Shift_JIS (cp932)"))


def grid_of_csv(text: str, file: str) -> Grid:
    """Return the cells of a CSV text; tabs and semicolons may stand for the commas."""
    # a title above the headings has no separators
    first = max(text.split("\n", HEADINGS_WITHIN)[:HEADINGS_WITHIN], key=len)
    separator = max(",\t;", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise FileUnclear(file=file, why=N_("its quotation marks do not fit together")) from error


def records_of(grid: Grid, wanted: Mapping[str, Iterable[str]], optional: Iterable[str], file: str) -> list[Record]:
    """Return the rows below the headings. `wanted` says for each key the headings it may have.

    HeadingsMissing where a key that is not optional has none. Empty rows and rows of totals are left out.
    """
    if len(grid) > REPORT.rows:
        raise FileUnclear(file=file, why=N_("it has more rows than any such report"))
    known = {key: {squeezed(heading).casefold() for heading in headings} for key, headings in wanted.items()}
    needed = set(known) - set(optional)
    best: dict[str, int] = {}
    for index in range(min(HEADINGS_WITHIN, len(grid))):
        places = _places(grid, index, known)
        if needed <= places.keys():
            return _below(grid, index + 1, places)
        best = max(best, places, key=len)
    missing = ", ".join(next(iter(wanted[key])) for key in known if key in needed - best.keys())
    found = max((list(map(normal, row)) for row in grid[:HEADINGS_WITHIN]), key=lambda row: len([*filter(None, row)]),
                default=[])
    raise HeadingsMissing(file=file, missing=missing, found=", ".join(filter(None, found)) or "-")


def _places(grid: Grid, index: int, known: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the column of each key, going by this row alone or together with the one above."""
    above = grid[index - 1] if index else []
    places: dict[str, int] = {}
    for column, cell in enumerate(grid[index]):
        upper = above[column] if column < len(above) else ""
        # a cell merged over both rows says its heading in the upper one only
        alone, both = squeezed(cell or upper).casefold(), squeezed(f"{upper}{cell}").casefold()
        for key, headings in known.items():
            if alone and key not in places and (alone in headings or both in headings):
                places[key] = column
                break
    return places


def _below(grid: Grid, start: int, places: Mapping[str, int]) -> list[Record]:
    records = []
    for number, row in enumerate(grid[start:], start + 1):
        values = {key: _said(row[column]) if column < len(row) else "" for key, column in places.items()}
        first = values.get("school", "").casefold()
        if any(values.values()) and first not in TOTALS:
            records.append(Record(number, values))
    return records


def _said(cell: object) -> str:
    return unguarded(normal(cell))


def unguarded(text: str) -> str:
    """Return what a cell said before kdx wrote a sign before it, so that no spreadsheet takes it for a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(GUARDED) else text
