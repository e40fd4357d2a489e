"""`kdx checklist`: the ministry's checklist, city against nation. Translates; decides nothing."""

from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import as_of_option, date_of, dry_run_option, output_options
from kdx.language import N_

SIDES = ("city", "nation")
EDITIONS = ("own", "final", "published", "dashboard", "preliminary")


@click.group(cls=KdxGroup)
def checklist() -> None:
    """Hold the board's answers to the ministry's checklist against the nation's.

    Example: kdx checklist show
    """


@checklist.command()
@click.option("--figures", "every", is_flag=True, help=N_("Every figure with its edition, date and source."))
@as_of_option
@output_options
@click.pass_obj
def show(app: Application, every: bool, as_of: datetime | None) -> None:
    """Show the city against the nation by year: counts, respondents, rates, editions, where a series breaks.

    Example: kdx checklist show --as-of 2026-11-23
    """
    from kdx.checklist.figures import gather
    from kdx.report.checklist import comparison_table, figures_table

    moment = min(as_of or app.now(), app.now()).astimezone(app.zone)
    known = gather(app.board.folder, app.ledger, moment.date(), as_of)
    make = figures_table if every else comparison_table
    app.output.show(make(known, app.board.name, moment, app.ledger.head()[0]))


@checklist.command("import", acts=True)
@click.argument("source_file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--fy", required=True, metavar="YEAR", help=N_("Fiscal year of the survey, such as R8."))
@click.option("--side", type=click.Choice(SIDES), default="city", show_default=True, help=N_("Whose answers they are."))
@click.option("--edition", type=click.Choice(EDITIONS), default="own", show_default=True, help=N_("Which edition."))
@click.option("--source", required=True, metavar="TEXT", help=N_("Where the figures come from; stands beside them."))
@click.option("--published", metavar="DATE", callback=date_of, help=N_("The day they were published on."))
@dry_run_option
@output_options
@click.pass_obj
def import_file(
    app: Application, source_file: Path, fy: str, side: str, edition: str, source: str, published: date | None,
    dry_run: bool,
) -> None:
    """Take in answers (csv, xlsx): item, schools that do it, schools that answered. In doubt nothing (exit code 4).

    Example: kdx checklist import R8.csv --fy R8 --source 市教委集計 --dry-run
    """
    from kdx.checklist.figures import gather
    from kdx.checklist.importer import Import, judge_file, read_year, record_of
    from kdx.cli.sheet_reader import read_sheet
    from kdx.report.rollout_sheet import judged_table

    what = Import(side, read_year(fy), edition, source, published)
    with nullcontext() if dry_run else app.state.lock("checklist"):
        known = gather(app.board.folder, app.ledger, app.now().astimezone(app.zone).date())
        judged = judge_file(known, source_file, what, read_sheet)
        if judged.events and not dry_run:
            # the file first: what was taken before a power cut is then known to come from it
            for event in (record_of(judged, what), *judged.events):
                app.record(event)
    app.output.show(judged_table(judged, taken=not dry_run))
    app.output.finish(judged.exit_code)
