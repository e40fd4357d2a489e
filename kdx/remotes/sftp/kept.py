"""The one connection of a remote: made when it is first needed, kept, and made once more where it broke."""

from collections.abc import Callable
from typing import TypeVar

from kdx.remotes.sftp.connection import Connection, Door
from kdx.remotes.sftp.faults import LineBroken

Found = TypeVar("Found")


class KeptConnection:
    """Close it; it connects again when it is asked again."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._connection: Connection | None = None

    def get(self) -> Connection:
        """Return the connection. What connecting raises passes through."""
        if self._connection is not None and not self._connection.transport.is_active():
            self.close()
        if self._connection is None:
            self._connection = Connection(self._door)
        return self._connection

    def twice(self, work: Callable[[Connection], Found]) -> Found:
        """Do what may be done twice: once more on a new connection where the one that was kept is dead."""
        was_kept = self._connection is not None
        try:
            return work(self.get())
        except LineBroken:
            self.close()
            if not was_kept:
                raise
        return work(self.get())

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
