"""What happens on the way of a school from its old server to the new place: rehearsed, frozen, decided, taken back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from kdx.state.events.moving import Transfer


@dataclass(frozen=True, slots=True)
class CutoverRehearsed(Transfer):
    """The delta was moved and verified as on the day, and timed."""

    kind: ClassVar[str] = "cutover.rehearsed"
    since: datetime | None
    """When the run before this one began; None where this was the first."""
    changed: int
    """Entries that were sent."""
    changed_bytes: int
    scan_seconds: float
    move_seconds: float
    verify_seconds: float
    open_documents: int
    canary: str
    """What a write into the canary folder met (kdx.cutover.freeze.Canary)."""
    exit_code: int
    """The gravest of run and verification."""
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class FreezeChecked(Transfer):
    """The old share was looked at twice: is it really read-only?"""

    kind: ClassVar[str] = "cutover.frozen"
    canary: str
    canary_proves: bool
    """Whether the same write had been accepted before: a refusal without that may only mean kdx's own account."""
    differences: int | None
    """Entries that were not the same in the first look and the last; None where the last is still to come."""
    open_documents: int
    """Of these, documents whose owner file is fresh."""
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class CutoverDecided(Transfer):
    """Go or no-go, and which checks said no."""

    kind: ClassVar[str] = "cutover.decided"
    go: bool
    against: list[str]
    """Ids of the checks that said no (kdx.cutover.judgement.CHECKS)."""
    plan_sha256: str
    verified_sha256: str
    baseline_sha256: str
    """Of the list of what lay at the target; empty on no-go."""
    decided: datetime


@dataclass(frozen=True, slots=True)
class CutoverRolledBack(Transfer):
    """The school went back to the old server. What changed at the target meanwhile, in numbers; it stays there."""

    kind: ClassVar[str] = "cutover.rolled-back"
    changes: dict[str, int]
    canary: str
    started: datetime
    ended: datetime
