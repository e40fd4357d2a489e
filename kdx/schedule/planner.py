"""What is due, in which order, why, and what will not be safe in time. Pure: the same situation gives the same plan.

Order: what the weather asks for, then what missed its night, then the night itself; within each, the most value first:
risk x unsaved bytes / time. Schools share the board's line, so only `parallel` of them go at once; what the weather
asks for waits for no night.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kdx.language import N_, _
from kdx.schedule.calendar import Calendar
from kdx.schedule.lines import FAR, Lines
from kdx.schedule.situation import Job, SchoolState, ShareState, Situation, in_seals

WEATHER, MISSED, NIGHT = range(3)
FIRST_RUN = 20 << 30
"""What a school that nobody has scanned is taken to hold (bytes): a guess on the large side."""
SHORTEST = 60.0
"""Seconds below which no run counts as quicker than another: what it takes then tells of this machine's load, not of
the school, and must not put a school with a UPS before one without."""
LEAST = 1 << 20
"""A run carries at least so much (bytes): manifests and seals."""
PATIENCE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=45), timedelta(hours=2))
"""How long a school is left alone after one, two, three and more failures: one dead server never drowns the others."""


@dataclass(frozen=True, slots=True)
class Step:
    """One job of the plan. The start of a step that waits for a free place is a forecast."""

    job: Job
    school: str
    """Id; empty for a job of the whole board."""
    name: str
    start: datetime
    finish: datetime
    size: int
    rate: int
    """Bytes per second it is allowed, at its start."""
    reasons: tuple[str, ...]
    urgency: int
    deadline: datetime | None = None

    def is_now(self, now: datetime) -> bool:
        """Whether it is to be started at this tick."""
        return self.start <= now


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A share that will not be in the vault in time."""

    school: str
    name: str
    share: str
    deadline: datetime
    finish: datetime | None
    """When it is forecast to be safe; None where nothing is planned."""
    why: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A school that is deliberately left alone."""

    school: str
    name: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do from now on."""

    now: datetime
    steps: tuple[Step, ...]
    unsafe: tuple[Unsafe, ...]
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class _Due:
    state: SchoolState
    at: datetime
    urgency: int
    reasons: tuple[str, ...]
    deadline: datetime
    size: int
    value: float

    @property
    def rank(self) -> tuple[int, float, str]:
        return self.urgency, -self.value, self.state.id


def plan(situation: Situation, calendar: Calendar) -> Plan:
    """Return the plan for a situation."""
    now = situation.now
    waiting = tuple(one for state in situation.schools if (one := _left_alone(state, now)))
    left = {one.school for one in waiting}
    due = [
        _due(state, calendar, now)
        for state in situation.schools
        if state.shares and state.id not in left and state.running is None
    ]
    lines, parallel = Lines(calendar, now), calendar.rules.parallel
    asked = [state for state in situation.schools if state.is_asked]
    # what the weather asks for waits for no night: the others stand aside, see lines.rates
    steps = list(_place([one for one in due if one.urgency == WEATHER], _ends(asked, now), now, parallel, lines))
    busy = [*_ends(situation.schools, now), *(step.finish for step in steps)]
    steps += _place([one for one in due if one.urgency != WEATHER], busy, now, parallel, lines)
    steps.sort(key=lambda step: (step.start, step.urgency))
    board = [] if situation.board_running else list(_board_steps(situation, calendar))
    unsafe = _unsafe(situation, calendar, {one.school: one for one in steps}, {one.school: one for one in waiting})
    return Plan(now, (*steps, *board), tuple(unsafe), waiting)


def broken(state: SchoolState, calendar: Calendar, now: datetime) -> tuple[ShareState, ...]:
    """Return the shares whose promise is broken: older than the RPO."""
    rpo = timedelta(hours=calendar.rules.rpo_hours)
    return tuple(share for share in state.shares if now - share.since > rpo)


def _left_alone(state: SchoolState, now: datetime) -> Waiting | None:
    if state.pause and now < state.pause.until:
        why = _("paused: {reason}").format(reason=state.pause.reason)
        return Waiting(state.id, state.name, why, state.pause.until)
    if state.order.hold:
        return Waiting(state.id, state.name, _("the water may reach the server: nothing new is started"))
    return None


def _due(state: SchoolState, calendar: Calendar, now: datetime) -> _Due:
    """Return when a school is due, how urgently and why."""
    oldest = state.oldest
    assert oldest is not None
    window = calendar.window_start(now)
    order = state.order
    if state.is_asked:
        at, urgency, reasons = now, WEATHER, order.reasons
    elif oldest.saved is None:
        at, urgency, reasons = now, MISSED, (_("never saved yet"),)
    elif oldest.saved < calendar.window_start(window - timedelta(seconds=1)):
        at, urgency, reasons = now, MISSED, (_("a night was missed"),)
    elif oldest.saved < window and calendar.in_window(now):
        at, urgency, reasons = now, NIGHT, (_("nightly backup"),)
    elif oldest.saved < window:
        at, urgency, reasons = now, MISSED, (_("last night was missed"),)
    else:
        at, urgency, reasons = calendar.next_window(now), NIGHT, (_("nightly backup"),)
    if state.tried:
        at = max(at, state.tried + PATIENCE[min(state.failures, len(PATIENCE)) - 1])
        reasons = (*reasons, _("try {number} after a failure").format(number=state.failures + 1))
    size = _unsaved(state, oldest, at)
    age = (at - oldest.since) / timedelta(hours=calendar.rules.rpo_hours)
    seconds = max(state.seconds, size / (state.rate or calendar.rules.line), SHORTEST)
    deadline = order.before if urgency == WEATHER and order.before else calendar.done_by(at)
    return _Due(state, at, urgency, reasons, deadline, size, order.risk * max(age, 0.1) * size / seconds)


