"""A crew of threads that works through many items, with bounded memory and a clean end.

Results come back in the order they finish. When the work is interrupted or a place fails, nothing new is started, what
is under way is given up at its next step, and the first error is raised.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from kdx.progress import Progress

IN_FLIGHT_BYTES = 128 << 20
"""What all items under way may weigh together; a single heavier one still goes, alone."""
LOOK_SECONDS = 0.2
"""How often the progress is told while nothing finishes."""


class Closing(Protocol):
    """What a thread works with and lets go of at the end."""

    def close(self) -> None:
        """Let go."""


Task = TypeVar("Task")
Result = TypeVar("Result")
Lane = TypeVar("Lane", bound=Closing)


class Stopped(Exception):
    """The crew was told to stop; what was under way is given up."""


class Pulse:
    """Counts what all threads have moved, and stops them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._told = 0
        self.stop = threading.Event()

    def step(self, count: int) -> None:
        """Note that `count` more bytes have moved. Raises Stopped when it is time to stop."""
        if self.stop.is_set():
            raise Stopped
        with self._lock:
            self._count += count

    def since_last(self) -> int:
        """Return how much has moved since the last call."""
        with self._lock:
            fresh, self._told = self._count - self._told, self._count
        return fresh


def work_through(
    items: Iterable[Task],
    *,
    open_lane: Callable[[Callable[[int], None]], Lane],
    work: Callable[[Task, Lane], Result],
    weight: Callable[[Task], int],
    parallel: int,
    progress: Progress,
) -> Iterator[Result]:
    """Yield `work(item, lane)` for every item. Each thread opens one lane and keeps it; `weight` is in bytes."""
    pulse = Pulse()
    lanes: list[Lane] = []
    own = threading.local()

    def run(item: Task) -> Result:
        if pulse.stop.is_set():
            raise Stopped
        if not hasattr(own, "lane"):
            own.lane = open_lane(pulse.step)
            lanes.append(own.lane)
        return work(item, own.lane)

    crew = ThreadPoolExecutor(parallel, thread_name_prefix="kdx-crew")
    try:
        yield from _feed(crew, run, items, weight, parallel, lambda: progress.advance(pulse.since_last()))
    finally:
        pulse.stop.set()
        crew.shutdown(wait=True, cancel_futures=True)
        for lane in lanes:
            lane.close()


def _feed(
    crew: ThreadPoolExecutor,
    run: Callable[[Task], Result],
    items: Iterable[Task],
    weight: Callable[[Task], int],
    parallel: int,
    look: Callable[[], None],
) -> Iterator[Result]:
    under_way: dict[Future[Result], int] = {}
    weighs = 0
    for item in items:
        heavy = weight(item)
        while len(under_way) >= 2 * parallel or (under_way and weighs + heavy > IN_FLIGHT_BYTES):
            finished, _ = wait(under_way, LOOK_SECONDS, FIRST_COMPLETED)
            look()
            for future in finished:
                weighs -= under_way.pop(future)
                yield future.result()
        under_way[crew.submit(run, item)] = heavy
        weighs += heavy
    while under_way:
        finished, _ = wait(under_way, LOOK_SECONDS, FIRST_COMPLETED)
        look()
        for future in finished:
            under_way.pop(future)
            yield future.result()
