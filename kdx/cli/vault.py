"""`kdx backup try-store|copy|prune`: what is done with a vault as a whole. Translates; decides nothing."""

from typing import TYPE_CHECKING

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import bandwidth_option, dry_run_option, output_options
from kdx.errors import ExitCode, KdxError, gravest
from kdx.language import N_

if TYPE_CHECKING:
    from kdx.remotes import Place


@click.command("try-store", cls=KdxCommand, acts=True)
@click.option("--to", metavar="TARGET", help=N_("Another place than the vault: the one the copy lies in."))
@output_options
@click.pass_obj
def try_store(app: Application, to: str | None) -> None:
    """Find out what the store of the vault really does, and write it down. Exit 4 where a lock does not hold.

    Example: kdx backup try-store
    """
    from kdx.backup.bucket import try_vault
    from kdx.backup.vault import place_of_vault
    from kdx.report.store import tried_table

    place = _place_of_copy(app, to) if to else place_of_vault(app.board)
    tried = try_vault(place, app.now())
    app.record(tried.event())
    app.output.show(tried_table(tried))
    app.output.finish(tried.exit_code)


def tell_faults(app: Application, faults: list[KdxError]) -> ExitCode:
    """Say what is wrong with the vault, and return what it means for the command."""
    from kdx.cli.failures import explain

    return gravest(explain(fault, app) for fault in faults)


@click.command(cls=KdxCommand, acts=True)
@click.option("--to", required=True, metavar="TARGET", help=N_("Where to: a folder or an address."))
@bandwidth_option
@dry_run_option
@output_options
@click.pass_obj
def copy(app: Application, to: str, bandwidth: int | None, dry_run: bool) -> None:
    """Copy the vault to another place; what is there already is not sent again.

    Example: kdx backup copy --to /media/usb/vault
    """
    from kdx.backup.copy import copy_vault
    from kdx.backup.vault import open_vault
    from kdx.report.backup import copied_table

    target = _place_of_copy(app, to)
    copied = copy_vault(
        open_vault(app.board), target, bandwidth=bandwidth, dry_run=dry_run, progress=app.output.progress
    )
    app.output.show(copied_table(copied, str(target.location)))
    app.output.finish(copied.exit_code)


@click.command(cls=KdxCommand, acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.option("--apply", "apply", is_flag=True, help=N_("Do it. Without this it is only said what would be done."))
@click.option("--copy", "place", metavar="TARGET", help=N_("Prune the copy of the vault that lies there."))
@output_options
@click.pass_obj
def prune(app: Application, school: str | None, apply: bool, place: str | None) -> None:
    """Let old snapshots go by the board's rule. What only they needed is marked, and removed 14 days later at least.

    Example: kdx backup prune --apply
    """
    from kdx import signing
    from kdx.backup import prune as work
    from kdx.backup.vault import open_vault
    from kdx.report.prune import pruned_table
    from kdx.report.schools import with_names

    signer = signing.load_private_key(app.state.keys())
    keys = signing.load_public_keys(app.inventory_folder / "keys")
    vault = open_vault(app.board, _place_of_copy(app, place) if place else None)
    terms = work.Terms(app.board.backup.keep, app.zone, keys, signer, apply)
    now = work.time_at_place(vault.place, app.now())
    units = [app.board.school(school).id] if school else [*(each.id for each in app.board.schools), "-"]
    found = []
    for unit in units:
        found.append(work.prune(vault, unit, terms, now, app.output.progress))
        if apply and found[-1].acted:
            app.record(found[-1].event(vault))
    app.output.show(with_names(pruned_table(found, apply), app.board))
    faults = tell_faults(app, [fault for each in found for fault in each.faults])
    app.output.finish(gravest((faults, *(each.exit_code for each in found))))


def _place_of_copy(app: Application, target: str) -> "Place":
    from dataclasses import replace

    from kdx.remotes import place_of_target

    return replace(place_of_target(app.board, app.board.target(target)), few_large=True)
