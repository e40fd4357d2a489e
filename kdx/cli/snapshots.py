"""`kdx backup list|status|verify|accept`: what lies in the vault. Translates; decides nothing."""


import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import (
    bandwidth_option,
    dry_run_option,
    output_options,
    school_argument,
    share_option,
)
from kdx.cli.vault import audit_locks, show_copies, tell_faults
from kdx.errors import gravest
from kdx.language import N_, _


@click.command("list", cls=KdxCommand)
@click.argument("school", metavar="[SCHOOL]", required=False)
@share_option
@output_options
@click.pass_obj
def list_snapshots(app: Application, school: str | None, share: str | None) -> None:
    """Show the snapshots that the vault holds, newest first.

    Example: kdx backup list kameyama_nishi_es
    """
    from kdx import signing
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping.status import snapshots_of
    from kdx.report.snapshots import snapshots_table
    from kdx.report.schools import with_names

    keys = signing.load_public_keys(app.inventory_folder / "keys")
    found = list(snapshots_of(open_vault(app.board), app.board.shares_named(school, share), keys))
    app.output.show(with_names(snapshots_table(found), app.board))
    app.output.finish(tell_faults(app, [fault for each in found for fault in each.faults]))


@click.command(cls=KdxCommand)
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
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping.status import status_of
    from kdx.backup.restoring.pace import paces
    from kdx.report.snapshots import status_table
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


@click.command(cls=KdxCommand, acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.option("--full", is_flag=True, help=N_("Read every byte of every object, not only lists and manifests."))
@click.option("--locks", is_flag=True, help=N_("Look at locks and versions instead: what is short, missing or hidden."))
@click.option("--extend", is_flag=True,
              help=N_("With --locks: make those longer of which less than half remains. Needs the board's key."))
@bandwidth_option
@output_options
@click.pass_obj
def verify(
    app: Application, school: str | None, full: bool, locks: bool, extend: bool, bandwidth: int | None
) -> None:
    """Name everything in the vault that is flipped, cut or missing. Exit 5 where there is any.

    Example: kdx backup verify --full
    """
    from kdx import signing
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping.verify import verify_unit
    from kdx.report.snapshots import verified_table
    from kdx.report.schools import with_names
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    units = [app.board.school(school).id] if school else [*(each.id for each in app.board.schools), "-"]
    if locks or extend:
        audit_locks(app, units, extend)
    try:
        board_key = signing.load_private_key(app.state.keys())
    except signing.KeyMissing:
        board_key = None
    vault, keys = open_vault(app.board), signing.load_public_keys(app.inventory_folder / "keys")
    found = []
    with part_of_line(app.board, app.state, Weight.DRILL, lambda: bandwidth, vault.place.location) as rate:
        for unit in units:
            found.append(verify_unit(
                vault, unit, keys, full=full, board_key=board_key, now=app.now(), bandwidth=rate,
                progress=app.output.progress,
            ))
            app.record(found[-1].event(vault))
    app.output.show(with_names(verified_table(found), app.board))
    app.output.finish(gravest(each.exit_code for each in found))


@click.command(cls=KdxCommand, acts=True)
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
    from kdx.backup.saving.accept import accept as accept_snapshot
    from kdx.report.snapshots import accepted_table
    from kdx.report.schools import with_names

    accepted = accept_snapshot(
        app.board, app.state, app.board.share(school, share), app.inventory_folder / "keys", app.now(),
        recovering=recovering, reason=reason, dry_run=dry_run,
    )
    app.output.show(with_names(accepted_table(accepted), app.board))
