"""Many processes write the ledger at once, some are killed, the disk is full or read-only: the chain stays one.

What a writer was told is kept is kept; what could not be kept is said so.
"""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kdx.state.events.house import CommandFailed
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

pytestmark = pytest.mark.system

WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from kdx.errors import KdxError
from kdx.state.events.house import CommandFailed
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

name, count, message = sys.argv[2], int(sys.argv[3]), "x" * int(sys.argv[4])
state = StateFolder(Path(sys.argv[1]))
try:
    with open_ledger(state, actor=name, request_id=name, clock=lambda: datetime.now(UTC)) as ledger:
        for number in range(count):
            print(ledger.append(CommandFailed(name, number, message)).id, flush=True)
except KdxError as error:
    print(error, file=sys.stderr)
    sys.exit(int(error.exit_code))
"""


def writer(folder: Path, name: str, count: int, length: int = 0) -> list[str]:
    """A command line that appends `count` events, each with a message of `length` letters."""
    return [sys.executable, "-c", WRITER, str(folder), name, str(count), str(length)]


def start(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(writer(folder, name, count), stdout=subprocess.PIPE, text=True)


def read(folder: Path) -> Ledger:
    return open_ledger(StateFolder(folder), actor="reader", request_id="r", clock=lambda: datetime.now(UTC))


def confirmed_by(output: str) -> set[int]:
    """What stands on a whole line was confirmed; the last line of a killed process may be half written."""
    return {int(line) for line in output.splitlines(keepends=True) if line.endswith("\n")}


def test_eight_processes_that_write_two_hundred_events_each_make_one_chain(tmp_path: Path) -> None:
    # all begin together, and where there is no ledger yet: one of them makes it
    writers = [start(tmp_path, f"writer-{number}", 200) for number in range(8)]
    while any(process.poll() is None for process in writers):
        # a look while others write must never see half of what they do
        with read(tmp_path) as ledger:
            if ledger.head()[0]:
                assert ledger.verify().faults == ()
    outputs = [process.communicate()[0] for process in writers]
    assert [process.returncode for process in writers] == [0] * 8
    assert sorted(number for output in outputs for number in confirmed_by(output)) == list(range(1, 1601))
    with read(tmp_path) as ledger:
        verdict = ledger.verify()
        numbers: dict[str, list[int]] = {}
        for event in ledger.events():
            numbers.setdefault(event.actor, []).append(event.body["exit_code"])
    assert (verdict.events, verdict.faults, verdict.notes) == (1600, (), ())
    assert list(numbers.values()) == [list(range(200))] * 8


def test_writers_killed_at_random_moments_never_break_the_chain_nor_lose_what_they_confirmed(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    confirmed: set[int] = set()
    for round_number in range(10):
        writers = [start(tmp_path, f"writer-{round_number}-{number}", 100_000) for number in range(3)]
        if round_number % 2:
            # in the midst of writing, however slowly this machine starts a process
            for process in writers:
                assert process.stdout and (line := process.stdout.readline()).endswith("\n")
                confirmed.add(int(line))
            time.sleep(chance.uniform(0, 0.3))
        else:
            # while the ledger is opened, and at first made
            time.sleep(chance.uniform(0.1, 1.0))
        for process in writers:
            process.send_signal(signal.SIGKILL)
        for process in writers:
            assert process.stdout and process.wait() == -signal.SIGKILL
            confirmed |= confirmed_by(process.stdout.read())
            process.stdout.close()
    with read(tmp_path) as ledger:
        assert ledger.verify().faults == ()
        assert confirmed <= {event.id for event in ledger.events()}
    assert len(confirmed) > 15


OWN_MOUNTS = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]


def test_a_full_disk_is_said_so_and_what_was_confirmed_is_kept(tmp_path: Path) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    kept.mkdir()
    # a disk of 400 kB, seen by this one process only; what it holds at the end is copied off
    script = 'disk=$1; kept=$2; shift 2; mount -t tmpfs -o size=400k none "$disk" || exit 99; "$@"; code=$?; '
    script += 'cp "$disk"/* "$kept"; exit $code'
    command = [*OWN_MOUNTS, "sh", "-c", script, "sh", str(disk), str(kept), *writer(disk, "w", 1000, 1000)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 12, done.stderr
    assert "no space left" in done.stderr and "Traceback" not in done.stderr
    confirmed = confirmed_by(done.stdout)
    with read(kept) as ledger:
        verdict = ledger.verify()
    assert (verdict.faults, verdict.events) == ((), len(confirmed)) and confirmed


def test_a_disk_that_is_read_only_is_said_so(tmp_path: Path) -> None:
    with read(tmp_path) as ledger:
        ledger.append(CommandFailed("kdx test", 1, ""))
    before = (tmp_path / "ledger.sqlite3").read_bytes()
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99; shift; exec "$@"'
    command = [*OWN_MOUNTS, "sh", "-c", script, "sh", str(tmp_path), *writer(tmp_path, "w", 1)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (10, ""), done.stderr
    assert "cannot be used" in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "ledger.sqlite3").read_bytes() == before
