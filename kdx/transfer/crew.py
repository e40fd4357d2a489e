"""A crew of threads that works through many items, as many at once as does well, with bounded memory and a clean end.

Results come back in the order they finish. When the work is interrupted or a place fails, nothing new is started, what
is under way is given up at its next step, and the first error is raised.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from kdx.progress import Progress
from kdx.transfer.pace import MOST, Pace

ITEM_BYTES = 64 << 10
"""So many bytes are as much work as handling one more file."""
IN_FLIGHT_BYTES = 128 << 20
"""What all items under way may weigh together; a single heavier one still goes, alone."""
LOOK_SECONDS = 0.2
"""How often the progress is told while nothing finishes."""


@dataclass(frozen=True, slots=True)
class Errand:
    """How much a thread takes along at a time, at the most."""

    items: int = 16
    bytes: int = 1 << 20
    at_once: int = 1
    """How many of its items are under way at once."""


class Closing(Protocol):
    """What a thread works with and lets go of at the end."""

    def close(self) -> None:
        """Let go."""


Task = TypeVar("Task")
Result = TypeVar("Result")
Lane = TypeVar("Lane", bound=Closing)
Outcome = TypeVar("Outcome")
Finished: TypeAlias = "SimpleQueue[tuple[Future[Outcome], Bundle[Task]]]"
ONE_BY_ONE = Errand()


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
    errand: Callable[[], Errand] = lambda: ONE_BY_ONE,
) -> Iterator[Result]:
    """Yield what `work` yields for every bundle of items. Each thread opens one lane and keeps it.

    `weight` is in bytes; `errand` says how much the next bundle is, `pace` how many items may be under way in all.
    """
    pulse = Pulse()
    lanes = _Lanes(lambda: open_lane(pulse.step))
    run = partial(_run, work, lanes, pulse)
    crew = ThreadPoolExecutor(MOST, thread_name_prefix="kdx-crew")
    try:
        bundles = bundle_up(items, weight, errand)
        for results, error in _feed(crew, run, bundles, pace, lambda: progress.advance(pulse.since_last())):
            yield from results
            if error is not None:
                raise error
    finally:
        pulse.stop.set()
        crew.shutdown(wait=True, cancel_futures=True)
        lanes.close()


class _Lanes(Generic[Lane]):
    """A lane for each thread, opened when it first needs one."""

    def __init__(self, open_one: Callable[[], Lane]) -> None:
        self._open_one = open_one
        self._all: list[Lane] = []
        self._own = threading.local()

    def mine(self) -> Lane:
        """Return the lane of the thread that asks."""
        if not hasattr(self._own, "lane"):
            self._own.lane = self._open_one()
            self._all.append(self._own.lane)
        lane: Lane = self._own.lane
        return lane

    def close(self) -> None:
        """Let go of all of them, when no thread works any more."""
        for lane in self._all:
            lane.close()


def _run(
    work: Callable[[Sequence[Task], Lane], Iterator[Result]], lanes: _Lanes[Lane], pulse: Pulse, bundle: "Bundle[Task]"
) -> tuple[list[Result], BaseException | None]:
    """Work through one bundle; what it has done until an error must be known all the same."""
    results: list[Result] = []
    try:
        lane = lanes.mine()
        pulse.step(0)
        for result in work(bundle.items, lane):
            results.append(result)
            pulse.step(0)
    except BaseException as error:
        return results, error
    return results, None


class Bundle(NamedTuple, Generic[Task]):
    """Items that one thread works through before it comes back."""

    items: list[Task]
    weight: int
    at_once: int
    """How many of the items are under way at once."""


def bundle_up(
    items: Iterable[Task], weight: Callable[[Task], int], errand: Callable[[], Errand] = lambda: ONE_BY_ONE
) -> Iterator[Bundle[Task]]:
    """Put small items together: handing each over by itself costs as much as sending it."""
    bundle: list[Task] = []
    weighs, most = 0, errand()
    for item in items:
        heavy = weight(item)
        if bundle and (len(bundle) >= most.items or weighs + heavy > most.bytes):
            yield Bundle(bundle, weighs, min(most.at_once, len(bundle)))
            bundle, weighs, most = [], 0, errand()
        bundle.append(item)
        weighs += heavy
    if bundle:
        yield Bundle(bundle, weighs, min(most.at_once, len(bundle)))


def _feed(
    crew: ThreadPoolExecutor,
    run: Callable[[Bundle[Task]], Outcome],
    bundles: Iterable[Bundle[Task]],
    pace: Pace,
    look: Callable[[], None],
) -> Iterator[Outcome]:
    # a queue, not concurrent.futures.wait: waiting on all that is under way costs more than a small file
    finished: Finished[Outcome, Task] = SimpleQueue()
    bundled = count = weighs = 0
    for bundle in bundles:
        while bundled and (count + bundle.at_once > pace.level or weighs + bundle.weight > IN_FLIGHT_BYTES):
            future, ended = _next(finished, look)
            bundled, count, weighs = bundled - 1, count - ended.at_once, weighs - ended.weight
            yield future.result()
        crew.submit(run, bundle).add_done_callback(partial(_hand_in, finished, bundle))
        pace.note(len(bundle.items) + bundle.weight / ITEM_BYTES, bundle.at_once)
        bundled, count, weighs = bundled + 1, count + bundle.at_once, weighs + bundle.weight
    for _ in range(bundled):
        yield _next(finished, look)[0].result()


def _hand_in(finished: "Finished[Outcome, Task]", bundle: Bundle[Task], future: Future[Outcome]) -> None:
    finished.put((future, bundle))


def _next(
    finished: "Finished[Outcome, Task]", look: Callable[[], None]
) -> tuple[Future[Outcome], Bundle[Task]]:
    while True:
        try:
            return finished.get(timeout=LOOK_SECONDS)
        except Empty:
            continue
        finally:
            look()
