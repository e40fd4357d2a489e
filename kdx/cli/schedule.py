"""`kdx schedule`: what runs when and why; the one line of cron. Translates; decides nothing."""

from datetime import datetime, time, timedelta
from pathlib import Path

import click

from kdx.cli.application import Application, actor
from kdx.cli.commands import KdxGroup
from kdx.cli.options import application_of, as_of_option, dry_run_option, output_options, parse_date, school_argument
from kdx.errors import UsageMistake
from kdx.language import N_

USES = ("cron", "cron.d", "systemd")


class TimeUnclear(UsageMistake):
    """A time is not one of the forms kdx knows."""

    message = N_("The time {text!r} is not understood.")
    advice = N_("Write for example 2026-11-23T21:30, or 21:30 for the next such time, or a date.")


@click.group(cls=KdxGroup)
def schedule() -> None:
    """See what runs when and why, and let cron or systemd run it.

    Example: kdx schedule show
    """


def parse_time(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """Return a time in the board's zone: a full one, the next HH:MM, or the end of a day."""
    if value is None:
        return None
    app = application_of(context)
    try:
        if len(value) <= 5:
            now = app.now().astimezone(app.zone)
            found = datetime.combine(now.date(), time.fromisoformat(value.zfill(5)), app.zone)
            return found if found > now else found + timedelta(days=1)
        if "T" not in value and " " not in value.strip():
            return datetime.combine(parse_date(value) + timedelta(days=1), time(), app.zone) - timedelta(seconds=1)
        moment = datetime.fromisoformat(value.strip())
    except ValueError as error:
        raise TimeUnclear(text=value) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=app.zone)


@schedule.command()
@click.option("--at", metavar="TIME", callback=parse_time, help=N_("As it will be at that time, if nothing changes."))
@click.option("--hazard", "drop", metavar="FILE|DIR", type=click.Path(path_type=Path, exists=True),
              help=N_("As it would be under the weather of these files of 気象庁."))
@as_of_option
@output_options
@click.pass_obj
def show(app: Application, at: datetime | None, drop: Path | None, as_of: datetime | None) -> None:
    """Show what will run, in which order and why, and what will not be safe in time. Starts nothing.

    Example: kdx schedule show --at 21:30
    """
    from kdx.report.schedule import plan_table
    from kdx.schedule import timers
    from kdx.schedule.past import view_at
    from kdx.schedule.runner import preview

    if as_of:
        app.output.show(plan_table(app.board, view_at(app.board, app.state, app.ledger, min(as_of, app.now()))))
        return
    view = preview(app.board, app.state, app.ledger, app.now(), at, drop)
    app.output.show(plan_table(app.board, view, timers.installed(user_name())))


@schedule.command(acts=True)
@dry_run_option
@output_options
@click.pass_obj
def run(app: Application, dry_run: bool) -> None:
    """One tick, for cron: start what is due and tell what is wrong. Silent when all is well; 14: a promise is broken.

    Example: kdx schedule run
    """
    from kdx.schedule.failing import tick_with_manners
    from kdx.schedule.runner import Runner, preview

    if dry_run:
        from kdx.report.schedule import plan_table

        app.output.show(plan_table(app.board, preview(app.board, app.state, app.ledger, app.now())))
        return
    ticked = tick_with_manners(
        lambda: Runner(app.board, app.state, app.ledger, app.now, actor()), app.state, app.now(), app.output.zone
    )
    for message in ticked.messages:
        app.output.warn(message.text)
    app.output.finish(ticked.exit_code)


@schedule.command(acts=True)
@school_argument
@click.option("--until", metavar="TIME", required=True, callback=parse_time,
              help=N_("When it ends by itself; a time that has passed ends it at once."))
@click.option("--reason", metavar="TEXT", required=True, help=N_("Why, for everybody who reads a table."))
@dry_run_option
@click.pass_obj
def pause(app: Application, school: str, until: datetime, reason: str, dry_run: bool) -> None:
    """Start no backups of a school until a time. It stays visible in every table, and ends by itself.

    Example: kdx schedule pause kameyama_nishi_es --until 2026-12-01 --reason 校舎の停電工事
    """
    from kdx.state.events.scheduling import SchedulePaused

    found = app.board.school(school)
    if not dry_run:
        app.record(SchedulePaused(found.id, until, reason))
    app.output.say(pause_text(found.name, until.astimezone(app.zone)))


use_option = click.option(
    "--use", type=click.Choice(USES), default="cron", show_default=True,
    help=N_("Your crontab, a file in /etc/cron.d, or a systemd timer (the last two as root)."),
)
every_option = click.option(
    "--every", "minutes", metavar="MINUTES", type=click.IntRange(1, 30), default=5, show_default=True,
    help=N_("How often it looks; a warning is answered within this time."),
)
user_option = click.option("--user", metavar="NAME", help=N_("As whom it runs; by default whoever installs it."))
folder_option = click.option(
    "--folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True),
    help=N_("Write the files of cron.d or systemd here instead of where the system looks, and enable nothing."),
)


@schedule.command(acts=True)
@use_option
@every_option
@user_option
@folder_option
@dry_run_option
@click.pass_obj
def install(
    app: Application, use: str, minutes: int, user: str | None, folder: Path | None, dry_run: bool
) -> None:
    """Try the line as cron would run it, then install it: every five minutes kdx starts what is due.

    Example: kdx schedule install
    """
    from kdx.language import _
    from kdx.schedule import timers

    app.state.schedule()
    line = timers.Line(app.board.folder.absolute(), app.state_root, user or user_name(), minutes)
    timers.try_line(line)
    if dry_run:
        app.output.say(line.cron())
        return
    for place in timers.install(line, use, folder):
        app.output.say(_("installed: {place}").format(place=place))


@schedule.command(acts=True)
@user_option
@folder_option
@dry_run_option
@click.pass_obj
def remove(app: Application, user: str | None, folder: Path | None, dry_run: bool) -> None:
    """Take the line away again, wherever it stands. Running jobs go on.

    Example: kdx schedule remove
    """
    from kdx.language import _
    from kdx.schedule import timers

    whose = user or user_name()
    for place in timers.installed(whose, folder) if dry_run else timers.remove(whose, folder):
        app.output.say(_("removed: {place}").format(place=place))


def user_name() -> str:
    """Return the name of whoever runs this process."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def pause_text(school: str, until: datetime) -> str:
    """Return what was agreed."""
    from kdx.language import _

    return _("{school}: no backup is started until {time}.").format(school=school, time=f"{until:%Y-%m-%d %H:%M}")
