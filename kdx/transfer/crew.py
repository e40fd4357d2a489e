"""A crew of threads that works through many items, as many at once as does well, with bounded memory and a clean end.

Results come back in the order they finish. When the work is interrupted or a place fails, nothing new is started, what
is under way is given up at its next step, and the first error is raised.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from kdx.progress import Progress
from kdx.transfer.pace import MOST, Pace

BUNDLE_ITEMS, BUNDLE_BYTES = 16, 1 << 20
"""Up to so many items and bytes are one errand of a thread."""
ITEM_BYTES = 64 << 10
"""So many bytes are as much work as handling one more file."""
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
Outcome = TypeVar("Outcome")
Finished: TypeAlias = "SimpleQueue[tuple[Future[Outcome], int]]"


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
    work: Callable[[Sequence[Task], Lane], Iterator[Result]],
    weight: Callable[[Task], int],
    pace: Pace,
    progress: Progress,
    most_items: int = BUNDLE_ITEMS,
) -> Iterator[Result]:
    """Yield what `work` yields for every bundle of items. Each thread opens one lane and keeps it.

    `weight` is in bytes; `pace` says how many bundles are under way; a bundle has up to `most_items` items.
    """
    pulse = Pulse()
    lanes: list[Lane] = []
    own = threading.local()

    def run(bundle: Bundle[Task]) -> tuple[list[Result], BaseException | None]:
        results: list[Result] = []
        try:
            if not hasattr(own, "lane"):
                own.lane = open_lane(pulse.step)
                lanes.append(own.lane)
            pulse.step(0)
            for result in work(bundle.items, own.lane):
                results.append(result)
                pulse.step(0)
        except BaseException as error:
            # what the bundle has done until then must be known all the same
            return results, error
        return results, None

    crew = ThreadPoolExecutor(MOST, thread_name_prefix="kdx-crew")
    try:
        bundles = bundle_up(items, weight, most_items)
        for results, error in _feed(crew, run, bundles, pace, lambda: progress.advance(pulse.since_last())):
            yield from results
            if error is not None:
                raise error
    finally:
        pulse.stop.set()
        crew.shutdown(wait=True, cancel_futures=True)
        for lane in lanes:
            lane.close()


class Bundle(NamedTuple, Generic[Task]):
    """Items that one thread works through before it comes back."""

    items: list[Task]
    weight: int


def bundle_up(
    items: Iterable[Task], weight: Callable[[Task], int], most_items: int = BUNDLE_ITEMS
) -> Iterator[Bundle[Task]]:
    """Put small items together: handing each over by itself costs as much as sending it."""
    bundle: list[Task] = []
    weighs = 0
    for item in items:
        heavy = weight(item)
        if bundle and (len(bundle) >= most_items or weighs + heavy > BUNDLE_BYTES):
            yield Bundle(bundle, weighs)
            bundle, weighs = [], 0
        bundle.append(item)
        weighs += heavy
    if bundle:
        yield Bundle(bundle, weighs)


def _feed(
    crew: ThreadPoolExecutor,
    run: Callable[[Bundle[Task]], Outcome],
    bundles: Iterable[Bundle[Task]],
    pace: Pace,
    look: Callable[[], None],
) -> Iterator[Outcome]:
    # a queue, not concurrent.futures.wait: waiting on all that is under way costs more than a small file
    finished: Finished[Outcome] = SimpleQueue()
    count = weighs = 0
    for bundle in bundles:
        while count >= pace.level or (count and weighs + bundle.weight > IN_FLIGHT_BYTES):
            future, light = _next(finished, look)
            count, weighs = count - 1, weighs - light
            yield future.result()
        crew.submit(run, bundle).add_done_callback(partial(_hand_in, finished, bundle.weight))
        pace.note(len(bundle.items) + bundle.weight / ITEM_BYTES)
        count, weighs = count + 1, weighs + bundle.weight
    for _ in range(count):
        yield _next(finished, look)[0].result()


def _hand_in(finished: "Finished[Outcome]", heavy: int, future: Future[Outcome]) -> None:
    finished.put((future, heavy))


def _next(finished: "Finished[Outcome]", look: Callable[[], None]) -> tuple[Future[Outcome], int]:
    while True:
        try:
            return finished.get(timeout=LOOK_SECONDS)
        except Empty:
            continue
        finally:
            look()
