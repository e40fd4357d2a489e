"""What went wrong, in words on stderr, and the exit code. Never on stdout, never a traceback unless asked for."""

import json

import click

from kdx.cli.application import Application
from kdx.cli.console import say
from kdx.errors import ExitCode, KdxError
from kdx.language import N_, _, translate
from kdx.report.tables import visible

INTERRUPTED = N_("Interrupted.")
RESUME = N_("Start the same command again; it goes on where it stopped.")
UNFORESEEN = N_("kdx met something it does not know: {what}")
REPORT = N_("This is a bug in kdx. Please report it with what the same command says with -v.")


def explain(error: BaseException, application: Application) -> ExitCode:
    """Say what happened and what to do, and return the code the command ends with."""
    if isinstance(error, BrokenPipeError):
        # the reader had enough (head, less): everything it wanted has been written
        return ExitCode.DONE
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.ctx.get_help() if error.ctx else error.format_message())
        return ExitCode.USAGE
    message, advice, code = _words(error)
    if application.speaks_json:
        body = {"message": message, "advice": advice, "exit_code": int(code)}
        say(json.dumps({"schema_version": 1, "error": body}))
    else:
        _tell(message, advice)
    if code is ExitCode.BUG and application.verbose:
        import traceback

        _tell(*traceback.format_exception(error))
    application.remember_failure(code, visible(message))
    return code


def _words(error: BaseException) -> tuple[str, str, ExitCode]:
    """Return what happened, what to do, and the exit code."""
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return translate(INTERRUPTED), translate(RESUME), ExitCode.INTERRUPTED
    if isinstance(error, KdxError):
        return _sentence(error, error.message), _sentence(error, error.advice), error.exit_code
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "kdx"
        return error.format_message(), _("Its help: {command} --help").format(command=where), ExitCode.USAGE
    if isinstance(error, click.ClickException):
        return error.format_message(), "", ExitCode.USAGE
    what = visible(f"{type(error).__name__}: {error}")
    return translate(UNFORESEEN).format(what=what), translate(REPORT), ExitCode.BUG


class _Harmless(str):
    """A value inside a sentence: no name can begin a line of its own there or move the cursor."""

    def __format__(self, form: str) -> str:
        return str.__format__(visible(self), form)


def _sentence(error: KdxError, text: str) -> str:
    """Return a message or advice in the present language, filled in with harmless values.

    Constants among the values (`why`, `kind`) are translated; `listed` is kdx's own list and keeps its lines.
    """
    values: dict[str, object] = {}
    for name, value in error.values.items():
        if isinstance(value, (int, float)) or name == "listed":
            values[name] = value
        else:
            words = "" if value is None else str(value)
            values[name] = _Harmless(translate(words) if name in ("why", "kind") else words)
    return translate(text).format(**values)


def _tell(*sentences: str) -> None:
    for sentence in sentences:
        for line in sentence.rstrip("\n").split("\n"):
            if line:
                say(visible(line))
