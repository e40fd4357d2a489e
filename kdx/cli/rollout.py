"""`kdx rollout`: which school stands where, what holds it up, and how we know. Translates; decides nothing."""

from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import as_of_option, date_of, dry_run_option, moment_of, output_options, school_argument
from kdx.cli.rollout_set import set_group
from kdx.language import N_


@click.group(cls=KdxGroup)
def rollout() -> None:
    """Show which school stands where, and ask the gates.

    Example: kdx rollout status
    """


@rollout.command()
@click.option("--stream", metavar="STREAM", default="", help=N_("Which stream to show; the first by default."))
@click.option("--summary", is_flag=True, help=N_("One line for each stream of the plan."))
@click.option("--overdue", is_flag=True, help=N_("What should be done by now, the oldest first."))
@click.option("--blocked", is_flag=True, help=N_("What holds milestones up, the oldest first."))
@click.option("--since", metavar="DATE", callback=moment_of, help=N_("What has changed since the end of that day."))
@as_of_option
@output_options
@click.pass_obj
def status(
    app: Application, stream: str, summary: bool, overdue: bool, blocked: bool, since: datetime | None,
    as_of: datetime | None,
) -> None:
    """Show schools and milestones as a matrix: one mark a cell, what holds each school up, and from which sources.

    Example: kdx rollout status --as-of 2026-11-23
    """
    from kdx.report import rollout as tables
    from kdx.report import rollout_lists as lists
    from kdx.rollout.overview import find_stream, look

    now = look(app.board, app.ledger, app.now(), as_of)
    if since:
        app.output.show(lists.changes_table(look(app.board, app.ledger, app.now(), since), now))
    elif overdue:
        app.output.show(lists.overdue_table(now))
    elif blocked:
        app.output.show(lists.blocked_table(now))
    elif summary:
        app.output.show(tables.summary_table(now, now.definition.streams))
    else:
        app.output.show(tables.matrix_table(now, find_stream(now.definition, stream)))
    app.output.finish(now.exit_code)


@rollout.command()
@school_argument
@as_of_option
@output_options
@click.pass_obj
def school(app: Application, school: str, as_of: datetime | None) -> None:
    """Show all milestones of one school on one page, or of the city (city).

    Example: kdx rollout school kameyama_nishi_es
    """
    from kdx.report.rollout_lists import school_table
    from kdx.rollout.overview import find_place, look

    now = look(app.board, app.ledger, app.now(), as_of)
    app.output.show(school_table(now, find_place(app.board, school)))
    app.output.finish(now.exit_code)


@rollout.command()
@school_argument
@click.argument("milestone", metavar="MILESTONE")
@click.option("--item", metavar="ITEM", default="", help=N_("Counterpart or document, where a milestone has several."))
@as_of_option
@output_options
@click.pass_obj
def why(app: Application, school: str, milestone: str, item: str, as_of: datetime | None) -> None:
    """Name what is missing before a milestone may be begun. Exit code 4 while its gate is closed.

    Example: kdx rollout why kameyama_nishi_es 23
    """
    from kdx.report.rollout_lists import gate_table
    from kdx.rollout.gate import judge
    from kdx.rollout.overview import find_cell, find_milestone, look

    now = look(app.board, app.ledger, app.now(), as_of)
    one = find_milestone(now.definition, milestone)
    cell = find_cell(now.definition, app.board, school, one, item)
    verdict = judge(now.world, now.statuses, one, cell)
    app.output.show(gate_table(now, verdict))
    app.output.finish(verdict.exit_code)


rollout.add_command(set_group)


@rollout.command(acts=True)
@click.argument("schools", metavar="[SCHOOL]...", nargs=-1)
@click.option("--explain", is_flag=True, help=N_("Show every command and packet that would be sent, and send nothing."))
@click.option("--check", "checks", metavar="CHECK", multiple=True,
              help=N_("Only this check; whom nobody can ask about it is not known. May be repeated."))
@click.option("--server", metavar="SERVER", default="", help=N_("Only this server, by its name in hosts.yml."))
@click.option("--vantage", metavar="PLACE", default="",
              help=N_("Where this machine stands, where it is not where rollout.yml says."))
@click.option("--within", metavar="SECONDS", type=click.FloatRange(1, 600), default=30, show_default=True,
              help=N_("So long each machine may take; who takes longer is not known."))
