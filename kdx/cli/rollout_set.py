"""`kdx rollout set`: what people say, plan, approve, waive, saw, or are held up by. Translates; decides nothing."""

import sys
from collections.abc import Callable
from datetime import date, datetime, time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kdx.cli.application import Application, actor
from kdx.cli.commands import KdxGroup
from kdx.cli.options import date_of, dry_run_option, format_options, school_argument
from kdx.errors import UsageMistake
from kdx.language import N_, translate
from kdx.rollout.stream import CAUSES

if TYPE_CHECKING:
    from kdx.rollout.approval import Signable
    from kdx.rollout.stream import Cell
    from kdx.state.events.event import Event

CLAIMS = ("none", "started", "done")
RESULTS = ("pass", "fail", "unknown")
METHODS = ("EXAMINE", "INTERVIEW")
"""What a person does; TEST is for machines, and needs no signature."""
FILE = click.Path(path_type=Path, dir_okay=False)


class StatementWithoutDay(UsageMistake):
    """A statement about a finding that names no day: its time would be another when it is entered."""

    message = N_("A finding that is to be signed elsewhere must say of which day it speaks.")
    advice = N_("Add --collected DATE, here and again when the signature is entered.")


@click.group("set", cls=KdxGroup)
def set_group() -> None:
    """Write down a claim, a planned day, an approval, a waiver, a finding or what holds a milestone up.

    Example: kdx rollout set claim kameyama_nishi_es 18 done --count 38/42
    """


def cell_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """SCHOOL MILESTONE --item --dry-run. Adds `cell: Cell` and `dry_run: bool`."""

    @school_argument
    @click.argument("milestone", metavar="MILESTONE")
    @click.option("--item", metavar="ITEM", default="", help=N_("Counterpart or document, where there are several."))
    @dry_run_option
    @format_options
    @click.pass_obj
    @wraps(function)
    def wrapper(app: Application, /, school: str, milestone: str, item: str, **named: Any) -> Any:
        from kdx.rollout.definition import load_definition
        from kdx.rollout.overview import find_cell, find_milestone

        definition = load_definition(app.board.folder)
        one = find_milestone(definition, milestone)
        return function(app, find_cell(definition, app.board, school, one, item), **named)

    return wrapper


