"""`kdx hazard`: what the weather means for each school. Translates; decides nothing."""

from datetime import datetime
from pathlib import Path

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import as_of_option, output_options
from kdx.language import N_

from_option = click.option(
    "--from", "drop", metavar="FILE|DIR", type=click.Path(path_type=Path, exists=True),
    help=N_("Read 気象庁's files from here instead of from its servers."),
)


@click.group(cls=KdxGroup)
def hazard() -> None:
    """See what the weather means for each school, and what kdx does about it.

    Example: kdx hazard show
    """


@hazard.command()
@from_option
@as_of_option
@output_options
@click.pass_obj
def show(app: Application, drop: Path | None, as_of: datetime | None) -> None:
    """Show the present picture per school, with its age and source, or that of a past day. Changes nothing.

    Example: kdx hazard show
    """
    from kdx.hazard import past, weather
    from kdx.report.hazard import past_weather_table, weather_table

    if as_of:
        seen = past.seen_at(app.board, app.ledger, min(as_of, app.now()))
        app.output.show(past_weather_table(app.board, seen.picture, seen.outcomes, app.output.zone))
        return
    seen = weather.look(app.board, app.state, app.now(), drop)
    app.output.show(weather_table(app.board, seen.picture, seen.outcomes, app.output.zone))


@hazard.command()
@from_option
@output_options
@click.pass_obj
def check(app: Application, drop: Path | None) -> None:
    """Say by the exit code whether the weather is known: 0 known, 6 unknown. For monitoring.

    Example: kdx hazard check
    """
    from kdx.hazard import weather
    from kdx.report.hazard import weather_table

    seen = weather.look(app.board, app.state, app.now(), drop)
    app.output.show(weather_table(app.board, seen.picture, seen.outcomes, app.output.zone))
    app.output.finish(seen.exit_code)


@hazard.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@output_options
@click.pass_obj
def replay(app: Application, files: tuple[Path, ...]) -> None:
    """Run recorded files of 気象庁 through levels, policy and planner: what would have started when. Starts nothing.

    Example: kdx hazard replay tests/kameyama_evening
    """
    from kdx.hazard import weather
    from kdx.report.hazard import replay_table
    from kdx.schedule import replay as replays
    from kdx.schedule.calendar import calendar_of

    watch = weather.watch_of(app.board, app.state)
    calendar, _unread = calendar_of(app.board)
    lines = replays.replay(app.board, replays.load(files, watch.areas.class20), calendar, watch.codes)
    app.output.show(replay_table(app.board, lines, app.output.zone))
