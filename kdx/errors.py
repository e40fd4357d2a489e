"""The error family and the only table of exit codes.

Never prints, logs or exits: `cli/` does that, in one place. An error class is a sentence about the world, with its
advice and its exit code beside it; the values it names are keywords, so that the sentence can be translated.
"""

from collections.abc import Iterable
from enum import IntEnum

from kdx.language import N_, translate


class ExitCode(IntEnum):
    """What a command's exit says. Scripts and cron lines rely on these numbers; they never change meaning."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INCOMPLETE = 3
    GATE = 4
    DIFFERENCE = 5
    UNDECIDED = 6
    CONFIGURATION = 10
    LOCKED = 11
    UNREACHABLE = 12
    HAZARD = 13
    PROMISE = 14
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: N_("done"),
    ExitCode.BUG: N_("a bug in kdx"),
    ExitCode.USAGE: N_("the command was not understood"),
    ExitCode.INCOMPLETE: N_("finished but incomplete (the list is printed)"),
    ExitCode.GATE: N_("a gate or a pre-flight check says no"),
    ExitCode.DIFFERENCE: N_("verification found a difference"),
    ExitCode.UNDECIDED: N_("undecided (unknown)"),
    ExitCode.CONFIGURATION: N_("the configuration is wrong"),
    ExitCode.LOCKED: N_("locked by another run"),
    ExitCode.UNREACHABLE: N_("unreachable or refused"),
    ExitCode.HAZARD: N_("held by a hazard"),
    ExitCode.PROMISE: N_("a promise is broken (recovery point, missed run)"),
    ExitCode.INTERRUPTED: N_("interrupted"),
}

GRAVEST_FIRST = tuple(map(ExitCode, (130, 1, 2, 10, 5, 14, 4, 12, 3, 6, 13, 11, 0)))


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """Given the outcomes of several schools or shares, return the one the command exits with."""
    return min(codes, key=GRAVEST_FIRST.index, default=ExitCode.DONE)


class KdxError(Exception):
    """Something a person can understand and act on. Subclasses set `message`, `advice` and `exit_code`."""

    exit_code = ExitCode.BUG
    message = N_("Something went wrong.")
    advice = ""

    def __init__(self, **values: object) -> None:
        super().__init__(values)
        self.values = values

    def __str__(self) -> str:
        return translate(self.message).format(**self.values)

    def advise(self) -> str:
        """Return what to do about it, in the present language; empty where nothing can be done."""
        return translate(self.advice).format(**self.values) if self.advice else ""


class UsageMistake(KdxError):
    """What was typed cannot be carried out as it stands."""

    exit_code = ExitCode.USAGE


class ConfigurationError(KdxError):
    """The configuration folder, a key or a secret is not usable."""

    exit_code = ExitCode.CONFIGURATION


class GateClosed(KdxError):
    """A check that must pass before anything is touched did not pass."""

    exit_code = ExitCode.GATE


class DifferenceFound(KdxError):
    """Something is not what it was proven or promised to be."""

    exit_code = ExitCode.DIFFERENCE


class Locked(KdxError):
    """Another run of kdx holds what this one needs."""

    exit_code = ExitCode.LOCKED
    message = N_("Another kdx run is working on {subject} (process {holder}).")
    advice = N_("Wait until it has finished, or stop that process and start again; nothing was changed.")


class Unreachable(KdxError):
    """A server or store did not answer, or refused us."""

    exit_code = ExitCode.UNREACHABLE


class DiskFull(KdxError):
    """A folder kdx must write to has no room left."""

    exit_code = ExitCode.UNREACHABLE
    message = N_("There is no space left in {folder}.")
    advice = N_("Make room there and run the same command again; it goes on where it stopped.")
