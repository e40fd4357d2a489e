"""What is due, in which order, and what will not be safe: tables of situations, and a year of simulated weather."""

import random
import time as clock
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.holidays import Holidays
from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy, Scheduling
from kdx.hazard.items import KNOWN, Level, Peril
from kdx.hazard.level import Standing
from kdx.hazard.policy import Alarm, Order, decide, follow
from kdx.schedule.calendar import Calendar
from kdx.schedule.history import History
from kdx.schedule.lines import rates
from kdx.schedule.planner import Plan, Step, broken, plan
from kdx.schedule.situation import Job, Pause, SchoolState, ShareState, Situation
from kdx.schedule.troubles import troubles_of

TOKYO = ZoneInfo("Asia/Tokyo")
RULES = Scheduling()
CALENDAR = Calendar(TOKYO, RULES, Holidays())
MB = 1_000_000
HOUR = timedelta(hours=1)


def jst(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in November 2026; the 24th is a Tuesday with lessons, the 23rd a holiday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO)


def school(id: str, saved: datetime | None, known: datetime = jst(1, 0), **more: Any) -> SchoolState:
    return SchoolState(id, id, (ShareState(f"{id}-1", "共有", saved, known),), **more)


def planned(now: datetime, *schools: SchoolState, calendar: Calendar = CALENDAR, **more: Any) -> Plan:
    return plan(Situation(now, schools, **more), calendar)


def first(now: datetime, state: SchoolState) -> tuple[datetime, tuple[str, ...]]:
    [step] = planned(now, state).steps
    return step.start, step.reasons


LAST_NIGHT = jst(24, 22, 10)


@pytest.mark.parametrize(
    ("now", "saved", "start", "why"),
    [
        (jst(25, 12), LAST_NIGHT, jst(25, 22), "nightly backup"),
        (jst(25, 22, 5), LAST_NIGHT, jst(25, 22, 5), "nightly backup"),
        (jst(26, 3), LAST_NIGHT, jst(26, 3), "nightly backup"),
        (jst(26, 5), LAST_NIGHT, jst(26, 5), "last night was missed"),
        (jst(26, 12), jst(23, 22, 10), jst(26, 12), "a night was missed"),
        (jst(25, 12), None, jst(25, 12), "never saved yet"),
        (jst(25, 23), jst(25, 22, 30), jst(26, 22), "nightly backup"),
    ],
)
def test_a_school_is_due_in_its_night_or_as_soon_as_one_was_missed(
    now: datetime, saved: datetime | None, start: datetime, why: str
) -> None:
    assert first(now, school("a", saved)) == (start, (why,))


def test_the_weather_opens_the_window_until_a_good_snapshot_began_after_it() -> None:
    order = Order(save_since=jst(25, 14), before=jst(25, 16), reasons=("lightning",))
    assert first(jst(25, 14), school("a", LAST_NIGHT, order=order)) == (jst(25, 14), ("lightning",))
    assert first(jst(25, 14, 30), school("a", jst(25, 14), order=order))[0] == jst(25, 22)


def test_a_snapshot_that_began_in_the_very_second_the_weather_turned_is_not_asked_for_again() -> None:
    # a seal names whole seconds, an event of the weather does not
    turned = jst(25, 14) + timedelta(milliseconds=700)
    state = school("one", jst(25, 14), order=Order(save_since=turned, before=jst(25, 16)))
    assert not state.is_asked
    assert school("two", jst(25, 13, 59), order=state.order).is_asked
    board = planned(jst(25, 14, 1), replace(state, order=Order(save_since=turned, copy_since=turned)), second_copy=True)
    assert [step.job for step in board.steps if step.is_now(jst(25, 14, 1))] == [Job.COPY]


def test_a_school_that_failed_is_left_alone_longer_and_longer_and_the_others_go_on() -> None:
    for failures, minutes in ((1, 5), (2, 15), (3, 45), (4, 120), (9, 120)):
        dead = school("dead", jst(22, 22), tried=jst(25, 12), failures=failures)
        well = school("well", jst(22, 22))
        steps = {step.school: step.start for step in planned(jst(25, 12), dead, well).steps}
        assert steps == {"dead": jst(25, 12) + timedelta(minutes=minutes), "well": jst(25, 12)}


