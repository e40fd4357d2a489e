"""A cap on bytes per second, shared by all threads of one run. Reads no clock of its own."""

import threading
import time
from collections.abc import Callable

BURST_SECONDS = 0.25
"""How much of a second may go at once: short enough that a school's line does not notice."""


class Limiter:
    """Hands out bytes so that their sum stays under `bytes_per_second`; None lets everything through."""

    def __init__(
        self,
        bytes_per_second: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        if not self.rate:
            return
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now - BURST_SECONDS) + count / self.rate
            wait = self._free_at - now
        if wait > 0:
            self._sleep(wait)
