"""`kdx inventory scan`: look through shares, one after the other. Translates; decides nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from kdx.cli.application import Application
from kdx.cli.commands import KdxCommand
from kdx.cli.options import (
    bandwidth_option,
    dry_run_option,
    output_options,
    schools_argument,
    share_option,
    shares_of,
)
from kdx.config.model import School, Share
from kdx.errors import KdxError, gravest
from kdx.language import N_
from kdx.processes import cores

if TYPE_CHECKING:
    from kdx.inventory.scanned import ScanResult


@click.command(cls=KdxCommand, acts=True)
@schools_argument
@share_option
@click.option("--names/--hash", "names_only", default=None,
              help=N_("Read no content, only names (the default over a network); or read what is new or changed."))
@click.option("--accept-smaller", is_flag=True, help=N_("The share really holds far less than last time: go on."))
@bandwidth_option
@dry_run_option
@output_options
@click.pass_obj
def scan(
    app: Application,
    schools: tuple[School, ...],
    share: str | None,
    names_only: bool | None,
    accept_smaller: bool,
    bandwidth: int | None,
    dry_run: bool,
) -> None:
    """Look through shares and write a catalog of each. Killed at any moment, the next scan goes on.

    Example: kdx inventory scan kameyama_nishi_es
    """
    shares = shares_of(app, schools, share)
    if dry_run:
        from kdx.inventory.overview import share_states
        from kdx.report.inventory import scan_plan_table

        app.output.show(scan_plan_table(shares, share_states(schools, app.state)))
    else:
        _scan(app, shares, names_only, accept_smaller, bandwidth)


def _scan(
    app: Application, shares: list[Share], names_only: bool | None, accept_smaller: bool, bandwidth: int | None
) -> NoReturn:
    """Scan one share after the other; one that fails does not stop the others."""
    from kdx.cli.failures import explain
    from kdx.report.inventory import scanned_table, unread_lines

    results, codes = [], []
    for one in shares:
        try:
            read_content = not (one.over_network if names_only is None else names_only)
            result = _scan_one(app, one, read_content, accept_smaller, bandwidth)
            app.record(result.event())
        except KdxError as error:
            codes.append(explain(error, app))
        else:
            results.append(result)
            codes.append(result.exit_code)
    if results:
        app.output.show(scanned_table(results))
        app.output.warn(unread_lines(results))
    app.output.finish(gravest(codes))


def _scan_one(
    app: Application, share: Share, read_content: bool, accept_smaller: bool, bandwidth: int | None
) -> "ScanResult":
    """Scan one share; content that is read over a line keeps to the part of it that a scan may take."""
    from kdx.inventory.scan import scan_share
    from kdx.remotes import place_of_share

    def scan(take: Callable[[int], None] | None) -> "ScanResult":
        return scan_share(
            share,
            place_of_share(app.board, share),
            app.state,
            clock=app.now,
            processes=cores(),
            read_content=read_content,
            accept_smaller=accept_smaller,
            take=take,
            progress=app.output.progress,
            meanwhile=_load_what_comes_after,
        )

    if not (read_content and share.over_network):
        return scan(None)
    from kdx.schedule.wan import line_for_reading
    from kdx.transfer.limit import SharedLimiter

    with line_for_reading(app.board, app.state, share, bandwidth, app.now) as rate:
        return scan(SharedLimiter(rate).take)


def _load_what_comes_after() -> None:
    """Load, beside the scan, what is needed when it is done: 0.2 s that nobody waits for."""
    import tabulate  # noqa: F401

    import kdx.cli.formats
    import kdx.state.events.moving
    import kdx.state.ledger  # noqa: F401
    from kdx.state.db import tables

    tables()
