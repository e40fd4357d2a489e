"""A restore as nouns: what it reads from, what is wished, what it did, and why it may not begin. Does nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kdx.backup.format.chain import Keys, Stored
from kdx.backup.format.vault import Vault
from kdx.backup.restoring.wanted import DAMAGED, PART_LOST, REFUSED, Fault, Selection
from kdx.errors import ExitCode, GateClosed, KdxError, gravest
from kdx.language import N_
from kdx.remotes import Place
from kdx.state.events.saving import RestoreFinished
from kdx.transfer.limit import Rate

LOST = frozenset({DAMAGED, REFUSED, PART_LOST})
"""Faults of the vault; the others are of the place that was written to."""


class NoSnapshot(GateClosed):
    """The vault has no snapshot that fits what was asked for."""

    message = N_("The vault holds no good snapshot of {share} that fits. It has: {known}.")
    advice = N_("To take one of these all the same, name it: --at {first}")


class NotInSnapshot(GateClosed):
    """What was asked for is not in the snapshot."""

    message = N_("{path} is not in the snapshot {snapshot}. Nothing was written.")
    advice = N_("Look for it in all snapshots with: kdx restore {school} --find {name}")


class TargetNotEmpty(GateClosed):
    """A whole share would be mixed with something else."""

    message = N_("{place} holds something already ({first}); a share is restored into an empty place.")
    advice = N_("Name an empty folder, or name the files you want: those are never written over anything.")


@dataclass(frozen=True, slots=True)
class Source:
    """A share as the vault holds it."""

    vault: Vault
    school: str
    """"-" for the board's own."""
    share: str
    """Its id."""
    name: str
    keys: Keys
    tail: str = ""
    """The newest snapshot this machine has sealed into this vault, as the ledger says."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    source: Source
    snapshot: Stored
    target: Place
    asked: Sequence[str]
    files: int
    bytes: int
    present: int
    folders: int
    links: int
    faults: tuple[Fault, ...]
    lost: Mapping[str, int]
    """What could not be put back -> for how many entries."""
    alarms: tuple[KdxError, ...]
    """What is wrong with the vault's seals."""
    started: datetime
    ended: datetime
    dry_run: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """5 where the vault did not hold what it should, 3 where something could not be written, 0 else."""
        codes = [ExitCode.DIFFERENCE if fault.why in LOST else ExitCode.INCOMPLETE for fault in self.faults]
        return gravest([*codes, *(alarm.exit_code for alarm in self.alarms)])

    def event(self) -> RestoreFinished:
        """Return what the ledger keeps of it."""
        return RestoreFinished(
            school=self.source.school,
            share=self.source.name,
            share_id=self.source.share,
            vault=self.source.vault.about.id,
            snapshot=str(self.snapshot.seal.name),
            target=str(self.target.location),
            paths=list(self.asked),
            files=self.files + self.present,
            bytes=self.bytes,
            failed=len(self.faults),
            exit_code=int(self.exit_code),
            started=self.started,
            ended=self.ended,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be restored, and how."""

    selection: Selection
    beside: bool = False
    """Whether it goes beside what is there, under names of its own; a whole share needs an empty place otherwise."""
    bandwidth: int | None | Rate = None
    """Bytes per second, or what tells them at any moment."""
    dry_run: bool = False
