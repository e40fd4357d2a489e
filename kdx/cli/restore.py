"""`kdx restore`: bring back a file, a folder, a share, or the board's own machine. Translates; decides nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import bandwidth_option, dry_run_option, output_options, parse_date, share_option
from kdx.errors import UsageMistake, gravest
from kdx.language import N_, _

if TYPE_CHECKING:
    from kdx.backup.restoring.choice import Moment
    from kdx.backup.restoring.restored import Source
    from kdx.config.model import Share
    from kdx.remotes import Place
    from kdx.transfer.limit import Rate


class NoPlace(UsageMistake):
    """Nobody said where to restore to, or somebody said it twice."""

    message = N_("Say where to: --to an empty folder or address, or --beside the present files. One of the two.")
    advice = N_("To look first: kdx restore SCHOOL --find TEXT")


class NothingNamed(UsageMistake):
    """Nobody said what to restore."""

    message = N_("Name a school, or write --board.")
    advice = N_("The schools: kdx inventory list")


@click.command(cls=KdxCommand, acts=True)
@click.argument("school", metavar="[SCHOOL]", required=False)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@share_option
@click.option("--at", metavar="TIME",
              help=N_("As it was then: a date (the last good snapshot of that day), a time, or a snapshot's name."))
@click.option("--to", metavar="DIR", help=N_("Where to: an empty folder, or an address."))
@click.option("--beside", is_flag=True, help=N_("Into the share itself, under a new name: NAME_復元_TIME."))
@click.option("--find", "text", metavar="TEXT", help=N_("Show all versions of the files with this in their path."))
@click.option("--board", "whole_board", is_flag=True, help=N_("The board's own inventory, state and receipts."))
@click.option("--vault", metavar="URL", help=N_("With --board: where the vault lies, where no inventory says so."))
@click.option("--key", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Trust only the public key in this file, not those in inventory/keys."))
@bandwidth_option
@dry_run_option
@output_options
@click.pass_obj
def restore(
    app: Application,
    school: str | None,
    paths: tuple[str, ...],
    share: str | None,
    at: str | None,
    to: str | None,
    beside: bool,
    text: str | None,
    whole_board: bool,
    vault: str | None,
    key: Path | None,
    bandwidth: int | None,
    dry_run: bool,
) -> None:
    """Bring back files from the vault, never over anything.

    A file, a folder, a whole share, or with --board the board's own machine.

    Example: kdx restore kameyama_nishi_es 令和8年度/名簿.xlsx --at 2026-11-17 --beside
    """
    if whole_board == bool(school):
        raise NothingNamed()
    if text is not None:
        _find(app, text, app.board.shares_named(school, share), key)
    if bool(to) == beside or (whole_board and beside):
        raise NoPlace()
    moment = parse_moment(at, app.zone) if at else None
    if isinstance(moment, datetime) and moment > app.now() + timedelta(days=1):
        app.output.warn(_("{at} has not come yet: the newest good snapshot is taken.").format(at=at))
    chosen = None if whole_board else app.board.share(school or "", share)
    source = sources_of(app, [chosen], key)[0] if chosen else _board_source(app, vault, key)
    _carry_out(app, source, chosen, paths, moment, to, bandwidth, dry_run)


def _find(app: Application, text: str, shares: "Sequence[Share]", key: Path | None) -> NoReturn:
    from kdx.backup.restoring.find import find, holding
    from kdx.report.restore import alarms_lines, versions_table

    found = [find(source, holding(text), app.output.progress) for source in sources_of(app, shares, key)]
    faults = [fault for _versions, some in found for fault in some]
    app.output.show(versions_table(text, [version for versions, _faults in found for version in versions]))
    app.output.warn("\n".join(alarms_lines(faults)))
    app.output.finish(gravest(fault.exit_code for fault in faults))


def _carry_out(
    app: Application,
    source: "Source",
    share: "Share | None",
    paths: tuple[str, ...],
    moment: "Moment | None",
    to: str | None,
    bandwidth: int | None,
    dry_run: bool,
) -> NoReturn:
    from kdx.backup.restoring import restore as work
    from kdx.backup.restoring.restored import Wish
    from kdx.backup.restoring.sources import place_to
    from kdx.backup.restoring.wanted import Selection, beside
    from kdx.remotes import place_of_share
    from kdx.report.restore import faults_text, restored_table

    stored, alarms = work.pick(source, moment)
    if to or not share:
        selection, target = Selection(paths), place_to(to or "")
    else:
        selection = Selection(paths, beside(stored.seal.name.started.astimezone(app.zone)))
        target = place_of_share(app.board, share)
    with _rate(app, source, target, bandwidth) as rate:
        wish = Wish(selection, not to, rate, dry_run)
        done = work.restore(source, stored, alarms, target, wish, app.state, app.now, app.output.progress)
    if not dry_run:
        app.record(done.event())
    app.output.show(restored_table(done, app.zone))
    app.output.warn(faults_text(done))
    app.output.finish(done.exit_code)


@contextmanager
def _rate(
    app: Application, source: "Source", target: "Place", bandwidth: int | None
) -> "Iterator[int | None | Rate]":
    """Give what the restore may take of the line; `bandwidth` alone where no inventory says what the line has."""
    from kdx.config import InventoryMissing
    from kdx.schedule.wan import part_of_line
    from kdx.transfer.budget import Weight

    try:
        board = app.board
    except InventoryMissing:
        # a machine that is to become the board's again
        yield bandwidth
        return
    places = source.vault.place.location, target.location
    with part_of_line(board, app.state, Weight.RESTORE, lambda: bandwidth, *places) as rate:
        yield rate


def sources_of(app: Application, shares: "Sequence[Share]", key: Path | None = None) -> "list[Source]":
    """Return these shares as the vault holds them, with what the ledger knows of them."""
    from kdx.backup.restoring.sources import keys_of, share_sources

    tails = {event.subject: event.body for event in app.ledger.present("snapshot.sealed")}
    return share_sources(app.board, shares, keys_of(app.inventory_folder / "keys", key), tails)


def _board_source(app: Application, vault: str | None, key: Path | None) -> "Source":
    from kdx.backup.format.vault import place_of_vault
    from kdx.backup.restoring.sources import board_source, keys_of, place_to

    place = place_to(vault) if vault else place_of_vault(app.board)
    return board_source(place, keys_of(Path() if vault else app.inventory_folder / "keys", key))


def parse_moment(text: str, zone: ZoneInfo) -> "Moment":
    """Given the name of a snapshot, a time or a date, return what it means; a date is the end of that day."""
    from kdx.backup.format.names import snapshot_name

    try:
        return snapshot_name(text)
    except ValueError:
        pass
    if "T" in text or ":" in text:
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)
        except ValueError:
            pass
    return datetime.combine(parse_date(text) + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
