"""A decisions file as a school sends it back -> rows of text. Reads Excel and CSV; believes nothing and judges nothing.

Excel: merged cells count for every row they cover, but for the number of an entry. CSV: UTF-8 with or without a byte
order mark, or cp932 as Excel on Japanese Windows saves it; comma, semicolon or tab.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from kdx.decisions import File
from kdx.errors import UsageMistake
from kdx.inventory.assess.answers import COLUMNS, Written, column_of_heading, headings
from kdx.language import N_, _

HEADING_WITHIN = 20
"""Rows in which the headings must come."""
NEEDED = ("id", "decision")
NEVER_SPREAD = ("id", "path", "name")
"""Columns whose merged cells are not believed to mean several rows: each row has its own."""
_GUARDED = tuple("=+-@\t\r＝＋－＠")
MOST_BYTES = 200 << 20
MOST_UNPACKED = 1 << 30
"""Bytes a workbook may unpack to; a million rows of answers need a fifth of it."""


class FileUnreadable(UsageMistake):
    """What was given is no decisions file."""

    message = N_("The decisions file {file} cannot be read: {why}.")
    advice = N_("Give the .xlsx or .csv that kdx assess wrote and the school filled in.")


def read_decisions(path: Path) -> File:
    """Return a file's rows with the columns that are known, cells as text. FileUnreadable says what is wrong."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnreadable(file=path, why=error.strerror) from error
    if len(raw) > MOST_BYTES:
        raise FileUnreadable(file=path, why=_("it is too large"))
    table = _workbook(raw, path) if path.suffix.lower() in (".xlsx", ".xlsm") else _comma_separated(raw, path)
    return File(path.name, sha256(raw).hexdigest(), list(_rows(table, path)))


def _rows(table: Iterable[tuple[int, Sequence[str]]], path: Path) -> Iterator[Written]:
    known = headings()
    places: dict[str, int] = {}
    for number, cells in table:
        if not places:
            found = {column_of_heading(cell, known): index for index, cell in enumerate(cells)}
            found.pop("", None)
            if set(NEEDED) <= set(found):
                places = found
            elif number >= HEADING_WITHIN:
                break
        else:
            yield Written(number, {column: cells[index] for column, index in places.items() if index < len(cells)})
    if not places:
        wanted = ", ".join(_(COLUMNS[column]) for column in NEEDED)
        raise FileUnreadable(file=path, why=_("it has no row with the headings {wanted}").format(wanted=wanted))


def _comma_separated(raw: bytes, path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    text = _decoded(raw, path)
    first = max(text.split("\n", HEADING_WITHIN)[:HEADING_WITHIN], key=len, default="")
    delimiter = max(",;\t", key=first.count)
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1):
            yield number, [_unguarded(cell) for cell in cells]
    except csv.Error as error:
        raise FileUnreadable(file=path, why=str(error)) from error


def _decoded(raw: bytes, path: Path) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileUnreadable(file=path, why=_("it is neither UTF-8 nor Shift_JIS (cp932) text"))


def _unguarded(cell: str) -> str:
    """Undo what kdx puts before text that looks like a formula (kdx/cli/formats.py)."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_GUARDED) else cell


def _workbook(raw: bytes, path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise FileUnreadable(file=path, why=_("it is too large"))
        # the values Excel computed, never a formula
        sheet = load_workbook(io.BytesIO(raw), data_only=True).worksheets[0]
        spread = _merged(sheet)
        rows = [
            [spread.get((number, index), _text(cell.value)) for index, cell in enumerate(cells)]
            for number, cells in enumerate(sheet.iter_rows(), 1)
        ]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, IndexError, EOFError) as error:
        raise FileUnreadable(file=path, why=_("it is not a whole Excel workbook (.xlsx)")) from error
    known = headings()
    own: Mapping[int, str] = {}
    for number, cells in enumerate(rows, 1):
        named = {index: column_of_heading(cell, known) for index, cell in enumerate(cells)}
        if not own and set(NEEDED) <= set(named.values()):
            own = {index: column for index, column in named.items() if column in NEVER_SPREAD}
        for index in own:
            if (number, index) in spread:
                cells[index] = ""
        yield number, cells


def _merged(sheet: object) -> dict[tuple[int, int], str]:
    """Return (row, column from 0) -> text for every cell that a merged one covers, but its first."""
    spread: dict[tuple[int, int], str] = {}
    for area in sheet.merged_cells.ranges:  # type: ignore[attr-defined]
        text = _text(area.start_cell.value)
        for row, column in area.cells:
            if (row, column) != (area.min_row, area.min_col):
                spread[row, column - 1] = text
    return spread


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
