"""Worker processes: what they tell of their end, and that none outlives its parent."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kdx.errors import KdxError
from kdx.processes import Failure, Processes, WorkerDied, WorkerFailed, raise_failure
from kdx.progress import SILENT
from kdx.remotes.interface import NameRefused
from kdx.transfer.hands import LOOK_SECONDS, work_in_processes


class Lane:
    """What a worker works with; it says how much it has moved."""

    def __init__(self, step: Callable[[int], None]) -> None:
        self.step = step

    def close(self) -> None:
        pass


def doubled(items: list[int], lane: Lane) -> Iterator[tuple[int, int]]:
    for item in items:
        lane.step(1)
        yield 2 * item, os.getpid()


def hands(
    work: Callable[[list[int], Lane], Iterator[tuple[int, int]]], count: int, processes: int = 2
) -> Iterator[tuple[int, int]]:
    return work_in_processes(iter(range(count)), open_lane=Lane, work=work, processes=processes, progress=SILENT)


def test_every_item_is_done_once_and_elsewhere() -> None:
    found = list(hands(doubled, 500))
    assert sorted(number for number, _pid in found) == [2 * number for number in range(500)]
    assert os.getpid() not in {pid for _number, pid in found}


def test_workers_without_work_wait_for_the_one_that_has_some() -> None:
    def work(items: list[int], lane: Lane) -> Iterator[tuple[int, int]]:
        time.sleep(3 * LOOK_SECONDS)
        yield items[0], os.getpid()

    assert [number for number, _pid in hands(work, 1, processes=4)] == [0]


def test_results_larger_than_any_pipe_come_back() -> None:
    def work(items: list[int], lane: Lane) -> Iterator[tuple[int, int]]:
        yield from ((number, items[0]) for number in range(200_000))

    assert sum(1 for _result in hands(work, 4)) == 800_000


def test_no_items_no_results() -> None:
    assert list(hands(doubled, 0)) == []


@pytest.mark.parametrize(
    ("error", "raised"), [(NameRefused(name="a\nb", why="so"), NameRefused), (ZeroDivisionError("x"), WorkerFailed)]
)
def test_what_a_worker_raises_is_raised_here(error: Exception, raised: type[KdxError]) -> None:
    def work(items: list[int], lane: Lane) -> Iterator[tuple[int, int]]:
        raise error

    with pytest.raises(raised):
        list(hands(work, 3))


def test_a_worker_that_is_killed_is_said_to_have_died() -> None:
    def work(items: list[int], lane: Lane) -> Iterator[tuple[int, int]]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield 0, 0

    with pytest.raises(WorkerDied) as died:
        list(hands(work, 3))
    assert "-9" in str(died.value)


def test_a_worker_holds_nothing_it_was_not_given(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with (tmp_path / "lock").open("w") as file, Processes() as workers:
        number = file.fileno()

        def live() -> None:
            theirs.sendall(b"open" if Path(f"/proc/self/fd/{number}").exists() else b"closed")

        workers.fork(live, lambda failure: None, theirs.fileno())
        assert ours.recv(10) == b"closed"
    ours.close()
    theirs.close()


def test_leaving_ends_a_worker_that_would_never_end() -> None:
    with Processes() as workers:
        workers.fork(lambda: time.sleep(1000), lambda failure: None)
        [pid] = workers._pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    script = (
        "import os, time\nfrom kdx.processes import Processes\nworkers = Processes()\n"
        "workers.fork(lambda: time.sleep(1000), lambda failure: None)\nprint(workers._pids[0], flush=True)\n"
        "time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 20
    while time.monotonic() < end and _lives(pid):
        time.sleep(0.02)
    assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_trace_of_a_bug_is_short_enough_for_a_message() -> None:
    told: list[Failure] = []
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def live() -> None:
        raise ValueError("長" * 1_000_000)

    with Processes() as workers:
        workers.fork(live, lambda failure: theirs.sendall(pickle.dumps(failure)), theirs.fileno())
        told.append(pickle.loads(ours.recv(1 << 18)))
    ours.close()
    theirs.close()
    with pytest.raises(WorkerFailed):
        raise_failure(told[0])
