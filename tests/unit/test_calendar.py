"""The board's calendar: official holidays, computed ones marked, lessons, windows over midnight."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.scheduling import Scheduling
from kdx.schedule.calendar import Calendar
from kdx.config.holidays import Holiday, Holidays, HolidaysUnreadable, compute, read_holidays
from tests.conftest import CHECKOUT

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO, Scheduling(), Holidays())
OFFICIAL = {
    2022: "1/1 1/10 2/11 2/23 3/21 4/29 5/3 5/4 5/5 7/18 8/11 9/19 9/23 10/10 11/3 11/23",
    2023: "1/1 1/2 1/9 2/11 2/23 3/21 4/29 5/3 5/4 5/5 7/17 8/11 9/18 9/23 10/9 11/3 11/23",
    2024: "1/1 1/8 2/11 2/12 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/15 8/11 8/12 9/16 9/22 9/23 10/14 11/3 11/4 11/23",
    2025: "1/1 1/13 2/11 2/23 2/24 3/20 4/29 5/3 5/4 5/5 5/6 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24",
    2026: "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6 7/20 8/11 9/21 9/22 9/23 10/12 11/3 11/23",
    2027: "1/1 1/11 2/11 2/23 3/21 3/22 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23",
}
"""The Cabinet Office's table."""


def jst(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=TOKYO)


@pytest.mark.parametrize("year", OFFICIAL)
def test_computed_holidays_are_those_the_cabinet_office_published(year: int) -> None:
    assert [f"{day.month}/{day.day}" for day in sorted(compute(year))] == OFFICIAL[year].split()


def test_the_table_of_the_inventory_is_read_and_beyond_it_days_are_computed_and_say_so() -> None:
    holidays = read_holidays(CHECKOUT / "inventory")
    assert holidays.get(date(2026, 9, 22)) == Holiday("休日", False)
    assert holidays.get(date(2027, 11, 23)) == Holiday("勤労感謝の日", False)
    assert holidays.get(date(2028, 1, 1)) == Holiday("元日", True)
    assert holidays.get(date(2026, 11, 24)) is None and holidays.get(date(2028, 1, 4)) is None


def test_a_day_the_table_does_not_know_of_a_year_it_does_is_no_holiday(tmp_path: Path) -> None:
    (tmp_path / "syukujitsu.csv").write_bytes("日,名\r\n2030/1/1,元日\r\n".encode("cp932"))
    holidays = read_holidays(tmp_path)
    assert holidays.get(date(2030, 1, 1)) == Holiday("元日", False) and holidays.get(date(2030, 5, 3)) is None


@pytest.mark.parametrize(
    "content", [b"", b"a,b\r\n", b"a,b\r\nsoon,x\r\n", b"a,b\r\n2026/13/1,x\r\n", b"\x00\xff\r\nx"]
)
def test_what_is_no_table_of_holidays_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "syukujitsu.csv").write_bytes(content)
    with pytest.raises(HolidaysUnreadable):
        read_holidays(tmp_path)


def test_no_table_means_computed_days() -> None:
    assert read_holidays(Path("/nonexistent")) == Holidays()


@pytest.mark.parametrize(
    ("day", "lessons"),
    [
        (date(2026, 11, 24), True), (date(2026, 11, 23), False), (date(2026, 11, 22), False),
        (date(2026, 8, 20), False), (date(2026, 9, 1), True), (date(2026, 12, 25), False), (date(2027, 1, 7), False),
        (date(2027, 1, 8), True), (date(2027, 4, 1), False),
    ],
)
def test_lessons_are_on_weekdays_in_term(day: date, lessons: bool) -> None:
    assert CALENDAR.is_school_day(day) is lessons
    noon = datetime.combine(day, time(12), TOKYO)
    assert CALENDAR.in_class(noon) is lessons and not CALENDAR.in_class(noon.replace(hour=18))


def test_the_window_goes_over_midnight() -> None:
    for moment, open_, start in (
        (jst(2026, 11, 24, 21, 59), False, jst(2026, 11, 23, 22)),
        (jst(2026, 11, 24, 22), True, jst(2026, 11, 24, 22)),
        (jst(2026, 11, 25, 4, 59), True, jst(2026, 11, 24, 22)), (jst(2026, 11, 25, 5), False, jst(2026, 11, 24, 22)),
    ):
        assert (CALENDAR.in_window(moment), CALENDAR.window_start(moment)) == (open_, start)
    assert CALENDAR.done_by(jst(2026, 11, 24, 22)) == jst(2026, 11, 25, 7)


def test_a_task_for_people_waits_for_an_open_day_outside_the_turn_of_the_school_year() -> None:
    assert CALENDAR.next_open_day(date(2026, 11, 21)) == date(2026, 11, 24)
    assert CALENDAR.next_open_day(date(2026, 12, 29)) == date(2027, 1, 4)
    assert CALENDAR.next_open_day(date(2027, 3, 15)) == date(2027, 4, 21)


@settings(deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))
def test_every_moment_lies_between_its_window_and_the_next(naive: datetime) -> None:
    moment = naive.replace(tzinfo=TOKYO)
    start, following = CALENDAR.window_start(moment), CALENDAR.next_window(moment)
    assert start <= moment < following and following - start == timedelta(days=1)
    assert CALENDAR.next_change(moment) > moment
