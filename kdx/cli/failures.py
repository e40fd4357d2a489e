"""What went wrong, in words on stderr, and the exit code. Never on stdout, never a traceback unless asked for."""

import json

import click

from kdx.cli.application import Application
from kdx.cli.console import say
from kdx.errors import ExitCode, KdxError
from kdx.language import _
from kdx.report.tables import visible


def explain(error: BaseException, application: Application) -> ExitCode:
    """Say what happened and what to do, and return the code the command ends with."""
    if isinstance(error, BrokenPipeError):
        # the reader had enough (head, less): everything it wanted has been written
        return ExitCode.DONE
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.ctx.get_help())
        return ExitCode.USAGE
    message, advice, code = _words(error)
    _tell(message, advice, code, application)
    if code == ExitCode.BUG and application.verbose:
        _trace(error)
    return code


def _words(error: BaseException) -> tuple[str, str, ExitCode]:
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return _("Interrupted."), _("Start the same command again; it goes on where it stopped."), ExitCode.INTERRUPTED
    if isinstance(error, KdxError):
        return str(error), error.advise(), error.exit_code
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "kdx"
        return error.format_message(), _("See: {command} --help").format(command=where), ExitCode.USAGE
    if isinstance(error, click.ClickException):
        return error.format_message(), "", ExitCode.USAGE
    what = f"{type(error).__name__}: {error}"
    advice = _("This is a bug in kdx. Please report it with what the same command says with -v.")
    return _("kdx met something it does not know: {what}").format(what=what), advice, ExitCode.BUG


def _tell(message: str, advice: str, code: ExitCode, application: Application) -> None:
    if application.output.format in ("json", "ndjson"):
        body = {"schema_version": 1, "error": {"message": message, "advice": advice, "exit_code": int(code)}}
        say(json.dumps(body))
        return
    for sentence in (message, advice):
        for line in sentence.splitlines():
            say(visible(line))


def _trace(error: BaseException) -> None:
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        say(visible(line))