def signing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--key, --signature, --signer. Adds `how: Signing`."""

    @click.option("--key", type=FILE, metavar="FILE", help=N_("Sign with this SSH key (Ed25519, without passphrase)."))
    @click.option("--signature", type=FILE, metavar="FILE",
                  help=N_("A signature made with ssh-keygen -Y sign over what --dry-run prints."))
    @click.option("--signer", metavar="NAME", default="", help=N_("With --signature: whose it is."))
    @wraps(function)
    def wrapper(*arguments: Any, key: Path | None, signature: Path | None, signer: str, **named: Any) -> Any:
        from kdx.rollout.entry import Signing

        return function(*arguments, how=Signing(key, signature, signer), **named)

    return wrapper


@set_group.command(acts=True)
@cell_arguments
@click.argument("progress", metavar="[none|started|done]", type=click.Choice(CLAIMS))
@click.option("--count", metavar="N/N", help=N_("How many of how many, such as 38/42."))
@click.option("--date", "day", metavar="DATE", callback=date_of, help=N_("The day it was done on."))
@click.option("--note", metavar="TEXT", default="", help=N_("A sentence to keep with it."))
def claim(
    app: Application, cell: "Cell", progress: str, count: str | None, day: date | None, note: str, dry_run: bool
) -> None:
    """Say how far a milestone is: none, started or done. Shown as a claim until evidence proves it.

    Example: kdx rollout set claim kameyama_nishi_es 18 done --count 38/42
    """
    from kdx.rollout.entry import parse_count
    from kdx.state.events.rollout import ClaimMade

    done, total = parse_count(count)
    said = {"none": "not started", "started": "in progress", "done": "done"}[progress]
    _keep(app, (cell,), ClaimMade(*_names(cell), said, done, total, day.isoformat() if day else "", note), dry_run)


@set_group.command(acts=True)
@cell_arguments
@click.option("--date", "day", metavar="DATE", callback=date_of, help=N_("The day it is to be done by."))
@click.option("--owner", metavar="NAME", default="", help=N_("Who sees to it: an office or company."))
def plan(app: Application, cell: "Cell", day: date | None, owner: str, dry_run: bool) -> None:
    """Set the day a milestone is to be done by, or who sees to it; what is not named stays.

    Example: kdx rollout set plan kameyama_nishi_es 20 --date 2026-12-25 --owner 学校教育課
    """
    from kdx.rollout.overview import look
    from kdx.state.events.rollout import PlanSet

    now = look(app.board, app.ledger, app.now()).statuses[cell]
    planned = day or now.planned
    _keep(app, (cell,), PlanSet(*_names(cell), planned.isoformat() if planned else "", owner or now.owner), dry_run)


@set_group.command(acts=True)
@cell_arguments
@click.option("--office", metavar="OFFICE", required=True, help=N_("The office that approves, such as 校長."))
@click.option("--date", "day", metavar="DATE", callback=date_of, required=True, help=N_("Date of the document."))
@click.option("--number", metavar="TEXT", required=True, help=N_("Number of the document."))
@click.option("--scan", type=FILE, metavar="FILE", help=N_("Scan of the document; its SHA-256 is kept."))
@click.option("--withdraw", is_flag=True, help=N_("Take the approval back."))
@signing_options
def approve(
    app: Application, cell: "Cell", office: str, day: date, number: str, scan: Path | None, withdraw: bool, how: Any,
    dry_run: bool,
) -> None:
    """Record an office's approval, signed with the key of who enters it; unsigned it is marked in every table.

    Example: kdx rollout set approve kameyama_nishi_es 23 --office 校長 --date 2026-11-20 --number 第12号 --scan scan.pdf
    """
    from kdx.rollout.definition import load_definition
    from kdx.rollout.entry import digest_of, refuse_other_office
    from kdx.rollout.overview import find_milestone
    from kdx.state.events.rollout import ApprovalGiven

    refuse_other_office(find_milestone(load_definition(app.board.folder), cell.milestone), office)
    event = ApprovalGiven(
        *_names(cell), office, day.isoformat(), number, digest_of(scan), withdraw, signer=how.signer, signature=""
    )
    _keep_signed(app, (cell,), event, how, dry_run)


@set_group.command(acts=True)
@cell_arguments
@click.option("--reason", metavar="TEXT", required=True, help=N_("Why; the second signer signs the same words."))
@click.option("--calendar", is_flag=True, help=N_("Allow it in a period to be avoided, instead of sparing it."))
@click.option("--withdraw", is_flag=True, help=N_("Take the waiver back."))
@signing_options
def waive(
    app: Application, cell: "Cell", reason: str, calendar: bool, withdraw: bool, how: Any, dry_run: bool
) -> None:
    """Agree that a milestone does not concern a place. It holds when two people have signed the same.

    Example: kdx rollout set waive kabuto_es 21 --reason 複合機なし --key ~/.ssh/id_ed25519
    """
    from kdx.state.events.rollout import WaiverGiven

    of = "calendar" if calendar else "milestone"
    event = WaiverGiven(*_names(cell), of, reason, withdraw, signer=how.signer, signature="")
    _keep_signed(app, (cell,), event, how, dry_run)


@set_group.command(acts=True)
@cell_arguments
@click.option("--cause", type=click.Choice(CAUSES), default="other", show_default=True, help=N_("What kind it is of."))
@click.option("--owner", metavar="NAME", default="", help=N_("Who sees to it: an office or company."))
@click.option("--next", "next_action", metavar="TEXT", default="", help=N_("What is done next."))
@click.option("--due", metavar="DATE", callback=date_of, help=N_("By when."))
@click.option("--lift", is_flag=True, help=N_("It holds it up no longer."))
def block(
    app: Application, cell: "Cell", cause: str, owner: str, next_action: str, due: date | None, lift: bool,
    dry_run: bool,
) -> None:
    """Write down what holds a milestone up, who sees to it, what comes next and by when; or that it is over (--lift).

    Example: kdx rollout set block kameyama_nishi_es 9 --cause delivery --owner 業者 --next 納期回答 --due 2026-12-10
    """
    from kdx.state.events.rollout import BlockChanged

    event = BlockChanged(*_names(cell), not lift, cause, owner, next_action, due.isoformat() if due else "")
    _keep(app, (cell,), event, dry_run)


@set_group.command(acts=True)
@school_argument
@click.argument("check", metavar="CHECK")
@click.argument("result", type=click.Choice(RESULTS))
@click.option("--method", type=click.Choice(METHODS), default="EXAMINE", show_default=True, help=N_("How it was seen."))
@click.option("--item", metavar="ITEM", default="", help=N_("Counterpart or document, where there are several."))
@click.option("--target", metavar="NAME", default="", help=N_("What was looked at: a host, a device, a paper."))
@click.option("--vantage", metavar="PLACE", default="", help=N_("Where it was looked from."))
@click.option("--count", metavar="N/N", help=N_("How many of how many, such as 38/42."))
@click.option("--collected", metavar="DATE", callback=date_of, help=N_("The day it was seen on; now by default."))
@click.option("--file", "document", type=FILE, metavar="FILE", help=N_("The paper or picture; its SHA-256 is kept."))
@signing_options
@dry_run_option
@format_options
@click.pass_obj
def observe(
    app: Application, school: str, check: str, result: str, method: str, item: str, target: str, vantage: str,
    count: str | None, collected: date | None, document: Path | None, how: Any, dry_run: bool,
) -> None:
    """Write down what somebody saw of a check. Unsigned it is marked, and opens no hard gate.

    Example: kdx rollout set observe kameyama_nishi_es retention_checked pass --file 確認書.pdf --key ~/.ssh/id_ed25519
    """
    from kdx.rollout.definition import load_definition
    from kdx.rollout.entry import digest_of, parse_count
    from kdx.rollout.overview import cells_asking, find_check, find_item, find_place
    from kdx.state.events.rollout import ObservationMade

    # what is printed here is signed elsewhere and entered later, when "now" is another moment
    if collected is None and (dry_run or how.signature):
        raise StatementWithoutDay()
    done, total = parse_count(count)
    moment = datetime.combine(collected, time(), app.zone) if collected else app.now()
    definition = load_definition(app.board.folder)
    event = ObservationMade(
        find_check(definition, check), find_place(app.board, school), find_item(definition, item), target, vantage,
        method, result, moment, done=done, total=total, raw_sha256=digest_of(document), signer=how.signer,
    )
    cells = cells_asking(definition, event.check, event.school, event.item)
    _keep_signed(app, cells, event, how, dry_run)


def _names(cell: "Cell") -> tuple[str, str, str]:
    return cell.milestone, cell.school, cell.item


def _keep_signed(app: Application, cells: "tuple[Cell, ...]", event: "Signable", how: Any, dry_run: bool) -> None:
    from kdx.rollout.approval import following, statement_of
    from kdx.rollout.entry import sign

    if dry_run:
        if not how.signer:
            app.output.warn(translate(N_("Add --signer NAME before this line is signed elsewhere.")))
        # exactly the bytes that ssh-keygen -Y sign is to be given
        sys.stdout.flush()
        sys.stdout.buffer.write(statement_of(app.board.name, following(app.ledger, event)))
        return
    signed = sign(app.board, app.ledger, event, how, actor(), app.now())
    if not signed.signature:
        app.output.warn(translate(N_("Nobody signed: this is marked with * wherever it is shown.")))
    _keep(app, cells, signed, dry_run)


def _keep(app: Application, cells: "tuple[Cell, ...]", event: "Event", dry_run: bool) -> None:
    """Append the event, and show what it changed."""
    from kdx.report.rollout_lists import entered_table
    from kdx.rollout.overview import look

    before = look(app.board, app.ledger, app.now())
    if not dry_run:
        with app.state.lock("rollout"):
            app.record(event)
    after = look(app.board, app.ledger, app.now())
    app.output.show(entered_table(before, after, cells))
