"""The state folder: where kdx keeps what it remembers, and the locks that die with their process.

Facts about schools belong to `inventory/`, never here. Mode 700: catalogs hold names of files.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kdx.errors import ConfigurationError, DiskFull, Locked
from kdx.language import N_


class StateUnusable(ConfigurationError):
    """The state folder cannot be made or written."""

    message = N_("The state folder {folder} cannot be used: {why}.")
    advice = N_("Choose another with --state or KDX_STATE, or give this user the right to write there.")


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Paths below one root. Each method makes the folder it names."""

    root: Path

    def catalogs(self, share_id: str) -> Path:
        """Folder of the catalogs of one share, one Parquet file per scan."""
        return self._folder("catalogs", share_id)

    def scan(self, share_id: str) -> Path:
        """Folder of the journals of a scan in progress."""
        return self._folder("scans", share_id)

    def migration(self, share_id: str, target_id: str) -> Path:
        """Folder of one migration: plan, journals, what was written, the last verification."""
        return self._folder("migrations", share_id, target_id)

    def backup(self, share_id: str) -> Path:
        """Folder of a backup in progress: its outline, its lists, what its workers did."""
        return self._folder("backups", share_id)

    def restore(self, share_id: str) -> Path:
        """Folder of the restores of a share: which were begun where, and what one under way sorts."""
        return self._folder("restores", share_id)

    def drill(self, share_id: str) -> Path:
        """Folder of the drills of a share: what was read back when, and scratch while one is under way."""
        return self._folder("drills", share_id)

    def keys(self) -> Path:
        """Folder of this machine's private keys."""
        return self._folder("keys")

    def hazard(self) -> Path:
        """Folder of 気象庁's feeds as last fetched, and what is remembered of each school's weather."""
        return self._folder("hazard")

    def schedule(self) -> Path:
        """Folder of the scheduler: what it remembers, and the logs of its jobs."""
        return self._folder("schedule")

    def budget(self) -> Path:
        """Folder in which running jobs share the board's line: one locked file for each."""
        return self._folder("budget")

    @property
    def ledger(self) -> Path:
        """File of the ledger (SQLite)."""
        return self.root / "ledger.sqlite3"

    def _folder(self, *names: str) -> Path:
        folder = self.root.joinpath(*names)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateUnusable(folder=folder, why=error.strerror) from error
        return folder

    def holder(self, name: str) -> int | None:
        """Return the process that has the lock `name`; None where nobody has it, 0 where it has not said who it is."""
        try:
            with (self._folder("locks") / f"{name}.lock").open("r", encoding="ascii", errors="replace") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            text = (self._folder("locks") / f"{name}.lock").read_text("ascii", "replace").strip()
            return int(text) if text.isdecimal() else 0
        return None

    @contextmanager
    def lock(self, name: str) -> Iterator[int]:
        """Hold the lock `name` for the length of the block; gives its file number. Locked where another has it.

        flock dies with its process, however it dies: there is no stale lock to clean up.
        """
        path = self._folder("locks") / f"{name}.lock"
        with path.open("a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise Locked(subject=name, holder=file.read().strip() or "?") from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield file.fileno()


@contextmanager
def full_disk_explained(folder: Path) -> Iterator[None]:
    """Turn "no space left" in the block into DiskFull, which says what to do."""
    import errno

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder=folder) from error
        raise