def _unsaved(state: SchoolState, oldest: ShareState, at: datetime) -> int:
    if oldest.saved is None:
        return state.first_bytes or FIRST_RUN
    return max(LEAST, int(state.growth * max((at - oldest.saved) / timedelta(hours=1), 0)))


def _place(due: Sequence[_Due], busy: Iterable[datetime], now: datetime, parallel: int, lines: Lines) -> Iterator[Step]:
    """Give every job a place: at most `parallel` at once, the most urgent that is due first.

    `busy` says when places that are taken are free again.
    """
    free = heapq.nlargest(parallel, busy)
    free += [now] * (parallel - len(free))
    heapq.heapify(free)
    later = sorted(due, key=lambda one: one.at, reverse=True)
    ready: list[tuple[tuple[int, float, str], _Due]] = []
    while later or ready:
        moment = heapq.heappop(free)
        if not ready:
            moment = max(moment, later[-1].at)
        while later and later[-1].at <= moment:
            one = later.pop()
            heapq.heappush(ready, (one.rank, one))
        _rank, one = heapq.heappop(ready)
        moment = max(moment, one.at)
        finish = lines.finish(one.state, one.size, moment)
        heapq.heappush(free, finish)
        yield Step(
            Job.SAVE, one.state.id, one.state.name, moment, finish, one.size, lines.at(one.state, moment), one.reasons,
            one.urgency, one.deadline,
        )


def _ends(states: Iterable[SchoolState], now: datetime) -> list[datetime]:
    """Return when what runs is expected to end: it is taken to last as long again as it has lasted."""
    return [now + max(now - state.running, timedelta(minutes=1)) for state in states if state.running]


def _board_steps(situation: Situation, calendar: Calendar) -> Iterator[Step]:
    """Yield the jobs of the whole board, one after the other."""
    steps = [*_own_part(situation, calendar), *_after_the_weather(situation), *_morning_report(situation, calendar)]
    free = situation.now
    for step in sorted(steps, key=lambda one: (one.start, one.urgency)):
        start = max(step.start, free)
        free = start + (step.finish - step.start)
        yield replace(step, start=start, finish=free)


def _own_part(situation: Situation, calendar: Calendar) -> Iterator[Step]:
    """Yield the save of the board's own part: once a night, and as soon as one was missed."""
    if situation.board:
        due = _due(situation.board, calendar, situation.now)
        finish = due.at + timedelta(seconds=situation.board.seconds)
        name = situation.board.name
        yield Step(Job.BOARD, "", name, due.at, finish, 0, 0, due.reasons, due.urgency, due.deadline)


def _morning_report(situation: Situation, calendar: Calendar) -> Iterator[Step]:
    """Yield the report for the office: each morning, and as soon as one was missed."""
    daily, now, tried = situation.report_at, situation.now, situation.board_tried.get(Job.REPORT)
    if daily is None:
        return
    missed = situation.reported is None or situation.reported < calendar.last_at(now, daily)
    start = now if missed else calendar.next_at(now, daily)
    if missed and tried:
        start = max(now, tried + PATIENCE[-1])
    reason = _("each morning at {time}").format(time=f"{daily:%H:%M}")
    yield Step(Job.REPORT, "", _("all schools"), start, start + timedelta(minutes=1), 0, 0, (reason,), NIGHT)


def _after_the_weather(situation: Situation) -> Iterator[Step]:
    """Yield the second copy under a warning, and the check after a storm."""
    copied, checked = situation.copied, situation.checked
    saved = [
        min(share.since for share in state.shares)
        for state in situation.schools
        if state.shares and state.order.copy_since and all(share.saved for share in state.shares)
        and min(share.since for share in state.shares) >= in_seals(state.order.copy_since)
    ]
    if situation.second_copy and saved and (copied is None or copied < max(saved)):
        yield _board_step(situation, Job.COPY, _("warning level: the second copy too"))
    since = max((state.order.check_since for state in situation.schools if state.order.check_since), default=None)
    if since and (checked is None or checked < since):
        yield _board_step(situation, Job.CHECK, _("after the storm: is the vault whole?"))


def _board_step(situation: Situation, job: Job, reason: str) -> Step:
    now, tried = situation.now, situation.board_tried.get(job)
    start = max(now, tried + PATIENCE[-1]) if tried else now
    return Step(job, "", _("all schools"), start, start + timedelta(hours=1), 0, 0, (reason,), WEATHER)


def _unsafe(
    situation: Situation, calendar: Calendar, steps: Mapping[str, Step], left: Mapping[str, Waiting]
) -> Iterator[Unsafe]:
    """Yield what will not be in the vault by its deadline: the weather's, the morning's, or the promise itself."""
    rpo = timedelta(hours=calendar.rules.rpo_hours)
    for state in situation.schools:
        if state.running is not None:
            continue
        step, waiting = steps.get(state.id), left.get(state.id)
        for share in state.shares:
            deadline = share.since + rpo
            if step and step.deadline:
                deadline = min(deadline, step.deadline)
            elif state.asks_for(share) and state.order.before:
                deadline = min(deadline, state.order.before)
            if step and step.finish > deadline:
                yield Unsafe(state.id, state.name, share.name, deadline, step.finish, _(LATE))
            elif waiting and deadline < (waiting.until or situation.now + FAR):
                yield Unsafe(state.id, state.name, share.name, deadline, None, waiting.why)


LATE = N_("there is not enough time or line for all schools")
