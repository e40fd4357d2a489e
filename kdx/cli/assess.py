"""`kdx assess`: what would go wrong if a share moved as it is. Translates; decides nothing."""

from typing import TYPE_CHECKING

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import bandwidth_option, output_options, school_argument, share_option
from kdx.language import N_

if TYPE_CHECKING:
    from kdx.decisions import Assessed

SHEETS = ("csv", "xlsx")


@click.command(cls=KdxCommand)
@school_argument
@share_option
@click.option(
    "--to", "names", metavar="TARGET", multiple=True,
    help=N_("What to judge against: a name under targets: in kdx.yml, an address, or a profile of rules/targets.yml "
            "such as sharepoint. May be repeated."),
)
@click.option("--list", "every", is_flag=True, help=N_("Show the findings, one a row, not their numbers."))
@click.option("--look-inside", "look", is_flag=True,
              help=N_("Also read Office files: which are encrypted, which take values from another place."))
@bandwidth_option
@output_options
@click.pass_obj
def assess(
    app: Application,
    school: str,
    share: str | None,
    names: tuple[str, ...],
    every: bool,
    look: bool,
    bandwidth: int | None,
) -> None:
    """Judge a share against targets, side by side, before anything moves.

    Looks at its last catalog: a scan of names is enough. Only --look-inside reads files, and keeps to the school's part
    of the line.

    With -o FILE.xlsx or .csv it writes the table a school fills in; kdx migrate plan --decisions takes it back.

    Ends with 4 where something blocks at one of the targets, with 3 where something is to be decided, else with 0.

    Example: kdx assess kameyama_nishi_es --to s3 --to sharepoint
    """
    from kdx import decisions
    from kdx.cli.console import format_of
    from kdx.inventory.assess.assessment import summarise, verdict
    from kdx.report import assess as tables

    assessed = decisions.open_assessment(app.board, app.state, school, share, names)
    if look:
        assessed = _look_inside(app, assessed, bandwidth)
    summaries = {one.name: summarise(assessed.findings(one)) for one in assessed.against}
    form = app.output.format or format_of(app.output.file)
    if form in SHEETS and not every:
        app.output.show(tables.decision_table(assessed))
    else:
        app.output.show(tables.findings_table(assessed) if every else tables.summary_table(assessed, summaries))
    app.output.finish(verdict(summaries.values()))


def _look_inside(app: Application, assessed: "Assessed", bandwidth: int | None) -> "Assessed":
    from kdx import decisions
    from kdx.schedule.wan import line_for_reading
    from kdx.transfer.limit import Limiter

    with line_for_reading(app.board, app.state, assessed.share, bandwidth, app.now) as rate:
        return decisions.look_inside_files(assessed, app.board, Limiter(rate).take, app.output.progress)
