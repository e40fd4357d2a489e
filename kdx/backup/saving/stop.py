"""The wish that a run ends before it is done: it seals what it has. Hears nothing itself; `cli/` tells it of signals.

Power that will fail, water that comes, a person at the keyboard: none of them can wait for the end of the night, and
what was read until then must count.
"""

import mmap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kdx.errors import ExitCode, KdxError
from kdx.language import N_

FINISH_SECONDS = 20.0
"""So long what is in hand may take to reach the vault; then it is left. The next run sends it."""
ONE_WISH_SECONDS = 1.0
"""Whoever stops a whole group of processes tells each of them, and each tells its children: that is one wish."""


class StoppedEarly(KdxError):
    """A run was asked to stop and has sealed what it had."""

    exit_code = ExitCode.INTERRUPTED
    message = N_(
        "Interrupted. What was read until then is in the vault as the partial snapshot {snapshot}; {waiting} files of "
        "{share} wait."
    )
    advice = N_("Start the same command again; it goes on where it stopped.")


class Stop:
    """Whether a run was asked to stop. Made before its workers are forked: they see the wish too."""

    def __init__(
        self, finish_seconds: float = FINISH_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._finish_seconds = finish_seconds
        self._clock = clock
        self._asked = mmap.mmap(-1, 1)
        self._at = 0.0
        self._can_end_well = False

    def is_asked(self) -> bool:
        """Whether to begin nothing new."""
        return self._asked[0] != 0

    def is_over(self) -> bool:
        """Whether not to wait any longer for what was in hand when the wish came."""
        return self.is_asked() and self._clock() - self._at >= self._finish_seconds

    def ask(self) -> None:
        """Ask once. KeyboardInterrupt where there is nothing to end well, and when it is asked again."""
        now = self._clock()
        if self.is_asked() and now - self._at < ONE_WISH_SECONDS:
            return
        is_first = not self.is_asked()
        if is_first:
            self._at, self._asked[0] = now, 1
        if not (is_first and self._can_end_well):
            raise KeyboardInterrupt

    @contextmanager
    def ending_well(self) -> Iterator[None]:
        """For the length of the block a wish is only noted: the block looks at it, and ends by itself."""
        self._can_end_well = True
        try:
            yield
        finally:
            self._can_end_well = False
