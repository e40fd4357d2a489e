"""How fast a school may go at a moment, and so when a job that starts then is done. Pure. Bytes per second."""

from datetime import datetime, timedelta

from kdx.schedule.calendar import Calendar
from kdx.schedule.situation import SchoolState

FAR = timedelta(days=7)
"""No forecast goes further."""
ASIDE = 10
"""While the weather asks for a school, one at work that it does not ask for keeps one part in so many of its rate."""


class Lines:
    """The lines of the schools over the next days."""

    def __init__(self, calendar: Calendar, now: datetime) -> None:
        self._rules = calendar.rules
        self._changes: list[tuple[datetime, bool]] = []
        moment, end = now, now + FAR
        while moment < end:
            until = calendar.next_change(moment)
            self._changes.append((until, calendar.in_class(moment)))
            moment = until

    def rate(self, state: SchoolState, in_class: bool) -> int:
        """Return what a school may take.

        A warning lifts the limit of the lessons and sets its own: the school is calling parents.
        """
        rules, percent = self._rules.of(state.id), state.order.line_percent
        shared = rules.wan // rules.parallel
        if state.order.copy_since:
            return min(rules.line * percent // 100, shared)
        return min(rules.class_rate if in_class else rules.line * percent // 100, shared)

    def at(self, state: SchoolState, moment: datetime) -> int:
        """Return what a school may take at a moment."""
        return self.rate(state, next((lessons for until, lessons in self._changes if moment < until), False))

    def finish(self, state: SchoolState, size: int, start: datetime) -> datetime:
        """Return when a job is done that starts at `start` and carries `size` bytes."""
        left, moment = float(size), start
        earliest = start + timedelta(seconds=state.seconds)
        for until, lessons in self._changes:
            if moment >= until:
                continue
            rate = self.rate(state, lessons)
            if state.rate:
                rate = min(rate, int(state.rate) or 1)
            seconds = left / rate
            if moment + timedelta(seconds=seconds) <= until:
                return max(moment + timedelta(seconds=seconds), earliest)
            left -= rate * (until - moment).total_seconds()
            moment = until
        return moment


def rates(schools: tuple[SchoolState, ...], calendar: Calendar, now: datetime) -> dict[str, int]:
    """Return what each school's job may take at this moment; those the weather does not ask for stand aside."""
    lines = Lines(calendar, now)
    urgent = {state.id for state in schools if state.is_asked and not state.order.hold}
    return {
        state.id: max(1, lines.at(state, now) // (ASIDE if urgent and state.id not in urgent else 1))
        for state in schools
    }
