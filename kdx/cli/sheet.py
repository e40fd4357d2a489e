"""`kdx backup sheet`: the page that hangs in the staff room and at the board. Translates; decides nothing."""

from zoneinfo import ZoneInfo

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.language import N_


@click.command(cls=KdxCommand)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.option("-o", "--output", "file", metavar="FILE", default="-", help=N_("Write the page into FILE (HTML)."))
@click.pass_obj
def sheet(app: Application, school: str | None, file: str) -> None:
    """Write the page to print: whom to call, what not to switch on, how a file comes back. One sheet a school.

    Example: kdx backup sheet -o sheet.html
    """
    from pathlib import Path

    from kdx import signing
    from kdx.cli.console import write_file, write_result
    from kdx.report.sheet import sheet_page

    board = app.board
    schools = (board.school(school),) if school else board.schools
    keys = signing.load_public_keys(app.inventory_folder / "keys")
    page = sheet_page(board, schools, keys, app.now().astimezone(ZoneInfo(board.time_zone))).encode("utf-8")
    if file == "-":
        write_result(page)
    else:
        write_file(Path(file), page)
