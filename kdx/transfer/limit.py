"""A cap on bytes per second, shared by all threads of one run. Reads no clock of its own."""

import math
import threading
import time
from collections.abc import Callable, Iterator

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
        self._lock = threading.Lock()
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
        while count > 0:
            with self._lock:
                rate = self._rate()
                if not rate:
                    return
                piece = min(count, max(1, int(rate * PIECE_SECONDS)))
                now = self._clock()
                self._free_at = max(self._free_at, now - BURST_SECONDS) + piece / rate
                wait = self._free_at - now
            count -= piece
            yield wait


def shared(rate: int | None | Rate, parts: int) -> Rate | None:
    """Return what each of several processes may take, so that together they take no more than `rate`."""
    if rate is None:
        return None

    def part() -> int | None:
        whole = rate() if callable(rate) else rate
        return max(1, whole // parts) if whole else None

    return part
