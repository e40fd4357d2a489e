"""`kdx report`: one page for headteachers, council and board. Translates; decides nothing."""

from datetime import datetime
from pathlib import Path

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
@as_of_option
@click.pass_obj
def report(app: Application, place: str, audience: str, as_of: datetime | None) -> None:
    """Write one page: rollout, backups, drills, weather, migration, what the servers hold.

    Example: kdx report -o report.html --audience schools
    """
    from kdx.cli.console import write_file, write_result
    from kdx.report.page import report_page
    from kdx.report.sections.section import Audience
    from kdx.survey import survey

    found = survey(app.board, app.ledger, app.state, app.now(), as_of)
    page = report_page(found, Audience[audience.upper()]).encode("utf-8")
    if place == "-":
        write_result(page)
    else:
        file = Path(place)
        write_file(file / "report.html" if file.is_dir() else file, page)
    app.output.finish(found.overview.exit_code)
