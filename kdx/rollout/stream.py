"""The nouns of the rollout: streams, milestones, places, states. Opens no file and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from kdx.config.holidays import Holidays
from kdx.language import N_, current_language
from kdx.rollout.probe.section import ProbeSettings
from kdx.state.events.rollout import Method


class State(StrEnum):
    """Where a milestone stands at one place, in the order a table's legend has."""

    NOT_STARTED = N_("not started")
    IN_PROGRESS = N_("in progress")
    CLAIMED = N_("claimed")
    VERIFIED = N_("verified")
    APPROVED = N_("approved")
    HELD = N_("held")
    EXPIRED = N_("expired")
    RECHECK = N_("check again")
    EXEMPT = N_("exempt")
    UNKNOWN = N_("not known")


MARKS = dict(zip(State, "未中申確承保期再外不", strict=True))
"""One kanji a state, in every language: a table has one width, and a monochrome copier spares it."""
PROVEN = frozenset({State.VERIFIED, State.APPROVED})
"""What a hard gate takes."""
SETTLED = PROVEN | {State.EXEMPT}
"""Where nothing is left to be done."""
CLAIMED_OR_WAIVED = frozenset({State.CLAIMED, State.EXEMPT})
"""What any other gate takes too."""

CAUSES = (
    N_("delivery"), N_("works"), N_("budget"), N_("people"), N_("vendor"), N_("school-event"), N_("other"),
)
"""What can hold a milestone up."""
BUILT_IN = ("scan", "receipt", "drill", "snapshot", "cutover")
"""Checks that other commands of kdx answer by what they leave in the ledger."""


class Scope(StrEnum):
    """What one cell of a milestone is about."""

    CITY = "city"
    SCHOOL = "school"
    TERMINAL = "terminal"
    """The terminals of a school, counted: one cell a school, with numerator and denominator."""
    COUNTERPART = "counterpart"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Label:
    """A name as people read it, in both languages."""

    ja: str
    en: str

    def __str__(self) -> str:
        return self.ja if current_language() == "ja" or not self.en else self.en


@dataclass(frozen=True, slots=True)
class Requirement:
    """Evidence a milestone asks for."""

    check: str
    """`receipt`, `drill`, `scan`, `snapshot` (what other commands left), or a check of rollout.yml."""
    methods: frozenset[Method] = frozenset(Method)
    max_age_days: int | None = None
    percent: int = 100
    """So much of the whole must pass."""
    vantages: int = 1
    """From so many places it must have been seen."""


