"""How many bytes each target takes in a day, from the dated table of targets. Reads that table and nothing else."""

from collections.abc import Iterable, Mapping

from kdx.config.model import Board
from kdx.inventory.assess.amounts import QUOTA
from kdx.inventory.assess.profile import load_tables
from kdx.schedule.standing import Standing


def daily_limits(board: Board) -> dict[str, int]:
    """Return bytes a day by address, for the board's targets that have such a limit."""
    tables = load_tables(board.folder)
    rows = {str(target.location): tables.profile_of(target).rows.get(QUOTA) for target in board.targets}
    return {address: row.most for address, row in rows.items() if row}


def days_by_limit(board: Board, standings: Iterable[Standing], daily: Mapping[str, int]) -> dict[str, int]:
    """Return in how many days at the least what is left can go, by name of a target that has a daily limit."""
    left: dict[str, int] = {}
    for one in standings:
        left[one.target] = left.get(one.target, 0) + (one.left or 0)
    names = {str(target.location): target.name for target in board.targets}
    return {names[address]: -(-left.get(address, 0) // most) for address, most in daily.items()}
