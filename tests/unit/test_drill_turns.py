"""Which part of a share a drill brings back: nothing is left to chance, nothing beyond the budget."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.backup.restoring.turns import NEVER, Drilled, choose_turns, turn_of, week_of

MONDAY = datetime(2026, 11, 23, 3, tzinfo=UTC)
WEEK = timedelta(days=7)
SIZES = st.lists(st.integers(0, 1000), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("sizes", "read", "left", "turns"),
    [
        ([5, 5, 5], {}, 10, (0, 1)),
        ([5, 0, 5], {}, 10, (0, 2)),
        ([5, 5, 5], {0: MONDAY}, 10, (1, 2)),
        ([5, 5, 5], {0: MONDAY, 1: MONDAY - WEEK, 2: MONDAY - 2 * WEEK}, 10, (2, 1)),
        ([5, 9, 1], {0: MONDAY}, 9, (1,)),
        ([5, 9, 1], {}, 7, (0,)),
        ([20, 5, 5], {}, 10, (1, 2)),
        ([5, 5], {}, 0, ()),
    ],
    ids=["in order", "empty ones are passed over", "never read first", "longest ago first", "as much as fits",
         "a small one does not overtake", "larger than any week", "nothing left"],
)
def test_which_turns_are_taken(sizes: list[int], read: dict[int, datetime], left: int, turns: tuple[int, ...]) -> None:
    choice = choose_turns(sizes, read, left, 10)
    assert (choice.turns, choice.bytes) == (turns, sum(sizes[turn] for turn in turns))
    assert choice.too_large == tuple(turn for turn, size in enumerate(sizes) if size > 10)


@given(SIZES, st.integers(1, 2000))
def test_week_after_week_everything_that_fits_into_a_week_comes_back_and_no_week_costs_more(
    sizes: list[int], budget: int
) -> None:
    drilled, weeks = Drilled("v"), 0
    due = {turn for turn, size in enumerate(sizes) if 0 < size <= budget}
    while due - drilled.read.keys():
        now = MONDAY + weeks * WEEK
        choice = choose_turns(sizes, drilled.read, budget, budget)
        assert 0 < choice.bytes <= budget
        drilled = drilled.after(choice.turns, choice.bytes, now, passed=True)
        weeks += 1
    # two weeks in a row never hold less than one budget together
    assert weeks <= 2 * sum(size for size in sizes if size <= budget) / budget + 1


def test_a_drill_that_failed_costs_its_bytes_and_its_turns_stay_due() -> None:
    drilled = Drilled("v").after([1], 10, MONDAY, passed=True).after([2], 7, MONDAY, passed=False)
    assert (set(drilled.read), drilled.spent_since(MONDAY), drilled.last) == ({1}, 17, MONDAY)
    assert Drilled("v").last == NEVER


def test_the_oldest_is_unknown_until_everything_has_come_back() -> None:
    drilled = Drilled("v").after([1], 1, MONDAY, passed=True).after([2], 1, MONDAY + WEEK, passed=True)
    assert (drilled.oldest([1, 2]), drilled.oldest([2]), drilled.oldest([1, 3])) == (MONDAY, MONDAY + WEEK, None)


def test_the_week_begins_on_monday_where_the_board_is() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert week_of(datetime(2026, 11, 22, 14, 59, tzinfo=UTC), tokyo) == datetime(2026, 11, 16, tzinfo=tokyo)
    assert week_of(datetime(2026, 11, 22, 15, tzinfo=UTC), tokyo) == datetime(2026, 11, 23, tzinfo=tokyo)


def test_content_keeps_its_turn_for_ever() -> None:
    assert [turn_of(digit * 64) for digit in "01f"] == [0, 0x11111111 % 4096, 4095]
