"""How many bytes each target takes in a day, from the dated table of targets. Reads that table, and what
rclone's configuration says of the kinds of its remotes."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from kdx.config.model import Board, Target
from kdx.errors import KdxError
from kdx.inventory.assess.amounts import QUOTA
from kdx.inventory.assess.profile import NoProfile, load_tables
from kdx.remotes import place_of_target, profile_behind
from kdx.schedule.standing import Standing


def daily_limits(board: Board) -> dict[str, int]:
    """Return bytes a day by address, for the board's targets that have such a limit."""
    tables = load_tables(board.folder)
    limits = {}
    for target in board.targets:
        # what a target can hold may not be known, and its limit is not then
        with suppress(NoProfile):
            row = tables.profile_of(target, _behind(board, target)).rows.get(QUOTA)
            if row:
                limits[str(target.location)] = row.most
    return limits


def _behind(board: Board, target: Target) -> str:
    try:
        return profile_behind(place_of_target(board, target))
    except KdxError:
        return ""


def days_by_limit(board: Board, standings: Iterable[Standing], daily: Mapping[str, int]) -> dict[str, int]:
    """Return in how many days at the least what is left can go, by name of a target that has a daily limit."""
    left: dict[str, int] = {}
    for one in standings:
        left[one.target] = left.get(one.target, 0) + (one.left or 0)
    names = {str(target.location): target.name for target in board.targets}
    return {names[address]: -(-left.get(address, 0) // most) for address, most in daily.items()}
