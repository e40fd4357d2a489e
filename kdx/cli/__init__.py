"""The `kdx` command: settles the language, finds the command, turns what went wrong into words and an exit code.

The only place that ends the process. Imports no command and no heavy library before it is asked for.
"""

import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from kdx import __version__
from kdx.cli.application import Application
from kdx.cli.commands import KdxGroup
from kdx.cli.failures import explain
from kdx.cli.options import format_options
from kdx.cli.speech import settle_language, typed
from kdx.errors import MEANINGS, ExitCode
from kdx.language import N_, translate

COMMANDS = {
    "init": ("kdx.cli.init:init", N_("Write a new inventory folder and make the board's signing key.")),
    "doctor": ("kdx.cli.doctor:doctor", N_("Check configuration, stores, clock and versions.")),
    "inventory": ("kdx.cli.inventory:inventory", N_("See what is on the servers.")),
    "assess": ("kdx.cli.assess:assess", N_("Judge a share against targets, side by side, before anything moves.")),
    "migrate": ("kdx.cli.migrate:migrate", N_("Move a share, prove that it arrived, and write the receipt.")),
    "rollout": ("kdx.cli.rollout:rollout", N_("Show which school stands where, and ask the gates.")),
    "hazard": (
        "kdx.cli.hazard:hazard", N_("See what the weather means for each school, and what kdx does about it.")
    ),
    "schedule": ("kdx.cli.schedule:schedule", N_("See what runs when and why, and let cron or systemd run it.")),
    "backup": ("kdx.cli.backup:backup", N_("Put the files where neither lightning nor flood takes them.")),
    "restore": ("kdx.cli.restore:restore", N_("Bring back files from the vault, never over anything.")),
    "drill": (
        "kdx.cli.drill:drill",
        N_("Bring back a part of every share, compare it byte for byte, and time it. Exit 5 where anything differs."),
    ),
    "report": (
        "kdx.cli.report:report",
        N_("Write one page: rollout, backups, drills, weather, migration, what the servers hold."),
    ),
    "checklist": (
        "kdx.cli.checklist:checklist", N_("Hold the board's answers to the ministry's checklist against the nation's.")
    ),
    "audit": ("kdx.cli.audit:audit", N_("Check the record of everything that happened.")),
}


class Root(KdxGroup):
    """The root group: knows its commands by name and loads the one that is asked for."""

    show_common_options = True

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _colon, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(translate(N_("Commands"))):
            formatter.write_dl([(name, translate(help)) for name, (_place, help) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(translate(N_("Exit codes"))):
            formatter.write_dl([(str(int(code)), translate(meaning)) for code, meaning in MEANINGS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A closed pipe is met here, because click itself would end with 1 over it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # the reader had enough (head, less): everything it wanted has been written
            ctx.exit(ExitCode.DONE)

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run a command line and end the process with its exit code; SystemExit in tests."""
        words = list(sys.argv[1:] if args is None else args)
        application = extra.pop("obj", None) or Application()
        extra.pop("standalone_mode", None)
        settle_language(words, application.environment)
        application.speaks_json = "--json" in words or typed(words, "--format") in ("json", "ndjson")
        try:
            code = super().main(words, prog_name or "kdx", standalone_mode=False, obj=application, **extra)
            sys.stdout.flush()
        except Exception as error:
            code = explain(error, application)
        except KeyboardInterrupt as error:
            code = explain(error, application)
        sys.exit(int(code or ExitCode.DONE))


@click.group(cls=Root, invoke_without_command=True)
@click.version_option(__version__, message="kdx %(version)s", help=N_("Show the version and exit."))
@format_options
@click.pass_context
def root(context: click.Context) -> None:
    """Move, back up and prove the data that lie on file servers inside schools.

    Without a command it shows where things stand and what to do next.

    Example: kdx inventory list
    """
    application: Application = context.obj
    context.call_on_close(application.close)
    if context.invoked_subcommand is None:
        from kdx.cli.glance import show_glance

        show_glance(application)


def _stop(signal_number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> NoReturn:
    """The console entry point."""
    signal.signal(signal.SIGTERM, _stop)
    # a command makes many rows and few cycles: looking for those less often saves a tenth of its time
    gc.set_threshold(100_000, 20, 20)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # help in Japanese must not fail on a terminal that knows no Japanese
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        root.main()
    except SystemExit:
        _let_go_of_closed_pipe()
        # the process ends: looking once more through all that is loaded takes 35 ms and frees nothing anybody needs
        gc.freeze()
        raise


def _let_go_of_closed_pipe() -> None:
    """Point stdout at nothing when it takes no more, or the interpreter complains while it shuts down."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
