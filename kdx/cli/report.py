"""`kdx report`: one page for headteachers, council and board. Translates; decides nothing."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import as_of_option
from kdx.language import N_


@click.command(cls=KdxCommand)
@click.option("-o", "--output", "place", metavar="DIR|FILE", default="-",
              help=N_("Write report.html into DIR, or the page into FILE.html (- is standard output)."))
@click.option("--audience", type=click.Choice(("public", "schools", "board")), default="board", show_default=True,
              help=N_("Who will read it: decides what is shown."))
@click.option("--fy", metavar="YEAR", help=N_("Follow-up of the plan in this fiscal year, such as R8; FILE.md too."))
@as_of_option
@click.pass_obj
def report(app: Application, place: str, audience: str, fy: str | None, as_of: datetime | None) -> None:
    """Write one page: rollout, backups, drills, weather, migration, what the servers hold.

    Example: kdx report -o report.html --audience schools
    """
    from kdx.report.page import report_page
    from kdx.report.sections.section import Audience
    from kdx.survey import survey

    if fy:
        _follow_up(app, fy, place, as_of)
    found = survey(app.board, app.ledger, app.state, app.now(), as_of)
    _write(report_page(found, Audience[audience.upper()]), place, "report.html")
    app.output.finish(found.overview.exit_code)


def _follow_up(app: Application, fy: str, place: str, as_of: datetime | None) -> NoReturn:
    """Write what a fiscal year brought, as a page or as Markdown, and end the command."""
    from kdx.checklist.importer import read_year
    from kdx.report.yearly import span_of, yearly, yearly_markdown, yearly_page
    from kdx.rollout.overview import look
    from kdx.survey import survey

    year = read_year(fy)
    first, last = span_of(year, app.zone, app.now(), as_of)
    found = survey(app.board, app.ledger, app.state, app.now(), last)
    before = look(app.board, app.ledger, app.now(), first - timedelta(microseconds=1))
    made = yearly(found, before, year)
    form = yearly_markdown if place.endswith(".md") else yearly_page
    _write(form(made), place, f"report-R{year - 2018}.html")
    app.output.finish(found.overview.exit_code)


def _write(content: str, place: str, name: str) -> None:
    from kdx.cli.console import write_file, write_result

    if place == "-":
        write_result(content.encode("utf-8"))
    else:
        file = Path(place)
        write_file(file / name if file.is_dir() else file, content.encode("utf-8"))
