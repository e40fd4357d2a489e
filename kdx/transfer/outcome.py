"""What came of planning, running and verifying a transfer, in numbers: the exit code and the ledger's event follow."""

from dataclasses import dataclass
from datetime import datetime

from kdx.errors import ExitCode, gravest
from kdx.inventory.scanned import ScanResult
from kdx.state.events.moving import PlanMade, RunFinished, VerifyFinished
from kdx.transfer.copy import CONFLICT
from kdx.transfer.plan import Action
from kdx.transfer.records import Tally
from kdx.transfer.verify import OPEN, WRONG, Level

Names = dict[str, str]
"""school, share, share_id and target: what every event of a transfer says first."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan says: entries and bytes by Action."""

    tally: Tally
    scan: ScanResult
    plan_sha256: str

    @property
    def exit_code(self) -> ExitCode:
        """4 where a person must decide, 3 where something could not be read or waits."""
        return _graver(
            (ExitCode.GATE, self.tally.count(Action.BLOCKED)),
            (ExitCode.INCOMPLETE, self.tally.count(Action.UNREAD, Action.WAITING)),
        )

    def event(self, names: Names) -> PlanMade:
        """Return what the ledger keeps of it."""
        return PlanMade(
            **names,
            entries=self.tally.entries,
            sizes=self.tally.bytes,
            catalog=self.scan.catalog.name,
            plan_sha256=self.plan_sha256,
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did."""

    planned: Planned
    sent: Tally
    """By kind."""
    failed: dict[str, int]
    """Entries that were not taken, by reason."""
    started: datetime
    ended: datetime

    @property
    def exit_code(self) -> ExitCode:
        """4 where a name was taken meanwhile, 3 where something was not read."""
        taken = self.failed.get(CONFLICT, 0)
        mine = _graver((ExitCode.GATE, taken), (ExitCode.INCOMPLETE, sum(self.failed.values()) - taken))
        return gravest([self.planned.exit_code, mine])

    def event(self, names: Names) -> RunFinished:
        """Return what the ledger keeps of it."""
        return RunFinished(
            **names,
            sent=sum(self.sent.entries.values()),
            sent_bytes=sum(self.sent.bytes.values()),
            failed=self.failed,
            entries=self.planned.tally.entries,
            sizes=self.planned.tally.bytes,
            plan_sha256=self.planned.plan_sha256,
            exit_code=self.exit_code,
            started=self.started,
            ended=self.ended,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found: entries by Outcome, proven entries by How."""

    level: Level
    tally: Tally
    how: Tally
    started: datetime
    ended: datetime
    plan_sha256: str
    verified_sha256: str

    @property
    def exit_code(self) -> ExitCode:
        """5 where something differs or is missing, 3 where something is open, 0 where all is proven."""
        return _graver(
            (ExitCode.DIFFERENCE, self.tally.count(*WRONG)), (ExitCode.INCOMPLETE, self.tally.count(*OPEN))
        )

    def event(self, names: Names) -> VerifyFinished:
        """Return what the ledger keeps of it."""
        return VerifyFinished(
            **names,
            level=self.level,
            outcomes=self.tally.entries,
            sizes=self.tally.bytes,
            how=self.how.entries,
            plan_sha256=self.plan_sha256,
            verified_sha256=self.verified_sha256,
            exit_code=self.exit_code,
            started=self.started,
            ended=self.ended,
        )


def _graver(*found: tuple[ExitCode, int]) -> ExitCode:
    """Return the gravest of the codes whose count is not zero."""
    return gravest(code for code, count in found if count)
