"""How many transfers are under way at once: the level that a line, a server and this machine bear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.transfer.pace import MOST, WINDOW_SECONDS, Course, Measured, Pace, next_course, strained


def settle(*, bears: int = MOST, busy: float = 0.1, windows: int = 60) -> list[int]:
    """The levels of a run against a server that works on `bears` requests at once and is slower with more."""
    course, levels = Course(6), []
    for _ in range(windows):
        level = course.level
        rate = level * 10 if level <= bears else bears * 10 * bears / level
        course = next_course(course, Measured(level, rate, busy))
        levels.append(level)
    return levels


def test_over_a_long_line_it_climbs_to_the_most_within_seconds() -> None:
    assert settle()[6] == MOST


@pytest.mark.parametrize("bears", [1, 4, 6, 8, 12, 20])
def test_a_server_that_chokes_is_asked_for_little_more_than_it_bears(bears: int) -> None:
    levels = settle(bears=bears, windows=200)
    assert max(levels) <= max(6, bears) * 1.5 + 1
    assert sum(levels[20:]) / len(levels[20:]) <= max(6, bears) * 1.2


def test_a_busy_machine_is_not_made_busier() -> None:
    assert set(settle(busy=0.9)) == {6}


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 2)), max_size=80), st.lists(st.integers(0, 79), max_size=5))
def test_whatever_is_measured_it_stays_between_one_and_the_most(
    windows: list[tuple[float, float]], strains: list[int]
) -> None:
    course = Course(6)
    for number, (rate, busy) in enumerate(windows):
        course = strained(course) if number in strains else next_course(course, Measured(course.level, rate, busy))
        assert 1 <= course.level <= MOST
        assert course.level <= course.ceiling


def test_after_a_server_broke_off_it_is_never_asked_for_so_much_again() -> None:
    course = strained(Course(12))
    for _ in range(200):
        course = next_course(course, Measured(course.level, course.level * 10, 0.1))
        assert course.level < 12


def test_a_level_is_measured_until_what_was_under_way_has_ended() -> None:
    now = [0.0]
    pace = Pace(4, clock=lambda: now[0], busy_clock=lambda: 0.0)
    now[0] = 10 * WINDOW_SECONDS
    for _ in range(7):
        pace.note(1)
    assert pace.level == 4
    pace.note(1)
    assert pace.level > 4
