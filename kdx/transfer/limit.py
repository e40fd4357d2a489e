"""A cap on bytes per second, shared by all threads of one run. Reads no clock of its own."""

import math
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from mmap import mmap
from multiprocessing import get_context

BURST_SECONDS = 0.25
"""How much of a second may go at once: short enough that a school's line does not notice."""
PIECE_SECONDS = 5.0
"""The cap is asked for again after so long at the latest, also in the midst of one large take."""

Rate = Callable[[], int | None]
"""What may pass now in bytes per second; None is no cap. Asked again and again: lessons begin and end."""


class Limiter:
    """Hands out bytes so that their sum stays under the rate of the moment."""

    def __init__(
        self,
        rate: int | None | Rate,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.is_capped = rate is not None
        """Whether there is a cap at all, at this moment or at another."""
        self._rate: Rate = rate if callable(rate) else lambda: rate
        self._clock = clock
        self._sleep = sleep
        self._lock: AbstractContextManager[bool] = threading.Lock()
        self._free_at = clock()

    @property
    def burst(self) -> float:
        """How many bytes may go at once, at this moment."""
        rate = self._rate()
        return rate * BURST_SECONDS if rate else math.inf

    def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        for wait in self._waits(count):
            if wait > 0:
                self._sleep(wait)

    def _waits(self, count: int) -> Iterator[float]:
        # without a rate nobody waits for anybody, not even for the lock
        while count > 0 and (rate := self._rate()):
            with self._lock:
                piece = min(count, max(1, int(rate * PIECE_SECONDS)))
                now = self._clock()
                self._free_at = max(self._free_at, now - BURST_SECONDS) + piece / rate
                wait = self._free_at - now
            count -= piece
            yield wait


class SharedLimiter(Limiter):
    """One cap for all processes that are forked after it was made: whoever reads takes all that the others leave."""

    def __init__(self, rate: int | None | Rate) -> None:
        self._moment = mmap(-1, struct.calcsize("d"))
        super().__init__(rate)
        # a semaphore in memory: it is no open file, which a worker would let go of
        self._lock = get_context("fork").Lock()

    @property
    def _free_at(self) -> float:
        return float(struct.unpack_from("d", self._moment)[0])

    @_free_at.setter
    def _free_at(self, moment: float) -> None:
        struct.pack_into("d", self._moment, 0, moment)