def test_nothing_is_started_twice_where_the_water_comes_or_where_a_person_said_wait() -> None:
    order = Order(save_since=jst(25, 14), hold=True)
    running = school("a", LAST_NIGHT, running=jst(25, 13))
    held, paused = school("b", LAST_NIGHT, order=order), school("c", None, pause=Pause(jst(26, 9), "工事"))
    found = planned(jst(25, 14), running, held, paused)
    assert found.steps == ()
    assert [(one.school, one.until) for one in found.waiting] == [("b", None), ("c", jst(26, 9))]
    assert first(jst(26, 9), paused)[0] == jst(26, 9)


def test_as_many_go_at_once_as_the_line_carries_and_the_rest_wait_for_a_place() -> None:
    states = [school(f"s{number}", LAST_NIGHT, seconds=600) for number in range(7)]
    steps = planned(jst(25, 22), *states, school("busy", LAST_NIGHT, running=jst(25, 21, 59))).steps
    assert [step.start for step in steps[:3]] == [jst(25, 22)] * 3
    for step in steps:
        at_once = [one for one in steps if one.start <= step.start < one.finish]
        assert len(at_once) <= RULES.parallel


def test_under_a_deadline_the_most_value_goes_first() -> None:
    def threatened(id: str, risk: float, growth: float, rate: float | None = None) -> SchoolState:
        order = Order(save_since=jst(25, 14), before=jst(25, 15), risk=risk)
        return school(id, LAST_NIGHT, order=order, growth=growth, rate=rate)

    one = Calendar(TOKYO, replace(RULES, parallel=1), Holidays())
    states = [threatened("calm", 1, 50 * MB), threatened("risky", 6, 50 * MB), threatened("slow", 6, 50 * MB, MB / 10),
              threatened("idle", 6, 0)]
    order = [step.school for step in planned(jst(25, 14), *states, calendar=one).steps]
    assert order.index("risky") < order.index("calm") and order.index("risky") < order.index("slow")
    assert order.index("calm") < order.index("idle")


def test_a_school_without_a_ups_is_not_put_back_because_a_run_of_a_moment_took_a_moment_longer() -> None:
    storm = jst(25, 15)
    slow = school("slow", jst(25, 2), order=Order(save_since=storm, risk=3.0), seconds=9.0)
    quick = school("quick", jst(25, 2), order=Order(save_since=storm, risk=1.0), seconds=0.5)
    plan = planned(storm, quick, slow)
    assert [step.school for step in plan.steps] == ["slow", "quick"]


def test_what_the_weather_asks_comes_before_what_missed_its_night_and_that_before_the_night() -> None:
    asked = school("asked", LAST_NIGHT, order=Order(save_since=jst(25, 23), before=jst(26, 1)))
    steps = planned(jst(25, 23), school("night", LAST_NIGHT), school("missed", jst(22, 22)), asked).steps
    assert [step.school for step in steps] == ["asked", "missed", "night"]


