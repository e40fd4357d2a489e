"""A file -> judged whole: kdx's own sheet, what look.ps1 wrote, a report by a column map. Opens no workbook."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

from kdx.rollout.entry import FileUnread
from kdx.rollout.grid import MOST_BYTES, FileUnclear, Grid, decode, grid_of_csv
from kdx.rollout.judged import Judged
from kdx.rollout.overview import Overview
from kdx.rollout.report_import import find_map, judge_report
from kdx.rollout.sheet import judge_sheet
from kdx.rollout.windows_import import is_windows_report, judge_windows
from kdx.language import N_
from kdx.state.events.rollout import ReportImported

ReadSheet = Callable[[bytes, str], Grid]
"""Bytes of an xlsx file and its name -> cells."""


def judge_file(
    overview: Overview, path: Path, name: str | None, collected: date | None, read_sheet: ReadSheet
) -> Judged:
    """Judge a whole file. `name` is that of a column map; without one it is kdx's own sheet, or what look.ps1 wrote."""
    columns = find_map(overview.definition, name) if name else None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FileUnclear(file=path, why=N_("it is larger than any such report"))
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnread(path=path, why=error.strerror) from error
    sha256 = hashlib.sha256(raw).hexdigest()
    if raw.startswith(b"PK\x03\x04"):
        grid, encoding = read_sheet(raw, path.name), "xlsx"
    else:
        text, encoding = decode(raw, path.name)
        if is_windows_report(text) and columns is None:
            return judge_windows(overview, text, path.name, sha256, encoding)
        grid = grid_of_csv(text, path.name)
    if columns:
        return judge_report(overview, columns, grid, path.name, sha256, encoding, collected)
    return judge_sheet(overview, grid, path.name, sha256, encoding)


def record_of(judged: Judged) -> ReportImported:
    """Return the event that says a file was taken."""
    return ReportImported(
        judged.file, judged.sha256, judged.form, judged.encoding, judged.rows, len(judged.events)
    )
