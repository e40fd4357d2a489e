"""What happened, as versioned nouns: the one contract between scan, migration and whatever reads the ledger later.

An event only ever grows: a new field gets a default, a changed meaning gets a new version. `subject` is what the newest
event of a kind is asked for: a share's id for a scan, `SHARE-ID@ADDRESS` for what happens between a share and a target,
`SCHOOL-ID@ADDRESS` for a receipt (one speaks of several shares). Who reads takes the fields it knows from the body, and
nothing from a version it does not know; the ledger itself needs to understand no event to keep, list and verify it.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
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

    @property
    def subject(self) -> str:
        return self.share_id


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


class Method(StrEnum):
    """How something was seen (the observation methods of OSCAL, NIST): tried, looked at, asked."""

    TEST = "TEST"
    EXAMINE = "EXAMINE"
    INTERVIEW = "INTERVIEW"


def _word(text: str) -> str:
    """Return free text so that it can stand between two #, and no two texts look alike."""
    return text.replace("%", "%25").replace("#", "%23")


def cell_subject(milestone: str, school: str, item: str) -> str:
    """Return the subject of what concerns a milestone at a school (empty: the city) and an item (mostly empty)."""
    return f"{milestone}@{school or '-'}" + (f"/{item}" if item else "")


@dataclass(frozen=True, slots=True)
class OfCell(Event):
    """What all events about one cell of the rollout say first. Dates are ISO 8601, empty where there is none."""

    milestone: str
    school: str
    """Empty: the city."""
    item: str
    """A counterpart or document; mostly empty."""

    @property
    def subject(self) -> str:
        return cell_subject(self.milestone, self.school, self.item)


@dataclass(frozen=True, slots=True)
class ClaimMade(OfCell):
    """Somebody says how far a milestone is. A claim proves nothing."""

    kind: ClassVar[str] = "rollout.claimed"
    state: str
    """"not started", "in progress" or "done"."""
    done: int | None
    total: int | None
    date: str
    """The day it was done on, as the claim says."""
    note: str


@dataclass(frozen=True, slots=True)
class PlanSet(OfCell):
    """A milestone was given a date to be done by and an owner."""

    kind: ClassVar[str] = "rollout.planned"
    planned: str
    owner: str


@dataclass(frozen=True, slots=True)
class ApprovalGiven(OfCell):
    """An office approved, or took its approval back. Without a signature it is marked wherever it is shown."""

    kind: ClassVar[str] = "rollout.approved"
    office: str
    date: str
    number: str
    """Of the document that says so."""
    scan_sha256: str
    withdrawn: bool
    signer: str
    signature: str

    @property
    def subject(self) -> str:
        return f"{cell_subject(self.milestone, self.school, self.item)}#{_word(self.office)}"


@dataclass(frozen=True, slots=True)
class WaiverGiven(OfCell):
    """One signer agrees that something need not be. It holds when two different signers agree to the same."""

    kind: ClassVar[str] = "rollout.waived"
    of: str
    """"milestone": it does not concern this place; "calendar": it may happen in a period to be avoided."""
    reason: str
    withdrawn: bool
    signer: str
    signature: str

    @property
    def subject(self) -> str:
        return f"{cell_subject(self.milestone, self.school, self.item)}#{self.of}#{_word(self.signer)}"


@dataclass(frozen=True, slots=True)
class BlockChanged(OfCell):
    """Something holds a milestone up, or does so no longer."""

    kind: ClassVar[str] = "rollout.blocked"
    open: bool
    cause: str
    owner: str
    next_action: str
    due: str


@dataclass(frozen=True, slots=True)
class ObservationMade(Event):
    """A check was made somewhere. The newest of each check, place, target, vantage and result is what counts."""

    kind: ClassVar[str] = "rollout.observed"
    check: str
    school: str
    item: str
    target: str
    """What was looked at: a host, a device, a report; mostly a name of hosts.yml."""
    vantage: str
    """Where it was looked from."""
    method: str
    result: str
    """"pass", "fail" or "unknown"; who could not reach it says unknown."""
    collected: datetime
    expires: datetime | None = None
    done: int | None = None
    total: int | None = None
    closed: bool = False
    """Whether what was seen is that something does not answer."""
    control: bool | None = None
    """Whether in the same run something on the same path did answer; a closed result counts only then."""
    run: str = ""
    value: str = ""
    raw_sha256: str = ""
    signer: str = ""
    signature: str = ""

    @property
    def subject(self) -> str:
        words = (self.target, self.vantage, self.result)
        return "#".join((cell_subject(self.check, self.school, self.item), *map(_word, words)))


@dataclass(frozen=True, slots=True)
class BaselineSet(Event):
    """The planned dates were put down under a name. Never replaced."""

    kind: ClassVar[str] = "rollout.baseline"
    name: str
    reason: str
    dates: dict[str, str]
    """Subject of a cell -> ISO date."""

    @property
    def subject(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ReportImported(Event):
    """A file was taken in: which one, read how, and how many of its rows changed something."""

    kind: ClassVar[str] = "rollout.imported"
    file: str
    sha256: str
    form: str
    """"sheet" for kdx's own, else the name of a column map."""
    encoding: str
    rows: int
    taken: int

    @property
    def subject(self) -> str:
        return self.sha256


@dataclass(frozen=True, slots=True)
class HazardObserved(Event):
    """What the weather means for a school, appended when it changes. Levels and perils as kdx/hazard/items.py."""

    kind: ClassVar[str] = "hazard.observed"
    school: str
    level: str
    acts_as: str
    perils: dict[str, str]
    reasons: list[str]
    """Codes and statuses of the warnings in force: "14 発表"."""
    doubts: list[str]
    observed: datetime
    known: datetime | None
    """When the level was last known."""
    sources: list[str]

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class ShareSeen(Event):
    """The scheduler met a share for the first time: from here the age of one that was never saved counts."""

    kind: ClassVar[str] = "share.seen"
    school: str
    share: str
    share_id: str

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass(frozen=True, slots=True)
class ScheduledJob(Event):
    """What the events of one scheduled job say first. `job` is save, copy or check; school is empty for the board's."""

    job: str
    school: str

    @property
    def subject(self) -> str:
        return f"{self.job} {self.school}".strip()


@dataclass(frozen=True, slots=True)
class JobStarted(ScheduledJob):
    """The scheduler started a job, and why. Rate in bytes per second, 0: unlimited."""

    kind: ClassVar[str] = "job.started"
    reasons: list[str]
    rate: int
    forecast: datetime
    """When it was expected to end."""
    deadline: datetime | None
    log: str


@dataclass(frozen=True, slots=True)
class JobEnded(ScheduledJob):
    """A scheduled job ended, with the exit code of its command; -1 where it was lost (power, kill -9)."""

    kind: ClassVar[str] = "job.ended"
    exit_code: int
    started: datetime
    ended: datetime
    log: str


@dataclass(frozen=True, slots=True)
class SchedulePaused(Event):
    """A person stopped a school's backups until a time; a time that has passed takes the pause back."""

    kind: ClassVar[str] = "schedule.paused"
    school: str
    until: datetime
    reason: str

    @property
    def subject(self) -> str:
        return self.school


@dataclass(frozen=True, slots=True)
class TroubleTold(Event):
    """A person was told of a trouble (over: that it has ended)."""

    kind: ClassVar[str] = "trouble.told"
    trouble: str
    """What stays the same while it lasts."""
    text: str
    over: bool

    @property
    def subject(self) -> str:
        return self.trouble
