"""The nouns of probing: a check, what it is given to judge, and its verdict. Asks nobody, judges nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from kdx.rollout.reason import Reason, because


class Result(StrEnum):
    """What is known after a look. Who could not reach a thing knows nothing of it."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class By(StrEnum):
    """How a machine is asked: the conversations of kdx/remotes, one word each."""

    SMB = "smb"
    SSH = "ssh"
    NTP = "ntp"
    UPS = "ups"
    TLS = "tls"
    DNS = "dns"
    REACH = "reach"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class EndOfLife:
    """A row of end_of_life.yml: until when a system gets security updates without extra payment."""

    name: str
    """Words of its own name, lower case, such as `windows server 2016`."""
    ends: date


@dataclass(frozen=True, slots=True)
class Seen:
    """All a rule may know: what came, its figures, the dated table, the present, and what the reference clock says."""

    raw: Mapping[str, str]
    figures: Mapping[str, int] = field(default_factory=dict)
    now: datetime = datetime.min
    ends: tuple[EndOfLife, ...] = ()
    reference: float | None = None
    """Seconds the reference clock is ahead of this machine's; None where it could not be asked."""

    @property
    def text(self) -> str:
        """What a command over SSH printed."""
        return self.raw.get("text", "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of what it saw."""

    result: Result
    reason: Reason
    value: str = ""
    """The figure or word it rests on, the same in every language; kept in the ledger."""
    closed: bool = False
    """Whether what was seen is that something does not answer."""
    control: bool | None = None
    """Whether something on the same way did answer."""


Judge = Callable[[Seen], Verdict]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that can be looked at. Label, why, fix, source and figures stand in probe.yml under its id."""

    id: str
    by: By
    judge: Judge
    command: str = ""
    """Over SSH: constant POSIX sh that writes nothing. `as_root` before a program asks sudo where declared."""


def passes(message: str, value: str = "", **values: object) -> Verdict:
    """Return a pass."""
    return Verdict(Result.PASS, because(message, **values), value)


def fails(message: str, value: str = "", **values: object) -> Verdict:
    """Return a fail."""
    return Verdict(Result.FAIL, because(message, **values), value)


def unknown(message: str, value: str = "", **values: object) -> Verdict:
    """Return that it could not be decided."""
    return Verdict(Result.UNKNOWN, because(message, **values), value)
