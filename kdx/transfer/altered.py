"""Settle a file that the service may have rewritten after it arrived: as it was sent, or altered, and then how.

Bytes that are not those that were sent are never called proven, whatever is in them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.remotes import Place
from kdx.remotes.interface import NotFound, ReadFailed, Remote
from kdx.state.folder import full_disk_explained
from kdx.transfer.limit import Limiter
from kdx.transfer.package import Compared, Stand, compare
from kdx.transfer.reading import SMALL
from kdx.transfer.rows import Checked
from kdx.transfer.sources import Sources
from kdx.transfer.verify import How, Outcome

MOST = 1 << 30
"""Bytes of a file up to which it is looked into."""

HASHES = N_("sent with SHA-256 {sent}, read back with {there}; {content}")
LARGE = N_("not compared: too large to be looked into")
NOT_READ = N_("not compared: the source could not be read again ({why})")
CHANGED = N_("not compared: the source has changed since")

OUTCOMES = {
    Stand.SAME: Outcome.ALTERED_SAME, Stand.OTHER: Outcome.ALTERED_OTHER, Stand.UNCLEAR: Outcome.ALTERED,
}


@dataclass
class Originals:
    """The files as they were sent, read once more from a source that may be gone by now. Close it."""

    place: Place
    limiters: tuple[Limiter, ...]
    """The board's line and the school's."""
    scratch: Path
    """Folder for what does not fit into memory while two files are compared."""
    lost: KdxError | None = None
    """Why the source cannot be reached: it is not waited for again."""
    _sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self._sources = Sources(self.place)

    def close(self) -> None:
        """Let go of the source."""
        self._sources.close()

    def fetch(self, path: str, into: IO[bytes]) -> bytes:
        """Write a file into `into` and return its SHA-256. Raises what reading does, and whatever the place does."""
        if self.lost is not None:
            raise self.lost
        try:
            with self._sources.borrow() as source:
                return keep(source.read(path), into, self._take)[1]
        except (NotFound, ReadFailed):
            raise
        except KdxError as error:
            self.lost = error
            raise

    def _take(self, count: int) -> None:
        for limiter in self.limiters:
            limiter.take(count)


def settle_altered(
    row: Checked, target: Remote, take: Callable[[int], None], originals: Originals
) -> tuple[Checked, int]:
    """Return what came of a file that the service may have rewritten, and its size there. NotFound, ReadFailed."""
    with full_disk_explained(originals.scratch), _spool(originals.scratch) as there:
        size, digest = keep(target.read(row.target), there, take)
        if digest == row.sha256:
            return row._replace(outcome=Outcome.PROVEN, how=How.READ_BACK), size
        content = _content(row, there, originals) if size <= MOST else Compared(Stand.UNCLEAR, translate(LARGE))
    sent = row.sha256.hex() if row.sha256 else "?"
    why = translate(HASHES).format(sent=sent, there=digest.hex(), content=content.why)
    return row._replace(outcome=OUTCOMES[content.stand], why=why), size


def _content(row: Checked, there: IO[bytes], originals: Originals) -> Compared:
    if row.size > MOST:
        return Compared(Stand.UNCLEAR, translate(LARGE))
    with _spool(originals.scratch) as sent:
        try:
            digest = originals.fetch(row.path, sent)
        except KdxError as error:
            # a server that was switched off after the move takes nothing from what is known of the target
            return Compared(Stand.UNCLEAR, translate(NOT_READ).format(why=error))
        if digest != row.sha256:
            return Compared(Stand.UNCLEAR, translate(CHANGED))
        return compare(sent, there)


def keep(chunks: Iterable[bytes], into: IO[bytes], take: Callable[[int], None]) -> tuple[int, bytes]:
    """Write bytes into `into`, as far as they will be looked into; return how many there are, and their SHA-256."""
    size, digest = 0, sha256()
    for chunk in chunks:
        take(len(chunk))
        digest.update(chunk)
        size += len(chunk)
        if size <= MOST:
            into.write(chunk)
    return size, digest.digest()


def _spool(folder: Path) -> "SpooledTemporaryFile[bytes]":
    return SpooledTemporaryFile(SMALL, dir=str(folder))
