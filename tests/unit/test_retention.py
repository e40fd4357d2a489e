"""Which snapshots stay: one line a case, and ten simulated years in which everything goes wrong that can."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.backup.format.names import SnapshotName
from kdx.backup.keeping.retention import (
    AHEAD, DAILY, HELD, LAST_GOOD, MONTHLY, NO_BETTER, SUPERSEDED, TOO_FEW, UNDECIDED, WEEKLY, YEARLY, Snapshot, decide,
)
from kdx.backup.format.seal import State
from kdx.config.model import Hold, Keep

TOKYO = ZoneInfo("Asia/Tokyo")
NIGHT = datetime(2026, 4, 1, 22, tzinfo=TOKYO)
DAY = timedelta(days=1)
SMALL = Keep(days=3, weeks=2, months=2, years=2, minimum=2)
NOW = NIGHT + 4000 * DAY
C, P, S = State.COMPLETE, State.PARTIAL, State.SUSPECT


def taken(day: int, state: State = C, number: int | None = None, **facts: bool) -> Snapshot:
    moment = (NIGHT + day * DAY).astimezone(UTC)
    return Snapshot(SnapshotName(moment, day + 1000 if number is None else number), moment, state, **facts)


def stay(snapshots: list[Snapshot], keep: Keep = SMALL, now: datetime = NOW) -> dict[int, str]:
    """Day -> reason, of those that stay."""
    verdicts = decide(snapshots, keep, now, TOKYO, "shiken_es")
    return {round((one.snapshot.time - NIGHT) / DAY): one.reason for one in verdicts if one.stays}


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        # 2026-04-01 is a Wednesday; weeks end on Sundays, 4, 11 and 18; the month's last is 29, the year's is 364
        (range(20), {19: YEARLY, 18: WEEKLY, 17: DAILY}),
        (range(-40, 20), {19: YEARLY, -1: YEARLY, 18: WEEKLY, 17: DAILY}),
        (range(40), {39: YEARLY, 29: MONTHLY, 38: DAILY, 37: DAILY, 32: WEEKLY}),
        ([0, 1000, 2000, 3000], {3000: YEARLY, 2000: YEARLY, 1000: DAILY}),
        ([0, 1], {0: TOO_FEW, 1: TOO_FEW}),
    ],
    ids=["weeks and days", "a fiscal year ends in March", "months", "days count that have one", "the minimum"],
)
def test_who_stands_for_what(snapshots: list[int], expected: dict[int, str]) -> None:
    found = stay([taken(day) for day in snapshots])
    assert found == expected


def test_partial_and_suspect_ones_push_nothing_complete_out_and_stand_in_where_there_is_nothing_better() -> None:
    complete = [taken(day) for day in (0, 2, 4, 6)]
    others = [taken(1, P), taken(3, S), taken(5, P), taken(5, P, 1, is_checkpoint=True), taken(7, P), taken(8, S)]
    alone, together = stay(complete), stay(complete + others)
    assert alone.keys() <= together.keys()
    assert together.keys() - alone.keys() == {5, 7, 8}
    assert {together[5], together[7], together[8]} == {NO_BETTER}


def test_while_a_suspect_snapshot_waits_for_a_word_nothing_goes() -> None:
    many = [taken(day) for day in range(100)]
    assert stay([*many, taken(100, S, is_decided=False)]) == dict.fromkeys(range(101), UNDECIDED)
    assert len(stay([*many, taken(100, S)])) < 20


def test_what_is_dated_in_the_future_counts_for_nothing_and_stays() -> None:
    many = [taken(day) for day in range(20)]
    assert stay([*many, taken(5000)]) == {**stay(many), 5000: AHEAD}


def test_a_hold_keeps_every_snapshot_of_its_days_in_its_school() -> None:
    hold = Hold(date(2026, 4, 6), date(2026, 4, 7), "開示請求", "shiken_es")
    many = [taken(day) for day in range(20)]
    held = stay(many, Keep(3, 2, 2, 2, 2, (hold,)))
    assert held == {**stay(many), 5: HELD, 6: HELD}
    assert stay(many, Keep(3, 2, 2, 2, 2, (Hold(hold.first, hold.last, "", "another"),))) == stay(many)


def test_the_last_good_ones_stay_however_many_periods_the_rule_counts() -> None:
    same_day = [
        Snapshot(SnapshotName((NIGHT + timedelta(minutes=n)).astimezone(UTC), n + 1), NIGHT + timedelta(minutes=n), C)
        for n in range(9)
    ]
    verdicts = decide(same_day, Keep(1, 1, 1, 1, 4), NOW, TOKYO)
    assert [one.reason for one in verdicts] == [YEARLY, *[LAST_GOOD] * 3, *[SUPERSEDED] * 5]


NIGHTS = st.lists(
    st.tuples(
        st.sampled_from([C] * 8 + [P, S]),
        st.booleans(),
        st.integers(1, 3) | st.integers(1, 400),
        st.just(0) | st.integers(-900, 900),
    ),
    min_size=1, max_size=60,
)
RULES = st.builds(
    Keep, days=st.integers(0, 10), weeks=st.integers(0, 6), months=st.integers(0, 6), years=st.integers(0, 4),
    minimum=st.integers(1, 6),
)


@settings(max_examples=40, deadline=None)
@given(NIGHTS, RULES)
def test_through_years_of_outages_suspect_runs_and_clocks_that_jump_the_good_ones_never_fall_below_the_minimum(
    nights: list[tuple[State, bool, int, int]], keep: Keep
) -> None:
    """Each night: a state, whether a person decided, days until the next run, and by how many days the clock is off."""
    held: list[Snapshot] = []
    day = best = 0
    for number, (state, decided, gap, off) in enumerate(nights):
        held.append(taken(day + off, state, number, is_decided=decided))
        now = NIGHT + day * DAY
        verdicts = decide(held, keep, now, TOKYO)
        assert len(verdicts) == len(held)
        before = {one.name for one in held if one.state == C and one.time <= now}
        held = [one.snapshot for one in verdicts if one.stays]
        after = {one.name for one in held if one.state == C and one.time <= now}
        # never below the minimum, whatever happened; the newest one and the newest good one always stay
        best = min(keep.minimum, len(before))
        assert len(after) >= best
        assert max(before, key=lambda name: name.rank, default=None) in {*after, None}
        assert held[0].name.sequence == number
        # deciding again changes nothing: a sweep that is killed and begins anew lets nothing more go
        assert [one.snapshot for one in decide(held, keep, now, TOKYO) if one.stays] == held
        day += gap


@given(st.lists(st.sampled_from([C, C, C, P]), min_size=30, max_size=200), RULES)
@settings(max_examples=20, deadline=None)
def test_a_clock_years_ahead_lets_nothing_more_go(states: list[State], keep: Keep) -> None:
    many = [taken(day, state) for day, state in enumerate(states)]
    assert stay(many, keep, NIGHT + 500 * DAY) == stay(many, keep, NIGHT + 50_000 * DAY)
