"""What a scan's processes say to each other: errands, tasks, reports. Nothing but plain data, small enough to be one
message on a Unix socket.
"""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kdx.processes import Failure
from kdx.remotes import Place
from kdx.remotes.interface import Entry

BATCH_FILES = 256
BATCH_BYTES = 32 << 20
"""Up to so many files and bytes are hashed as one task: some 3 to 30 ms of work on one core, so that the last tasks of
a scan keep all cores busy, and so few messages that they cost nothing."""
BATCH_LETTERS = 20_000
"""What the paths of one task may weigh: at four bytes a letter well below what a Unix socket takes as one message."""
MESSAGE_BYTES = 1 << 18
"""Longer than any message."""


class Task(NamedTuple):
    """One thing to do: go through a folder with all below it, or hash files of one folder."""

    folder: Entry | None = None
    files: Sequence[Entry] = ()


class Report(NamedTuple):
    """What a worker says. Tasks are counted so that the parent knows when all is done."""

    given: int = 0
    """Tasks put back into the queue for others, said before they are put there."""
    finished: int = 0
    entries: int = 0
    """Entries written down."""
    hashed: int = 0
    """Files among them whose content was read."""
    bytes: int = 0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """What all workers of a scan need to know."""

    place: Place
    ignore: tuple[str, ...]
    read_content: bool
    """Hash files at once while walking; otherwise only those that are sent as tasks."""
    take: Callable[[int], None] | None
    """Waits until so many bytes may cross the line; None where nothing is read over one."""
    journals: Path
    """How the names of journals begin: a worker writes …-walk-NUMBER.ndjson or …-names-NUMBER.ndjson (what it saw, with
    content and without) and …-hash-NUMBER.ndjson (what it was sent to hash after a walk of names)."""

    def journal(self, stage: str, number: int) -> Path:
        """Return the journal of one worker."""
        return self.journals.with_name(f"{self.journals.name}-{stage}-{number}.ndjson")


def packed(task: Task) -> bytes:
    """Return a task as a message. Of files it says no more than a listing of names: they are looked at again anyway."""
    return pickle.dumps((task.folder and tuple(task.folder), [tuple(entry[:4]) for entry in task.files]))


def unpacked(message: bytes) -> Task:
    """Return the task of a message."""
    folder, files = pickle.loads(message)
    return Task(folder and Entry._make(folder), [Entry(*entry) for entry in files])
