"""`kdx migrate cutover`: leave the old server for good, and come back if need be. Translates; decides nothing."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import (
    bandwidth_option,
    dry_run_option,
    output_options,
    school_argument,
    share_option,
    target_option,
)
from kdx.language import N_, translate

if TYPE_CHECKING:
    from kdx.cutover.course import Cutover
    from kdx.cutover.judgement import Decision, Facts
    from kdx.cutover.steps import Work
    from kdx.migration import Migration
    from kdx.report.tables import Table

MOVING = ("rehearse", "final", "roll_back")
"""What does more than to look."""
LEVELS = ("checksum", "readback")
LISTS = ("rehearsals", "open", "renames", "links", "changes")


@click.command(cls=KdxCommand, acts=True)
@school_argument
@share_option
@target_option
@click.option("--rehearse", is_flag=True,
              help=N_("Move and prove the changes as on the day, and time it; the teachers go on working."))
@click.option("--final", is_flag=True,
              help=N_("The day itself: is the share frozen? Move the rest, prove it, decide."))
@click.option("--roll-back", is_flag=True,
              help=N_("Go back to the old server: list what changed at the new place since. Deletes nothing."))
@click.option("--let-in", is_flag=True,
              help=N_("Only say whether the teachers may be let in at the new place: exit code 4 until they may."))
@click.option("--show", "listed", type=click.Choice(LISTS),
              help=N_("Show a list: rehearsals, open documents, renames for the teachers, links in Excel, or what "
                      "changed at the new place since the cutover."))
@click.option("--where", metavar="PATH",
              help=N_("Say where an old path is now, also one such as S:\\FOLDER\\FILE."))
@click.option("--canary", metavar="FOLDER",
              help=N_("Try to write one small file into this folder of the old share, and nowhere else."))
@click.option("--hours", type=click.FloatRange(min=0.1), metavar="HOURS",
              help=N_("How long the final run may take; by default as long as the window of kdx.yml."))
@click.option("--level", type=click.Choice(LEVELS), default="checksum", show_default=True,
              help=N_("How hard to look: the store's checksums, or every byte read back."))
@click.option("--accept-open", is_flag=True, help=N_("Documents that are still open do not matter: go on."))
@click.option("--sheet", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help=N_("Write the go/no-go sheet as a page to print and sign."))
@bandwidth_option
@dry_run_option
@output_options
@click.pass_obj
def cutover(
    app: Application,
    school: str,
    share: str | None,
    to: str | None,
    rehearse: bool,
    final: bool,
    roll_back: bool,
    let_in: bool,
    listed: str | None,
    where: str | None,
    canary: str | None,
    hours: float | None,
    level: str,
    accept_open: bool,
    sheet: Path | None,
    bandwidth: int | None,
    dry_run: bool,
) -> None:
    """Say whether a school may leave its old server, and take it there. Exit 4 on no-go.

    Without an option it only looks at what is recorded.

    Example: kdx migrate cutover kameyama_nishi_es --to cloud
    """
    from kdx import migration

    step = _step(rehearse=rehearse, final=final, roll_back=roll_back, let_in=let_in)
    one = migration.open_migration(app.board, app.state, school, share, to)
    if where:
        _where(app, one, where)
    elif listed:
        _list(app, one, listed, bandwidth)
    elif step in MOVING and dry_run:
        _say_what_would_be(app, one, step)
    elif step == "roll_back":
        _roll_back(app, _work(app, one, canary, level, hours, accept_open))
    else:
        _decide(app, _work(app, one, canary, level, hours, accept_open), step, bandwidth, sheet)


def _step(**asked: bool) -> str:
    """Return the one step that was asked for; "" where none was."""
    steps = [name for name, wanted in asked.items() if wanted]
    if len(steps) > 1:
        raise click.UsageError(translate(N_("One step at a time: --rehearse, --final, --roll-back or --let-in.")))
    return steps[0] if steps else ""


def _work(
    app: Application,
    one: "Migration",
    canary: str | None,
    level: str,
    hours: float | None,
    accept_open: bool,
) -> "Work":
    from kdx.cutover.steps import Work
    from kdx.migration import Level

    return Work(
        migration=one,
        clock=app.now,
        read_course=lambda: _course(app, one),
        facts=lambda course: _facts(app, one, course, hours, accept_open),
        record=app.record,
        level=Level(level),
        canary=canary,
        progress=app.output.progress,
    )


def _course(app: Application, one: "Migration") -> "Cutover":
    from kdx.cutover.course import KINDS, fold
    from kdx.state.events.moving import transfer_subject

    subject = transfer_subject(one.share.id, str(one.target.location))
    return fold(event for event in app.ledger.read(KINDS).events if event.subject == subject)


def _facts(
    app: Application, one: "Migration", course: "Cutover", hours: float | None, accept_open: bool
) -> "Facts":
    from datetime import timedelta

    from kdx.cutover.judgement import Facts
    from kdx.cutover.steps import held
    from kdx.schedule.history import read_history

    board = app.board
    saved = read_history(app.ledger).shares.get(one.share.id) if board.vault else None
    return Facts(
        course=course,
        window=timedelta(hours=hours) if hours else board.schedule.window.length,
        held=tuple(found.holder for found in held(one) if found.holder and found.is_fresh(app.now())),
        accept_open=accept_open,
        saved=saved.saved if saved else None,
        rpo=timedelta(hours=board.backup.rpo_hours) if board.vault else None,
    )


def _decide(
    app: Application, work: "Work", step: str, bandwidth: int | None, sheet: Path | None
) -> NoReturn:
    from kdx.report.cutover import decision_table

    decision = _carry_out(app, work, step, bandwidth)
    course = work.read_course()
    if sheet:
        _write_sheet(app, work.migration, decision, course, sheet)
    app.output.show(decision_table(work.migration, decision, course))
    app.output.finish(decision.exit_code)


def _carry_out(app: Application, work: "Work", step: str, bandwidth: int | None) -> "Decision":
    """Do a step over the school's part of the line, and return the decision; where it moves nothing only look."""
    from kdx.cutover.judgement import judge
    from kdx.cutover.steps import move_for_good, rehearse
    from kdx.schedule.rate import rate_of
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    if step not in MOVING:
        return judge(work.facts(work.read_course()), app.now(), to_let_in=step == "let_in")
    own = rate_of(app.board, app.state, work.migration.share, bandwidth, app.now)
    places = work.migration.share.location, work.migration.target.location
    with part_of_line(app.board, app.state, Weight.MIGRATION, own, *places) as rate:
        return (rehearse if step == "rehearse" else move_for_good)(replace(work, rate=rate))


