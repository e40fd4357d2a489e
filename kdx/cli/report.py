"""`kdx report`: one page for headteachers, council and board. Translates; decides nothing."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import as_of_option
from kdx.errors import ExitCode, UsageMistake
from kdx.language import N_

if TYPE_CHECKING:
    from kdx.report.sections.section import Audience
    from kdx.survey import Survey


class NowhereToPublish(UsageMistake):
    """--publish was asked for and kdx.yml names no place."""

    message = N_("kdx.yml does not say where the report is to be published.")
    advice = N_("Write there, for example: report: {{publish: smb://user@server/share, at: '06:30'}}.")


@click.command(cls=KdxCommand)
@click.option("-o", "--output", "place", metavar="DIR|URL|FILE", default="-",
              help=N_("Write report.html and report.xlsx into a folder or a share (smb://, sftp://, …), "
                      "or only the page into FILE.html, only its tables into FILE.xlsx (- is standard output)."))
@click.option("--publish", is_flag=True,
              help=N_("Write both where report: in kdx.yml says, for whom it says; 0 where they arrived."))
@click.option("--audience", type=click.Choice(("public", "schools", "board")),
              help=N_("Who will read it: decides what is shown (default: board)."))
@click.option("--fy", metavar="YEAR", help=N_("Follow-up of the plan in this fiscal year, such as R8; FILE.md too."))
@as_of_option
@click.pass_obj
def report(
    app: Application, place: str, publish: bool, audience: str | None, fy: str | None, as_of: datetime | None
) -> None:
    """Write one page: rollout, backups, drills, weather, migration, what the servers hold.

    Example: kdx report -o report.html --audience schools
    """
    from kdx.report.sections.section import Audience
    from kdx.survey import survey

    if fy:
        from kdx.cli.yearly import follow_up

        follow_up(app, fy, place, as_of)
    target = app.board.report
    if publish and target is None:
        raise NowhereToPublish()
    if publish and target:
        audience = audience or target.audience
    found = survey(app.board, app.ledger, app.state, app.now(), as_of)
    readers = Audience[(audience or "board").upper()]
    if publish and target:
        from kdx.cli import publish as publishing
        from kdx.remotes import place_of_target

        publishing.publish(place_of_target(app.board, target.place), _files(found, readers))
        app.output.finish(ExitCode.DONE)
    _write(app, place, found, readers)
    app.output.finish(found.overview.exit_code)


def _write(app: Application, place: str, found: "Survey", readers: "Audience") -> None:
    from kdx.cli import publish
    from kdx.cli.console import write_file, write_result
    from kdx.config.location import parse_location
    from kdx.remotes import Place

    if place == "-":
        write_result(_page(found, readers))
    elif "://" in place or place.startswith("rclone:"):
        publish.publish(Place(parse_location(place), app.board.network), _files(found, readers))
    elif Path(place).is_dir():
        publish.publish(Place(parse_location(str(Path(place).absolute()))), _files(found, readers))
    elif place.lower().endswith(".xlsx"):
        write_file(Path(place), _workbook(found, readers))
    else:
        write_file(Path(place), _page(found, readers))


def _files(found: "Survey", readers: "Audience") -> dict[str, bytes]:
    return {"report.html": _page(found, readers), "report.xlsx": _workbook(found, readers)}


def _page(found: "Survey", readers: "Audience") -> bytes:
    from kdx.report.page import report_page

    return report_page(found, readers).encode("utf-8")


def _workbook(found: "Survey", readers: "Audience") -> bytes:
    from kdx.cli.spreadsheet import workbook
    from kdx.report.page import report_tables

    return workbook(report_tables(found, readers), found.now.tzinfo)  # type: ignore[arg-type]
