"""Arguments and options that mean the same in every command. Each decorator says which parameters it adds."""

import functools
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kdx.cli.application import Application
from kdx.errors import UsageMistake
from kdx.language import N_

if TYPE_CHECKING:
    from kdx.config.model import School, Share

Function = TypeVar("Function", bound=Callable[..., Any])
FORMATS = ("table", "csv", "json", "ndjson", "md", "html", "xlsx")


class NoSchool(UsageMistake):
    """A command that works on schools was told none."""

    message = N_("No school was named.")
    advice = N_("Name one or more schools, or write --all.")


class DateUnclear(UsageMistake):
    """A date is not one of the forms kdx knows."""

    message = N_("The date {text!r} is not understood.")
    advice = N_("Write for example 2026-11-23, R8.11.23 or 令和8年11月23日.")


def application_of(context: click.Context) -> Application:
    """Return what the command is handed, also before it is."""
    application = context.find_object(Application)
    assert application is not None
    return application


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    """Return a callback that writes a given option into app.output instead of handing it to the command."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and value != () and value is not False:
            setattr(application_of(context).output, name, value)

    return callback


def _remember_json(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        application_of(context).output.format = "json"


def _names(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value:
        chosen = tuple(name.strip() for name in value.split(",") if name.strip())
        setattr(application_of(context).output, str(parameter.name), chosen)


format_option = click.option(
    "--format", type=click.Choice(FORMATS), expose_value=False, callback=_remember("format"),
    help=N_("How to write the result; by default as the ending of FILE says, else as a table."),
)
json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_remember_json, help=N_("The same as --format json."),
)


def format_options(function: Function) -> Function:
    """--format and --json: for commands whose -o means something else. Adds no parameter."""
    return format_option(json_option(function))


def output_options(function: Function) -> Function:
    """Everything a command that shows a table takes. Adds no parameter: it configures app.output."""
    for option in (
        click.option("-o", "--output", "file", metavar="FILE", expose_value=False, callback=_remember("file"),
                     help=N_("Write the result into FILE (- is standard output).")),
        click.option("--encoding", type=click.Choice(("utf-8", "cp932")), expose_value=False,
                     callback=_remember("encoding"), help=N_("Encoding of CSV; cp932 for old programs only.")),
        click.option("--no-pager", is_flag=True, expose_value=False, callback=_remember("no_pager"),
                     help=N_("On a terminal, do not show long tables in less.")),
        click.option("--filter", "filters", metavar="TEST", multiple=True, expose_value=False,
                     callback=_remember("filters"),
                     help=N_("Only rows that fit, for example name~part or size>10MB. May be repeated.")),
        click.option("--sort", metavar="NAMES", expose_value=False, callback=_names,
                     help=N_("Sort by these columns, separated by commas; -NAME sorts downwards.")),
        click.option("--columns", metavar="NAMES", expose_value=False, callback=_names,
                     help=N_("Show only these columns, separated by commas, named as in JSON.")),
    ):
        function = option(function)
    return format_options(function)


def school_argument(function: Function) -> Function:
    """SCHOOL. Adds `school: str`; hand it to board.school() or board.share()."""
    return click.argument("school", metavar="SCHOOL")(function)


def schools_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """SCHOOL… or --all; none beside --board. Adds `schools: tuple[School, ...]`, in the order given, none twice."""

    @click.argument("schools", metavar="[SCHOOL]...", nargs=-1)
    @click.option("--all", "every_school", is_flag=True, help=N_("All schools of the inventory."))
    @functools.wraps(function)
    def wrapper(*arguments: Any, schools: tuple[str, ...], every_school: bool, **named: Any) -> Any:
        board = application_of(click.get_current_context()).board
        if not schools and not every_school and not named.get("of_board"):
            raise NoSchool()
        chosen = board.schools if every_school else tuple(dict.fromkeys(map(board.school, schools)))
        return function(*arguments, schools=chosen, **named)

    return wrapper


def share_option(function: Function) -> Function:
    """--share. Adds `share: str | None`."""
    return click.option(
        "--share", metavar="NAME", help=N_("Share of the school, where it has more than one.")
    )(function)


def target_option(function: Function) -> Function:
    """--to. Adds `to: str | None`; hand it to board.target()."""
    return click.option(
        "--to", metavar="TARGET", help=N_("Where to: a name under targets: in kdx.yml, or an address.")
    )(function)


def dry_run_option(function: Function) -> Function:
    """--dry-run. Adds `dry_run: bool`."""
    return click.option("--dry-run", is_flag=True, help=N_("Say what would be done, and change nothing."))(function)


def bandwidth_option(function: Function) -> Function:
    """--bandwidth. Adds `bandwidth: int | None`, bytes per second."""

    def parse(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
        from kdx.config.bandwidth import parse_bandwidth

        return None if value is None else parse_bandwidth(value)

    return click.option(
        "--bandwidth", metavar="RATE", callback=parse, help=N_("Use at most this much of the line, such as 20Mbit.")
    )(function)


def moment_of(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """Return the end of a day in the board's time zone: a callback of options that name one."""
    if value is None:
        return None
    zone = application_of(context).zone
    end = datetime.combine(parse_date(value) + timedelta(days=1), time(), zone)
    return end - timedelta(microseconds=1)


def date_of(context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    """Return a day: a callback of options that name one."""
    return None if value is None else parse_date(value)


def as_of_option(function: Function) -> Function:
    """--as-of. Adds `as_of: datetime | None`, the end of that day in the board's time zone."""
    return click.option(
        "--as-of", metavar="DATE", callback=moment_of, help=N_("As it was known at the end of that day.")
    )(function)


_REIWA = re.compile(r"(?:R|令和)\s*([0-9]{1,2}|元)[年.\-/]([0-9]{1,2})[月.\-/]([0-9]{1,2})日?")


def parse_date(text: str) -> date:
    """Given 2026-11-23, R8.11.23 or 令和8年11月23日, return the date. Reiwa 1 began on 2019-05-01."""
    try:
        era = _REIWA.fullmatch(text.strip())
        if not era:
            return date.fromisoformat(text.strip())
        year = 1 if era[1] == "元" else int(era[1])
        found = date(2018 + year, int(era[2]), int(era[3]))
        if found < date(2019, 5, 1):
            raise DateUnclear(text=text)
        return found
    except ValueError as error:
        raise DateUnclear(text=text) from error


def shares_of(app: Application, schools: "tuple[School, ...]", share: str | None) -> "list[Share]":
    """Return the shares that are meant. With several schools one without a share is said, and does not stop them."""
    from kdx.config.model import NoShare

    found = [school for school in schools if school.shares]
    for school in schools:
        if not found:
            app.board.share(school.id)
        if school not in found:
            app.output.warn(str(NoShare(school=school.name)))
    return [one for school in found for one in ([app.board.share(school.id, share)] if share else school.shares)]
