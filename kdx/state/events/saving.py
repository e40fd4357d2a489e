"""What happens between a share and the vault: sealed, restored, drilled."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from kdx.state.events.event import Event
from kdx.state.events.moving import transfer_subject


@dataclass(frozen=True, slots=True)
class SnapshotSealed(Event):
    """A snapshot was sealed in the vault, or a checkpoint of a long run: the store must never show an older newest one.

    Sizes in bytes, digests hexadecimal, times aware; the words are those of kdx/backup/FORMAT.md.
    """

    kind: ClassVar[str] = "snapshot.sealed"
    school: str
    share: str
    share_id: str
    vault: str
    """Id of the vault, not its address: a vault may move."""
    snapshot: str
    """`<UTC>-<seq>`, the name of the seal."""
    sequence: int
    seal_sha256: str
    previous: str
    """The snapshot before; empty for the first."""
    state: str
    """complete, partial or suspect."""
    reasons: list[str]
    waiting: int
    """Files not come to yet: above 0 in a checkpoint."""
    entries: int
    files: int
    bytes: int
    new: int
    changed: int
    gone: int
    unread: int
    ignored: int
    stored_objects: int
    stored_bytes: int
    exit_code: int
    started: datetime
    sealed: datetime

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass(frozen=True, slots=True)
class RestoreFinished(Event):
    """Something was restored from a snapshot."""

    kind: ClassVar[str] = "restore.finished"
    school: str
    share: str
    share_id: str
    vault: str
    snapshot: str
    target: str
    """Address it was restored to."""
    paths: list[str]
    """What was asked for; empty for the whole share."""
    files: int
    bytes: int
    failed: int
    """Entries that could not be restored as they were."""
    exit_code: int
    started: datetime
    ended: datetime

    @property
    def subject(self) -> str:
        return transfer_subject(self.share_id, self.target)


@dataclass(frozen=True, slots=True)
class DrillFinished(Event):
    """A restore was done to prove that it can be. Duration is `ended` minus `started`."""

    kind: ClassVar[str] = "drill.finished"
    school: str
    share: str
    share_id: str
    vault: str
    snapshot: str
    whole: bool
    """Whether the whole share was restored, not a sample of it."""
    files: int
    bytes: int
    mismatches: int
    """Files that came back different or not at all."""
    passed: bool
    exit_code: int
    started: datetime
    ended: datetime
    bytes_per_second: int = 0
    """What the restore reached; 0 where too little came back to say."""
    forecast_seconds: int = 0
    """How long the whole share would take at this rate: extrapolated, never promised."""

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass(frozen=True, slots=True)
class VaultSwept(Event):
    """Snapshots of a school were let go, and objects that nobody needs were marked or removed. Sizes in bytes."""

    kind: ClassVar[str] = "vault.swept"
    school: str
    """"-" for the board's own."""
    vault: str
    snapshots: list[str]
    """SHARE-ID/SNAPSHOT that were let go."""
    marked: int
    marked_bytes: int
    removed: int
    removed_bytes: int
    refused: int
    exit_code: int

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class StoreTried(Event):
    """A store was tried: what it really does, not what it says."""

    kind: ClassVar[str] = "store.tried"
    place: str
    """Address, without secrets."""
    protects: bool
    """Whether a lock on it holds."""
    holds: list[str]
    """What held; English sentences of kdx.remotes.trials."""
    fails: list[str]

    @property
    def subject(self) -> str:
        return self.place


@dataclass(frozen=True, slots=True)
class RightsTried(Event):
    """The key of a role was tried: what it may do that it must not, and what it may not that it must."""

    kind: ClassVar[str] = "rights.tried"
    place: str
    role: str
    """school, board or auditor."""
    school: str
    """Empty where the key is not that of one school."""
    too_much: list[str]
    """English sentences of kdx.remotes.key_trials."""
    too_little: list[str]
    unknown: list[str]
    exit_code: int

    @property
    def subject(self) -> str:
        return f"{self.place} {self.role} {self.school}".rstrip()


@dataclass(frozen=True, slots=True)
class BucketPrepared(Event):
    """A bucket was made fit for a vault: what was asked of it, to be compared with what it does later."""

    kind: ClassVar[str] = "bucket.prepared"
    place: str
    mode: str
    """GOVERNANCE or COMPLIANCE."""
    days: int
    """So long every upload is to be locked."""
    refused: list[str]
    """What the store did not do; English sentences of kdx.remotes.buckets."""

    @property
    def subject(self) -> str:
        return self.place


@dataclass(frozen=True, slots=True)
class LocksAudited(Event):
    """The locks and versions of a school's part of the vault were looked at, and locks extended."""

    kind: ClassVar[str] = "locks.audited"
    school: str
    """"-" for the board's own."""
    vault: str
    place: str
    """Address, without secrets."""
    looked_at: int
    extended: int
    findings: dict[str, int]
    """What is wrong and how often: short, unlocked, missing, hidden, refused."""
    locked_until: datetime | None
    """Until then everything is locked; None where something is not."""
    exit_code: int

    @property
    def subject(self) -> str:
        return f"{self.place} {self.school}"


@dataclass(frozen=True, slots=True)
class VaultVerified(Event):
    """A school's part of the vault was verified."""

    kind: ClassVar[str] = "vault.verified"
    school: str
    """"-" for the board's own."""
    vault: str
    place: str
    full: bool
    """Whether every byte was read."""
    objects: int
    bytes: int
    """Read."""
    findings: int
    exit_code: int

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class VaultCopied(Event):
    """The vault was copied to another place."""

    kind: ClassVar[str] = "vault.copied"
    vault: str
    place: str
    """The copy's address, without secrets."""
    files: int
    bytes: int
    there: int
    """Files that were there already."""
    damaged: int
    exit_code: int

    @property
    def subject(self) -> str:
        return self.place
