"""A table as an Excel workbook (xlsx). Text is always text: no cell is ever a formula. Writes nothing itself."""

import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from kdx.errors import UsageMistake
from kdx.language import N_, translate
from kdx.report.shown import heading_line, headings, in_zone, legend_line, shown
from kdx.report.tables import NUMBERS, Column, Table, visible

MOST_ROWS = 1_000_000
WIDEST = 60
ROOM = 24
"""Width of a column that people write into."""
A4 = 9
LEGEND = N_("How to fill this in")
FIRST_YEAR = 1901
_NUMBER_FORMATS = {
    "count": "#,##0", "ratio": "0.00%", "seconds": "[h]:mm:ss",
    "bytes": '[>=999950000]#,##0.0,,," GB";[>=999950]#,##0.0,," MB";#,##0" B"',
}
"""What Excel shows: the unit stands in every cell, and the cell still holds the number."""
DAY = 86_400
"""Seconds in what Excel counts a duration by."""
MADE_BY = "kdx"
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
_EXCEL_ESCAPE = re.compile(r"_x(?=[0-9A-Fa-f]{4}_)")


class TooManyRows(UsageMistake):
    """A spreadsheet holds about a million rows and no more."""

    message = N_("The table has {count} rows; a spreadsheet holds at most {most}.")
    advice = N_("Use --filter to choose rows, or --format csv.")


def spreadsheet(table: Table, zone: tzinfo) -> bytes:
    """Return the bytes of a workbook: one sheet, and one with the legend where the first is to be filled in."""
    from openpyxl import Workbook

    if len(table.rows) > MOST_ROWS:
        raise TooManyRows(count=len(table.rows), most=MOST_ROWS)
    book = Workbook(write_only=True)
    _fill(book, book.create_sheet("kdx"), table, zone)
    return _saved(book)


def workbook(tables: Sequence[Table], zone: tzinfo) -> bytes:
    """Return the bytes of a workbook with a sheet for each table, named after its title."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        _fill(book, book.create_sheet(_sheet_name(table.title, book.sheetnames)), table, zone)
    return _saved(book)


def _sheet_name(title: str, taken: Sequence[str]) -> str:
    """Return a name that Excel takes: at most 31 characters, none of []:*?/\\, no other sheet's."""
    name = _NO_SHEET_NAME.sub(" ", visible(title)).strip(" '")[:31] or "kdx"
    number = 1
    known = {one.casefold() for one in taken}
    while name.casefold() in known:
        number += 1
        name = f"{name[:27]} {number}"
    return name


def _saved(book: Any) -> bytes:
    file = io.BytesIO()
    # how a workbook of kdx is told from one that people made
    book.properties.creator = MADE_BY
    book.save(file)
    return file.getvalue()


def _fill(book: Any, sheet: Any, table: Table, zone: tzinfo) -> None:
    """Write a table into a sheet."""
    _arrange(sheet, table, zone)
    sheet.append([_text(sheet, "   ".join((heading_line(table, zone), *map(visible, table.above))))])
    sheet.append([_text(sheet, name, bold=True) for name in headings(table)])
    for row in table.rows:
        sheet.append([_cell(sheet, row.get(column.key), column, zone) for column in table.columns])
    if any(column.choices for column in table.columns):
        _offer_choices(sheet, table)
        _explain(book, table)
    else:
        for line in (legend_line(table), *map(visible, table.notes)):
            if line:
                sheet.append([_text(sheet, line)])


def _arrange(sheet: Any, table: Table, zone: tzinfo) -> None:
    """Freeze the headings, fit A4 landscape, repeat headings on every page, put the data's date in the footer."""
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A3"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "2:2"
    # & starts a code in a footer
    sheet.oddFooter.left.text = heading_line(table, zone).replace("&", "&&")[:200]
    sheet.oddFooter.right.text = "&P / &N"
    for index, width in enumerate(_widths(table, zone), start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width


def _offer_choices(sheet: Any, table: Table) -> None:
    """Let Excel offer the words a column takes, and filter by any column."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    last = len(table.rows) + 2
    sheet.auto_filter.ref = f"A2:{get_column_letter(len(table.columns))}{max(last, 3)}"
    for index, column in enumerate(table.columns, start=1):
        if column.choices:
            words = ",".join(translate(word) for word in column.choices)
            offered = DataValidation(type="list", formula1=f'"{words}"', allow_blank=True, showErrorMessage=True)
            offered.add(f"{get_column_letter(index)}3:{get_column_letter(index)}{max(last, 3)}")
            sheet.data_validations.append(offered)


def _explain(book: Any, table: Table) -> None:
    sheet = book.create_sheet(translate(LEGEND))
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 90
    for mark, meaning in table.legend:
        sheet.append([_text(sheet, visible(mark), bold=True), _text(sheet, translate(meaning))])
    for line in table.notes:
        sheet.append([_text(sheet, visible(line))])


def _widths(table: Table, zone: tzinfo) -> Iterator[int]:
    from wcwidth import wcswidth

    filled_in = any(column.choices for column in table.columns)
    for name, column in zip(headings(table), table.columns):
        cells = [shown(row.get(column.key), column.kind, zone) for row in table.rows]
        words = [translate(word) for word in column.choices]
        empty = filled_in and not any((*cells, *words))
        yield min(WIDEST, max([wcswidth(name), *map(wcswidth, [*cells, *words]), ROOM if empty else 0]) + 3)


def _cell(sheet: Any, value: object, column: Column, zone: tzinfo) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None:
        return None
    if isinstance(value, datetime):
        # Excel knows no time zone; the title line names it
        value = in_zone(value, zone).replace(tzinfo=None)
    if isinstance(value, date) and value.year >= FIRST_YEAR:
        whole_day = column.kind == "date" or not isinstance(value, datetime)
        form = "yyyy-mm-dd" if whole_day else "yyyy-mm-dd hh:mm:ss"
        value = datetime(value.year, value.month, value.day) if whole_day else value
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and column.kind in NUMBERS:
        form = _NUMBER_FORMATS[column.kind]
        if column.kind == "ratio":
            # rounded down, as everywhere: only what is whole says 100 %
            value = int(value * 10_000 + 1e-9) / 10_000
        elif column.kind == "seconds":
            value = value / DAY
    else:
        return _text(sheet, value.isoformat(" ") if isinstance(value, datetime) else shown(value, column.kind, zone))
    cell = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]
    cell.number_format = form
    return cell


def _text(sheet: Any, text: str, bold: bool = False) -> Any:
    """Return a cell that is text, stays text when edited, and shows `_x0041_` as it was written."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, _EXCEL_ESCAPE.sub("_x005F_x", text))
    cell.data_type = "s"
    cell.number_format = "@"
    cell.quotePrefix = True
    if bold:
        cell.font = Font(bold=True)
    return cell
