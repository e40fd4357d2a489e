"""The kinds of command every kdx command is: help in the present language, common options on both sides of the name.

Decides nothing about schools or data. Command modules: `@click.group(cls=KdxGroup)`, `@click.command(cls=KdxCommand)`.
"""

import copy
import difflib
from collections.abc import Sequence
from typing import Any

import click

from kdx.cli.help import HelpContext, translated
from kdx.cli.options import application_of
from kdx.errors import UsageMistake
from kdx.language import N_, translate


class UnknownCommand(UsageMistake):
    """A command was typed that does not exist. The nearest is offered, never run."""

    message = N_("There is no command {name!r} in {group}.")
    advice = N_("Nearest: {nearest}. All of them: {group} --help.")


def common_options() -> list[click.Parameter]:
    """Return the options that every command takes, before and after its name."""
    return [
        _common("inventory", "--inventory", metavar="DIR", help=N_("Folder of the inventory (hosts.yml, kdx.yml).")),
        _common("state", "--state", metavar="DIR", help=N_("Folder where kdx keeps what it remembers.")),
        _common("lang", "--lang", type=click.Choice(("en", "ja")), help=N_("Language of messages and tables.")),
        _common("quiet", "--quiet", is_flag=True, help=N_("Show no progress and no messages, only results.")),
        _common("verbose", "-v", "--verbose", is_flag=True, help=N_("Show where an unexpected error came from.")),
    ]


def _common(name: str, *declarations: str, **settings: Any) -> click.Option:
    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value:
            application_of(context).choose(name, value)

    return click.Option(declarations, expose_value=False, callback=remember, is_eager=True, **settings)


class KdxCommand(click.Command):
    """A command whose docstring is its help, shown in the present language.

    `acts=True` says that it does something worth remembering: when it fails, the ledger says so.
    """

    context_class = HelpContext
    show_common_options = False

    def __init__(self, *arguments: Any, acts: bool = False, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.acts = acts
        taken = {name for parameter in self.params for name in parameter.opts}
        self.common = [option for option in common_options() if not taken & set(option.opts)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What was typed has been understood; from here on a failure is one of the work."""
        if self.acts and not ctx.params.get("dry_run"):
            application_of(ctx).acting = ctx.command_path
        return super().invoke(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *self.common]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the docstring in the present language."""
        if self.help:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(translated(self.help))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of this command; the common ones only where they are explained (kdx --help)."""
        records = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (self.show_common_options or parameter not in self.common):
                shown = copy.copy(parameter)
                shown.help = translate(parameter.help or "")
                records.append(shown.get_help_record(ctx))
        with formatter.section(translate(N_("Options"))):
            formatter.write_dl([record for record in records if record])

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first paragraph of the help, whole: a sentence cut in the middle says nothing."""
        return translated(self.short_help or self.help or "").partition("\n")[0]


class KdxGroup(KdxCommand, click.Group):
    """A command that holds others."""

    command_class = KdxCommand
    group_class = type

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        KdxCommand.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work, as they are written down."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command named first in `args`; an unknown one is offered its neighbours and never run."""
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not name.startswith("-") and not ctx.resilient_parsing:
            near = nearest(name, self.list_commands(ctx))
            raise UnknownCommand(name=name, group=ctx.command_path, nearest=", ".join(near) or "-")
        return super().resolve_command(ctx, args)


def nearest(name: str, known: Sequence[str]) -> list[str]:
    """Return the commands `name` may have meant, nearest first."""
    return difflib.get_close_matches(name, known, n=3, cutoff=0.4)
