"""The workers of a run, as their parent sees them: tasks go in, reports come out, and none is ever left behind."""

import pickle
import select
import socket
from collections.abc import Callable, Iterator
from types import TracebackType

from kdx.backup.saving.errand import MESSAGE_BYTES, Errand, Report, Task
from kdx.backup.saving.packer import Packer
from kdx.processes import Processes, raise_failure

AHEAD = 2
"""Tasks a worker holds at most, so that it never waits for its parent."""
LOOK_MILLISECONDS = 250
"""So often the parent looks whether it is to stop, while no worker says anything."""


class Packers:
    """The parent's side. Use as a context manager: leaving it ends every worker, whatever they were doing."""

    def __init__(self, errand: Errand, processes: int) -> None:
        # what a worker needs is loaded before it is forked: once, not once in each
        import zstandard  # noqa: F401

        errand.source.open().close()
        self._errand = errand
        self._lines: dict[int, socket.socket] = {}
        self._poll = select.poll()
        self._processes = Processes()
        for number in range(processes):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._processes.fork(
                lambda: Packer(errand, number, theirs).work(),
                lambda failure: theirs.sendall(pickle.dumps(Report(number, failure=failure))),
                theirs.fileno(),
            )
            theirs.close()
            self._lines[ours.fileno()] = ours
            self._poll.register(ours, select.POLLIN)

    def __enter__(self) -> "Packers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.close()
        for line in self._lines.values():
            line.close()

    def run(self, tasks: Iterator[Task], tell: Callable[[Report], None]) -> None:
        """Have all tasks done and every pack stored. `tell` hears every report. Raises what a worker raised.

        Where the errand is to stop, workers do no more tasks; what is not stored in time is left.
        """
        stop = self._errand.stop
        holding = dict.fromkeys(self._lines, 0)

        def feed() -> None:
            # the one that holds least goes first
            for number in sorted(holding, key=holding.__getitem__):
                while holding[number] < AHEAD and (task := next(tasks, None)):
                    self._lines[number].send(pickle.dumps(task))
                    holding[number] += 1

        feed()
        while any(holding.values()) and not stop.is_asked():
            for number, report in self._hear():
                holding[number] -= report.number >= 0
                tell(report)
            feed()
        open_packs = set(self._lines)
        for line in self._lines.values():
            line.send(pickle.dumps(None))
        while open_packs and not stop.is_over():
            for number, report in self._hear():
                open_packs.discard(number)
                tell(report)

    def _hear(self) -> Iterator[tuple[int, Report]]:
        for number, _event in self._poll.poll(LOOK_MILLISECONDS):
            try:
                message = self._lines[number].recv(MESSAGE_BYTES)
            except ConnectionResetError:
                message = b""
            if not message:
                raise self._processes.died()
            report: Report = pickle.loads(message)
            if report.failure:
                raise_failure(report.failure)
            yield number, report
