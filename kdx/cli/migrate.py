"""`kdx migrate`: move a share, prove that it arrived, hand the principal a receipt. Translates; decides nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.cutover import cutover
from kdx.cli.migration_status import status
from kdx.cli.options import (
    bandwidth_option,
    dry_run_option,
    format_options,
    output_options,
    school_argument,
    share_option,
    target_option,
)
from kdx.language import N_, translate

if TYPE_CHECKING:
    from kdx.migration import Migration, Planned

LEVELS = ("listing", "checksum", "readback")

accept_smaller_option = click.option(
    "--accept-smaller", is_flag=True, help=N_("The share really holds far less than last time: go on.")
)
decisions_option = click.option(
    "--decisions", "answers", metavar="FILE", type=click.Path(path_type=Path),
    help=N_("Take the school's answers from the .xlsx or .csv of kdx assess. They stay; the file is not needed again."),
)
list_option = click.option("--list", "every", is_flag=True, help=N_("Show the entries, one a row, not their numbers."))


@click.group(cls=KdxGroup)
def migrate() -> None:
    """Move a share, prove that it arrived, and write the receipt.

    Example: kdx migrate status
    """


@migrate.command(acts=True)
@school_argument
@share_option
@target_option
@decisions_option
@accept_smaller_option
@list_option
@output_options
@click.pass_obj
def plan(
    app: Application,
    school: str,
    share: str | None,
    to: str | None,
    answers: Path | None,
    accept_smaller: bool,
    every: bool,
) -> None:
    """Show what a run would do: what is new, changed, in the way, unreadable. Sends nothing.

    Example: kdx migrate plan kameyama_nishi_es --to cloud
    """
    from kdx import migration

    one = migration.open_migration(app.board, app.state, school, share, to)
    _take_decisions(app, one, answers)
    planned = migration.plan(one, app.now, app.output.progress, accept_smaller)
    app.record(planned.event(one.names))
    _show_plan(app, one, planned, every)


def _show_plan(app: Application, one: "Migration", planned: "Planned", every: bool) -> NoReturn:
    from kdx.report import migration as tables

    app.output.show(tables.items_table(one) if every else tables.planned_table(one, planned))
    app.output.warn(tables.planned_exceptions(one))
    app.output.finish(planned.exit_code)


@migrate.command(acts=True)
@school_argument
@share_option
@target_option
@decisions_option
@bandwidth_option
@accept_smaller_option
@dry_run_option
@output_options
@click.pass_obj
def run(
    app: Application,
    school: str,
    share: str | None,
    to: str | None,
    answers: Path | None,
    bandwidth: int | None,
    accept_smaller: bool,
    dry_run: bool,
) -> None:
    """Move what is new or changed. Killed at any moment, the next run goes on. Deletes nothing.

    Example: kdx migrate run kameyama_nishi_es --to cloud --bandwidth 20Mbit
    """
    from kdx import migration
    from kdx.report import migration as tables
    from kdx.schedule.rate import rate_of
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    one = migration.open_migration(app.board, app.state, school, share, to)
    if dry_run:
        _rehearse(app, one, answers, accept_smaller)
    _take_decisions(app, one, answers)
    own = rate_of(app.board, app.state, one.share, bandwidth, app.now)
    places = one.share.location, one.target.location
    with _stop_noted(app, one), part_of_line(app.board, app.state, Weight.MIGRATION, own, *places) as rate:
        ran = migration.run(one, app.now, rate, app.output.progress, accept_smaller)
    app.record(ran.event(one.names))
    app.output.show(tables.ran_table(one, ran))
    app.output.warn(tables.ran_exceptions(one))
    app.output.finish(ran.exit_code)


@contextmanager
def _stop_noted(app: Application, one: "Migration") -> Iterator[None]:
    """Note in the ledger why a run came to no end, so that a table can say who must do something."""
    from kdx.errors import KdxError
    from kdx.migration import stop_of

    try:
        yield
    except KdxError as error:
        app.record(stop_of(one, error))
        raise


def _rehearse(app: Application, one: "Migration", answers: Path | None, accept_smaller: bool) -> NoReturn:
    """Show what the run would do; neither decisions nor plan are kept."""
    from kdx import migration
    from kdx.rehearsal import rehearsed

    with rehearsed(one) as trial:
        _take_decisions(app, trial, answers, kept=False)
        _show_plan(app, trial, migration.plan(trial, app.now, app.output.progress, accept_smaller), every=False)


def _take_decisions(app: Application, one: "Migration", answers: Path | None, kept: bool = True) -> None:
    if answers:
        from kdx.cli.decision_file import read_decisions
        from kdx.decisions import take_decisions
        from kdx.report.assess import taken_lines

        taken = take_decisions(one, read_decisions(answers))
        if kept:
            app.record(taken.event(one.names))
        app.output.say(taken_lines(taken))


@migrate.command()
@school_argument
@share_option
@target_option
@output_options
@click.pass_obj
def decisions(app: Application, school: str, share: str | None, to: str | None) -> None:
    """Show what the school decided: old and new names, what stays, what waits.

    A decision is changed by giving a file with the new answer; keep takes a rename back.

    Example: kdx migrate decisions kameyama_nishi_es --to cloud
    """
    from kdx import migration
    from kdx.report.assess import decided_table

    one = migration.open_migration(app.board, app.state, school, share, to)
    app.output.show(decided_table(one, one.records.decided()))


@migrate.command(acts=True)
@school_argument
@share_option
@target_option
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="checksum",
    show_default=True,
    help=N_("How hard to look: names and sizes, the store's checksums, or every byte read back."),
)
@bandwidth_option
@list_option
@output_options
@click.pass_obj
def verify(
    app: Application, school: str, share: str | None, to: str | None, level: str, bandwidth: int | None, every: bool
) -> None:
    """Prove that everything planned has arrived, and say how each file was proven.

    Example: kdx migrate verify kameyama_nishi_es --to cloud --level readback
    """
    from kdx import migration
    from kdx.report import migration as tables
    from kdx.schedule.rate import rate_of
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    one = migration.open_migration(app.board, app.state, school, share, to)
    at_school = rate_of(app.board, app.state, one.share, bandwidth, app.now)
    # only what a service altered is read at the school once more
    with part_of_line(app.board, app.state, Weight.MIGRATION, lambda: bandwidth, one.target.location) as rate:
        verdict = migration.verify(one, migration.Level(level), app.now, app.output.progress, rate, at_school)
    app.record(verdict.event(one.names))
    app.output.show(tables.checked_table(one) if every else tables.verdict_table(one, verdict))
    app.output.warn(tables.verdict_exceptions(one))
    app.output.finish(verdict.exit_code)


migrate.add_command(status)
migrate.add_command(cutover)


@migrate.command(acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@target_option
@click.option("-o", "--output", "folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help=N_("Folder for receipt.json, SHA256SUMS and receipt.html."))
@click.option("--check", metavar="FILE", type=click.Path(path_type=Path), help=N_("Check a receipt instead."))
@click.option("--key", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("With --check: trust only the key in this file, not those in inventory/keys."))
@dry_run_option
@format_options
@click.pass_obj
def receipt(
    app: Application,
    school: str | None,
    share: str | None,
    to: str | None,
    folder: Path | None,
    check: Path | None,
    key: Path | None,
    dry_run: bool,
) -> None:
    """Write the signed receipt of a school's migration, or check one.

    Example: kdx migrate receipt kameyama_nishi_es --to cloud -o receipt
    """
    if check:
        _check(app, check, key)
    if not school or not folder:
        raise click.UsageError(translate(N_("Name a school and a folder (-o DIR), or a receipt to check (--check).")))
    _issue(app, school, share, to, folder, dry_run)


def _check(app: Application, path: Path, key: Path | None) -> NoReturn:
    from kdx import handover
    from kdx.report.receipt import held_table

    held = handover.check_receipt(path, key or app.inventory_folder / "keys")
    app.output.show(held_table(held))
    app.output.finish(handover.exit_code_of_check(held))


def _issue(
    app: Application, school: str, share: str | None, to: str | None, folder: Path, dry_run: bool
) -> NoReturn:
    from kdx import handover
    from kdx.report.receipt import issued_table, receipt_page

    issued = handover.issue_receipt(
        handover.open_migrations(app.board, app.state, school, share, to),
        app.board,
        app.state,
        folder,
        ledger_head=app.ledger.head(),
        now=app.now(),
        draw=partial(receipt_page, zone=app.output.zone),
        dry_run=dry_run,
    )
    if not dry_run:
        app.record(issued.event())
    app.output.show(issued_table(issued))
    app.output.finish(issued.exit_code)
