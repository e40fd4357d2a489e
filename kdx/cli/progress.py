"""How far a long work has come: a bar on a terminal, a line now and then in a log, silence in a pipe.

Never writes on stdout.
"""

import contextlib
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

from kdx.language import _, translate
from kdx.progress import SILENT, Progress
from kdx.report.shown import human_bytes, human_seconds
from kdx.report.tables import visible

if TYPE_CHECKING:
    from tqdm import tqdm

LOG_INTERVAL_S = 30.0


def choose_progress(stream: TextIO | None = None) -> Progress:
    """Return the progress that suits what stderr is: terminal, log (file or socket), or pipe."""
    stream = stream or sys.stderr
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return SILENT
    if stream.isatty():
        return LogLines(stream) if os.environ.get("TERM") == "dumb" else Bar(stream)
    if stat.S_ISREG(mode) or stat.S_ISSOCK(mode):
        return LogLines(stream)
    return SILENT


class Bar:
    """A bar on a terminal. Plain characters, no colour."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[NoReturn] | None = None

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Draw a bar for this work."""
        from tqdm import tqdm

        # a scan forks worker processes: no monitor thread, no lock shared between processes
        tqdm.monitor_interval = 0
        tqdm.set_lock(threading.RLock())
        size = unit == "bytes"
        self._bar = tqdm(
            desc=visible(translate(label)), total=total, unit="B" if size else " " + _("entries"), unit_scale=size,
            file=self._stream, ascii=True, dynamic_ncols=True, mininterval=0.2, miniters=1,
        )

    def advance(self, amount: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(amount)

    def done(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class LogLines:
    """At most one line every LOG_INTERVAL_S seconds, and one at the end of a work that took longer than that."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._label, self._unit = "", ""
        self._total: int | None = None
        self._amount = 0
        self._began = self._spoke = 0.0

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin counting; a short work never speaks."""
        self._label, self._total, self._unit, self._amount = label, total, unit, 0
        self._began = self._spoke = self._clock()

    def advance(self, amount: int) -> None:
        """Count, and speak when it is time."""
        self._amount += amount
        if self._clock() - self._spoke >= LOG_INTERVAL_S:
            self._speak()

    def done(self) -> None:
        """Say how far it came, if anything was said before."""
        if self._spoke > self._began:
            self._speak()

    def _speak(self) -> None:
        self._spoke = self._clock()
        done, total = self._shown(self._amount), "" if self._total is None else f" / {self._shown(self._total)}"
        took = human_seconds(self._spoke - self._began)
        with contextlib.suppress(OSError, ValueError):
            # a log that has gone away must not stop the work
            print(f"{visible(translate(self._label))}: {done}{total} ({took})", file=self._stream, flush=True)

    def _shown(self, amount: int) -> str:
        return human_bytes(amount) if self._unit == "bytes" else f"{amount:,} " + _("entries")
