"""An xlsx file -> its cells as plain values. Formulas are not computed; merged cells all say what the first says."""

import io
import zipfile
from datetime import datetime

from kdx.language import N_
from kdx.rollout.grid import MOST_BYTES, MOST_ROWS, FileUnclear, Grid

MOST_COLUMNS = 200


def read_sheet(raw: bytes, file: str) -> Grid:
    """Return the cells of the first sheet of a workbook."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            # a few kilobytes may unpack to gigabytes
            if sum(part.file_size for part in archive.infolist()) > 4 * MOST_BYTES:
                raise FileUnclear(file=file, why=N_("it is larger than any such report"))
        sheet = load_workbook(io.BytesIO(raw), data_only=True).worksheets[0]
    except FileUnclear:
        raise
    except Exception as error:
        # openpyxl raises whatever its parsers do; all of it means the same here
        raise FileUnclear(file=file, why=N_("it is not a workbook that can be opened")) from error
    if sheet.max_row > MOST_ROWS or sheet.max_column > MOST_COLUMNS:
        raise FileUnclear(file=file, why=N_("it has more rows than any such report"))
    cells = [[_plain(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    for area in sheet.merged_cells.ranges:
        first = cells[area.min_row - 1][area.min_col - 1]
        for row in range(area.min_row - 1, min(area.max_row, len(cells))):
            for column in range(area.min_col - 1, min(area.max_col, len(cells[row]))):
                cells[row][column] = first
    return cells


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value is None else value
