"""SIGTERM and Ctrl-C, told to a command that can end well. Translates; decides nothing."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdx.backup.saving.stop import Stop


@contextmanager
def stopped_by_signals(stop: "Stop") -> Iterator["Stop"]:
    """For the length of the block a signal asks `stop` instead of interrupting whatever is under way."""

    def hear(number: int, frame: object) -> None:
        stop.ask()

    # a shell that started this in its background has SIGINT ignored: that is somebody's decision
    heard = [one for one in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(one) != signal.SIG_IGN]
    before = {number: signal.signal(number, hear) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
