"""What a job may take of a school's line at any moment, asked again and again while it runs."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from kdx.config.model import Board, Share
from kdx.schedule.calendar import calendar_of
from kdx.state.folder import StateFolder
from kdx.state.limits import read_limit
from kdx.transfer.limit import Rate

ASKED_EVERY_SECONDS = 1.0


def rate_of(
    board: Board, state: StateFolder, share: Share, most: int | None, clock: Callable[[], datetime]
) -> Rate:
    """Return what tells the bytes per second a job about a share may take, never more than `most`.

    What the scheduler last said of the school holds while it speaks; else, where the share is read over the school's
    line, what the board leaves to jobs during lessons.
    """
    calendar, _unreadable = calendar_of(board)
    calendar = replace(calendar, rules=calendar.rules.of(share.school))
    line = board.schedule.own_line(share.school) if share.over_network else None

    def ask() -> int | None:
        said = read_limit(state, share.school)
        if said is None and share.over_network and calendar.in_class(clock()):
            said = calendar.rules.class_rate
        return min(filter(None, (said, line, most)), default=None)

    return once_a_second(ask)


def once_a_second(ask: Rate, clock: Callable[[], float] = time.monotonic) -> Rate:
    """Return the same, asked seldom: it reads a file and a calendar, and whoever moves bytes asks for every piece."""
    answer: tuple[float, int | None] | None = None

    def answered() -> int | None:
        nonlocal answer
        if answer is None or clock() - answer[0] >= ASKED_EVERY_SECONDS:
            answer = clock(), ask()
        return answer[1]

    return answered
