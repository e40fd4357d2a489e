"""What a drill of one share did, and how long a whole restore would take by it. Does nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kdx.backup.format.chain import Stored
from kdx.backup.restoring.restored import Source
from kdx.backup.restoring.wanted import Fault
from kdx.errors import ExitCode, KdxError, gravest
from kdx.state.events.saving import DrillFinished


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill of one share did."""

    source: Source
    snapshot: Stored
    whole: bool
    files: int
    """Files that were to come back."""
    bytes: int
    """Their sizes together."""
    faults: tuple[Fault, ...]
    alarms: tuple[KdxError, ...]
    started: datetime
    ended: datetime
    """Of the restore alone: comparing is not part of getting back to work."""
    proven: float
    """Part of what the vault holds of the share (0 to 1) that has come back in some drill."""
    oldest: datetime | None
    """When what waits longest came back; None where something never did."""
    too_large: int
    """Bytes that no week's budget has room for."""

    @property
    def seconds(self) -> float:
        """How long the restore took."""
        return (self.ended - self.started).total_seconds()

    @property
    def rate(self) -> float | None:
        """Bytes restored per second; None where nothing was."""
        return self.bytes / self.seconds if self.bytes and self.seconds > 0 else None

    @property
    def exit_code(self) -> ExitCode:
        """5 where anything did not come back as it was."""
        own = ExitCode.DIFFERENCE if self.faults else ExitCode.DONE
        return gravest((own, *(alarm.exit_code for alarm in self.alarms)))

    def event(self) -> DrillFinished:
        """Return what the ledger keeps of it."""
        counts = self.snapshot.seal.counts
        return DrillFinished(
            school=self.source.school,
            share=self.source.name,
            share_id=self.source.share,
            vault=self.source.vault.about.id,
            snapshot=str(self.snapshot.seal.name),
            whole=self.whole,
            files=self.files,
            bytes=self.bytes,
            mismatches=len(self.faults),
            passed=not self.faults,
            exit_code=int(self.exit_code),
            started=self.started,
            ended=self.ended,
            bytes_per_second=int(self.rate or 0),
            forecast_seconds=int(forecast([self], counts.bytes, counts.files) or 0),
        )


def forecast(drills: Sequence[Drill], size: int, files: int) -> float | None:
    """Return in how many seconds so much would be back, from how long these drills took; None where none read anything.

    By bytes and by files, whichever says longer: many small files take their time, whatever they weigh.
    """
    seconds = sum(drill.seconds for drill in drills if drill.files)
    read, count = sum(drill.bytes for drill in drills), sum(drill.files for drill in drills)
    if not read or not seconds:
        return None
    return seconds * max(size / read, files / count)
