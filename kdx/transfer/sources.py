"""Connections to the place that is read, lent to whoever reads, and no more of them than it bears.

Many threads write at once, because each waits for the store; a school's old NAS has few readers at a time. So readers
borrow, fetch a bundle of small files or one large one, and give back before they write.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kdx.errors import Unreachable
from kdx.remotes import Place
from kdx.remotes.interface import Remote


class Sources:
    """Connections to one place. Close it."""

    def __init__(self, place: Place, strain: Callable[[], None] = lambda: None) -> None:
        """`strain` is told when the place takes no further connection."""
        self._place = place
        self._strain = strain
        self._turn = threading.Condition()
        self._free: list[Remote] = []
        self._open = 0
        self._most: int | None = None
        """How many the place bears, None while nobody knows."""
        self._lost: BaseException | None = None
        """Why not even one could be opened: nobody who waits need find that out again."""

    @contextmanager
    def borrow(self) -> Iterator[Remote]:
        """Lend a connection for the length of the block. What opening the first one raises passes through."""
        remote = self._take()
        try:
            yield remote
        finally:
            with self._turn:
                self._free.append(remote)
                self._turn.notify()

    def close(self) -> None:
        """Let go of all connections; nobody may be reading any more."""
        for remote in self._free:
            remote.close()
        self._free.clear()

    def _take(self) -> Remote:
        while True:
            with self._turn:
                # before a second one is opened the first must have shown that the place can be reached at all
                while not self._free and self._open and (self._most is None or self._open >= self._most):
                    self._turn.wait()
                if self._lost is not None:
                    raise self._lost
                if self._free:
                    return self._free.pop()
                self._open += 1
                first = self._open == 1
            try:
                return self._open_one(first)
            except BaseException as error:
                with self._turn:
                    self._open -= 1
                    self._most = max(1, self._open)
                    self._lost = error if first else None
                    self._turn.notify_all()
                if first or not isinstance(error, Unreachable):
                    raise
                self._strain()

    def _open_one(self, first: bool) -> Remote:
        remote = self._place.open()
        try:
            if first:
                most = remote.capabilities.parallel
                with self._turn:
                    self._most = most
                    self._turn.notify_all()
            else:
                # some places connect only when they are asked something
                remote.stat("")
        except BaseException:
            remote.close()
            raise
        return remote
