"""What happened, as versioned nouns: the one contract between scan, migration and whatever reads the ledger later.

An event only ever grows: a new field gets a default, a changed meaning gets a new version. `subject` is what the newest
event of a kind is asked for: a share's id for a scan, `SHARE-ID@ADDRESS` for what happens between a share and a target,
`SCHOOL-ID@ADDRESS` for a receipt (one speaks of several shares). Who reads takes the fields it knows from the body, and
nothing from a version it does not know; the ledger itself needs to understand no event to keep, list and verify it.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Subclasses name their kind and their subject."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    @property
    def subject(self) -> str:
        """What it happened to."""
        raise NotImplementedError

    def to_body(self) -> dict[str, Any]:
        """Return the fields as JSON values, with the event's version; times in UTC."""
        return {"version": self.version, **{field.name: _json(getattr(self, field.name)) for field in fields(self)}}


def _json(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"a time without a time zone: {value}")
    return value.astimezone(UTC).isoformat()


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
class KeyMade(Event):
    """A key pair was made."""

    kind: ClassVar[str] = "key.made"
    role: str
    fingerprint: str

    @property
    def subject(self) -> str:
        return self.role


@dataclass(frozen=True, slots=True)
class InventoryCreated(Event):
    """A new inventory folder was written."""

    kind: ClassVar[str] = "inventory.created"
    folder: str
    board: str

    @property
    def subject(self) -> str:
        return self.board


@dataclass(frozen=True, slots=True)
class CommandFailed(Event):
    """A command that acts ended with an error."""

    kind: ClassVar[str] = "command.failed"
    command: str
    exit_code: int
    message: str

    @property
    def subject(self) -> str:
        return self.command
