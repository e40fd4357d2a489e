"""`kdx init`: a new inventory folder and the board's signing key. Translates; decides nothing."""

from pathlib import Path

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import dry_run_option, output_options
from kdx.language import LANGUAGES, N_, _, current_language
from kdx.report.tables import Column, Table

PUBLIC_KEY = "keys/board.pub"
COLUMNS = (Column("file", N_("file"), "path"), Column("state", N_("state")))


@click.command(cls=KdxCommand, acts=True)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--board", "name", metavar="NAME", default="", help=N_("Name of the board of education."))
@click.option(
    "--language", type=click.Choice(LANGUAGES), help=N_("Language of the board; the comments are written in it.")
)
@click.option("--municipality-code", metavar="CODE", default="", help=N_("Municipality code, six digits."))
@click.option(
    "--schools", metavar="FILE.csv", type=click.Path(path_type=Path),
    help=N_("Table of schools: school_id, school_name and, where known, school_kana, kind, school_code, share_name, "
            "share_url."),
)
@click.option(
    "--target", "targets", metavar="NAME=URL", multiple=True, help=N_("Where to migrate to. May be repeated.")
)
@dry_run_option
@output_options
@click.pass_obj
def init(
    app: Application,
    folder: Path,
    name: str,
    language: str | None,
    municipality_code: str,
    schools: Path | None,
    targets: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Write a new inventory folder and make the board's signing key.

    Example: kdx init inventory --board 試験市教育委員会 --language ja
    """
    from kdx.config import create
    from kdx.rollout import definition

    new = create.read_new_board(name, language or current_language(), municipality_code, schools, targets)
    files, board = create.compose(new, folder)
    files[definition.FILE] = definition.standard_text()
    create.refuse_existing(folder, [*files, PUBLIC_KEY])
    for warning in board.warnings:
        app.output.say(str(warning))
    if not dry_run:
        write(app, folder, files, new.name)
    state = _("to be written") if dry_run else _("written")
    rows = [{"file": str(folder / file), "state": state} for file in dict.fromkeys([*files, PUBLIC_KEY])]
    title = _("New inventory {folder} of {board}").format(folder=folder, board=new.name)
    app.output.show(Table(title, COLUMNS, rows))


def write(app: Application, folder: Path, files: dict[str, str], board: str) -> None:
    """Write the files and the board's key, and remember it. A key this machine has already is only published."""
    from kdx import signing
    from kdx.config.create import write_inventory
    from kdx.state.events.house import InventoryCreated, KeyMade

    keys = app.state.keys()
    try:
        files[PUBLIC_KEY] = f"{signing.load_private_key(keys).public.line()}\n"
    except signing.KeyMissing:
        write_inventory(folder, files)
        made = signing.create_board_key(keys, (folder / PUBLIC_KEY).parent, owner=board, now=app.now())
        app.record(KeyMade(role=made.role, fingerprint=made.fingerprint))
    else:
        write_inventory(folder, files)
    app.record(InventoryCreated(folder=str(folder.absolute()), board=board))
