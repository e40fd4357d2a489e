"""`kdx backup`: put a school's files where neither lightning nor flood takes them. Translates; decides nothing."""

import os
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
    school_argument,
    schools_argument,
    share_option,
)
from kdx.cli.sheet import sheet
from kdx.cli.vault import audit_locks, copy, prune, show_copies, tell_faults, try_store, write_policies
from kdx.config.model import School, Share
from kdx.errors import ExitCode, KdxError, gravest
from kdx.language import N_, _

if TYPE_CHECKING:
    from kdx.backup.job import Job, Ran
    from kdx.backup.stop import Stop

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
    from kdx.backup import begin
    from kdx.backup.vault import open_vault, place_of_vault
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
    from kdx.backup import bucket
    from kdx.backup.vault import place_of_vault
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
    from kdx.backup.job import open_jobs

    jobs = open_jobs(app.board, app.state, shares, app.inventory_folder / "keys")
    if of_board:
        from kdx.backup.board import board_job

        jobs.append(board_job(app.board, app.state, app.inventory_folder, app.ledger))
    return jobs


def _preview(app: Application, jobs: "list[Job]") -> NoReturn:
    from kdx.backup.run import preview
    from kdx.report.backup import planned_table
    from kdx.report.schools import with_names

    planned = planned_table([(job, preview(job, app.now, app.output.progress)) for job in jobs])
    app.output.show(with_names(planned, app.board))
    app.output.finish(ExitCode.DONE)


def _run(
    app: Application, jobs: "list[Job]", bandwidth: int | None, recovering: bool, reread: bool
) -> NoReturn:
    """Back up one share after the other; one that fails does not stop the others, a wish to stop does."""
    from kdx.backup.stop import Stop
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
    from kdx.backup.run import back_up
    from kdx.schedule.rate import rate_of
    from kdx.schedule.wan import part_of_line
    from kdx.state.events.saving import SnapshotSealed
    from kdx.transfer.budget import Weight

    tails = app.ledger.present(SnapshotSealed.kind, job.share.id)
    own = rate_of(app.board, app.state, job.share, bandwidth, app.now)
    places = job.share.location, job.vault.place.location
    with part_of_line(app.board, app.state, Weight.BACKUP, own, *places) as rate:
        return back_up(
            job,
            app.now,
            processes=len(os.sched_getaffinity(0)),
            record=app.record,
            tail=tails[-1].body if tails else None,
            bandwidth=rate,
            recovering=recovering,
            reread=reread,
            stop=stop,
            progress=app.output.progress,
        )


@backup.command("list")
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@output_options
@click.pass_obj
def list_snapshots(app: Application, school: str | None, share: str | None) -> None:
    """Show the snapshots that the vault holds, newest first.

    Example: kdx backup list kameyama_nishi_es
    """
    from kdx import signing
    from kdx.backup.status import snapshots_of
    from kdx.backup.vault import open_vault
    from kdx.report.backup import snapshots_table
    from kdx.report.schools import with_names

    keys = signing.load_public_keys(app.inventory_folder / "keys")
    found = list(snapshots_of(open_vault(app.board), app.board.shares_named(school, share), keys))
    app.output.show(with_names(snapshots_table(found), app.board))
    app.output.finish(tell_faults(app, [fault for each in found for fault in each.faults]))


@backup.command()
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@click.option("--copies", is_flag=True,
              help=N_("Show instead how 3-2-1-1-0 stands: copies, media, elsewhere, unchangeable, errors."))
@output_options
@click.pass_obj
def status(app: Application, school: str | None, share: str | None, copies: bool) -> None:
    """Show how old the last good backup of every share is, from the vault alone. Exit 14 where a promise is broken.

    Example: kdx backup status
    """
    from kdx import signing
    from kdx.backup.pace import paces
    from kdx.backup.status import status_of
    from kdx.backup.vault import open_vault
    from kdx.report.backup import status_table
    from kdx.report.schools import with_names
    from kdx.state.events.saving import DrillFinished, RestoreFinished, SnapshotSealed

    vault = open_vault(app.board)
    tails = {
        each.subject: str(each.body.get("snapshot"))
        for each in app.ledger.present(SnapshotSealed.kind)
        if each.body.get("vault") == vault.about.id
    }
    keys = signing.load_public_keys(app.inventory_folder / "keys")
    shares = app.board.shares_named(school, share)
    found = list(status_of(vault, shares, keys, app.board.backup, app.now(), tails))
    if copies:
        show_copies(app, vault, found)
    source = _("the vault alone ({place}); time to restore from the ledger").format(place=vault.place.location)
    told = [event for kind in (DrillFinished.kind, RestoreFinished.kind) for event in app.ledger.present(kind)]
    table = status_table(found, app.now(), source, paces(told, vault.about.id))
    app.output.show(with_names(table, app.board))
    faults = tell_faults(app, [fault for each in found for fault in each.faults])
    app.output.finish(gravest((faults, *(each.exit_code for each in found))))


@backup.command(acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.option("--full", is_flag=True, help=N_("Read every byte of every object, not only lists and manifests."))
@click.option("--locks", is_flag=True, help=N_("Look at locks and versions instead: what is short, missing or hidden."))
@click.option("--extend", is_flag=True,
              help=N_("With --locks: make those longer of which less than half remains. Needs the board's key."))
@output_options
@click.pass_obj
def verify(app: Application, school: str | None, full: bool, locks: bool, extend: bool) -> None:
    """Name everything in the vault that is flipped, cut or missing. Exit 5 where there is any.

    Example: kdx backup verify --full
    """
    from kdx import signing
    from kdx.backup.vault import open_vault
    from kdx.backup.verify import verify_unit
    from kdx.report.backup import verified_table
    from kdx.report.schools import with_names

    units = [app.board.school(school).id] if school else [*(each.id for each in app.board.schools), "-"]
    if locks or extend:
        audit_locks(app, units, extend)
    try:
        board_key = signing.load_private_key(app.state.keys())
    except signing.KeyMissing:
        board_key = None
    vault, keys = open_vault(app.board), signing.load_public_keys(app.inventory_folder / "keys")
    found = []
    for unit in units:
        found.append(
            verify_unit(vault, unit, keys, full=full, board_key=board_key, now=app.now(), progress=app.output.progress)
        )
        app.record(found[-1].event(vault))
    app.output.show(with_names(verified_table(found), app.board))
    app.output.finish(gravest(each.exit_code for each in found))


@backup.command(acts=True)
@school_argument
@share_option
@click.option("--recovering", is_flag=True, help=N_("Right only while a restore is under way, not good."))
@click.option("--reason", default="", metavar="TEXT", help=N_("Why it is right: stands in the vault for ever."))
@dry_run_option
@output_options
@click.pass_obj
def accept(
    app: Application, school: str, share: str | None, recovering: bool, reason: str, dry_run: bool
) -> None:
    """Say with the board's key that the newest, suspect snapshot is right: later runs compare with it.

    Example: kdx backup accept kameyama_nishi_es --reason 年度更新
    """
    from kdx.backup.accept import accept as accept_snapshot
    from kdx.report.backup import accepted_table
    from kdx.report.schools import with_names

    accepted = accept_snapshot(
        app.board, app.state, app.board.share(school, share), app.inventory_folder / "keys", app.now(),
        recovering=recovering, reason=reason, dry_run=dry_run,
    )
    app.output.show(with_names(accepted_table(accepted), app.board))


for command in (copy, prune, sheet):
    backup.add_command(command)
