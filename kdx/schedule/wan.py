"""A job's part of the board's line: what it may take in any case, and the budget all schools share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from kdx.config.location import Location
from kdx.config.model import Board, Share
from kdx.schedule.rate import once_a_second, rate_of
from kdx.state.folder import StateFolder
from kdx.transfer.budget import Weight, joined
from kdx.transfer.limit import Rate


@contextmanager
def part_of_line(
    board: Board, state: StateFolder, weight: Weight, own: Rate, *places: Location
) -> Iterator[Rate]:
    """Give what tells the bytes per second a job between `places` may take, as long as the block lasts.

    `own` is what it may take in any case (rate_of). Where all places lie on this machine nothing crosses the board's
    line, and that alone counts.
    """
    if all(place.scheme == "file" for place in places):
        yield own
        return
    with joined(state.budget(), weight, own, board.schedule.wan) as rate:
        yield once_a_second(rate)


@contextmanager
def line_for_reading(
    board: Board, state: StateFolder, share: Share, most: int | None, clock: Callable[[], datetime]
) -> Iterator[Rate]:
    """Give what tells the bytes per second that may be read at a share, never more than `most`, while the block lasts.

    It ranks with a migration: it is the look before one.
    """
    own = rate_of(board, state, share, most, clock)
    with part_of_line(board, state, Weight.MIGRATION, own, share.location) as rate:
        yield rate
