"""When backups may run and what the weather changes: frozen nouns with defaults that suit a school. Reads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Span:
    """Hours of a day; one that ends before it begins goes over midnight."""

    start: time
    end: time

    def holds(self, moment: time) -> bool:
        """Whether a time of day lies in it; the end does not."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    @property
    def length(self) -> timedelta:
        """How long it lasts; from and to the same time is a day."""
        minutes = (self.end.hour - self.start.hour) * 60 + self.end.minute - self.start.minute
        return timedelta(minutes=minutes % (24 * 60) or 24 * 60)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Vacation:
    """Days of every year without lessons, as (month, day), both ends included; it may go over New Year."""

    start: tuple[int, int]
    end: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        here = (day.month, day.day)
        if self.start <= self.end:
            return self.start <= here <= self.end
        return here >= self.start or here <= self.end


@dataclass(frozen=True, slots=True)
class OwnLine:
    """What is different at one school; None is as for all. Rates in bytes per second."""

    line: int | None = None
    class_rate: int | None = None
    class_hours: Span | None = None


@dataclass(frozen=True, slots=True)
class Wave:
    """Schools that migrate together."""

    schools: tuple[str, ...]
    start: date | None = None
    """The first day; None: as soon as the wave before it is done."""


MEGABIT = 125_000
"""Bytes per second."""


@dataclass(frozen=True, slots=True)
class Scheduling:
    """`schedule:` of kdx.yml. Rates in bytes per second."""

    rpo_hours: int = 30
    """What the board promises (`backup: {rpo_hours: …}`), for the planner to see beside the rest."""
    window: Span = Span(time(22), time(5))
    done_by: time = time(7)
    class_hours: Span = Span(time(8), time(17))
    class_rate: int = 10 * MEGABIT
    """What a school's line gives while there are lessons."""
    line: int = 100 * MEGABIT
    """What a school's own line carries."""
    wan: int = 1000 * MEGABIT
    """What all schools together may take: the board's line."""
    parallel: int = 4
    """Schools at one time."""
    second_copy: str = ""
    """A target: where a warning has `kdx backup copy` keep a second copy of the vault; empty for none."""
    vacations: tuple[Vacation, ...] = (
        Vacation((7, 21), (8, 31)), Vacation((12, 25), (1, 7)), Vacation((3, 26), (4, 5)),
    )
    """夏季・冬季・春季休業 as most municipalities have them; a board writes its own."""
    closed: tuple[date, ...] = ()
    """学校閉庁日 and other single days without lessons."""
    speak_at: time = time(7, 30)
    """When trouble that lasts is told again."""
    ping: str = ""
    """Asked after every good tick; silence there is the alarm (dead man's switch)."""
    webhook: str = ""
    """Gets every message as JSON, {"text": …}."""
    mail_file: Path | None = None
    """Every message is added to this file, in mbox form."""
    textfile: Path | None = None
    """Figures for Prometheus' node_exporter."""
    schools: Mapping[str, OwnLine] = field(default_factory=dict, hash=False)
    """School id -> what is different there."""

    waves: tuple[Wave, ...] = ()
    """In which order schools migrate; those in none come last, all schools together where there is none."""

    def wave_of(self, school: str) -> int:
        """Return the number of a school's wave."""
        return next((number for number, wave in enumerate(self.waves) if school in wave.schools), len(self.waves))

    def of(self, school: str) -> "Scheduling":
        """Return the rules of one school."""
        own = self.schools.get(school)
        if own is None:
            return self
        named = {name: getattr(own, name) for name in ("line", "class_rate", "class_hours")}
        return replace(self, **{name: value for name, value in named.items() if value is not None})

    def own_line(self, school: str) -> int | None:
        """Return what a school's line carries where that is written down for this school."""
        own = self.schools.get(school)
        return own.line if own else None


@dataclass(frozen=True, slots=True)
class HazardPolicy:
    """`hazard:` of kdx.yml."""

    look_ahead_hours: int = 6
    """Lightning that is forecast within so many hours counts as announced."""
    unknown_minutes: int = 30
    """So long an unknown level keeps what it was; then it counts as an advisory."""
    rearm_hours: int = 2
    """So long it must be calm before the next advisory counts as a new one."""
    line_percent: int = 50
    """At most this much of a line under a warning: the school is calling parents, it may be a shelter."""
    jitter_seconds: int = 10
    """A tick asks 気象庁 after a random wait of at most so long, so that not all ask on the minute."""
    hooks: tuple[tuple[str, tuple[str, ...]], ...] = field(default=())
    """(level, command): started once when a school reaches it, with KDX_SCHOOL and KDX_LEVEL set. None by default."""
