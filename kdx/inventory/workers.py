"""The processes of a scan, as their parent sees them: tasks go in, sums come out, and none is ever left behind.

All wait at one queue that the kernel keeps, and whoever is free takes the next task. A worker that holds several tasks
puts one back whenever nothing waits there, so nobody idles, and no list of names grows in one place. Workers write
their own journals and tell numbers only.
"""

import os
import pickle
import select
import signal
import socket
from collections.abc import Callable, Iterable
from types import TracebackType

from kdx.errors import KdxError
from kdx.inventory.errand import MESSAGE_BYTES, Errand, Report, Task, packed
from kdx.inventory.worker import be_worker
from kdx.language import N_


class WorkerDied(KdxError):
    """A worker process ended without having been told to."""

    message = N_("A worker process of the scan ended unexpectedly (signal or exit code {code}).")
    advice = N_("It may have run out of memory. Run the same command again; it goes on where it stopped.")


class WorkerFailed(KdxError):
    """A worker met something nobody thought of."""

    message = N_("A worker process of the scan failed: {trace}")


class Workers:
    """The parent's side. Use as a context manager: leaving it ends every worker, whatever they were doing."""

    def __init__(self, errand: Errand, processes: int) -> None:
        # what a worker needs is loaded before it is forked: once, not once in each
        errand.place.open().close()
        self._put, self._take = _socket_pair()
        self._hear, self._tell = _socket_pair()
        self._outstanding = 0
        self._limit = 2 * processes + 2
        self._pids = [self._start(errand, number) for number in range(processes)]

    def _start(self, errand: Errand, number: int) -> int:
        # forked, not started afresh: 1 ms against 50 ms of processor time each, and a rescan of 20,000 files has 300.
        # A worker runs Python only and touches nothing a thread of the parent may have held: it closes what it
        # inherited, opens its own Remote and ends without looking back.
        pid = os.fork()
        if pid == 0:
            self._hear.close()
            be_worker(errand, number, self._put, self._take, self._tell)
        return pid

    def __enter__(self) -> "Workers":
        self._tell.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        for pid in self._pids:
            os.waitpid(pid, 0)

    def dismiss(self) -> None:
        """End every worker, whatever it is doing; nothing can be sent any more."""
        for line in (self._hear, self._put, self._take):
            line.close()
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

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
            self._count_heads()
        message = self._hear.recv(MESSAGE_BYTES)
        if not message:
            self._count_heads()
            raise WorkerDied(code="?")
        report: Report = pickle.loads(message)
        if isinstance(report.failure, str):
            raise WorkerFailed(trace=report.failure)
        if report.failure:
            raise report.failure[0](**report.failure[1])
        self._outstanding += report.given - report.finished
        tell(report)
        return Report(
            entries=total.entries + report.entries,
            hashed=total.hashed + report.hashed,
            bytes=total.bytes + report.bytes,
        )

    def _count_heads(self) -> None:
        for pid in list(self._pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._pids.remove(pid)
                raise WorkerDied(code=os.waitstatus_to_exitcode(status))


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
