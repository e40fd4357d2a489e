"""Worker processes: forked, deaf to what is meant for their parent, and gone when it is gone, however it went.

Forked, not started afresh: 1 ms against 50 ms of processor time each. A worker runs Python only and touches nothing
that a thread of its parent may have held: it closes what it inherited, opens its own places, ends without looking back.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, TypeAlias

from kdx.errors import KdxError
from kdx.language import N_

LONGEST_TRACE = 20_000
"""Letters of a bug's trace that are told: the end of it, and never more than fits into one message."""
ENDING_SECONDS = 1.0
"""So long the exit code of a worker is waited for after its line was closed."""

Failure: TypeAlias = tuple[type[KdxError], dict[str, object]] | str
"""What a worker tells of its end: a KdxError taken apart, or the trace of a bug."""


class WorkerDied(KdxError):
    """A worker process ended without having been told to."""

    message = N_("A worker process ended unexpectedly (signal or exit code {code}).")
    advice = N_("It may have run out of memory. Run the same command again; it goes on where it stopped.")


class WorkerFailed(KdxError):
    """A worker met something nobody thought of."""

    message = N_("A worker process failed: {trace}")


def cores() -> int:
    """Return how many workers can be busy at once: the cores this process may use."""
    return len(os.sched_getaffinity(0))


def raise_failure(failure: Failure) -> NoReturn:
    """Raise in the parent what was raised in a worker."""
    if isinstance(failure, str):
        raise WorkerFailed(trace=failure)
    raise failure[0](**failure[1])


def _failure_of(error: BaseException) -> Failure:
    import traceback

    if isinstance(error, KdxError):
        return type(error), {name: str(value) for name, value in error.values.items()}
    return "".join(traceback.format_exception(error))[-LONGEST_TRACE:]


class Processes:
    """The workers of one parent. Use as a context manager: leaving it ends every one, whatever it was doing."""

    def __init__(self) -> None:
        self._lifeline, self._life = os.pipe()
        self._pids: list[int] = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fork(self, live: Callable[[], None], tell: Callable[[Failure], None], *lines: int) -> None:
        """Start a worker that lives `live` and keeps of what is open only these descriptors.

        What it raises is handed to `tell`, still in the worker. When `live` returns, the worker ends.
        """
        pid = os.fork()
        if pid == 0:
            self._be_worker(live, tell, lines)
        self._pids.append(pid)

    def close(self) -> None:
        """End every worker, and see that none is left."""
        self.kill()
        for pid in self._pids:
            os.waitpid(pid, 0)
        os.close(self._lifeline)
        os.close(self._life)

    def kill(self) -> None:
        """End every worker, whatever it is doing."""
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def count_heads(self) -> None:
        """WorkerDied where one has ended."""
        for pid in self._pids:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._pids.remove(pid)
                raise WorkerDied(code=os.waitstatus_to_exitcode(status))

    def died(self) -> WorkerDied:
        """Return what to raise when the line of a worker was closed: it is ending, and soon says how."""
        end = time.monotonic() + ENDING_SECONDS
        while time.monotonic() < end:
            try:
                self.count_heads()
            except WorkerDied as error:
                return error
            time.sleep(0.01)
        return WorkerDied(code="?")

    def _be_worker(
        self, live: Callable[[], None], tell: Callable[[Failure], None], lines: tuple[int, ...]
    ) -> NoReturn:
        try:
            _close_all_but(0, 1, 2, self._lifeline, *lines)
            # whoever stops the whole group means the parent, which decides what is still to be done
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            threading.Thread(target=self._end_with_parent, daemon=True).start()
            live()
        except BaseException as error:
            with suppress(OSError):
                tell(_failure_of(error))
        finally:
            os._exit(1)

    def _end_with_parent(self) -> None:
        try:
            # nothing is ever written to it: an end is the parent's end
            os.read(self._lifeline, 1)
        finally:
            os._exit(0)


def _close_all_but(*kept: int) -> None:
    """Let go of what was inherited: locks, the ledger, pipes that others wait to see closed."""
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in kept:
            with suppress(OSError):
                os.close(number)
