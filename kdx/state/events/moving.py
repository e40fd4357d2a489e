"""What happens to a share on its way: scanned, planned, decided about, moved, verified, handed over."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from kdx.state.events.event import Event


def transfer_subject(share_id: str, target: str) -> str:
    """Return the subject of everything that happens between a share and a target."""
    return f"{share_id}@{target}"


@dataclass(frozen=True, slots=True)
class ScanFinished(Event):
    """A share was looked through and its catalog written. Sizes in bytes, digests hexadecimal, times aware."""

    kind: ClassVar[str] = "scan.finished"
    school: str
    share: str
    share_id: str
    entries: int
    files: int
    bytes: int
    not_read: int
    left_by_rule: int
    read_content: bool
    catalog: str
    catalog_sha256: str
    started: datetime
    ended: datetime

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass(frozen=True, slots=True)
class Transfer(Event):
    """What all events of one migration say first."""

    school: str
    share: str
    share_id: str
    target: str
    """Address of the target, without secrets."""

    @property
    def subject(self) -> str:
        return transfer_subject(self.share_id, self.target)


@dataclass(frozen=True, slots=True)
class PlanMade(Transfer):
    """A plan was made: entries and bytes by action."""

    kind: ClassVar[str] = "migration.planned"
    entries: dict[str, int]
    sizes: dict[str, int]
    catalog: str
    plan_sha256: str


@dataclass(frozen=True, slots=True)
class DecisionsTaken(Transfer):
    """A decisions file was accepted: what a school decided about entries that cannot or should not go as they are."""

    kind: ClassVar[str] = "decisions.taken"
    file: str
    """Name of the file, without its folder."""
    file_sha256: str
    counts: dict[str, int]
    """Answers in the file by decision, and the entries that were still undecided then."""
    decided: int
    """Accepted decisions of this migration, all files together."""
    decisions_sha256: str
    profile: str
    rules: str
    """Version of the table of targets."""


@dataclass(frozen=True, slots=True)
class RunFinished(Transfer):
    """A run came to its end: what was sent, what was not taken and why."""

    kind: ClassVar[str] = "migration.ran"
    sent: int
    sent_bytes: int
    failed: dict[str, int]
    entries: dict[str, int]
    sizes: dict[str, int]
    plan_sha256: str
    exit_code: int
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class MigrationStopped(Transfer):
    """A run came to no end: a place was silent, a login had expired, somebody must decide."""

    kind: ClassVar[str] = "migration.stopped"
    error: str
    """Name of the error's class."""
    needs_login: bool
    undecided: bool
    exit_code: int
    message: str


@dataclass(frozen=True, slots=True)
class VerifyFinished(Transfer):
    """A target was asked what it holds: entries and bytes by outcome, proven entries by how."""

    kind: ClassVar[str] = "migration.verified"
    level: str
    outcomes: dict[str, int]
    sizes: dict[str, int]
    how: dict[str, int]
    plan_sha256: str
    verified_sha256: str
    exit_code: int
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class ReceiptIssued(Event):
    """A receipt was signed."""

    kind: ClassVar[str] = "receipt.issued"
    school: str
    target: str
    shares: list[str]
    """Ids of the shares it speaks of."""
    whole: bool
    receipt_sha256: str
    key_fingerprint: str
    path: str

    @property
    def subject(self) -> str:
        return transfer_subject(self.school, self.target)
