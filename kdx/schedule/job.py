"""One scheduled job as a process of its own: holds the school's lock, runs the command, records how it ended.

Started by the runner as `python -m kdx.schedule.job`. The lock is handed on to the command: it is held until both are
gone, however they go. SIGTERM is handed on too, so that a backup can seal what it has.
"""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from kdx.errors import Locked
from kdx.state.events.scheduling import JobEnded
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger


def run(order: dict[str, str], command: list[str]) -> int:
    """Run one job to its end. `order`: state, lock, job, school, actor, request, log."""
    state, log = StateFolder(Path(order["state"])), Path(order["log"])
    with state.lock(order["lock"]) as lock:
        started = datetime.now(UTC)
        code, stopped = _run(command, log, lock)
        ended = JobEnded(
            order["job"], order["school"], exit_code=code, started=started, ended=datetime.now(UTC), log=str(log),
            stopped=stopped,
        )
        with open_ledger(state, actor=order["actor"], request_id=order["request"], clock=lambda: ended.ended) as ledger:
            ledger.append(ended)
    return code


def _run(command: list[str], log: Path, lock: int) -> tuple[int, bool]:
    """Return how the command ended, and whether it was asked to stop."""
    stopped: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, frame: FrameType | None) -> None:
        # every tick asks again while the water comes; the command takes a second wish for impatience
        if child is not None and not stopped:
            child.send_signal(signal.SIGTERM)
        stopped.append(number)

    signal.signal(signal.SIGTERM, hand_on)
    with log.open("ab") as file:
        os.set_inheritable(lock, True)
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, pass_fds=(lock,)
        )
        if stopped:
            child.send_signal(signal.SIGTERM)
        code = child.wait()
    return code if code >= 0 else 128 - code, bool(stopped)


def _patiently(order: dict[str, str], command: list[str]) -> int:
    """Run the job; a lock that somebody only looks at is free again in a moment."""
    for attempt in range(5):
        try:
            return run(order, command)
        except Locked as error:
            code = int(error.exit_code)
            time.sleep(0.2 * (attempt + 1))
    return code


if __name__ == "__main__":
    sys.exit(_patiently(json.loads(sys.argv[1]), sys.argv[2:]))
