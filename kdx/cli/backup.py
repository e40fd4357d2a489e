"""`kdx backup`: put a school's files where neither lightning nor flood takes them. Translates; decides nothing."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.options import (
    bandwidth_option,
    dry_run_option,
    output_options,
    schools_argument,
    share_option,
)
from kdx.cli.sheet import sheet
from kdx.cli.snapshots import accept, list_snapshots, status, verify
from kdx.cli.vault import copy, prune, try_store, write_policies
from kdx.config.model import School, Share
from kdx.errors import ExitCode, KdxError, gravest
from kdx.language import N_, _
from kdx.processes import cores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kdx.backup.saving.job import Job, Ran
    from kdx.backup.saving.stop import Stop

board_option = click.option("--board", "of_board", is_flag=True, help=N_("The board's own part of the vault too."))


@click.group(cls=KdxGroup)
def backup() -> None:
    """Put the files where neither lightning nor flood takes them.

    Example: kdx backup status
    """


@backup.command(acts=True)
@click.option("--lock", type=click.Choice(("governance", "compliance")),
              help=N_("Prepare the bucket too: versions, and a lock on every upload."))
@click.option("--days", type=click.IntRange(1, 3650), metavar="N",
              help=N_("So long each upload is locked; 35 days by default, without default for compliance."))
@click.option("--irrevocable", is_flag=True, help=N_("Yes, although versions and lock can never be switched off."))
@click.option("--policies", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help=N_("Only write what each role's key may do in the bucket, as policies for the store, into DIR."))
@dry_run_option
@output_options
@click.pass_obj
def init(
    app: Application, lock: str | None, days: int | None, irrevocable: bool, policies: Path | None, dry_run: bool
) -> None:
    """Begin the vault that kdx.yml names, and make this machine's key to sign snapshots with.

    Example: kdx backup init
    """
    from kdx.backup.format.vault import open_vault, place_of_vault
    from kdx.backup.saving import begin
    from kdx.report.backup import begun_table
    from kdx.state.events.house import KeyMade

    if policies:
        write_policies(app, policies, dry_run)
        return
    if dry_run:
        app.output.say(_("The vault would lie at {place}.").format(place=place_of_vault(app.board).location))
        open_vault(app.board)
        return
    if lock:
        _prepare(app, lock, days, irrevocable)
    begun = begin.begin(app.board, app.state, app.inventory_folder / "keys", socket.gethostname(), app.now())
    if begun.is_new_key:
        app.record(KeyMade(role=begun.key.role, fingerprint=begun.key.fingerprint))
    app.output.show(begun_table(begun))


def _prepare(app: Application, lock: str, days: int | None, irrevocable: bool) -> None:
    from kdx.backup.format.vault import place_of_vault
    from kdx.backup.keeping import bucket
    from kdx.report.store import warning_lines

    place = place_of_vault(app.board)
    for line in warning_lines(str(place.location), lock, days):
        app.output.warn(line)
    promises = bucket.prepare(app.board, lock, days, irrevocable)
    for promise in promises:
        app.output.say(f"{_(promise.what)}: {_(promise.outcome)} {promise.detail}".rstrip())
    bucket.see_that_it_locks(place, promises)
    app.record(bucket.prepared_event(place, lock, days, promises))


# in the order of the work
backup.add_command(try_store)


@backup.command(acts=True)
@schools_argument
@share_option
@board_option
@bandwidth_option
@click.option("--recovering", is_flag=True,
              help=N_("A restore into the share is under way: store what is there, and count it as partial."))
@click.option("--reread/--no-reread", default=True, help=N_("Read a part of the unchanged files again (the default)."))
@dry_run_option
@output_options
@click.pass_obj
def run(
    app: Application,
    schools: tuple[School, ...],
    share: str | None,
    of_board: bool,
    bandwidth: int | None,
    recovering: bool,
    reread: bool,
    dry_run: bool,
) -> None:
    """Store what is new or changed, and seal a snapshot. Killed at any moment, the next run goes on.

    Example: kdx backup run kameyama_nishi_es --bandwidth 20Mbit
    """
    shares = _shares_of(app, schools, share)
    jobs = _jobs(app, shares, of_board)
    if dry_run:
        _preview(app, jobs)
    _run(app, jobs, bandwidth, recovering, reread)


def _shares_of(app: Application, schools: tuple[School, ...], share: str | None) -> list[Share]:
    """Return the shares that are meant. With several schools one without a share is said, and does not stop them."""
    found = [school for school in schools if school.shares]
    for school in schools:
        if not found:
            app.board.share(school.id)
        if school not in found:
            app.output.warn(_("{school} has no share in the inventory.").format(school=school.name))
    return [one for school in found for one in ([app.board.share(school.id, share)] if share else school.shares)]


def _jobs(app: Application, shares: list[Share], of_board: bool) -> "list[Job]":
    from kdx.backup.saving.job import open_jobs

    jobs = open_jobs(app.board, app.state, shares, app.inventory_folder / "keys")
    if of_board:
        from kdx.backup.saving.board import board_job

        jobs.append(board_job(app.board, app.state, app.inventory_folder, app.ledger))
    return jobs


def _preview(app: Application, jobs: "list[Job]") -> NoReturn:
    from kdx.backup.saving.run import preview
    from kdx.report.backup import planned_table
    from kdx.report.schools import with_names

    planned = planned_table([(job, preview(job, app.now, app.output.progress)) for job in jobs])
    app.output.show(with_names(planned, app.board))
    app.output.finish(ExitCode.DONE)


def _run(
    app: Application, jobs: "list[Job]", bandwidth: int | None, recovering: bool, reread: bool
) -> NoReturn:
    """Back up one share after the other; one that fails does not stop the others, a wish to stop does."""
    from kdx.backup.saving.stop import Stop
    from kdx.cli.failures import explain
    from kdx.cli.interruption import stopped_by_signals
    from kdx.report.backup import ran_table, unread_lines
    from kdx.report.schools import school_names, with_names

    results: list[Ran] = []
    codes = []
    with stopped_by_signals(Stop()) as stop:
        for job in jobs:
            try:
                if stop.is_asked():
                    raise KeyboardInterrupt
                result = _back_up(app, job, bandwidth, recovering, reread, stop)
            except KdxError as error:
                codes.append(explain(error, app))
                continue
            except KeyboardInterrupt as wish:
                codes.append(explain(wish, app))
                break
            results.append(result)
            codes += [result.exit_code, *(explain(alarm, app) for alarm in result.alarms)]
            if result.interruption:
                explain(result.interruption, app)
                break
    if results:
        app.output.show(with_names(ran_table(results, school_names(app.board)), app.board))
        app.output.warn(unread_lines(results))
    app.output.finish(gravest(codes))


def _back_up(
    app: Application, job: "Job", bandwidth: int | None, recovering: bool, reread: bool, stop: "Stop"
) -> "Ran":
    from kdx.backup.saving.run import back_up
    from kdx.schedule.rate import rate_of
    from kdx.schedule.wan import part_of_line
    from kdx.state.events.saving import SnapshotSealed
    from kdx.transfer.budget import Weight

    def tail() -> "Mapping[str, object] | None":
        known = app.ledger.present(SnapshotSealed.kind, job.share.id)
        return known[-1].body if known else None

    own = rate_of(app.board, app.state, job.share, bandwidth, app.now)
    places = job.share.location, job.vault.place.location
    with part_of_line(app.board, app.state, Weight.BACKUP, own, *places) as rate:
        return back_up(
            job,
            app.now,
            processes=cores(),
            record=app.record,
            tail=tail,
            bandwidth=rate,
            recovering=recovering,
            reread=reread,
            stop=stop,
            progress=app.output.progress,
        )


for command in (list_snapshots, status, verify, accept, copy, prune, sheet):
    backup.add_command(command)
