"""The table of all migrations: a fold over the newest events, and what comes next."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share, Target
from kdx.report.migration_status import status_table
from kdx.state.events.event import Event
from kdx.state.events.moving import PlanMade, ReceiptIssued, RunFinished, VerifyFinished
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

SHARE = Share("es-1", "共有", "es", "fs", parse_location("/srv/share"), IgnoreRules("1", ()))
SCHOOL = School("es", "試験小学校", servers=(Server("fs", (SHARE,)),))
CLOUD = Target("cloud", parse_location("/target"))
BOARD = Board("試験市教育委員会", Path(), (SCHOOL,), (CLOUD,))
NAMES = {"school": "es", "share": "共有", "share_id": "es-1", "target": "/target"}
ONE = "es --share 共有 --to cloud"
TIME = datetime(2026, 11, 23, tzinfo=UTC)


def planned(plan: str = "p1", **entries: int) -> PlanMade:
    return PlanMade(**NAMES, entries=entries, sizes={word: 10 for word in entries}, catalog="c", plan_sha256=plan)


def ran(plan: str = "p1", **failed: int) -> RunFinished:
    return RunFinished(
        **NAMES, sent=3, sent_bytes=30, failed=failed, entries={"send": 3}, sizes={"send": 30}, plan_sha256=plan,
        exit_code=3 if failed else 0, started=TIME, ended=TIME,
    )


def verified(plan: str = "p1", exit_code: int = 0, **outcomes: int) -> VerifyFinished:
    return VerifyFinished(
        **NAMES, level="checksum", outcomes=outcomes or {"proven": 3}, sizes={}, how={}, plan_sha256=plan,
        verified_sha256="v", exit_code=exit_code, started=TIME, ended=TIME,
    )


RECEIPT = ReceiptIssued(
    school="es", target="/target", shares=["es-1"], whole=True, receipt_sha256="r", key_fingerprint="f", path="p"
)


def row_after(folder: Path, *events: Event) -> dict[str, object]:
    times = iter(TIME + timedelta(minutes=number) for number in range(100))
    with open_ledger(StateFolder(folder), actor="a", request_id="r", clock=lambda: next(times)) as ledger:
        for event in events:
            ledger.append(event)
        kinds = ("migration.planned", "migration.ran", "migration.verified", "receipt.issued")
        (row,) = status_table(BOARD, [SHARE], None, {kind: ledger.present(kind) for kind in kinds}).rows
    return dict(row)


@pytest.mark.parametrize(
    ("events", "to_move", "next_step"),
    [
        ([planned(send=3)], 3, f"kdx migrate run {ONE}"),
        ([planned(send=3, blocked=1)], 3, f"kdx assess {ONE} -o FILE.xlsx"),
        ([planned(send=3), ran()], 0, f"kdx migrate verify {ONE}"),
        ([ran(locked=2)], 2, f"kdx migrate run {ONE}"),
        ([ran(), verified()], 0, f"kdx migrate receipt {ONE} -o DIR"),
        ([ran(), verified(exit_code=5, different=1)], 0, f"kdx migrate run {ONE}"),
        ([ran(), verified(), RECEIPT], 0, "done"),
        ([ran(), verified(), RECEIPT, planned("p2", send=1)], 1, f"kdx migrate run {ONE}"),
        ([ran(), verified(), RECEIPT, ran("p2")], 0, f"kdx migrate verify {ONE}"),
        ([ran(), RECEIPT, verified()], 0, f"kdx migrate receipt {ONE} -o DIR"),
    ],
)
def test_the_next_step_follows_from_what_was_last_proven(tmp_path, events, to_move, next_step):
    row = row_after(tmp_path, *events)
    assert (row["to_move"], row["next"]) == (to_move, next_step)


def test_a_share_nobody_has_planned_stands_in_the_table_too():
    (row,) = status_table(BOARD, [SHARE], None, {}).rows
    assert row["next"] == "kdx migrate plan es"


def test_another_target_can_be_left_out(tmp_path):
    other = Target("other", parse_location("/other"))
    with open_ledger(StateFolder(tmp_path), actor="a", request_id="r", clock=lambda: TIME) as ledger:
        ledger.append(ran())
        present = {"migration.ran": ledger.present("migration.ran")}
    assert status_table(BOARD, [SHARE], other, present).rows == []
    assert len(status_table(BOARD, [SHARE], CLOUD, present).rows) == 1


def test_a_verification_of_an_older_plan_proves_nothing_now(tmp_path):
    assert row_after(tmp_path, ran("p1"), verified("p1"), ran("p2"))["proven"] is None
