"""What people say and machines show about the milestones of the rollout."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from kdx.state.events.event import Event


class Method(StrEnum):
    """How something was seen (the observation methods of OSCAL, NIST): tried, looked at, asked."""

    TEST = "TEST"
    EXAMINE = "EXAMINE"
    INTERVIEW = "INTERVIEW"


def _word(text: str) -> str:
    """Return free text so that it can stand between two #, and no two texts look alike."""
    return text.replace("%", "%25").replace("#", "%23")


def cell_subject(milestone: str, school: str, item: str) -> str:
    """Return the subject of what concerns a milestone at a school (empty: the city) and an item (mostly empty)."""
    return f"{milestone}@{school or '-'}" + (f"/{item}" if item else "")


@dataclass(frozen=True, slots=True)
class OfCell(Event):
    """What all events about one cell of the rollout say first. Dates are ISO 8601, empty where there is none."""

    milestone: str
    school: str
    """Empty: the city."""
    item: str
    """A counterpart or document; mostly empty."""

    @property
    def subject(self) -> str:
        return cell_subject(self.milestone, self.school, self.item)


@dataclass(frozen=True, slots=True)
class ClaimMade(OfCell):
    """Somebody says how far a milestone is. A claim proves nothing."""

    kind: ClassVar[str] = "rollout.claimed"
    state: str
    """"not started", "in progress" or "done"."""
    done: int | None
    total: int | None
    date: str
    """The day it was done on, as the claim says."""
    note: str


@dataclass(frozen=True, slots=True)
class PlanSet(OfCell):
    """A milestone was given a date to be done by and an owner."""

    kind: ClassVar[str] = "rollout.planned"
    planned: str
    owner: str


@dataclass(frozen=True, slots=True)
class ApprovalGiven(OfCell):
    """An office approved, or took its approval back. Without a signature it is marked wherever it is shown."""

    kind: ClassVar[str] = "rollout.approved"
    office: str
    date: str
    number: str
    """Of the document that says so."""
    scan_sha256: str
    withdrawn: bool
    signer: str
    signature: str
    after: str = ""
    """Hash of the newest event of the same subject when it was signed, so that it can be entered once; "" for none."""

    @property
    def subject(self) -> str:
        return f"{cell_subject(self.milestone, self.school, self.item)}#{_word(self.office)}"


@dataclass(frozen=True, slots=True)
class WaiverGiven(OfCell):
    """One signer agrees that something need not be. It holds when two different signers agree to the same."""

    kind: ClassVar[str] = "rollout.waived"
    of: str
    """"milestone": it does not concern this place; "calendar": it may happen in a period to be avoided."""
    reason: str
    withdrawn: bool
    signer: str
    signature: str
    after: str = ""
    """As of an approval."""

    @property
    def subject(self) -> str:
        return f"{cell_subject(self.milestone, self.school, self.item)}#{self.of}#{_word(self.signer)}"


@dataclass(frozen=True, slots=True)
class BlockChanged(OfCell):
    """Something holds a milestone up, or does so no longer."""

    kind: ClassVar[str] = "rollout.blocked"
    open: bool
    cause: str
    owner: str
    next_action: str
    due: str


@dataclass(frozen=True, slots=True)
class ObservationMade(Event):
    """A check was made somewhere. The newest of each check, place, target, vantage and result is what counts."""

    kind: ClassVar[str] = "rollout.observed"
    check: str
    school: str
    item: str
    target: str
    """What was looked at: a host, a device, a report; mostly a name of hosts.yml."""
    vantage: str
    """Where it was looked from."""
    method: str
    result: str
    """"pass", "fail" or "unknown"; who could not reach it says unknown."""
    collected: datetime
    expires: datetime | None = None
    done: int | None = None
    total: int | None = None
    closed: bool = False
    """Whether what was seen is that something does not answer."""
    control: bool | None = None
    """Whether in the same run something on the same path did answer; a closed result counts only then."""
    run: str = ""
    value: str = ""
    raw_sha256: str = ""
    signer: str = ""
    signature: str = ""
    after: str = ""
    """As of an approval."""

    @property
    def subject(self) -> str:
        words = (self.target, self.vantage, self.result)
        return "#".join((cell_subject(self.check, self.school, self.item), *map(_word, words)))


@dataclass(frozen=True, slots=True)
class BaselineSet(Event):
    """The planned dates were put down under a name. Never replaced."""

    kind: ClassVar[str] = "rollout.baseline"
    name: str
    reason: str
    dates: dict[str, str]
    """Subject of a cell -> ISO date."""

    @property
    def subject(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ReportImported(Event):
    """A file was taken in: which one, read how, and how many of its rows changed something."""

    kind: ClassVar[str] = "rollout.imported"
    file: str
    sha256: str
    form: str
    """"sheet" for kdx's own, else the name of a column map."""
    encoding: str
    rows: int
    taken: int

    @property
    def subject(self) -> str:
        return self.sha256
