"""When every migration will be done, if nothing new stands in its way. Pure: what is left and the calendar go in.

Nothing is guessed that was measured: a share goes as fast as its own runs went, at most as fast as its school's line at
that hour, and all of them share the board's line as running jobs do (kdx/transfer/budget.py). Shares of one school go
one after the other, and a wave begins when the one before it is done.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from kdx.schedule.calendar import Calendar
from kdx.transfer.budget import Claim, Weight, part_of

FAR = timedelta(days=400)
"""No forecast goes further."""


@dataclass(frozen=True, slots=True)
class Load:
    """One share on its way to one target."""

    key: str
    """Share and target, as the ledger names them."""
    school: str
    target: str
    """Address."""
    left: int
    """Bytes still to be moved."""
    rate: float | None = None
    """Bytes per second its own runs reached; None where none carried enough to tell."""
    waits: bool = False
    """Whether somebody must do something first: then nobody can say when it is done."""
    wave: int = 0


@dataclass(slots=True)
class _Line:
    """The state of the forecast at one moment: what is left, and what each target took on this day."""

    moment: datetime
    left: dict[str, float]
    taken: dict[str, float]


def forecast(
    loads: Sequence[Load],
    calendar: Calendar,
    now: datetime,
    waves: Sequence[datetime | None] = (),
    daily: Mapping[str, int] | None = None,
) -> dict[str, datetime | None]:
    """Return when each load is done, by key; None for one that waits, and for what lies too far ahead.

    `waves` says the earliest beginning of each wave (None: as soon as the one before is done); `daily` how many bytes a
    target takes in a day.
    """
    daily, line = daily or {}, _Line(now, {load.key: float(load.left) for load in loads if not load.waits}, {})
    done: dict[str, datetime | None] = {load.key: None for load in loads}
    going = [load for load in loads if not load.waits]
    done.update((load.key, now) for load in going if load.left <= 0)
    end = now + FAR
    while (rest := [load for load in going if done[load.key] is None]) and line.moment < end:
        wave = min(load.wave for load in rest)
        begin = waves[wave] if wave < len(waves) else None
        if begin and line.moment < begin:
            line.moment, line.taken = begin, {}
            continue
        _advance(line, _next_of_each_school(load for load in rest if load.wave == wave), calendar, daily)
        done.update((load.key, line.moment) for load in rest if line.left[load.key] < 1)
    return done


def _next_of_each_school(loads: Iterator[Load]) -> list[Load]:
    """Return the loads that go at one time: the first of each school."""
    first: dict[str, Load] = {}
    for load in loads:
        first.setdefault(load.school, load)
    return list(first.values())


def _advance(line: _Line, active: Sequence[Load], calendar: Calendar, daily: Mapping[str, int]) -> None:
    """Go on to the next moment at which something changes: a load is done, lessons begin or end, a day ends."""
    free = [load for load in active if line.taken.get(load.target, 0) < daily.get(load.target, math.inf)]
    claims = [_claim(load, calendar, line.moment) for load in free]
    parts = {load.key: part_of(claims, number, calendar.rules.wan) for number, load in enumerate(free)}
    midnight = datetime.combine(
        line.moment.astimezone(calendar.zone).date() + timedelta(days=1), time(), calendar.zone
    )
    changes = [_of(calendar, load.school).next_change(line.moment) for load in active]
    seconds = min(((change - line.moment).total_seconds() for change in (*changes, midnight)), default=0.0)
    for load in free:
        seconds = min(seconds, line.left[load.key] / parts[load.key])
    for target, together in _together(free, parts).items():
        if target in daily:
            seconds = min(seconds, (daily[target] - line.taken.get(target, 0)) / together)
    for load in free:
        moved = parts[load.key] * seconds
        line.left[load.key] -= moved
        line.taken[load.target] = line.taken.get(load.target, 0) + moved
    # half a byte is nothing to anybody, and a step of no length would never end
    line.moment += timedelta(seconds=max(seconds, 0.001))
    if line.moment >= midnight:
        line.taken = {}


def _claim(load: Load, calendar: Calendar, moment: datetime) -> Claim:
    own = _of(calendar, load.school)
    cap = own.rules.class_rate if own.in_class(moment) else own.rules.line
    return Claim(Weight.MIGRATION, max(1, int(min(cap, load.rate or cap))))


def _of(calendar: Calendar, school: str) -> Calendar:
    return replace(calendar, rules=calendar.rules.of(school))


def _together(loads: Sequence[Load], parts: Mapping[str, int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for load in loads:
        sums[load.target] = sums.get(load.target, 0) + parts[load.key]
    return sums
