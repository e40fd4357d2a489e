"""A decisions file as a school sends it back -> rows of text. Believes nothing and judges nothing.

Excel or CSV, read as every file somebody sends (kdx/rollout/sent_file.py, kdx/cli/sheet_reader.py); merged cells count
for every row they cover, but for what names an entry.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kdx.cli.sheet_reader import cells_of
from kdx.decisions import File
from kdx.errors import UsageMistake
from kdx.inventory.assess.answers import COLUMNS, Written, column_of_heading, headings
from kdx.language import N_, _, translate
from kdx.rollout.entry import FileUnread
from kdx.rollout.grid import HEADINGS_WITHIN, FileUnclear, Limits, grid_of_csv, unguarded
from kdx.rollout.sent_file import WORKBOOK, SentFile, read_sent_file

NEEDED = ("id", "decision")
NEVER_SPREAD = ("id", "path", "name")
"""Columns whose merged cells are not believed to mean several rows: each row has its own."""
LIMITS = Limits(bytes=200 << 20, unpacked=1 << 30, rows=1_100_000)
"""A million rows of answers need a fifth of it."""


class FileUnreadable(UsageMistake):
    """What was given is no decisions file."""

    message = N_("The decisions file {file} cannot be read: {why}.")
    advice = N_("Give the .xlsx or .csv that kdx assess wrote and the school filled in.")


def read_decisions(path: Path) -> File:
    """Return a file's rows with the columns that are known, cells as text. FileUnreadable says what is wrong."""
    try:
        sent = read_sent_file(path, LIMITS)
        table = _workbook(sent) if sent.encoding == WORKBOOK else _comma_separated(sent)
        return File(sent.name, sent.sha256, list(_rows(enumerate(table, 1), path)))
    except (FileUnread, FileUnclear) as error:
        raise FileUnreadable(file=path, why=translate(str(error.values["why"]))) from error


def _rows(table: Iterable[tuple[int, Sequence[str]]], path: Path) -> Iterator[Written]:
    known = headings()
    places: dict[str, int] = {}
    for number, cells in table:
        if not places:
            found = {column_of_heading(cell, known): index for index, cell in enumerate(cells)}
            found.pop("", None)
            if set(NEEDED) <= set(found):
                places = found
            elif number >= HEADINGS_WITHIN:
                break
        else:
            yield Written(number, {column: cells[index] for column, index in places.items() if index < len(cells)})
    if not places:
        wanted = ", ".join(_(COLUMNS[column]) for column in NEEDED)
        raise FileUnreadable(file=path, why=_("it has no row with the headings {wanted}").format(wanted=wanted))


def _comma_separated(sent: SentFile) -> Iterator[Sequence[str]]:
    for row in grid_of_csv(sent.text, sent.name):
        yield [unguarded(str(cell)) for cell in row]


def _workbook(sent: SentFile) -> Iterator[Sequence[str]]:
    rows, covered = cells_of(sent.raw, sent.name, LIMITS)
    known = headings()
    own: frozenset[int] = frozenset()
    for number, row in enumerate(rows):
        cells = [_text(covered.get((number, index), cell)) for index, cell in enumerate(row)]
        named = {index: column_of_heading(cell, known) for index, cell in enumerate(cells)}
        if not own and set(NEEDED) <= set(named.values()):
            own = frozenset(index for index, column in named.items() if column in NEVER_SPREAD)
        yield ["" if index in own and (number, index) in covered else cell for index, cell in enumerate(cells)]


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
