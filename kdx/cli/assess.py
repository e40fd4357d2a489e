"""`kdx assess`: what would go wrong if a share moved as it is. Translates; decides nothing."""

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import output_options, school_argument, share_option
from kdx.language import N_

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
@output_options
@click.pass_obj
def assess(app: Application, school: str, share: str | None, names: tuple[str, ...], every: bool, look: bool) -> None:
    """Judge a share against targets, side by side, before anything moves.

    Looks at its last catalog: a scan of names is enough.

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
        assessed = decisions.look_inside_files(assessed, app.board, app.output.progress)
    summaries = {one.name: summarise(assessed.findings(one)) for one in assessed.against}
    form = app.output.format or format_of(app.output.file)
    if form in SHEETS and not every:
        app.output.show(tables.decision_table(assessed))
    else:
        app.output.show(tables.findings_table(assessed) if every else tables.summary_table(assessed, summaries))
    app.output.finish(verdict(summaries.values()))
