"""Start what the planner says, as processes that outlive the tick. Knows how jobs are called on the command line."""

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from kdx.config.model import Board
from kdx.schedule.gather import lock_name
from kdx.schedule.planner import Step
from kdx.schedule.situation import Job
from kdx.state.events.scheduling import JobStarted
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger

KEPT_LOGS = 500


def start(
    step: Step, board: Board, state: StateFolder, ledger: Ledger, now: datetime, actor: str, program: Sequence[str]
) -> None:
    """Start one job, and record it first: what cannot be recorded is not started."""
    folder = state.schedule() / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    _clear(folder)
    log = folder / f"{now:%Y%m%dT%H%M%S}-{step.job}-{step.school or 'board'}.log"
    ledger.append(
        JobStarted(
            step.job, step.school, reasons=list(step.reasons), rate=step.rate, forecast=step.finish,
            deadline=step.deadline, log=str(log),
        )
    )
    order = {
        "state": str(state.root), "lock": lock_name(step.job, step.school), "job": step.job, "school": step.school,
        "actor": actor, "request": uuid.uuid4().hex, "log": str(log),
    }
    places = ["--inventory", str(board.folder.absolute()), "--state", str(state.root)]
    command = [*program, *places, *words_of(step, board)]
    detach([sys.executable, "-m", "kdx.schedule.job", json.dumps(order), *command], None, log)


def words_of(step: Step, board: Board) -> list[str]:
    """Return the command of a job, without the program and its common options."""
    match step.job:
        case Job.SAVE:
            # without a rate: the job asks what it may take as long as it runs (rate.py)
            return ["backup", "run", step.school]
        case Job.BOARD:
            return ["backup", "run", "--board"]
        case Job.COPY:
            return ["backup", "copy", "--to", board.schedule.second_copy]
        case Job.CHECK:
            return ["backup", "verify"]
        case Job.REPORT:
            return ["report", "--publish"]


def detach(command: list[str], environment: Mapping[str, str] | None, log: Path) -> None:
    """Start a process in a session of its own, with its output in a file. No shell reads the command."""
    with log.open("ab") as file:
        subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _clear(folder: Path) -> None:
    """Keep the newest logs; their names begin with their time."""
    for old in sorted(folder.iterdir())[:-KEPT_LOGS]:
        with suppress(OSError):
            old.unlink()
