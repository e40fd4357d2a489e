"""An xlsx file -> its cells as plain values. Formulas are not computed; merged cells all say what the first says."""

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kdx.language import N_
from kdx.rollout.grid import REPORT, FileUnclear, Grid, Limits

Covered = Mapping[tuple[int, int], object]
"""(row, column), both from 0 -> what the first of the merged cells says that cover it; without that first one."""


def read_sheet(raw: bytes, file: str) -> Grid:
    """Return the cells of the first sheet of a workbook."""
    cells, covered = cells_of(raw, file, REPORT)
    for (row, column), value in covered.items():
        if row < len(cells) and column < len(cells[row]):
            cells[row][column] = value
    return cells


def cells_of(raw: bytes, file: str, limits: Limits) -> tuple[list[list[object]], Covered]:
    """Return the cells of the first sheet as they stand in it, and what merged ones say of those they cover."""
    sheet = _first_sheet(raw, file, limits)
    if sheet.max_row > limits.rows or sheet.max_column > limits.columns:
        raise FileUnclear(file=file, why=N_("it has more rows than any such report"))
    cells = [[_plain(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    covered = {
        (row - 1, column - 1): _plain(area.start_cell.value)
        for area in sheet.merged_cells.ranges
        for row, column in area.cells
        if (row, column) != (area.min_row, area.min_col)
    }
    return cells, covered


def _first_sheet(raw: bytes, file: str, limits: Limits) -> Any:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(part.file_size for part in archive.infolist()) > limits.unpacked:
                raise FileUnclear(file=file, why=N_("it is larger than any such report"))
        return load_workbook(io.BytesIO(raw), data_only=True).worksheets[0]
    except FileUnclear:
        raise
    except Exception as error:
        # openpyxl raises whatever its parsers do; all of it means the same here
        raise FileUnclear(file=file, why=N_("it is not a workbook that can be opened")) from error


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value is None else value
