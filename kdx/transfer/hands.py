"""The work of a crew done by processes: where not a line but the interpreter is what takes the time.

A worker is given its next item when it asks for it, so that neither side ever waits for the other to read.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection, Pipe, wait
from typing import TypeAlias

from kdx.processes import Failure, Processes, raise_failure
from kdx.progress import Progress
from kdx.transfer.crew import Lane, Result, Task

TELL_SECONDS = 0.25
"""So often a worker says how much it has moved."""
LOOK_SECONDS = 0.5

Said: TypeAlias = tuple[list[Result], int, bool, Failure | None]
"""What a worker says: results, bytes moved since it last said something, whether it is free, why it cannot go on."""


def work_in_processes(
    items: Iterable[Task],
    *,
    open_lane: Callable[[Callable[[int], None]], Lane],
    work: Callable[[list[Task], Lane], Iterator[Result]],
    processes: int,
    progress: Progress,
) -> Iterator[Result]:
    """Yield what `work` yields for every item, in the order they finish. Each process opens one lane and keeps it.

    Items and results are pickled. Raises what a worker raised, or WorkerDied; whoever stops iterating ends them all.
    """
    with Processes() as workers:
        lines: list[Connection] = []
        for _number in range(processes):
            ours, theirs = Pipe()
            hand = _Hand(theirs)
            workers.fork(lambda: hand.live(open_lane, work), hand.fail, theirs.fileno())
            theirs.close()
            lines.append(ours)
        queue = iter(items)
        # a line stays open when its worker has no more to do: closed, it would end the worker
        busy = list(lines)
        while busy:
            heard = wait(busy, LOOK_SECONDS)
            if not heard:
                workers.count_heads()
            for line in [one for one in busy if one in heard]:
                said: Said[Result] = _received(line, workers)
                results, moved, is_free, failure = said
                if failure:
                    raise_failure(failure)
                progress.advance(moved)
                yield from results
                if is_free and not _hand_next(line, queue):
                    busy.remove(line)


def _received(line: Connection, workers: Processes) -> Said[Result]:
    try:
        said: Said[Result] = line.recv()
    except (EOFError, ConnectionResetError) as error:
        raise workers.died() from error
    return said


def _hand_next(line: Connection, queue: Iterator[Task]) -> bool:
    """Hand over the next item. False where there is none: nothing more will be heard."""
    for item in queue:
        line.send(item)
        return True
    return False


class _Hand:
    """A worker's own side."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._moved = 0
        self._told = time.monotonic()

    def live(
        self, open_lane: Callable[[Callable[[int], None]], Lane], work: Callable[[list[Task], Lane], Iterator[Result]]
    ) -> None:
        """Work until the parent ends it."""
        with closing(open_lane(self._step)) as lane:
            self._say([], is_free=True)
            while True:
                self._say(list(work([self._line.recv()], lane)), is_free=True)

    def fail(self, failure: Failure) -> None:
        """Say why this worker cannot go on."""
        self._line.send(([], self._moved, False, failure))

    def _step(self, count: int) -> None:
        self._moved += count
        if time.monotonic() - self._told > TELL_SECONDS:
            self._say([], is_free=False)

    def _say(self, results: list[Result], *, is_free: bool) -> None:
        self._line.send((results, self._moved, is_free, None))
        self._moved, self._told = 0, time.monotonic()
