"""`kdx doctor`: whether this machine can do its work. Translates; decides nothing."""

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import output_options


@click.command(cls=KdxCommand)
@output_options
@click.pass_obj
def doctor(app: Application) -> None:
    """Check configuration, stores, clock and versions.

    Looks at everything this machine needs for its work and says what to do. Exit code 0 where everything works or only
    warns, else that of the gravest failure.

    Example: kdx doctor
    """
    from kdx.doctor import examine
    from kdx.report.doctor import doctor_exit_code, doctor_table

    checks = list(examine(lambda: app.board, app.state, app.now))
    app.output.show(doctor_table(checks))
    app.output.finish(doctor_exit_code(checks))
