"""What a look at one thing found. No look is taken here."""

from dataclasses import dataclass
from enum import StrEnum

from kdx.errors import ExitCode, KdxError


class State(StrEnum):
    """What came of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """An N_() string."""
    subject: str
    """Which of several: a school and share, a target, a program; empty where there is one."""
    state: State
    detail: str
    next_step: str = ""
    exit_code: ExitCode = ExitCode.DONE
    """What a failure means for the command."""


def failed(name: str, subject: str, error: KdxError) -> Check:
    return Check(name, subject, State.FAIL, str(error), error.advise(), error.exit_code)
