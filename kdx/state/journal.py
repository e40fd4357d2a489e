"""An append-only journal of JSON lines: what a long work has done so far, so that a killed one goes on.

Written by one process, flushed after every line or batch: SIGKILL costs at most the line being written. A half line at
the end is what a kill leaves and is ignored; half a line anywhere else is damage and is refused.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from kdx.state.folder import full_disk_explained


class Journal:
    """One open journal file. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with full_disk_explained(path.parent):
            _drop_half_line(path)
            self._file = path.open("ab", buffering=1 << 16)

    def write_lines(self, lines: Iterable[str]) -> None:
        """Add records, each a line of JSON with its newline; they survive SIGKILL after the next flush()."""
        with full_disk_explained(self.path.parent):
            self._file.write("".join(lines).encode("utf-8"))

    def flush(self) -> None:
        """Hand everything written so far to the kernel."""
        with full_disk_explained(self.path.parent):
            self._file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with full_disk_explained(self.path.parent):
            self._file.close()


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal, oldest first; nothing where there is none."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


def _drop_half_line(path: Path) -> None:
    """Cut the file after its last newline, so that the next record begins on a line of its own."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)
