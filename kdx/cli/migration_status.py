"""`kdx migrate status`: how far every migration is, and when all will be done. Translates; decides nothing."""

from typing import NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import output_options, share_option, target_option
from kdx.language import N_


@click.command(cls=KdxCommand)
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@target_option
@click.option("--fleet", is_flag=True,
              help=N_("All schools: what is moved and left, by which day, and who must do something."))
@output_options
@click.pass_obj
def status(app: Application, school: str | None, share: str | None, to: str | None, fleet: bool) -> None:
    """Show how far every migration is, and what comes next; with --fleet, when all of it will be done.

    Example: kdx migrate status
    """
    if fleet:
        _show_fleet(app, school, to)
    from kdx.report.migration_status import KINDS, status_table

    shares = app.board.shares_named(school, share)
    target = app.board.target(to) if to else None
    app.output.show(status_table(app.board, shares, target, {kind: app.ledger.present(kind) for kind in KINDS}))


def _show_fleet(app: Application, school: str | None, to: str | None) -> NoReturn:
    """Show every migration with its forecast; SCHOOL and --to choose rows, what is forecast is always all together."""
    from kdx.errors import ExitCode
    from kdx.report.migration_status import fleet_table
    from kdx.schedule.calendar import calendar_of
    from kdx.schedule.quota import daily_limits, days_by_limit
    from kdx.schedule.standing import NEWEST, standings
    from kdx.state.events.moving import RunFinished

    daily, now = daily_limits(app.board), app.now()
    present = {kind: app.ledger.present(kind) for kind in NEWEST}
    runs = app.ledger.read((RunFinished.kind,)).events
    every = standings(app.board, calendar_of(app.board)[0], present, runs, daily, now)
    schools = {app.board.school(school).id} if school else {one.id for one in app.board.schools}
    targets = {str(app.board.target(to).location)} if to else {one.target for one in every}
    chosen = [one for one in every if one.share.school in schools and one.target in targets]
    days = days_by_limit(app.board, every, daily)
    app.output.show(fleet_table(app.board, chosen, days, now, app.zone, app.ledger.head()[0]))
    app.output.finish(ExitCode.DONE)
