"""`kdx report --fy`: what a fiscal year brought, in the plan's own viewpoints. Translates; decides nothing."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from kdx.cli.application import Application


def follow_up(app: Application, fy: str, place: str, as_of: datetime | None) -> NoReturn:
    """Write the follow-up as a page, or as Markdown into FILE.md, and end the command."""
    from kdx.checklist.importer import read_year
    from kdx.cli.console import write_file, write_result
    from kdx.report.yearly import span_of, yearly, yearly_markdown, yearly_page
    from kdx.rollout.overview import look
    from kdx.survey import survey

    year = read_year(fy)
    first, last = span_of(year, app.zone, app.now(), as_of)
    found = survey(app.board, app.ledger, app.state, app.now(), last)
    before = look(app.board, app.ledger, app.now(), first - timedelta(microseconds=1))
    form = yearly_markdown if place.endswith(".md") else yearly_page
    content = form(yearly(found, before, year)).encode("utf-8")
    if place == "-":
        write_result(content)
    else:
        file = Path(place)
        write_file(file / f"report-R{year - 2018}.html" if file.is_dir() else file, content)
    app.output.finish(found.overview.exit_code)
