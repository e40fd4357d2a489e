"""`kdx backup try-store|copy|prune`: what is done with a vault as a whole. Translates; decides nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import bandwidth_option, dry_run_option, output_options
from kdx.errors import ExitCode, KdxError, gravest
from kdx.language import N_

if TYPE_CHECKING:
    from kdx.backup.format.vault import Vault
    from kdx.backup.keeping.status import ShareStatus
    from kdx.remotes import Place


@click.command("try-store", cls=KdxCommand, acts=True)
@click.option("--to", metavar="TARGET", help=N_("Another place than the vault: the one the copy lies in."))
@click.option("--role", type=click.Choice(("school", "board", "auditor")),
              help=N_("Try instead what the key in use may do, which is that of this role: what must fail must fail."))
@click.option("--school", metavar="SCHOOL",
              help=N_("With --role school: the only school the key is for; without, it is for all of them."))
@output_options
@click.pass_obj
def try_store(app: Application, to: str | None, role: str | None, school: str | None) -> None:
    """Find out what the store of the vault really does, and write it down. Exit 4 where a lock does not hold.

    Example: kdx backup try-store
    """
    from kdx.backup.format.vault import place_of_vault
    from kdx.backup.keeping.bucket import try_vault
    from kdx.report.store import tried_table

    place = _place_of_copy(app, to) if to else place_of_vault(app.board)
    if role:
        _try_key(app, place, role, school)
    tried = try_vault(place, app.now())
    app.record(tried.event())
    app.output.show(tried_table(tried))
    app.output.finish(tried.exit_code)


def _try_key(app: Application, place: "Place", role: str, school: str | None) -> NoReturn:
    from kdx.backup.keeping.rights import try_holder
    from kdx.backup.keeping.roles import Holder, Role
    from kdx.report.rights import key_table

    one = app.board.school(school) if school else None
    holder = Holder(Role(role), one.id if one else "")
    tried = try_holder(place, holder, [each.id for each in app.board.schools], app.now())
    app.record(tried.event())
    app.output.show(key_table(tried, one.name if one else ""))
    app.output.finish(tried.exit_code)


def write_policies(app: Application, folder: Path, dry_run: bool) -> None:
    """Write what each role may do as policies for the store, and show which there are. Sends nothing."""
    from kdx.backup.format.vault import place_of_vault
    from kdx.backup.keeping import rights
    from kdx.backup.keeping.bucket import see_that_it_is_a_bucket
    from kdx.report.rights import policies_table

    place = place_of_vault(app.board)
    see_that_it_is_a_bucket(place)
    documents = rights.policies(place.location, [each.id for each in app.board.schools])
    if not dry_run:
        rights.write_policies(folder, documents)
    names = {each.id: each.name for each in app.board.schools}
    app.output.show(policies_table(documents, place.location, folder, names))


def audit_locks(app: Application, units: list[str], extend: bool) -> NoReturn:
    """Look at the locks of these parts of the vault, and make those longer that are short."""
    from kdx import signing
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping import audit
    from kdx.backup.keeping.bucket import see_that_it_is_a_bucket
    from kdx.backup.keeping.prune import time_at_place
    from kdx.report.rights import audited_table
    from kdx.state.events.saving import BucketPrepared

    vault = open_vault(app.board)
    see_that_it_is_a_bucket(vault.place)
    prepared = app.ledger.present(BucketPrepared.kind, str(vault.place.location))
    lock, faults = audit.lock_asked_for(vault.place, audit.asked_of(prepared[-1].body if prepared else None))
    terms = audit.Terms(lock, signing.load_public_keys(app.inventory_folder / "keys"), extend)
    now = time_at_place(vault.place, app.now())
    found = []
    for unit in units:
        found.append(audit.audit(vault, unit, terms, now, app.output.progress))
        app.record(found[-1].event(vault))
    names = {**{each.id: each.name for each in app.board.schools}, "-": app.board.name}
    app.output.show(audited_table(found, names, now))
    code = tell_faults(app, [*faults, *(fault for each in found for fault in each.faults)])
    app.output.finish(gravest((code, *(each.exit_code for each in found))))


def show_copies(app: Application, vault: "Vault", found: "list[ShareStatus]") -> NoReturn:
    """Show how 3-2-1-1-0 stands for these shares."""
    from kdx.backup.keeping.copies_seen import copies_of
    from kdx.report.copies import copies_table

    names = {each.id: each.name for each in app.board.schools}
    copies = copies_of(app.board, vault.about.id, found, app.ledger.present, app.now())
    app.output.show(copies_table(copies, names, app.now()))
    app.output.finish(tell_faults(app, [fault for each in found for fault in each.faults]))


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
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping.copy import copy_vault
    from kdx.report.snapshots import copied_table
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    vault, target = open_vault(app.board), _place_of_copy(app, to)
    places = vault.place.location, target.location
    with part_of_line(app.board, app.state, Weight.BACKUP, lambda: bandwidth, *places) as rate:
        copied = copy_vault(vault, target, bandwidth=rate, dry_run=dry_run, progress=app.output.progress)
    if not dry_run:
        app.record(copied.event(vault, target))
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
    from kdx.backup.format.vault import open_vault
    from kdx.backup.keeping import prune as work
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
