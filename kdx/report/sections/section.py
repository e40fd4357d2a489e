"""What a section is, who may read it, and what all of them say alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from kdx.language import N_, _
from kdx.report.tables import Column, Row, Table
from kdx.survey import Survey

SCHOOL = Column("school", N_("School"))


class Audience(IntEnum):
    """Who may read it. Each reads what those before it may read, and more."""

    PUBLIC = 0
    SCHOOLS = 1
    BOARD = 2


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report: a chart, and the table that says the same."""

    title: str
    table: Table
    chart: str = ""
    audience: Audience = Audience.SCHOOLS
    """The first who may read it."""


def told(
    survey: Survey, title: str, columns: tuple[Column, ...], rows: Sequence[Row], notes: tuple[str, ...] = ()
) -> Table:
    """Return a table of facts that the survey gathered, with their date and source."""
    source = _("ledger #{id}").format(id=survey.overview.ledger_id)
    return Table(title, columns, rows, as_of=survey.now, source=source, notes=notes)