@dataclass(frozen=True, slots=True)
class Before:
    """What must be there before anybody acts, beside other milestones."""

    checks: tuple[Requirement, ...] = ()
    approval: str = ""
    """The office that must approve, such as 校長; empty where none must."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step of a stream."""

    id: str
    stream: str
    number: int | None
    label: Label
    column: str
    """Its heading in the matrix: a few characters."""
    scope: Scope
    needs: tuple[str, ...] = ()
    hard: bool = False
    """Whether its gate takes proofs only: no claim and no waiver opens it."""
    before: Before = Before()
    evidence: tuple[Requirement, ...] = ()
    approval: str = ""
    """The office whose approval ends it; empty where none does."""
    avoid: tuple[str, ...] = ()
    """Periods of the calendar in which it must not happen."""
    due: date | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """A work stream of the plan."""

    id: str
    label: Label
    source: str
    milestones: tuple[Milestone, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """Days of every year, first to last, both included; it may span New Year."""

    id: str
    label: Label
    first: tuple[int, int]
    """Month and day."""
    last: tuple[int, int]
    source: str = ""

    def holds(self, day: date) -> bool:
        """Whether a day lies within."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """When work must not be disturbed, and on which days there is no school."""

    avoid: tuple[Period, ...] = ()
    closed: tuple[Period, ...] = ()
    national: Holidays = Holidays()
    """The same that the scheduler knows: the Cabinet Office's table, computed where it ends."""
    holidays: frozenset[date] = frozenset()
    """Days of the city's own without school."""

    def is_school_day(self, day: date) -> bool:
        """Whether school is held: a weekday, no holiday, not within a closed period."""
        if day.weekday() >= 5 or day in self.holidays or self.national.get(day):
            return False
        return not any(one.holds(day) for one in self.closed)

    def school_days(self, first: date, last: date) -> int:
        """Return the school days after `first` up to `last`; negative where `last` comes before."""
        if last < first:
            return -self.school_days(last, first)
        return sum(self.is_school_day(first + timedelta(days=step)) for step in range(1, (last - first).days + 1))

    def avoided(self, names: tuple[str, ...], day: date) -> Period | None:
        """Return the first of the named periods that holds a day."""
        return next((one for one in self.avoid if one.id in names and one.holds(day)), None)

    def next_free(self, names: tuple[str, ...], day: date) -> date | None:
        """Return the first day from `day` on that none of the named periods holds; None within a year."""
        days = (day + timedelta(days=step) for step in range(366))
        return next((one for one in days if self.avoided(names, one) is None), None)


@dataclass(frozen=True, slots=True)
class ReportMap:
    """Where the columns of somebody else's report are, and which check its numbers answer."""

    id: str
    label: Label
    check: str
    method: Method
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    """school, item, vantage, done, total, value, size, collected, count, … -> the heading in the report."""
    count: tuple[str, ...] = ()
    """Where a row is one user or device: values in the column `count` that count as done."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Heading -> values: where a row is one user or device, all of them must hold for it to count as done."""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Heading -> values: rows with another one are nobody who counts, such as suspended users."""
    least: int = 0
    """Where a row is a measurement: so much of value is asked for."""
    sizes: tuple[tuple[int, int], ...] = ()
    """The same by the number in the column `size`: up to the first number, the second is asked for; ascending."""
    max_age_days: int | None = None
    any_year: bool = False
    """Whether a report of another fiscal year may be taken: rolls of people change on 1 April."""
    source: str = ""
    """Where headings and figures come from, or that nobody could confirm them."""


@dataclass(frozen=True, slots=True)
class Definition:
    """rollout.yml: what the rollout consists of."""

    streams: tuple[Stream, ...]
    calendar: Calendar = Calendar()
    checks: Mapping[str, Label] = field(default_factory=dict, hash=False)
    counterparts: Mapping[str, Label] = field(default_factory=dict, hash=False)
    documents: Mapping[str, Label] = field(default_factory=dict, hash=False)
    reports: Mapping[str, ReportMap] = field(default_factory=dict, hash=False)
    probe: ProbeSettings = ProbeSettings()

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """All milestones, in the order of the file."""
        return tuple(one for stream in self.streams for one in stream.milestones)

    def items(self, scope: Scope) -> Mapping[str, Label]:
        """Return what a milestone of this scope is split into below a school; nothing for most."""
        if scope is Scope.COUNTERPART:
            return self.counterparts
        return self.documents if scope is Scope.DOCUMENT else {}


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A milestone at one place. Its text is stable: exports and baselines name cells by it."""

    milestone: str
    school: str = ""
    """Id of a school; empty for the city."""
    item: str = ""
    """Id of a counterpart or document; mostly empty."""

    def __str__(self) -> str:
        from kdx.state.events.rollout import cell_subject

        return cell_subject(self.milestone, self.school, self.item)


def cells_at(definition: Definition, milestone: Milestone, schools: tuple[str, ...]) -> tuple[Cell, ...]:
    """Return the cells of one milestone at the given schools."""
    if milestone.scope is Scope.CITY:
        return (Cell(milestone.id),)
    items = tuple(definition.items(milestone.scope)) or ("",)
    return tuple(Cell(milestone.id, school, item) for school in schools for item in items)
