"""What every command is handed: board, state, ledger, clock and output, each opened when first asked for.

Decides nothing and knows no command. The environment is read here and in cli/__init__, nowhere below.
"""

import contextlib
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

from kdx.errors import ExitCode
from kdx.progress import SILENT, Progress

if TYPE_CHECKING:
    from kdx.config.model import Board
    from kdx.report.tables import Table
    from kdx.state.events.event import Event
    from kdx.state.folder import StateFolder
    from kdx.state.ledger import Ledger

TIME_ZONE = "Asia/Tokyo"


def utc_now() -> datetime:
    """Return the present, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Output:
    """Where results and messages go. Results on stdout (or -o FILE), everything else on stderr."""

    format: str = ""
    """A name of options.FORMATS; empty means by the ending of `file`, else table."""
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    file: str = "-"
    encoding: str = "utf-8"
    no_pager: bool = False
    quiet: bool = False
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo(TIME_ZONE))
    clock: Callable[[], datetime] = utc_now

    @property
    def progress(self) -> Progress:
        """What a long work tells how far it is; silent in a pipe and with --quiet."""
        if self.quiet:
            return SILENT
        from kdx.cli.progress import choose_progress

        return choose_progress()

    def show(self, table: "Table") -> None:
        """Draw a table as --format, --columns, --sort, --filter and -o say."""
        from kdx.cli.console import format_of, show_table
        from kdx.report.filters import filter_rows
        from kdx.report.tables import select_columns, sort_rows

        table = filter_rows(table, self.filters, self.zone)
        table = select_columns(sort_rows(table, self.sort), self.columns)
        if table.as_of is None:
            table = replace(table, as_of=self.clock())
        form = self.format or format_of(self.file)
        show_table(table, form, self.file, self.zone, self.encoding, not self.no_pager)

    def say(self, text: str) -> None:
        """Tell a person something that is not the result (stderr); nothing with --quiet."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Tell what was left out or is wrong (stderr), with --quiet too: cron must know."""
        from kdx.cli.console import say
        from kdx.report.tables import visible

        for line in text.split("\n") if text else ():
            say(visible(line))

    def finish(self, code: ExitCode) -> NoReturn:
        """End the command with this exit code. Nothing after it runs."""
        import click

        raise click.exceptions.Exit(int(code))


class Application:
    """The context object of every command (`@click.pass_obj`). Closed when the command ends."""

    def __init__(self, clock: Callable[[], datetime] = utc_now, environment: Mapping[str, str] = os.environ) -> None:
        self.clock = clock
        self.environment = environment
        self.output = Output(clock=lambda: self.clock())
        self.request_id = uuid.uuid4().hex
        self.verbose = bool(environment.get("KDX_DEBUG"))
        self.speaks_json = False
        """Whether whoever reads stderr is a program; known before the command line is parsed."""
        self.acting = ""
        """The command that is at work, where its failure is to be remembered."""
        self._inventory: str | None = None
        self._state: str | None = None
        self._board: Board | None = None
        self._ledger: Ledger | None = None

    def choose(self, name: str, value: str | bool) -> None:
        """Remember a common option (inventory, state, lang, quiet, verbose)."""
        if name == "quiet":
            self.output.quiet = bool(value)
        elif name == "verbose":
            self.verbose = bool(value)
        elif name == "inventory":
            self._inventory = str(value)
        elif name == "state":
            self._state = str(value)

    def now(self) -> datetime:
        """Return the present, aware, in UTC. The only clock of a command."""
        return self.clock()

    @property
    def names_inventory(self) -> bool:
        """Whether somebody said where the inventory is."""
        return bool(self._inventory or self.environment.get("KDX_INVENTORY"))

    @property
    def inventory_folder(self) -> Path:
        """--inventory, else $KDX_INVENTORY, else ./inventory, else /etc/kdx/inventory."""
        from kdx.config import choose_inventory

        return choose_inventory(self._inventory, self.environment)

    @property
    def board(self) -> "Board":
        """Everything the inventory says, read once. ConfigurationError lists all that is wrong."""
        if self._board is None:
            from kdx.config import load_board

            self._board = load_board(self.inventory_folder)
            self.output.zone = ZoneInfo(self._board.time_zone)
        return self._board

    @property
    def zone(self) -> ZoneInfo:
        """The board's time zone; Asia/Tokyo where no board is described."""
        from kdx.config import InventoryMissing

        with contextlib.suppress(InventoryMissing):
            return ZoneInfo(self.board.time_zone)
        return self.output.zone

    @property
    def state_root(self) -> Path:
        """--state, else $KDX_STATE, else the user's state folder. Made by nobody yet."""
        chosen = self._state or self.environment.get("KDX_STATE")
        if chosen:
            from kdx.state.db import refuse_other_databases

            refuse_other_databases(chosen)
            return Path(chosen).expanduser().absolute()
        from platformdirs import user_state_path

        return user_state_path("kdx")

    @property
    def state(self) -> "StateFolder":
        """What kdx remembers on this machine."""
        from kdx.state.folder import StateFolder

        return StateFolder(self.state_root)

    @property
    def ledger(self) -> "Ledger":
        """The append-only record, opened on first use, closed when the command ends."""
        if self._ledger is None:
            from kdx.state.ledger import open_ledger

            self._ledger = open_ledger(self.state, actor=actor(), request_id=self.request_id, clock=self.clock)
        return self._ledger

    def record(self, event: "Event") -> None:
        """Append an event to the ledger."""
        self.ledger.append(event)

    def remember_failure(self, code: ExitCode, message: str) -> None:
        """Append CommandFailed where an acting command failed and a state folder is there already.

        Never raises: what went wrong first is what the person must read.
        """
        if not self.acting:
            return
        with contextlib.suppress(Exception):
            if self.state_root.is_dir():
                from kdx.state.events.house import CommandFailed

                self.record(CommandFailed(self.acting, int(code), message))
                self.close()

    def close(self) -> None:
        """Close what was opened."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None


def actor() -> str:
    """Return who acts, for the ledger: user name at host name."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # a container may run as a number that has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
