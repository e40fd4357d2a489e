"""When lessons are, when the window is open, when a night must be done. Every time is aware.

Pure, but for calendar_of(), which reads the board's table of holidays.

A closed day still backs up; only tasks of people move to the next open day, and from 15 March to 20 April to none.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from kdx.config.holidays import Holidays, HolidaysUnreadable, read_holidays
from kdx.config.model import Board
from kdx.config.scheduling import Scheduling

DAY = timedelta(days=1)
BLACKOUT = ((3, 15), (4, 20))
"""End and beginning of the school year: no task for people is set there (both days included)."""
YEAR_END = ((12, 29), (1, 3))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The board's calendar."""

    zone: tzinfo
    rules: Scheduling
    holidays: Holidays

    def is_closed(self, day: date) -> bool:
        """Whether the board is closed: weekend, holiday, 29 December to 3 January."""
        here = (day.month, day.day)
        return day.weekday() >= 5 or here >= YEAR_END[0] or here <= YEAR_END[1] or self.holidays.get(day) is not None

    def is_school_day(self, day: date) -> bool:
        """Whether there are lessons."""
        vacation = any(one.holds(day) for one in self.rules.vacations)
        return not self.is_closed(day) and not vacation and day not in self.rules.closed

    def in_class(self, moment: datetime) -> bool:
        """Whether there are lessons at a moment."""
        local = moment.astimezone(self.zone)
        return self.rules.class_hours.holds(local.time()) and self.is_school_day(local.date())

    def window_start(self, moment: datetime) -> datetime:
        """Return when the newest window began, also one that has ended since."""
        local = moment.astimezone(self.zone)
        start = self._at(local.date(), self.rules.window.start)
        return start if start <= moment else self._at(local.date() - DAY, self.rules.window.start)

    def window_end(self, start: datetime) -> datetime:
        """Return when the window that began at `start` closes."""
        return self._next(start, self.rules.window.end)

    def in_window(self, moment: datetime) -> bool:
        """Whether the window is open."""
        return moment < self.window_end(self.window_start(moment))

    def next_window(self, moment: datetime) -> datetime:
        """Return when the next window opens, after `moment`."""
        return self._next(moment, self.rules.window.start)

    def done_by(self, moment: datetime) -> datetime:
        """Return the next time by which a night must be done."""
        return self._next(moment, self.rules.done_by)

    def next_change(self, moment: datetime) -> datetime:
        """Return when the line is next treated otherwise: lessons begin or end."""
        hours = self.rules.class_hours
        return min(self._next(moment, hours.start), self._next(moment, hours.end))

    def next_open_day(self, day: date) -> date:
        """Return the first day from `day` on at which a person can be given a task."""
        while self.is_closed(day) or BLACKOUT[0] <= (day.month, day.day) <= BLACKOUT[1]:
            day += DAY
        return day

    def last_at(self, moment: datetime, daily: time) -> datetime:
        """Return the newest time of day `daily` that is not after `moment`."""
        here = self._at(moment.astimezone(self.zone).date(), daily)
        return here if here <= moment else self._at(moment.astimezone(self.zone).date() - DAY, daily)

    def next_at(self, moment: datetime, daily: time) -> datetime:
        """Return the first time of day `daily` after `moment`."""
        return self._next(moment, daily)

    def _at(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment, self.zone)

    def _next(self, after: datetime, moment: time) -> datetime:
        """Return the first time of day `moment` after `after`."""
        day = after.astimezone(self.zone).date()
        here = self._at(day, moment)
        return here if here > after else self._at(day + DAY, moment)


def calendar_of(board: Board) -> tuple[Calendar, HolidaysUnreadable | None]:
    """Return the board's calendar; with computed holidays and the reason where its table cannot be read."""
    zone = ZoneInfo(board.time_zone)
    # the promise belongs to the backups
    rules = replace(board.schedule, rpo_hours=board.backup.rpo_hours)
    try:
        return Calendar(zone, rules, read_holidays(board.folder)), None
    except HolidaysUnreadable as error:
        return Calendar(zone, rules, Holidays()), error
