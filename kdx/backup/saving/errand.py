"""What a run and its workers say to each other, and the lines workers write down. Plain data, no decision."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kdx.backup.format.manifest import LINK, NOTHING, OBJECT, path_field, time_field
from kdx.backup.format.vault import Vault
from kdx.backup.saving.places import Claims, Lookup
from kdx.backup.saving.stop import Stop
from kdx.processes import Failure
from kdx.remotes import Place
from kdx.remotes.interface import Entry
from kdx.transfer.limit import Limiter

BATCH_FILES = 128
BATCH_BYTES = 16 << 20
"""Up to so many files and bytes are one task, so that all cores are busy to the end."""
MESSAGE_BYTES = 1 << 16

CLAIMED = b"="
"""Instead of an object: this content is in a pack of this run; which one is known once all of them are closed."""
SAME = b"~"
"""Instead of an object: this content lies where the last version of this file did."""
PACK_MARK = b"@"
"""Before a number instead of an object: the pack of that number of this worker. Alone: that pack has its name now."""
FAILED = b"!"


@dataclass(frozen=True, slots=True)
class Errand:
    """What all workers of a run have in common."""

    source: Place
    vault: Vault
    school: str
    scratch: Path
    attempt: str
    lookup: Lookup
    claims: Claims
    present: dict[str, int]
    """Objects that were in the vault when the run began, and their sizes; only those that may be relied on."""
    taken: frozenset[str]
    """Names of objects that are there and damaged or marked."""
    reading: Limiter
    sending: Limiter
    """What all workers together may read and send."""
    stop: Stop
    """Workers look at it between files."""

    def journal(self, worker: int) -> Path:
        """The file in which a worker writes down what it did."""
        return self.scratch / f"{self.attempt}-{worker}.rows"

    def todo(self, bucket: str) -> Path:
        """The file that lists what is to be read of one fiscal year."""
        return self.scratch / f"{self.attempt}-{bucket}.todo"


class Task(NamedTuple):
    """Some lines of a todo list."""

    bucket: str
    number: int
    offset: int
    length: int
    files: int
    bytes: int


class Report(NamedTuple):
    """What a worker says: a task is done, an object is stored, or all of its packs are closed."""

    worker: int
    bucket: str = ""
    number: int = -1
    """Of the task that is done; -1 where none is."""
    offset: int = 0
    length: int = 0
    """Where its rows stand in the worker's journal."""
    files: int = 0
    bytes: int = 0
    objects: int = 0
    stored: int = 0
    """Objects stored since the last report, and their bytes."""
    packs: tuple[tuple[int, str], ...] = ()
    """Packs stored since the last report: this worker's number of each, and its name."""
    failure: Failure | None = None


def file_row(
    entry: Entry, acl: bytes, digest: bytes, path: bytes, place: bytes, offset: int, length: int
) -> bytes:
    """Return the row of a file or of one piece of it; `acl`, `path` and `place` as they are written."""
    stored = b"%d\t%d" % (offset, length) if place != NOTHING else b"-\t-"
    return b"\t".join(
        (
            b"file", digest, b"%d" % entry.size, time_field(entry.mtime_ns), acl,
            path_field(entry.file_id) or NOTHING, place, stored, path, b"-\n",
        )
    )


def other_row(entry: Entry, acl: bytes) -> bytes:
    """Return the row of a folder or link."""
    kind = entry.kind.encode("ascii")
    link = path_field(entry.link) if entry.kind == "link" else NOTHING
    start = kind + b"\t-\t-\t" + time_field(entry.mtime_ns) + b"\t" + acl
    return start + b"\t-\t-\t-\t-\t" + path_field(entry.path) + b"\t" + link + b"\n"


def failed_line(kind: str, reason: str, path: bytes) -> bytes:
    """Return the line of a file that could not be read."""
    return b"\t".join((FAILED, kind.encode("ascii"), reason.encode("ascii"), path)) + b"\n"


def with_place(row: bytes, place: bytes, offset: bytes, length: bytes) -> bytes:
    """Return a row with another place."""
    fields = row.split(b"\t")
    fields[OBJECT : LINK - 1] = (place, offset, length)
    return b"\t".join(fields)