def _write_sheet(app: Application, one: "Migration", decision: "Decision", course: "Cutover", sheet: Path) -> None:
    from kdx.cli.console import write_file
    from kdx.cutover.steps import held
    from kdx.report.cutover_sheet import cutover_page

    page = cutover_page(app.board.name, one, decision, course, held(one), app.zone)
    write_file(sheet, page.encode("utf-8"))


def _roll_back(app: Application, work: "Work") -> None:
    from kdx.cutover.steps import roll_back
    from kdx.report.cutover import changes_table

    found = roll_back(work)
    app.output.show(changes_table(work.migration, found, work.read_course()))


def _say_what_would_be(app: Application, one: "Migration", step: str) -> NoReturn:
    """Show what a step would move, or what has changed at the new place; records nothing and writes nothing."""
    from kdx import migration
    from kdx.rehearsal import rehearsed
    from kdx.report.migration import planned_table

    if step == "roll_back":
        _list(app, one, "changes", None)
    with rehearsed(one) as trial:
        planned = migration.plan(trial, app.now, app.output.progress)
        app.output.show(planned_table(trial, planned))
    app.output.finish(planned.exit_code)


def _where(app: Application, one: "Migration", path: str) -> None:
    from kdx.cutover import places
    from kdx.report.cutover import where_table

    app.output.show(where_table(one, places.where(one, path)))


def _list(app: Application, one: "Migration", listed: str, bandwidth: int | None) -> NoReturn:
    from kdx.cutover import places, steps
    from kdx.errors import ExitCode
    from kdx.report import cutover as tables

    course = _course(app, one)
    if listed == "rehearsals":
        table = tables.rehearsals_table(one, course)
    elif listed == "open":
        table = tables.held_table(one, steps.held(one))
    elif listed == "renames":
        table = tables.renames_table(one, places.renamed(one))
    elif listed == "links":
        table = _links(app, one, bandwidth)
    else:
        table = tables.changes_table(one, steps.changes(one, course), course)
    app.output.show(table)
    app.output.finish(ExitCode.DONE)


def _links(app: Application, one: "Migration", bandwidth: int | None) -> "Table":
    """Read the share's workbooks, over its part of the line."""
    from kdx.cutover.links import links
    from kdx.inventory.overview import last_catalog
    from kdx.report.cutover import links_table
    from kdx.schedule.wan import line_for_reading
    from kdx.transfer.limit import Limiter

    server = next(server for server in one.school.servers if one.share in server.shares)
    with line_for_reading(app.board, app.state, one.share, bandwidth, app.now) as rate:
        return links_table(one, links(one, last_catalog(one.share, app.state), server, Limiter(rate).take))
