"""School names in tables whose facts know ids alone. Facts in, tables out; no I/O."""

import re
from collections.abc import Mapping
from dataclasses import replace

from kdx.config.model import Board
from kdx.report.tables import Table


def short_name(name: str) -> str:
    """Return a school's name as a table has room for it: 亀山市立加太小学校 is 加太小."""
    return re.sub(r"(小|中)学校$", r"\1", re.sub(r"^.+?[市町村区]立(?=.)", "", name))


def school_names(board: Board) -> Mapping[str, str]:
    """Return the name of every school by its id, and the board's own under the name of its part of the vault."""
    return {"-": board.name, **{school.id: school.name for school in board.schools}}


def with_names(table: Table, board: Board) -> Table:
    """Return a table whose column `school` says names. An id the inventory does not know stays."""
    names = school_names(board)
    return replace(table, rows=[_named(row, names) for row in table.rows])


def _named(row: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    school = str(row.get("school", ""))
    return {**row, "school": names.get(school, school)} if school else dict(row)
