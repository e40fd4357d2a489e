"""Many processes write the ledger at once, some are killed: the chain stays one and loses nothing it confirmed."""

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

pytestmark = pytest.mark.system

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from kdx.state.events import CommandFailed
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

name, count = sys.argv[2], int(sys.argv[3])
state = StateFolder(Path(sys.argv[1]))
with open_ledger(state, actor=name, request_id=name, clock=lambda: datetime.now(UTC)) as ledger:
    for number in range(count):
        print(ledger.append(CommandFailed(name, number, "")).id, flush=True)
"""


def start(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def read(folder: Path):
    return open_ledger(StateFolder(folder), actor="reader", request_id="r", clock=lambda: datetime.now(UTC))


def test_eight_processes_that_write_two_hundred_events_each_make_one_chain(tmp_path):
    writers = [start(tmp_path, f"writer-{number}", 200) for number in range(8)]
    confirmed = [int(line) for writer in writers for line in writer.communicate(timeout=120)[0].split()]
    assert [writer.returncode for writer in writers] == [0] * 8
    assert sorted(confirmed) == list(range(1, 1601))
    with read(tmp_path) as ledger:
        verdict = ledger.verify()
    assert (verdict.events, [fault for fault in verdict.faults if "time" not in fault.what]) == (1600, [])


def test_writers_killed_at_random_moments_never_break_the_chain_nor_lose_what_they_confirmed(tmp_path):
    chance = random.Random(20261123)
    confirmed: set[int] = set()
    for round_number in range(10):
        writers = [start(tmp_path, f"writer-{round_number}-{number}", 10_000) for number in range(3)]
        time.sleep(1.0 + chance.random() / 2)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            output = writer.communicate(timeout=30)[0]
            # the last line may be half written; what stands on a whole line was confirmed
            confirmed.update(int(line) for line in output.splitlines(keepends=True) if line.endswith("\n"))
    with read(tmp_path) as ledger:
        assert ledger.verify().is_whole
        assert confirmed <= {event.id for event in ledger.events()}
    assert len(confirmed) > 100
