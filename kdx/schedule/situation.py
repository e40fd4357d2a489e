"""What the planner looks at, as frozen nouns: shares, schools, the board's jobs. Reads nothing."""

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from kdx.hazard.policy import Order


class Job(StrEnum):
    """What the scheduler runs."""

    SAVE = "save"
    """kdx backup run SCHOOL"""
    BOARD = "board"
    """kdx backup run --board: inventory, ledger and receipts"""
    COPY = "copy"
    """kdx backup copy: the second copy of the vault"""
    CHECK = "check"
    """kdx backup verify: the vault after a storm"""
    REPORT = "report"
    """kdx report --publish: the page on the office's share each morning"""


@dataclass(frozen=True, slots=True)
class ShareState:
    """One share and how old its last good snapshot is."""

    id: str
    name: str
    saved: datetime | None
    """When the last good run began; None where there is none yet."""
    known_since: datetime
    """When the scheduler first saw it: the age of a share that was never saved counts from here."""

    @property
    def since(self) -> datetime:
        """From when its age counts."""
        return self.saved or self.known_since


@dataclass(frozen=True, slots=True)
class Pause:
    """A person stopped a school's backups for a while."""

    until: datetime
    reason: str
    by: str = ""


def in_seals(moment: datetime) -> datetime:
    """Return a moment as the seals of the vault name it: by whole seconds."""
    return moment.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class SchoolState:
    """One school, or the board itself, as the planner sees it. Bytes; rates in bytes per second."""

    id: str
    name: str
    shares: tuple[ShareState, ...]
    order: Order = Order()
    growth: float = 0.0
    """New bytes an hour, as former runs found them."""
    first_bytes: int | None = None
    """What a first run has to carry; None where nobody scanned it."""
    rate: float | None = None
    """The fastest that former runs went; None where none carried enough to tell."""
    seconds: float = 60.0
    """What a run takes that finds nothing new, as former runs did."""
    running: datetime | None = None
    """Since when a run is at work."""
    tried: datetime | None = None
    """When the last run began that did not end well; None where the last one did."""
    failures: int = 0
    """Runs in a row that did not end well."""
    pause: Pause | None = None

    @property
    def oldest(self) -> ShareState | None:
        """The share whose data are oldest in the vault; one that was never saved comes first."""
        return min(self.shares, key=lambda share: (share.saved is not None, share.since), default=None)

    def asks_for(self, share: ShareState) -> bool:
        """Whether the weather asks for a snapshot that a share does not have."""
        since = self.order.save_since
        return since is not None and (share.saved is None or share.saved < in_seals(since))

    @property
    def is_asked(self) -> bool:
        """Whether the weather asks for this school to be saved."""
        return any(map(self.asks_for, self.shares))


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything the planner decides over."""

    now: datetime
    schools: tuple[SchoolState, ...]
    copied: datetime | None = None
    """When the last good second copy began."""
    checked: datetime | None = None
    """When the last good verification of the vault began."""
    second_copy: bool = False
    """Whether the board has a second copy at all."""
    report_at: time | None = None
    """When the report is put on the office's share each morning; None where it is put nowhere."""
    reported: datetime | None = None
    """When the last report began that arrived there."""
    board_running: bool = False
    """Whether a job of the whole board (its own part, copy, check) is at work."""
    board_tried: dict[str, datetime] = field(default_factory=dict, hash=False)
    """Job -> when it last failed."""
    board: SchoolState | None = None
    """The board's own part of the vault; None where another machine saves it."""

    @property
    def watched(self) -> tuple[SchoolState, ...]:
        """Everything that is promised to be saved."""
        return (*self.schools, self.board) if self.board else self.schools
