"""`kdx audit`: whether the record of everything that happened is whole. Translates; decides nothing."""

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import output_options


@click.group(cls=KdxGroup)
def audit() -> None:
    """Check the record of everything that happened.

    Example: kdx audit verify
    """


@audit.command()
@output_options
@click.pass_obj
def verify(app: Application) -> None:
    """Recompute the ledger's chain and present state, and name every event that was changed, removed or added.

    Example: kdx audit verify
    """
    from kdx.report.audit import verdict_table

    verdict = app.ledger.verify(app.output.progress)
    app.output.show(verdict_table(verdict))
    app.output.finish(verdict.exit_code)
