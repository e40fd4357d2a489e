"""What came of judging a file: line by line, before anything is taken. Nothing or all of it is."""

from dataclasses import dataclass
from enum import StrEnum

from kdx.errors import ExitCode
from kdx.language import N_
from kdx.state.events.event import Event


class Verdict(StrEnum):
    """What becomes of a line."""

    CHANGE = N_("change")
    CONFLICT = N_("conflict")
    PROBLEM = N_("problem")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file that is not as the ledger has it, or cannot be taken."""

    row: int
    place: str
    what: str
    verdict: Verdict
    before: str = ""
    """What the ledger says."""
    after: str = ""
    """What the file says."""
    why: str = ""
    """For a conflict or problem, already translated."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A whole file, judged."""

    file: str
    sha256: str
    form: str
    encoding: str
    rows: int
    lines: tuple[Line, ...]
    events: tuple[Event, ...]
    """What taking it in would write; empty where anything of it cannot be taken."""
    read_by: str = ""
    """Where the headings and figures of its column map come from, in the words of rollout.yml."""

    @property
    def is_fit(self) -> bool:
        """Whether all of it can be taken."""
        return all(line.verdict is Verdict.CHANGE for line in self.lines)

    @property
    def exit_code(self) -> ExitCode:
        """4 where a line is in conflict or cannot be read: then nothing was taken."""
        return ExitCode.DONE if self.is_fit else ExitCode.GATE
