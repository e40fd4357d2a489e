"""The cap on bytes per second holds, whoever takes how much when."""

import os
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from kdx.transfer.limit import BURST_SECONDS, Limiter, SharedLimiter


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    rate=st.integers(1_000, 10_000_000),
    takes=st.lists(st.tuples(st.integers(1, 5_000_000), st.floats(0, 3)), min_size=1, max_size=30),
)
def test_what_has_passed_never_exceeds_the_rate_by_more_than_the_burst(rate, takes):
    time = Time()
    limiter = Limiter(rate, time.clock, time.sleep)
    passed = 0
    for count, idle in takes:
        time.now += idle
        limiter.take(count)
        passed += count
        assert passed <= rate * (time.now - 100.0 + BURST_SECONDS) * 1.000001 + 1


def test_threads_share_one_cap():
    time = Time()
    slept: list[float] = []
    limiter = Limiter(1000, time.clock, slept.append)
    threads = [threading.Thread(target=limiter.take, args=(1000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(round(seconds, 6) for seconds in slept) == [1.0, 2.0, 3.0, 4.0]


def test_without_a_cap_nothing_waits():
    time = Time()
    Limiter(None, time.clock, time.sleep).take(10**12)
    assert time.now == 100.0


def test_a_cap_that_comes_and_goes_holds_from_one_moment_to_the_next():
    time = Time()
    limiter = Limiter(lambda: 1000 if 110 <= time.now < 120 else None, time.clock, time.sleep)
    limiter.take(10**9)
    assert time.now == 100.0
    time.now = 110.0
    for _ in range(10):
        limiter.take(1000)
    assert 119 <= time.now <= 120


def test_one_large_take_does_not_outlast_the_cap_it_began_under():
    time = Time()
    Limiter(lambda: 1000 if time.now < 120 else None, time.clock, time.sleep).take(10**6)
    assert 120 <= time.now <= 126


def test_processes_share_one_cap_and_the_only_one_that_reads_has_all_of_it():
    limiter = SharedLimiter(1_000_000)
    began, workers = time.monotonic(), []
    for count in (4, 4, 0):
        worker = os.fork()
        if worker == 0:
            os.closerange(3, 1024)
            for _ in range(count):
                limiter.take(100_000)
            os._exit(0)
        workers.append(worker)
    assert [os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers] == [0, 0, 0]
    assert time.monotonic() - began >= 0.8 - BURST_SECONDS
    slept: list[float] = []
    alone = SharedLimiter(1_000_000)
    alone._sleep = slept.append
    alone.take(1_000_000)
    assert sum(slept) <= 1.0
