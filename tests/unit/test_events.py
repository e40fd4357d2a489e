"""Events are a contract: their kinds and fields only grow, and the ledger keeps even those it does not know."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import ClassVar

import pytest

from kdx.state.events.checklist import ChecklistFigure, ChecklistImported
from kdx.state.events.cutover import CutoverDecided, CutoverRehearsed, CutoverRolledBack, FreezeChecked
from kdx.state.events.event import Event
from kdx.state.events.house import CommandFailed, InventoryCreated, KeyMade
from kdx.state.events.moving import (
    DecisionsTaken,
    MigrationStopped,
    PlanMade,
    ReceiptIssued,
    RunFinished,
    ScanFinished,
    Transfer,
    VerifyFinished,
    transfer_subject,
)
from kdx.state.events.rollout import (
    ApprovalGiven,
    BaselineSet,
    BlockChanged,
    ClaimMade,
    ObservationMade,
    OfCell,
    PlanSet,
    ReportImported,
    WaiverGiven,
)
from kdx.state.events.saving import (
    BucketPrepared,
    DrillFinished,
    LocksAudited,
    RestoreFinished,
    RightsTried,
    SnapshotSealed,
    StoreTried,
    VaultCopied,
    VaultSwept,
    VaultVerified,
)
from kdx.state.events.scheduling import (
    HazardObserved,
    JobEnded,
    JobStarted,
    ScheduledJob,
    SchedulePaused,
    ShareSeen,
    TroubleTold,
)
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=9)))
TARGET = "s3://bucket/prefix"
NAMES = {"school": "shiken_es", "share": "共有", "share_id": "shiken_es-1", "target": TARGET}
OF_A_TRANSFER = {"school", "share", "share_id", "target"}

SCAN = ScanFinished("shiken_es", "共有", "shiken_es-1", 3, 2, 10, 0, 1, True, "a.parquet", "0" * 64, NOON, NOON)
PLAN = PlanMade(**NAMES, entries={"send": 2}, sizes={"send": 10}, catalog="a.parquet", plan_sha256="1" * 64)
DECISIONS = DecisionsTaken(
    **NAMES, file="answers.xlsx", file_sha256="4" * 64, counts={"rename": 2}, decided=3, decisions_sha256="5" * 64,
    profile="sharepoint", rules="2026-11-25",
)
RUN = RunFinished(
    **NAMES, sent=2, sent_bytes=10, failed={}, entries={"send": 2}, sizes={"send": 10}, plan_sha256="1" * 64,
    exit_code=0, started=NOON, ended=NOON,
)
VERIFY = VerifyFinished(
    **NAMES, level="checksum", outcomes={"proven": 2}, sizes={"proven": 10}, how={"store MD5": 2},
    plan_sha256="1" * 64, verified_sha256="2" * 64, exit_code=0, started=NOON, ended=NOON,
)
STOPPED = MigrationStopped(
    **NAMES, error="NeedsLogin", needs_login=True, undecided=False, exit_code=12, message="The login has expired."
)
REHEARSED = CutoverRehearsed(
    **NAMES, since=NOON, changed=2, changed_bytes=10, scan_seconds=1.0, move_seconds=2.0, verify_seconds=3.0,
    open_documents=1, canary="accepted", exit_code=0, started=NOON, ended=NOON,
)
FROZEN = FreezeChecked(
    **NAMES, canary="refused", canary_proves=True, differences=0, open_documents=0, started=NOON, ended=NOON
)
DECIDED = CutoverDecided(
    **NAMES, go=True, against=[], plan_sha256="1" * 64, verified_sha256="2" * 64, baseline_sha256="3" * 64, decided=NOON
)
ROLLED_BACK = CutoverRolledBack(**NAMES, changes={"added": 1}, canary="accepted", started=NOON, ended=NOON)
RECEIPT = ReceiptIssued("shiken_es", TARGET, ["shiken_es-1"], True, "3" * 64, "SHA256:x", "/srv/receipt")
OF_A_SNAPSHOT = {"school", "share", "share_id", "vault", "snapshot"}
SNAPSHOT = {
    "school": "shiken_es", "share": "共有", "share_id": "shiken_es-1", "vault": "5" * 32,
    "snapshot": "20261123T030000Z-000001",
}
SEALED = SnapshotSealed(
    **SNAPSHOT, sequence=1, seal_sha256="4" * 64, previous="", state="complete", reasons=[], waiting=0, entries=3,
    files=2, bytes=10, new=2, changed=0, gone=0, unread=0, ignored=1, stored_objects=2, stored_bytes=20, exit_code=0,
    started=NOON, sealed=NOON,
)
RESTORED = RestoreFinished(
    **SNAPSHOT, target="/srv/new", paths=[], files=2, bytes=10, failed=0, exit_code=0, started=NOON, ended=NOON
)
DRILLED = DrillFinished(
    **SNAPSHOT, whole=True, files=2, bytes=10, mismatches=0, passed=True, exit_code=0, started=NOON, ended=NOON
)
SWEPT = VaultSwept("shiken_es", "5" * 32, ["shiken_es-1/20261123T030000Z-000001"], 3, 30, 2, 20, 0, 0)
TRIED = StoreTried(TARGET, False, ["versions are listed"], ["a wrong MD5 is refused"])
KEY_TRIED = RightsTried(TARGET, "school", "shiken_es", ["delete a name"], [], [], 4)
PREPARED = BucketPrepared(TARGET, "GOVERNANCE", 35, [])
AUDITED = LocksAudited("shiken_es", "5" * 32, TARGET, 20, 3, {"short": 1}, NOON, 5)
VERIFIED = VaultVerified("shiken_es", "5" * 32, TARGET, True, 20, 200, 0, 0)
COPIED = VaultCopied("5" * 32, "/media/usb", 20, 200, 0, 0, 0)
KEY = KeyMade("board", "SHA256:x")
INVENTORY = InventoryCreated("/etc/kdx/inventory", "試験市教育委員会")
CELL = {"milestone": "fax_ended", "school": "shiken_es", "item": "vendors"}
CLAIM = ClaimMade(**CELL, state="done", done=38, total=42, date="2026-11-20", note="")
PLANNED = PlanSet("policy", "", "", planned="2026-12-25", owner="学校教育課")
APPROVAL = ApprovalGiven(
    **CELL, office="校長", date="2026-11-20", number="第12号", scan_sha256="4" * 64, withdrawn=False, signer="tanaka",
    signature="-----BEGIN",
)
WAIVER = WaiverGiven(**CELL, of="milestone", reason="FAXなし", withdrawn=False, signer="tanaka", signature="-----BEGIN")
BLOCK = BlockChanged(**CELL, open=True, cause="機器納期", owner="業者", next_action="督促", due="2026-12-01")
OBSERVATION = ObservationMade(
    check="wifi", school="shiken_es", item="", target="ap#1", vantage="職員室", method="TEST", result="pass",
    collected=NOON,
)
BASELINE = BaselineSet("2026-04", "当初計画", {"policy@-": "2026-12-25"})
IMPORT = ReportImported("mfa.csv", "5" * 64, "mfa", "cp932", 14, 3)
OF_A_CELL = {"milestone", "school", "item"}
FAILED = CommandFailed("kdx migrate run", 12, "The place does not answer.")
WEATHER = HazardObserved(
    "shiken_es", "unknown", "warning", {"water": "warning"}, ["03 発表"], ["r8"], NOON, None, ["https://x"]
)
SEEN = ShareSeen("shiken_es", "共有", "shiken_es-1")
STARTED = JobStarted("save", "shiken_es", reasons=["x"], rate=1, forecast=NOON, deadline=None, log="/x")
ENDED = JobEnded("save", "shiken_es", exit_code=0, started=NOON, ended=NOON, log="/x")
PAUSED = SchedulePaused("shiken_es", NOON, "工事")
TOLD = TroubleTold("rpo shiken_es-1", "x", False)

CONTRACT: dict[str, tuple[Event, str, set[str]]] = {
    "scan.finished": (
        SCAN, "shiken_es-1",
        {"school", "share", "share_id", "entries", "files", "bytes", "not_read", "left_by_rule", "read_content",
         "catalog", "catalog_sha256", "started", "ended"},
    ),
    "migration.planned": (
        PLAN, f"shiken_es-1@{TARGET}", {*OF_A_TRANSFER, "entries", "sizes", "catalog", "plan_sha256"}
    ),
    "decisions.taken": (
        DECISIONS, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "file", "file_sha256", "counts", "decided", "decisions_sha256", "profile", "rules"},
    ),
    "migration.ran": (
        RUN, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "sent", "sent_bytes", "failed", "entries", "sizes", "plan_sha256", "exit_code", "started",
         "ended"},
    ),
    "migration.verified": (
        VERIFY, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "level", "outcomes", "sizes", "how", "plan_sha256", "verified_sha256", "exit_code",
         "started", "ended"},
    ),
    "migration.stopped": (
        STOPPED, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "error", "needs_login", "undecided", "exit_code", "message"},
    ),
    "cutover.rehearsed": (
        REHEARSED, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "since", "changed", "changed_bytes", "scan_seconds", "move_seconds", "verify_seconds",
         "open_documents", "canary", "exit_code", "started", "ended"},
    ),
    "cutover.frozen": (
        FROZEN, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "canary", "canary_proves", "differences", "open_documents", "started", "ended"},
    ),
    "cutover.decided": (
        DECIDED, f"shiken_es-1@{TARGET}",
        {*OF_A_TRANSFER, "go", "against", "plan_sha256", "verified_sha256", "baseline_sha256", "decided"},
    ),
    "cutover.rolled-back": (
        ROLLED_BACK, f"shiken_es-1@{TARGET}", {*OF_A_TRANSFER, "changes", "canary", "started", "ended"},
    ),
    "receipt.issued": (
        RECEIPT, f"shiken_es@{TARGET}",
        {"school", "target", "shares", "whole", "receipt_sha256", "key_fingerprint", "path"},
    ),
    "snapshot.sealed": (
        SEALED, "shiken_es-1",
        {*OF_A_SNAPSHOT, "sequence", "seal_sha256", "previous", "state", "reasons", "waiting", "entries", "files",
         "bytes", "new", "changed", "gone", "unread", "ignored", "stored_objects", "stored_bytes", "exit_code",
         "started", "sealed"},
    ),
    "restore.finished": (
        RESTORED, "shiken_es-1@/srv/new",
        {*OF_A_SNAPSHOT, "target", "paths", "files", "bytes", "failed", "exit_code", "started", "ended"},
    ),
    "drill.finished": (
        DRILLED, "shiken_es-1",
        {*OF_A_SNAPSHOT, "whole", "files", "bytes", "mismatches", "passed", "exit_code", "started", "ended",
         "bytes_per_second", "forecast_seconds"},
    ),
    "vault.swept": (
        SWEPT, "shiken_es",
        {"school", "vault", "snapshots", "marked", "marked_bytes", "removed", "removed_bytes", "refused", "exit_code"},
    ),
    "store.tried": (TRIED, TARGET, {"place", "protects", "holds", "fails"}),
    "rights.tried": (
        KEY_TRIED, f"{TARGET} school shiken_es",
        {"place", "role", "school", "too_much", "too_little", "unknown", "exit_code"},
    ),
    "bucket.prepared": (PREPARED, TARGET, {"place", "mode", "days", "refused"}),
    "locks.audited": (
        AUDITED, f"{TARGET} shiken_es",
        {"school", "vault", "place", "looked_at", "extended", "findings", "locked_until", "exit_code"},
    ),
    "vault.verified": (
        VERIFIED, "shiken_es", {"school", "vault", "place", "full", "objects", "bytes", "findings", "exit_code"}
    ),
    "vault.copied": (COPIED, "/media/usb", {"vault", "place", "files", "bytes", "there", "damaged", "exit_code"}),
    "key.made": (KEY, "board", {"role", "fingerprint"}),
    "inventory.created": (INVENTORY, "試験市教育委員会", {"folder", "board"}),
    "rollout.claimed": (
        CLAIM, "fax_ended@shiken_es/vendors", {*OF_A_CELL, "state", "done", "total", "date", "note"}
    ),
    "rollout.planned": (PLANNED, "policy@-", {*OF_A_CELL, "planned", "owner"}),
    "rollout.approved": (
        APPROVAL, "fax_ended@shiken_es/vendors#校長",
        {*OF_A_CELL, "office", "date", "number", "scan_sha256", "withdrawn", "signer", "signature"},
    ),
    "rollout.waived": (
        WAIVER, "fax_ended@shiken_es/vendors#milestone#tanaka",
        {*OF_A_CELL, "of", "reason", "withdrawn", "signer", "signature"},
    ),
    "rollout.blocked": (
        BLOCK, "fax_ended@shiken_es/vendors", {*OF_A_CELL, "open", "cause", "owner", "next_action", "due"}
    ),
    "rollout.observed": (
        OBSERVATION, "wifi@shiken_es#ap%231#職員室#pass",
        {"check", "school", "item", "target", "vantage", "method", "result", "collected", "expires", "done", "total",
         "closed", "control", "run", "value", "raw_sha256", "signer", "signature"},
    ),
    "rollout.baseline": (BASELINE, "2026-04", {"name", "reason", "dates"}),
    "rollout.imported": (IMPORT, "5" * 64, {"file", "sha256", "form", "encoding", "rows", "taken"}),
    "command.failed": (FAILED, "kdx migrate run", {"command", "exit_code", "message"}),
    "hazard.observed": (
        WEATHER, "shiken_es",
        {"school", "level", "acts_as", "perils", "reasons", "doubts", "observed", "known", "sources"},
    ),
    "share.seen": (SEEN, "shiken_es-1", {"school", "share", "share_id"}),
    "job.started": (
        STARTED, "save shiken_es", {"job", "school", "reasons", "rate", "forecast", "deadline", "log"},
    ),
    "job.ended": (ENDED, "save shiken_es", {"job", "school", "exit_code", "started", "ended", "log"}),
    "schedule.paused": (PAUSED, "shiken_es", {"school", "until", "reason"}),
    "trouble.told": (TOLD, "rpo shiken_es-1", {"trouble", "text", "over"}),
    "checklist.imported": (
        ChecklistImported("a.csv", "0" * 64, "city", 2025, "final", "file", "cp932", 3), "city@2025/final",
        {"file", "sha256", "side", "fiscal_year", "edition", "source", "encoding", "rows"},
    ),
    "checklist.figure": (
        ChecklistFigure("city", "fax", 2025, "final", 3, 14, 214, "file", "2026-03-31", "0" * 64),
        "city/fax@2025/final",
        {"side", "item", "fiscal_year", "edition", "done", "total", "per_mille", "source", "published", "file_sha256"},
    ),
}
"""Kind -> an event, its subject, and the fields of version 1. A line may be added; none may be changed."""


def open_in(folder: Path) -> Ledger:
    return open_ledger(StateFolder(folder), actor="tester", request_id="r", clock=lambda: datetime.now(UTC))


@pytest.mark.parametrize("kind", CONTRACT)
def test_kinds_subjects_and_fields_stay_what_they_are(kind: str) -> None:
    event, subject, names = CONTRACT[kind]
    assert (event.kind, event.subject) == (kind, subject)
    assert names <= {field.name for field in fields(event)}
    assert event.to_body().keys() >= {"version", *names}


def test_every_event_is_in_the_contract() -> None:
    bases = (Event, Transfer, OfCell, ScheduledJob)
    classes = [each for base in bases for each in base.__subclasses__()]
    ours = {each.kind for each in classes if each.kind and each.__module__.startswith("kdx.state.events.")}
    assert ours == set(CONTRACT)


@pytest.mark.parametrize("kind", CONTRACT)
def test_what_is_read_back_is_what_was_said(tmp_path: Path, kind: str) -> None:
    event = CONTRACT[kind][0]
    with open_in(tmp_path) as ledger:
        ledger.append(event)
        [recorded] = ledger.present(kind, event.subject)
    assert recorded.body == event.to_body() == json.loads(json.dumps(event.to_body()))


def test_times_are_kept_in_utc_and_one_without_a_zone_is_refused() -> None:
    assert SCAN.to_body()["ended"] == "2026-11-23T03:00:00+00:00"
    naive = ScanFinished("", "", "", 0, 0, 0, 0, 0, True, "", "", datetime(2026, 11, 23), NOON)
    with pytest.raises(ValueError, match="time zone"):
        naive.to_body()


def test_the_newest_event_of_each_share_and_target_can_be_asked_for(tmp_path: Path) -> None:
    def plan(share_id: str, target: str, digest: str) -> PlanMade:
        return PlanMade("es", "共有", share_id, target, {}, {}, "a.parquet", digest)

    with open_in(tmp_path) as ledger:
        for event in (plan("a", "x", "1"), plan("a", "y", "2"), plan("b", "x", "3"), plan("a", "x", "4")):
            ledger.append(event)
        [newest] = ledger.present(PlanMade.kind, transfer_subject("a", "x"))
        assert newest.body["plan_sha256"] == "4"
        assert {event.body["plan_sha256"] for event in ledger.present(PlanMade.kind)} == {"2", "3", "4"}


@dataclass(frozen=True, slots=True)
class FromTheFuture(Event):
    """An event of a kind, or of a version, that this kdx has never heard of."""

    kind: ClassVar[str] = "drone.landed"
    version: ClassVar[int] = 99
    where: str = "roof"
    nested: tuple[object, ...] = ({"deep": [1, None, "屋上"]},)

    @property
    def subject(self) -> str:
        return "shiken_es"


def test_an_unknown_kind_or_version_breaks_neither_listing_nor_verification(tmp_path: Path) -> None:
    with open_in(tmp_path) as ledger:
        for event in (KEY, FromTheFuture(), KEY):
            ledger.append(event)
        [recorded] = ledger.present("drone.landed")
        assert recorded.body == {"version": 99, "where": "roof", "nested": [{"deep": [1, None, "屋上"]}]}
        assert [event.kind for event in ledger.events()] == ["key.made", "drone.landed", "key.made"]
        assert ledger.verify().faults == ()
