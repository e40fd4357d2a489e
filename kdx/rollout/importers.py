"""A file -> judged whole: kdx's own sheet, what look.ps1 wrote, a report by a column map. Opens no workbook."""

from datetime import date
from pathlib import Path

from kdx.rollout.judged import Judged
from kdx.rollout.overview import Overview
from kdx.rollout.report_import import find_map, judge_report
from kdx.rollout.sent_file import ReadSheet, grid_of, read_sent_file
from kdx.rollout.sheet import judge_sheet
from kdx.rollout.windows_import import is_windows_report, judge_windows
from kdx.state.events.rollout import ReportImported


def judge_file(
    overview: Overview, path: Path, name: str | None, collected: date | None, read_sheet: ReadSheet
) -> Judged:
    """Judge a whole file. `name` is that of a column map; without one it is kdx's own sheet, or what look.ps1 wrote."""
    columns = find_map(overview.definition, name) if name else None
    sent = read_sent_file(path)
    if columns:
        return judge_report(overview, columns, grid_of(sent, read_sheet), sent, collected)
    if is_windows_report(sent.text):
        return judge_windows(overview, sent)
    return judge_sheet(overview, grid_of(sent, read_sheet), sent)


def record_of(judged: Judged) -> ReportImported:
    """Return the event that says a file was taken."""
    return ReportImported(
        judged.file, judged.sha256, judged.form, judged.encoding, judged.rows, len(judged.events)
    )
