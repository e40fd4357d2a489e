"""Run whole commands and measure them, and say whether a limit is met, missed, or drowned in noise.

Wall: from start to exit of the command. CPU: user and system time of all its processes, orphans included. Peak: the
sum over all its processes of PSS, which counts a page shared by several of them once (RSS would count it for each).
"""

import ctypes
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SAMPLE_SECONDS = 0.25
NOISE = 0.25
"""Pairs whose ratios differ by more than this part of their median cannot decide a limit that lies between them."""
PR_SET_CHILD_SUBREAPER = 36

Verdict = Literal["met", "missed", "too noisy to tell"]
Figure = Literal["wall", "cpu", "peak"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What one command, or several in a row, cost: seconds, seconds, bytes."""

    wall: float
    cpu: float
    peak: int

    def __add__(self, other: "Measure") -> "Measure":
        return Measure(self.wall + other.wall, self.cpu + other.cpu, max(self.peak, other.peak))

    def figure(self, name: Figure) -> float:
        """Return one of the three."""
        return float(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Comparison:
    """kdx and its peer, measured in pairs, and what must hold: median ratio of `figure` at most `limit`."""

    name: str
    peer: str
    figure: Figure
    pairs: tuple[tuple[Measure, Measure], ...]
    limit: float

    @property
    def ratios(self) -> list[float]:
        """kdx over peer, pair by pair: what slows the machine for a while slows both."""
        return [ours.figure(self.figure) / theirs.figure(self.figure) for ours, theirs in self.pairs]

    @property
    def medians(self) -> tuple[float, float, float]:
        """Median of kdx, of the peer, and of their ratios."""
        ours, theirs = zip(*((a.figure(self.figure), b.figure(self.figure)) for a, b in self.pairs), strict=True)
        return statistics.median(ours), statistics.median(theirs), statistics.median(self.ratios)

    @property
    def verdict(self) -> Verdict:
        """Whether the limit is met."""
        return judge(self.ratios, self.limit)


def judge(values: Sequence[float], limit: float) -> Verdict:
    """Given one value a pair, return whether their median keeps `limit`.

    Where every pair lies on one side of the limit, or the pairs agree within NOISE, the median decides. Else the
    machine was too noisy to tell.
    """
    middle = statistics.median(values)
    spread = (max(values) - min(values)) / middle
    if min(values) <= limit < max(values) and spread > NOISE:
        return "too noisy to tell"
    return "met" if middle <= limit else "missed"


def in_pairs(ours: Callable[[], Measure], theirs: Callable[[], Measure], count: int) -> tuple[
    tuple[Measure, Measure], ...
]:
    """Measure A B, A B, ... `count` times."""
    return tuple((ours(), theirs()) for _ in range(count))


class CommandFailed(Exception):
    """A measured command did not exit with 0: its time would mean nothing."""


def measure(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> Measure:
    """Run a command with its output in `log` and return what it cost. CommandFailed with its last words otherwise."""
    with _orphans_adopted(), log.open("wb") as output:
        start = time.monotonic()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        watcher = _PeakWatcher(process.pid)
        try:
            status, cpu = _reap(process.pid)
        except BaseException:
            # it has a session of its own, so Ctrl-C did not reach it
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.monotonic() - start
        process.returncode = status
        cpu += sum(_reap_orphans(process.pid))
        peak = watcher.stop()
    if status != 0:
        words = " ".join(map(str, command))
        raise CommandFailed(f"{words}: exit {status}\n{log.read_text('utf-8', 'replace')[-2000:]}")
    return Measure(wall, cpu, peak)


@contextmanager
def _orphans_adopted() -> Iterator[None]:
    """Let helpers that outlive their parent become our children, so that their CPU time can be counted."""
    control = ctypes.CDLL(None).prctl
    control(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        control(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _reap(pid: int) -> tuple[int, float]:
    _pid, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def _reap_orphans(group: int) -> Iterator[float]:
    """Wait for what is left of a command's process group and yield its CPU seconds."""
    while True:
        try:
            _pid, _status, usage = os.wait4(-group, 0)
        except ChildProcessError:
            return
        yield usage.ru_utime + usage.ru_stime


class _PeakWatcher:
    """Samples the memory of all processes of a session in a thread until stopped."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Return the highest sum seen, in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(map(_proportional_bytes, _processes_of(self._session))))


def _processes_of(session: int) -> Iterator[Path]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # after the name in brackets: state, parent, group, session
                fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                yield folder


def _proportional_bytes(folder: Path) -> int:
    try:
        for line in (folder / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        # it ended between the two looks
        pass
    return 0
