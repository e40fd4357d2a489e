"""What a board took in of the ministry's checklist: the file, and each figure of it."""

from dataclasses import dataclass
from typing import ClassVar

from kdx.state.events.event import Event


@dataclass(frozen=True, slots=True)
class ChecklistImported(Event):
    """A file with answers to the checklist was taken in whole."""

    kind: ClassVar[str] = "checklist.imported"
    file: str
    sha256: str
    side: str
    """"city" or "nation"."""
    fiscal_year: int
    edition: str
    source: str
    encoding: str
    rows: int

    @property
    def subject(self) -> str:
        return f"{self.side}@{self.fiscal_year}/{self.edition}"


@dataclass(frozen=True, slots=True)
class ChecklistFigure(Event):
    """How many of how many schools do what an item asks for, in one year and edition."""

    kind: ClassVar[str] = "checklist.figure"
    side: str
    item: str
    fiscal_year: int
    edition: str
    done: int | None
    """None where only a rate was published."""
    total: int
    """Schools that answered."""
    per_mille: int
    """The rate in tenths of a per cent."""
    source: str
    published: str
    """ISO 8601, empty where it was not said."""
    file_sha256: str

    @property
    def subject(self) -> str:
        return f"{self.side}/{self.item}@{self.fiscal_year}/{self.edition}"