@pytest.mark.parametrize(
    ("now", "order", "expected"),
    [
        (jst(25, 12), Order(), RULES.class_rate),
        (jst(25, 18), Order(), RULES.line),
        (jst(23, 12), Order(), RULES.line),
        (jst(25, 18), Order(save_since=jst(25, 18), line_percent=50), RULES.line // 2),
        (jst(25, 12), Order(save_since=jst(25, 12), line_percent=50), RULES.class_rate),
        (jst(25, 12), Order(copy_since=jst(25, 12), line_percent=50), RULES.line // 2),
    ],
)
def test_the_line_stays_free_in_class_and_half_free_under_a_warning(
    now: datetime, order: Order, expected: int
) -> None:
    assert rates((school("a", LAST_NIGHT, order=order),), CALENDAR, now) == {"a": expected}


def test_what_the_weather_asks_for_waits_for_no_night_and_the_night_stands_aside() -> None:
    night = [school(f"n{number}", LAST_NIGHT, running=jst(25, 22)) for number in range(4)]
    asked = school("asked", LAST_NIGHT, order=Order(save_since=jst(25, 23), before=jst(26, 1), line_percent=50))
    [step] = planned(jst(25, 23), *night, asked).steps
    assert (step.school, step.start) == ("asked", jst(25, 23))
    found = rates((*night, asked), CALENDAR, jst(25, 23))
    assert found["asked"] == RULES.line // 2 and found["n0"] == RULES.line // 10
    others = [school(f"a{number}", LAST_NIGHT, order=asked.order) for number in range(9)]
    steps = planned(jst(25, 23), *night, asked, *others).steps
    assert len([step for step in steps if step.start == jst(25, 23)]) == RULES.parallel


def test_a_run_into_the_lessons_is_forecast_with_the_slower_line() -> None:
    state = school("a", None, first_bytes=int(RULES.line * 3600 + RULES.class_rate * 600), known=jst(25, 6))
    [step] = planned(jst(25, 7), state).steps
    assert step.finish == jst(25, 8, 10)


def test_what_will_not_be_safe_is_said_with_its_deadline() -> None:
    order = Order(save_since=jst(25, 14), before=jst(25, 14, 30), hold=False)
    big = school("big", LAST_NIGHT, order=order, growth=3000 * MB)
    held = school("held", LAST_NIGHT, order=replace(order, hold=True))
    found = planned(jst(25, 14), big, held, school("well", LAST_NIGHT))
    assert [(one.school, one.deadline, one.finish is None) for one in found.unsafe] == [
        ("big", jst(25, 14, 30), False), ("held", jst(25, 14, 30), True),
    ]


def test_the_board_makes_its_second_copy_under_a_warning_once_a_school_is_saved_and_a_check_after_the_storm() -> None:
    order = Order(save_since=jst(25, 14), copy_since=jst(25, 14))

    def jobs(saved: datetime, **more: Any) -> list[Job]:
        steps = planned(jst(25, 15), school("a", saved, order=order), second_copy=True, **more).steps
        return [step.job for step in steps if step.start <= jst(25, 15)]

    assert jobs(jst(25, 13)) == [Job.SAVE]
    assert jobs(jst(25, 14, 5)) == [Job.COPY]
    assert jobs(jst(25, 14, 5), copied=jst(25, 14, 10)) == [] == jobs(jst(25, 14, 5), board_running=True)
    after = school("a", jst(25, 14, 5), order=Order(check_since=jst(25, 14)))
    assert [step.job for step in planned(jst(25, 15), after).steps] == [Job.SAVE, Job.CHECK]
    assert [step.job for step in planned(jst(25, 15), after, checked=jst(25, 14, 1)).steps] == [Job.SAVE]


@pytest.mark.parametrize(
    ("now", "saved", "start"),
    [
        (jst(25, 12), LAST_NIGHT, jst(25, 22)),
        (jst(25, 22, 5), LAST_NIGHT, jst(25, 22, 5)),
        (jst(26, 9), LAST_NIGHT, jst(26, 9)),
        (jst(25, 12), None, jst(25, 12)),
        (jst(25, 23), jst(25, 22, 30), jst(26, 22)),
    ],
)
def test_the_boards_own_part_is_saved_once_a_night_and_as_soon_as_one_was_missed(
    now: datetime, saved: datetime | None, start: datetime
) -> None:
    def board_steps(**more: Any) -> list[Step]:
        found = planned(now, school("a", LAST_NIGHT), board=school("", saved), **more)
        return [step for step in found.steps if step.job is not Job.SAVE]

    [step] = board_steps()
    assert (step.job, step.start) == (Job.BOARD, start)
    assert board_steps(board_running=True) == []


def test_the_boards_jobs_go_one_after_the_other() -> None:
    order = Order(save_since=jst(25, 14), copy_since=jst(25, 14), check_since=jst(25, 14))
    now = jst(25, 23)
    steps = planned(now, school("a", jst(25, 14, 5), order=order), board=school("", None), second_copy=True).steps
    own = [step for step in steps if not step.school]
    assert [step.job for step in own if step.start <= now] == [Job.COPY]
    assert all(before.finish <= after.start for before, after in zip(own, own[1:]))
    assert {step.job for step in own} == {Job.COPY, Job.BOARD, Job.CHECK}


def test_a_board_that_saves_itself_too_seldom_breaks_its_promise_like_a_school() -> None:
    late = school("", jst(23, 22, 10))
    situation = Situation(jst(25, 12), (school("a", LAST_NIGHT),), board=late)
    found = plan(situation, CALENDAR)
    broke = [one.key for one in troubles_of(situation, found, History(), CALENDAR, (), 30) if one.breaks_promise]
    assert broke == ["rpo -1"]


def test_five_hundred_schools_of_three_shares_are_planned_in_a_fifth_of_a_second() -> None:
    generator = random.Random(5)
    now = jst(25, 14)
    states = tuple(
        SchoolState(
            f"s{number}", "学校",
            tuple(ShareState(f"s{number}-{share}", "共有", now - generator.uniform(1, 40) * HOUR, jst(1, 0))
                  for share in range(3)),
            order=Order(save_since=now, before=now + HOUR, risk=generator.uniform(1, 9)) if number % 2 else Order(),
            growth=generator.uniform(0, 50 * MB),
        )
        for number in range(500)
    )
    spent = []
    for _attempt in range(5):
        begun = clock.process_time()
        assert len(plan(Situation(now, states), CALENDAR).steps) == 500
        spent.append(clock.process_time() - begun)
    assert min(spent) < 0.2


states = st.builds(
    lambda id, hours, growth, failures, running, hold: school(
        id, None if hours is None else jst(25, 14) - hours * HOUR, growth=growth, failures=failures,
        tried=jst(25, 14) if failures else None, running=jst(25, 13) if running else None,
        order=Order(save_since=jst(25, 13), before=jst(25, 15), hold=hold),
    ),
    st.uuids().map(str), st.none() | st.floats(0, 60), st.floats(0, 1e10), st.integers(0, 6), st.booleans(),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(states, max_size=12, unique_by=lambda state: state.id))
def test_a_plan_names_each_school_once_and_none_that_runs_or_is_held(schools: Sequence[SchoolState]) -> None:
    found = planned(jst(25, 14), *schools)
    names = [step.school for step in found.steps]
    assert sorted(names) == sorted(one.id for one in schools if one.running is None and not one.order.hold)
    assert len(set(names)) == len(names)
    assert all(step.start >= found.now and step.finish > step.start for step in found.steps)
    assert {step.school: step for step in found.steps} == {
        step.school: step for step in planned(jst(25, 14), *reversed(schools)).steps
    }


class Year:
    """A year of hourly weather over some schools, lived tick by tick as the runner lives it, with its own bookkeeping.

    Servers die for hours or days, runs fail; everything comes from one seed.
    """

    def __init__(self, seed: int, schools: int = 5, failing: bool = True) -> None:
        self.random = random.Random(seed)
        self.failing = failing
        self.now = jst(1, 12)
        facts = [School(f"s{number}", "学校", flood_depth_rank=number % 4, server_floor=1, ups=number % 2 == 0)
                 for number in range(schools)]
        self.facts = {one.id: one for one in facts}
        self.states = {id: school(id, self.now, known=self.now, growth=20 * MB) for id in self.facts}
        self.alarms = {id: Alarm() for id in self.facts}
        self.dead: dict[str, datetime] = {}
        self.running: dict[str, Step] = {}
        self.level = Level.CLEAR
        self.outages = 0

    def weather(self, id: str) -> Order:
        known = self.random.random() > 0.02
        perils = {} if self.level is Level.CLEAR else {Peril.WATER: self.level, Peril.LIGHTNING: Level.ADVISORY}
        look = Standing(id, self.level if known else Level.UNKNOWN, self.level, perils, self.now, self.now,
                        self.facts[id].flood_depth_rank != 0)
        self.alarms[id] = follow(self.alarms[id], look, HazardPolicy())
        return decide(self.alarms[id], look, self.facts[id], HazardPolicy())

    def hour(self) -> None:
        """Let weather and luck change once."""
        rank = KNOWN.index(self.level)
        if self.random.random() < (0.02 if rank == 0 else 0.4):
            self.level = KNOWN[max(0, min(3, rank + self.random.choice([-1, -1, 1])))] if rank else Level.ADVISORY
        if self.failing and self.random.random() < 0.003:
            self.outages += 1
            self.dead[self.random.choice(list(self.facts))] = self.now + self.random.uniform(1, 72) * HOUR

    def tick(self) -> Plan:
        """Live one tick: end what is done, plan, start what is due."""
        for id, step in list(self.running.items()):
            if step.finish <= self.now:
                del self.running[id]
                state = replace(self.states[id], running=None)
                if self.dead.get(id, self.now) > self.now:
                    state = replace(state, failures=state.failures + 1, tried=step.start)
                else:
                    [share] = state.shares
                    state = replace(state, shares=(replace(share, saved=step.start),), failures=0, tried=None)
                self.states[id] = state
        for id in self.states:
            self.states[id] = replace(self.states[id], order=self.weather(id))
        found = plan(Situation(self.now, tuple(self.states.values())), CALENDAR)
        for step in found.steps:
            if step.school and step.is_now(self.now):
                assert step.school not in self.running, "two jobs on one school"
                self.running[step.school] = step
                self.states[step.school] = replace(self.states[step.school], running=self.now)
        return found


def test_in_a_year_of_weather_and_dead_servers_nobody_is_beyond_the_promise_without_an_alarm() -> None:
    year = Year(1, schools=4)
    alarmed = 0
    for _hour in range(365 * 24):
        year.hour()
        found = year.tick()
        situation = Situation(year.now, tuple(year.states.values()))
        told = {one.key for one in troubles_of(situation, found, History(), CALENDAR, (), 30) if one.breaks_promise}
        for state in year.states.values():
            [share] = state.shares
            if share.saved is None or year.now - share.saved > timedelta(hours=30):
                alarmed += 1
                assert f"rpo {share.id}" in told
            else:
                assert f"rpo {share.id}" not in told
        assert len(year.running) <= 2 * RULES.parallel
        year.now += HOUR
    assert year.outages > 10 and alarmed


def test_in_a_year_of_weather_with_healthy_servers_the_promise_is_never_broken() -> None:
    year = Year(3, schools=4, failing=False)
    held = 0
    for _hour in range(365 * 24):
        year.hour()
        year.tick()
        for state in year.states.values():
            # where the water stays for days, nothing may be started: that is the only reason
            held = max(held, 1) if state.order.hold else held
            assert not broken(state, CALENDAR, year.now) or state.order.hold or state.running
        year.now += HOUR
    assert held


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_whatever_the_seed_no_school_ever_has_two_jobs(seed: int) -> None:
    year = Year(seed, schools=3)
    for _hour in range(24 * 10):
        year.hour()
        year.tick()
        year.now += HOUR / 2


def test_the_report_goes_out_each_morning_once_and_at_once_where_a_morning_was_missed() -> None:
    def start(now: datetime, reported: datetime | None, **more: Any) -> datetime:
        steps = planned(now, school("a", now), report_at=time(6, 30), reported=reported, **more).steps
        return next(step.start for step in steps if step.job is Job.REPORT)

    assert start(jst(25, 5), jst(24, 6, 30)) == jst(25, 6, 30)
    assert start(jst(25, 6, 30), jst(24, 6, 30)) == jst(25, 6, 30)
    assert start(jst(25, 6, 35), jst(25, 6, 30)) == jst(26, 6, 30)
    assert start(jst(25, 11), jst(24, 6, 30)) == jst(25, 11) == start(jst(25, 11), None)
    assert start(jst(25, 11), None, board_tried={Job.REPORT: jst(25, 10)}) == jst(25, 12)
    assert Job.REPORT not in [step.job for step in planned(jst(25, 11), school("a", LAST_NIGHT)).steps]
