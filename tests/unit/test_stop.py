"""When a wish to stop is noted, when it interrupts, and how long what is in hand may still take."""

import os

import pytest

from kdx.backup.saving.stop import Stop


class Clock:
    """Seconds that pass when they are told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_wish_interrupts_at_once_where_nothing_can_be_ended_well(clock: Clock) -> None:
    stop = Stop(20, clock)
    with pytest.raises(KeyboardInterrupt):
        stop.ask()
    assert stop.is_asked()


def test_the_first_wish_is_noted_and_the_second_interrupts(clock: Clock) -> None:
    stop = Stop(20, clock)
    with stop.ending_well():
        assert not stop.is_asked()
        stop.ask()
        assert stop.is_asked() and not stop.is_over()
        clock.now += 1
        with pytest.raises(KeyboardInterrupt):
            stop.ask()


def test_a_wish_that_reaches_the_whole_group_and_is_handed_on_too_is_one(clock: Clock) -> None:
    stop = Stop(20, clock)
    with stop.ending_well():
        for _time in range(3):
            stop.ask()
            clock.now += 0.3


def test_after_so_many_seconds_nobody_waits_any_longer(clock: Clock) -> None:
    stop = Stop(20, clock)
    with stop.ending_well():
        stop.ask()
        clock.now += 19.9
        assert not stop.is_over()
        clock.now += 0.1
        assert stop.is_over()


def test_what_was_ended_well_is_behind_us_and_a_later_wish_interrupts(clock: Clock) -> None:
    stop = Stop(20, clock)
    with stop.ending_well():
        pass
    with pytest.raises(KeyboardInterrupt):
        stop.ask()


def test_a_forked_worker_sees_the_wish(clock: Clock) -> None:
    stop = Stop(20, clock)
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(ours, 1)
        os._exit(7 if stop.is_asked() else 0)
    with stop.ending_well():
        stop.ask()
    os.write(theirs, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
