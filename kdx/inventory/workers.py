"""The processes of a scan, as their parent sees them: tasks go in, sums come out, and none is ever left behind.

All wait at one queue that the kernel keeps, and whoever is free takes the next task. A worker that holds several tasks
puts one back whenever nothing waits there, so nobody idles, and no list of names grows in one place. Workers write
their own journals and tell numbers only.
"""

import pickle
import select
import socket
from collections.abc import Callable, Iterable
from types import TracebackType

from kdx.inventory.errand import MESSAGE_BYTES, Errand, Report, Task, packed
from kdx.inventory.worker import Worker
from kdx.processes import Processes, raise_failure


class Workers:
    """The parent's side. Use as a context manager: leaving it ends every worker, whatever they were doing."""

    def __init__(self, errand: Errand, processes: int) -> None:
        # what a worker needs is loaded before it is forked: once, not once in each
        errand.place.open().close()
        self._put, self._take = _socket_pair()
        self._hear, self._tell = _socket_pair()
        self._outstanding = 0
        self._limit = 2 * processes + 2
        self._processes = Processes()
        for number in range(processes):
            self._processes.fork(
                lambda: Worker(errand, number, self._put, self._take, self._tell).work(),
                lambda failure: self._tell.sendall(pickle.dumps(Report(failure=failure))),
                *(line.fileno() for line in (self._put, self._take, self._tell)),
            )

    def __enter__(self) -> "Workers":
        self._tell.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.close()
        self._close_lines()

    def dismiss(self) -> None:
        """End every worker, whatever it is doing; nothing can be sent any more."""
        self._processes.kill()
        self._close_lines()

    def _close_lines(self) -> None:
        for line in (self._hear, self._put, self._take):
            line.close()

    def send(self, task: Task) -> None:
        """Put a task into the queue."""
        self._put.send(packed(task))
        self._outstanding += 1

    def run(self, tasks: Iterable[Task], tell: Callable[[Report], None]) -> Report:
        """Send the tasks as fast as they are done, and return the sum of all reports when nothing is left to do.

        `tell` hears every report. Raises what a worker raised, or WorkerDied.
        """
        total = Report()
        for task in tasks:
            while self._outstanding >= self._limit:
                total = self._hear_one(total, tell)
            self.send(task)
        while self._outstanding:
            total = self._hear_one(total, tell)
        return total

    def _hear_one(self, total: Report, tell: Callable[[Report], None]) -> Report:
        while not select.select([self._hear], [], [], 1.0)[0]:
            self._processes.count_heads()
        message = self._hear.recv(MESSAGE_BYTES)
        if not message:
            raise self._processes.died()
        report: Report = pickle.loads(message)
        if report.failure:
            raise_failure(report.failure)
        self._outstanding += report.given - report.finished
        tell(report)
        return Report(
            entries=total.entries + report.entries,
            hashed=total.hashed + report.hashed,
            bytes=total.bytes + report.bytes,
        )


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
