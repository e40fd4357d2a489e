"""Baseline, plan, actual and forecast: pure rules on small worlds, and the command on a real ledger."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.rollout_place import NOON, Place, drill, make_place, receipt, seen
from rigs.rollout_world import milestone, recorded, world

from kdx.rollout.forecast import Dates, outlook
from kdx.rollout.status import compute
from kdx.rollout.stream import Calendar, Cell, Label, Period

TODAY = date(2026, 11, 23)
STATUS = compute(world(recorded()))[Cell("mfa", "es")]
DAY = timedelta(days=1)
MILESTONE = milestone("mfa", avoid=("winter",))
WINTER = Calendar(avoid=(Period("winter", Label("冬", ""), (12, 1), (1, 31)),))


def cells(done: list[date], left: int) -> list[Dates]:
    days: list[date | None] = [*done, *([None] * left)]
    return [Dates(Cell("mfa", str(number)), STATUS, None, None, day) for number, day in enumerate(days)]


def asked(done: list[date], left: int, calendar: Calendar = Calendar()):
    return outlook(MILESTONE, cells(done, left), calendar, TODAY, random.Random(1))


def test_a_steady_pace_goes_on():
    weekly = [TODAY - 7 * number * DAY for number in range(6)]
    found = asked(weekly, 4)
    assert found.half == found.likely == TODAY + 28 * DAY


def test_below_five_completions_nothing_is_said():
    assert asked([TODAY] * 4, 3).too_little and asked([TODAY] * 4, 3).half is None
    assert not asked([TODAY] * 5, 3).too_little


def test_what_is_done_needs_no_forecast():
    found = asked([TODAY] * 3, 0)
    assert (found.half, found.likely, found.too_little) == (None, None, False)


def test_weeks_to_be_avoided_are_passed_over():
    weekly = [TODAY - 7 * number * DAY for number in range(6)]
    found = asked(weekly, 4, WINTER)
    # 30 November, then none until February: three more Mondays from the 1st
    assert found.half == date(2027, 2, 15)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=5, max_size=14), st.integers(1, 14))
def test_more_likely_is_never_earlier_and_more_work_is_never_sooner(ages, left):
    done = [TODAY - age * DAY for age in ages]
    less, more = asked(done, left), asked(done, left + 3)
    for found in (less, more):
        assert found.half is None or found.half > TODAY
        assert found.likely is None or found.half <= found.likely
    assert more.half is None or less.half is None or less.half <= more.half


def test_slip_counts_school_days_against_the_baseline():
    calendar = Calendar(holidays=frozenset({date(2026, 11, 23)}))
    one = Dates(Cell("mfa", "es"), STATUS, date(2026, 11, 20), date(2026, 11, 24), None)
    assert one.slip(calendar) == 1
    early = Dates(Cell("mfa", "es"), STATUS, date(2026, 11, 20), date(2026, 11, 24), date(2026, 11, 19))
    assert early.slip(calendar) == -1
    assert Dates(Cell("mfa", "es"), STATUS, None, TODAY, None).slip(calendar) is None


@pytest.fixture
def kdx_rollout(tmp_path: Path, checkout: Path) -> Place:
    return make_place(tmp_path, checkout)


def test_a_baseline_is_set_once_and_what_was_done_keeps_its_first_day(kdx_rollout):
    kdx_rollout.now = NOON - 30 * DAY
    kdx_rollout("set", "plan", "西小", "16", "--date", "2026-11-10")
    kdx_rollout("forecast", "--freeze", "当初", "--reason", "4月の計画")
    assert "#2" in kdx_rollout("forecast", "--freeze", "当初", code=2).stderr
    kdx_rollout("set", "plan", "西小", "16", "--date", "2026-11-30")
    kdx_rollout.append(receipt("nishi"), drill("nishi", code=5), drill("nishi"), seen("web_filter", at=kdx_rollout.now))
    kdx_rollout.now = NOON
    # proven again later, and failing in between: the first day stays
    kdx_rollout.append(receipt("nishi"), drill("nishi"), seen("web_filter", "fail"), seen("web_filter"))
    rows = {row["milestone"]: row for row in kdx_rollout.rows("forecast", "西小")}
    moved = rows["データ移行・照合"]
    assert (moved["baseline"], moved["planned"], moved["actual"]) == ("2026-11-10", "2026-11-30", "2026-10-24")
    # 3 November is a holiday
    assert moved["slip"] == -11
    row = next(row for row in kdx_rollout.rows("forecast") if row["milestone"] == "データ移行・照合")
    assert (row["done"], row["of"], row["baseline"], row["said"]) == (1, 3, "2026-11-10", "データ不足")
    assert "当初" in kdx_rollout("forecast", "--baseline", "nothing", code=2).stderr
    assert kdx_rollout.rows("forecast", "西小", "--as-of", "2026-10-24")


def test_a_dry_run_freezes_nothing(kdx_rollout):
    kdx_rollout("forecast", "--freeze", "x", "--dry-run")
    assert "No baseline has been set" in kdx_rollout("forecast").stdout
