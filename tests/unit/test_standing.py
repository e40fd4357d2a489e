"""Who must do something before a migration goes on, what is left, and by which day: from the ledger's events."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share, Target
from kdx.config.scheduling import Scheduling, Wave
from kdx.report.migration_status import WAITS, fleet_table
from kdx.schedule.calendar import Calendar, Holidays
from kdx.schedule.standing import Standing, Waits, standings
from kdx.state.events.cutover import CutoverDecided, CutoverRolledBack
from kdx.state.events.event import Event
from kdx.state.events.moving import (
    MigrationStopped,
    PlanMade,
    ReceiptIssued,
    RunFinished,
    ScanFinished,
    VerifyFinished,
)
from kdx.state.ledger import Recorded

SHARE = Share("es-1", "共有", "es", "fs", parse_location("smb://u@fs/x"), IgnoreRules("1", ()))
CLOUD = Target("cloud", parse_location("/target"))
BOARD = Board("試験市教育委員会", Path(), (School("es", "試験小学校", servers=(Server("fs", (SHARE,)),)),), (CLOUD,))
NAMES = {"school": "es", "share": "共有", "share_id": "es-1", "target": "/target"}
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Tokyo")
GIGA = 10**9

SCANNED = ScanFinished("es", "共有", "es-1", 3, 2, 5 * GIGA, 0, 0, False, "c", "0", NOW, NOW)
GO = CutoverDecided(
    **NAMES, go=True, against=[], plan_sha256="p", verified_sha256="v", baseline_sha256="b", decided=NOW
)
BACK = CutoverRolledBack(**NAMES, changes={}, canary="not asked", started=NOW, ended=NOW)
RECEIPT = ReceiptIssued("es", "/target", ["es-1"], True, "r", "f", "p")


def planned(**sizes: int) -> PlanMade:
    return PlanMade(**NAMES, entries={word: 1 for word in sizes}, sizes=sizes, catalog="c", plan_sha256="p")


def ran(failed: int = 0, **sizes: int) -> RunFinished:
    return RunFinished(
        **NAMES, sent=3, sent_bytes=2 * GIGA, failed={"locked": failed} if failed else {}, plan_sha256="p",
        entries={word: 1 for word in sizes}, sizes=sizes or {"send": 2 * GIGA}, exit_code=0,
        started=NOW - timedelta(seconds=1000), ended=NOW,
    )


def verified(exit_code: int = 0) -> VerifyFinished:
    return VerifyFinished(
        **NAMES, level="checksum", outcomes={}, sizes={}, how={}, plan_sha256="p", verified_sha256="v",
        exit_code=exit_code, started=NOW, ended=NOW,
    )


def stopped(exit_code: int = 12, login: bool = False, undecided: bool = False) -> MigrationStopped:
    return MigrationStopped(
        **NAMES, error="x", needs_login=login, undecided=undecided, exit_code=exit_code, message="why"
    )


def after(*events: Event, board: Board = BOARD, now: datetime = NOW) -> Standing:
    found = [
        Recorded(number, NOW, "a", "r", event.kind, event.subject, event.to_body(), "")
        for number, event in enumerate(events, 1)
    ]
    present = {one.kind: [one] for one in found}
    runs = [one for one in found if one.kind == RunFinished.kind]
    (standing,) = standings(board, Calendar(ZONE, board.schedule, Holidays()), present, runs, {}, now)
    return standing


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ([], Waits.SCAN),
        ([SCANNED], Waits.PLAN),
        ([planned(send=5)], Waits.NOTHING),
        ([planned(send=5, blocked=1)], Waits.DECISIONS),
        ([planned(send=5, waiting=1)], Waits.DECISIONS),
        ([planned(send=5), stopped(4, undecided=True)], Waits.DECISIONS),
        ([planned(send=5), stopped(4)], Waits.TAKEN),
        ([planned(send=5), stopped(12)], Waits.SERVER),
        ([planned(send=5), stopped(12, login=True)], Waits.LOGIN),
        ([stopped(12), ran()], Waits.PROOF),
        ([ran(failed=2)], Waits.OPEN_FILES),
        ([ran(), verified(5)], Waits.PROOF),
        ([ran(), verified()], Waits.RECEIPT),
        ([ran(), RECEIPT, verified()], Waits.RECEIPT),
        ([ran(), verified(), RECEIPT], Waits.CUTOVER),
        ([ran(), verified(), RECEIPT, GO], Waits.DONE),
        ([ran(), verified(), RECEIPT, GO, BACK], Waits.CUTOVER),
    ],
)
def test_who_is_asked_follows_from_what_happened_last(events: list[Event], waits: Waits) -> None:
    assert after(*events).waits is waits
    assert set(WAITS) == set(Waits)


@pytest.mark.parametrize(
    ("events", "moved", "left"),
    [
        ([], None, None),
        ([SCANNED], 0, 5 * GIGA),
        ([planned(send=5, replace=2, present=3, extra=9)], 3, 7),
        ([ran(send=2 * GIGA, present=3)], 2 * GIGA + 3, 0),
        ([ran(failed=1, send=3 * GIGA)], 2 * GIGA, GIGA),
    ],
)
def test_what_is_moved_and_left_is_counted_in_bytes(events: list[Event], moved: int | None, left: int | None) -> None:
    found = after(*events)
    assert (found.moved, found.left) == (moved, left)


def test_the_day_follows_from_the_speed_of_former_runs() -> None:
    found = after(ran(), planned(send=72 * GIGA))
    assert found.rate == 2_000_000
    assert found.finish is not None and (found.finish - NOW).total_seconds() == pytest.approx(36_000, abs=5)


def test_what_stands_still_has_no_day_and_a_wave_has_its_own() -> None:
    assert after(planned(send=5, blocked=1)).finish is None
    waves = replace(BOARD, schedule=Scheduling(waves=(Wave(("es",), date(2026, 12, 24)),)))
    found = after(planned(send=5), board=waves)
    assert found.wave == 1 and found.finish is not None and found.finish.astimezone(ZONE).date() == date(2026, 12, 24)


def test_the_table_sums_up_and_names_the_last_day() -> None:
    table = fleet_table(BOARD, [after(ran(), planned(send=72 * GIGA, present=GIGA))], {"cloud": 3}, NOW, ZONE, 7)
    assert table.rows[0]["school"] == "試験小学校" and table.rows[0]["target"] == "cloud"
    assert "1,000,000,000 of 73,000,000,000" in table.notes[0]
    assert any("2026-12-01" in note for note in table.notes) and any("3 days" in note for note in table.notes)
