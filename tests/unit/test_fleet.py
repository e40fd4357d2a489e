"""When fourteen schools will be done: the forecast against a line that is simulated otherwise, and the rules of it."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kdx.config.scheduling import MEGABIT, OwnLine, Scheduling, Span
from kdx.schedule.calendar import Calendar, Holidays
from kdx.schedule.fleet import Load, forecast

TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = datetime(2026, 11, 30, 9, tzinfo=TOKYO)
GIGA = 10**9
HOUR = timedelta(hours=1)


def calendar(**rules: object) -> Calendar:
    return Calendar(TOKYO, Scheduling(**rules), Holidays())  # type: ignore[arg-type]


def load(number: int = 1, left: int = GIGA, **other: object) -> Load:
    return Load(f"s{number}@t", f"s{number}", "t", left, **other)  # type: ignore[arg-type]


def done_after(loads: list[Load], rules: Calendar, at: datetime = MONDAY, **other: object) -> list[timedelta | None]:
    found = forecast(loads, rules, at, **other)  # type: ignore[arg-type]
    return [moment - at if (moment := found[one.key]) else None for one in loads]


def about(length: timedelta | None, seconds: float) -> bool:
    return length is not None and length.total_seconds() == pytest.approx(seconds, abs=2)


def test_lessons_slow_a_school_down_and_the_evening_does_not() -> None:
    # until 17:00 8 h at 1.25 MB/s are 36 GB; the rest at 12.5 MB/s
    (length,) = done_after([load(left=46 * GIGA)], calendar())
    assert about(length, 8 * 3600 + 800)


def test_what_was_measured_counts_more_than_the_line() -> None:
    (length,) = done_after([load(rate=1_000_000.0)], calendar())
    assert about(length, 1000)


def test_schools_share_the_boards_line_and_one_that_is_slow_leaves_its_part_to_the_others() -> None:
    rules = calendar(wan=2_000_000, class_rate=10 * GIGA)
    assert all(about(one, 1000) for one in done_after([load(1), load(2)], rules))
    slow, quick = done_after([load(1, rate=500_000.0), load(2, left=1_500_000_000)], rules)
    assert about(quick, 1000) and about(slow, 2000)


def test_a_school_has_its_own_line_and_lessons() -> None:
    own = OwnLine(line=1_000_000, class_rate=100_000, class_hours=Span(MONDAY.time(), (MONDAY + HOUR).time()))
    thin, other = done_after([load(1), load(2)], calendar(schools={"s1": own}))
    assert about(thin, 3600 + 640) and about(other, 800)


def test_shares_of_one_school_go_one_after_the_other() -> None:
    rules = calendar(class_rate=1_000_000)
    second = Load("other@t", "s1", "t", GIGA)
    former, latter = done_after([load(), second], rules)
    assert about(former, 1000) and about(latter, 2000)


def test_a_wave_begins_when_the_one_before_is_done_and_not_before_its_day() -> None:
    rules, tomorrow = calendar(class_rate=1_000_000), datetime(2026, 12, 1, tzinfo=TOKYO)
    first, second = done_after([load(1), load(2, wave=1)], rules, waves=[None, None])
    assert about(first, 1000) and about(second, 2000)
    first, second = done_after([load(1), load(2, wave=1)], rules, waves=[None, tomorrow])
    assert about(first, 1000) and about(second, 15 * 3600 + 80)


def test_a_daily_limit_of_the_target_ends_the_day() -> None:
    rules = calendar(class_rate=100 * MEGABIT)
    (length,) = done_after([load(left=3 * GIGA)], rules, daily={"t": 2 * GIGA})
    assert about(length, 15 * 3600 + 80), "the rest goes after midnight"


def test_who_waits_for_a_person_has_no_day_and_holds_up_nobody() -> None:
    waiting, going, nothing = done_after([load(1, waits=True), load(2, wave=1), load(3, left=0)], calendar())
    assert waiting is None and about(going, 800) and nothing == timedelta()


def test_what_would_take_years_has_no_day() -> None:
    assert done_after([load(rate=1.0)], calendar()) == [None]


@pytest.mark.parametrize("seed", range(6))
def test_the_forecast_of_fourteen_schools_is_within_fifteen_percent_of_what_it_then_takes(seed: int) -> None:
    chance = random.Random(seed)
    sizes = {f"s{number}": chance.uniform(20, 400) * GIGA for number in range(14)}
    servers = {school: chance.choice((2.5, 6.0, 11.0, 40.0)) * 1e6 for school in sizes}
    line = SimulatedLine(chance, sizes, servers)
    evening = MONDAY + 9 * HOUR
    line.run(evening, minutes=40, alone=True)
    measured = {school: moved / (40 * 60) for school, moved in line.moved.items()}
    begun = evening + 14 * HOUR
    loads = [load(number, round(line.left[f"s{number}"]), rate=measured[f"s{number}"]) for number in range(14)]
    expected = forecast(loads, calendar(wan=300 * MEGABIT), begun)
    line.run(begun, minutes=60 * 24 * 60)
    for one in loads:
        foreseen = expected[one.key]
        assert foreseen is not None
        took = line.done[one.school] - begun
        assert (foreseen - begun) / took == pytest.approx(1, abs=0.15), one.school


class SimulatedLine:
    """Fourteen schools on one line, minute by minute: servers that are never twice as fast, frames that cost, lessons.

    Shares the line by raising everybody's part together until it is full, not by the rule under test.
    """

    def __init__(self, chance: random.Random, sizes: dict[str, float], servers: dict[str, float]) -> None:
        self.chance, self.left, self.servers = chance, dict(sizes), servers
        self.done: dict[str, datetime] = {}
        self.moved = dict.fromkeys(sizes, 0.0)

    def run(self, start: datetime, minutes: int, alone: bool = False) -> None:
        for minute in range(minutes):
            moment = start + timedelta(minutes=minute)
            going = {school: self._able(school, moment) for school, left in self.left.items() if left > 0}
            if not going:
                return
            level = max(going.values()) if alone else self._level(list(going.values()))
            for school, able in going.items():
                moved = min(able, level) * 0.97
                self.moved[school] += 60 * moved
                self.left[school] -= 60 * moved
                if self.left[school] <= 0:
                    self.done[school] = moment + timedelta(minutes=1)

    def _able(self, school: str, moment: datetime) -> float:
        lessons = moment.weekday() < 5 and 8 <= moment.hour < 17
        return min(10e6 / 8 if lessons else 100e6 / 8, self.servers[school] * self.chance.uniform(0.85, 1.05))

    def _level(self, able: list[float]) -> float:
        low, high = 0.0, max(able)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(min(middle, one) for one in able) <= 300e6 / 8 else (low, middle)
        return high
