"""What the weather meant, and what the scheduler did about it and told."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from kdx.state.events.event import Event


@dataclass(frozen=True, slots=True)
class HazardObserved(Event):
    """What the weather means for a school, appended when it changes. Levels and perils as kdx/hazard/items.py."""

    kind: ClassVar[str] = "hazard.observed"
    school: str
    level: str
    acts_as: str
    perils: dict[str, str]
    reasons: list[str]
    """Codes and statuses of the warnings in force: "14 発表"."""
    doubts: list[str]
    observed: datetime
    known: datetime | None
    """When the level was last known."""
    sources: list[str]

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class ShareSeen(Event):
    """The scheduler met a share for the first time: from here the age of one that was never saved counts."""

    kind: ClassVar[str] = "share.seen"
    school: str
    share: str
    share_id: str

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass(frozen=True, slots=True)
class ScheduledJob(Event):
    """What the events of one scheduled job say first. `job` is save, copy or check; school is empty for the board's."""

    job: str
    school: str

    @property
    def subject(self) -> str:
        return f"{self.job} {self.school}".strip()


@dataclass(frozen=True, slots=True)
class JobStarted(ScheduledJob):
    """The scheduler started a job, and why. Rate in bytes per second, 0: unlimited."""

    kind: ClassVar[str] = "job.started"
    reasons: list[str]
    rate: int
    forecast: datetime
    """When it was expected to end."""
    deadline: datetime | None
    log: str


@dataclass(frozen=True, slots=True)
class JobEnded(ScheduledJob):
    """A scheduled job ended, with the exit code of its command; -1 where it was lost (power, kill -9)."""

    kind: ClassVar[str] = "job.ended"
    exit_code: int
    started: datetime
    ended: datetime
    log: str
    stopped: bool = False
    """Whether it was asked to stop (SIGTERM) while it ran: where the water comes, or the machine goes down."""


@dataclass(frozen=True, slots=True)
class SchedulePaused(Event):
    """A person stopped a school's backups until a time; a time that has passed takes the pause back."""

    kind: ClassVar[str] = "schedule.paused"
    school: str
    until: datetime
    reason: str

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class TroubleTold(Event):
    """A person was told of a trouble (over: that it has ended)."""

    kind: ClassVar[str] = "trouble.told"
    trouble: str
    """What stays the same while it lasts."""
    text: str
    over: bool

    @property
    def subject(self) -> str:
        return self.trouble