@dry_run_option
@output_options
@click.pass_obj
def probe(
    app: Application, schools: tuple[str, ...], explain: bool, checks: tuple[str, ...], server: str, vantage: str,
    within: float, dry_run: bool,
) -> None:
    """Ask the machines themselves, all at once, read-only: exit code 5 where a check fails, 6 where one is not known.

    Example: kdx rollout probe kameyama_nishi_es --explain
    """
    from kdx.report.rollout_probe import explain_table, probe_table
    from kdx.rollout.definition import load_definition
    from kdx.rollout.overview import find_check
    from kdx.rollout.probe import run

    chosen = tuple(dict.fromkeys(map(app.board.school, schools))) or app.board.schools
    definition = load_definition(app.board.folder)
    wished = tuple(dict.fromkeys(find_check(definition, name) for name in checks))
    outing = run.prepare(app.board, definition, chosen, vantage, run.Wish(wished, server))
    if explain:
        app.output.show(explain_table(outing))
        return
    probed = run.probe(outing, app.now, within, app.output.progress, writes=not dry_run)
    if not dry_run:
        with app.state.lock("rollout"):
            for event in run.observations(probed, app.request_id):
                app.record(event)
    app.output.show(probe_table(probed, kept=not dry_run))
    app.output.finish(probed.exit_code)


@rollout.command("import", acts=True)
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--map", "name", metavar="NAME",
              help=N_("Column map of rollout.yml, where it is another program's report."))
@click.option("--collected", metavar="DATE", callback=date_of, help=N_("The day a report without a date speaks of."))
@dry_run_option
@output_options
@click.pass_obj
def import_file(app: Application, source: Path, name: str | None, collected: date | None, dry_run: bool) -> None:
    """Take in an edited sheet (csv, xlsx), or a report. Shows what changes; in doubt nothing is taken (exit code 4).

    Example: kdx rollout import progress.xlsx --dry-run
    """
    from kdx.cli.sheet_reader import read_sheet
    from kdx.report.rollout_sheet import judged_table
    from kdx.rollout.importers import judge_file, record_of
    from kdx.rollout.overview import look

    # whoever writes meanwhile would be overwritten unseen
    with nullcontext() if dry_run else app.state.lock("rollout"):
        judged = judge_file(look(app.board, app.ledger, app.now()), source, name, collected, read_sheet)
        if judged.events and not dry_run:
            # the report first: what was taken before a power cut is then known to come from it
            for event in (record_of(judged), *judged.events):
                app.record(event)
    app.output.show(judged_table(judged, taken=not dry_run))
    app.output.finish(judged.exit_code)


@rollout.command()
@as_of_option
@output_options
@click.pass_obj
def export(app: Application, as_of: datetime | None) -> None:
    """Write every cell as a row into a sheet that can be edited and imported again.

    Example: kdx rollout export -o progress.xlsx
    """
    from kdx.report.rollout_sheet import sheet_table
    from kdx.rollout.overview import look

    now = look(app.board, app.ledger, app.now(), as_of)
    app.output.show(sheet_table(now))
    app.output.finish(now.exit_code)


@rollout.command(acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.option("--baseline", metavar="NAME", help=N_("Compare with this baseline; the newest by default."))
@click.option("--freeze", metavar="NAME", help=N_("Put the planned dates down under this name, for good."))
@click.option("--reason", metavar="TEXT", default="", help=N_("With --freeze: why the dates are set."))
@as_of_option
@dry_run_option
@output_options
@click.pass_obj
def forecast(
    app: Application, school: str | None, baseline: str | None, freeze: str | None, reason: str,
    as_of: datetime | None, dry_run: bool,
) -> None:
    """Compare baseline, plan and what was done, in school days, and forecast the rest by the board's own pace.

    Example: kdx rollout forecast --baseline 2026-04
    """
    from kdx.report import rollout_forecast as tables
    from kdx.rollout import forecast as rules
    from kdx.rollout.evidence import read_first
    from kdx.rollout.overview import find_place, look

    now = look(app.board, app.ledger, app.now(), as_of)
    if freeze:
        event = rules.freeze(now, freeze, reason)
        if not dry_run:
            app.record(event)
            now = look(app.board, app.ledger, app.now(), as_of)
    name, days = rules.find_baseline(now.world.facts, baseline)
    dates = rules.dates_of(now, read_first(app.ledger, as_of), days)
    if school:
        app.output.show(tables.school_forecast_table(now, dates, name, find_place(app.board, school)))
    else:
        app.output.show(tables.forecast_table(now, dates, name))
    app.output.finish(now.exit_code)
