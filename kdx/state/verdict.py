"""What verifying a ledger found: the walk over its rows, and faults told from notes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kdx.errors import ExitCode
from kdx.progress import Progress
from kdx.state.chain import CLOCK_BACK, Fault, Head, Row, Subject

LISTED = 1000
"""So many faults are listed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying the ledger found."""

    events: int
    head: Head
    faults: tuple[Fault, ...]
    """The first LISTED of them."""
    faults_more: int
    notes: tuple[Fault, ...]
    """What is worth knowing and no fault; the first LISTED of them."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, removed or added."""
        return not self.faults

    @property
    def exit_code(self) -> ExitCode:
        """5 where the ledger is not what was written."""
        return ExitCode.DONE if self.is_whole else ExitCode.DIFFERENCE


class Walk:
    """Passes rows on, counting them and noting the newest event of each subject."""

    def __init__(self, rows: Iterable[Row], progress: Progress) -> None:
        self._rows = rows
        self._progress = progress
        self.count = 0
        self.fold: dict[Subject, int] = {}

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            self.fold[row["kind"], row["subject"]] = row["id"]
            self._progress.advance(1)
            yield row


@dataclass(slots=True)
class Found:
    """Faults and notes, no more of each than a person reads, and how many faults are left over."""

    faults: list[Fault] = field(default_factory=list)
    more: int = 0
    notes: list[Fault] = field(default_factory=list)


def sort_out(faults: Iterable[Fault]) -> Found:
    """Tell faults from notes, and keep no more of them than a person reads."""
    found = Found()
    for fault in faults:
        if fault.what == CLOCK_BACK:
            found.notes.extend([fault] if len(found.notes) < LISTED else [])
        elif len(found.faults) < LISTED:
            found.faults.append(fault)
        else:
            found.more += 1
    return found


def verdict_of(events: int, head: Head, chain: Found, fold: Found) -> Verdict:
    """Return the verdict over the chain and the fold; what goes beyond LISTED is counted."""
    faults = (*chain.faults, *fold.faults)
    more = chain.more + fold.more + len(faults[LISTED:])
    return Verdict(events, head, faults[:LISTED], more, tuple(chain.notes))
