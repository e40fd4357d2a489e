"""What a tick knows of the past is a fold over the ledger, and what it tells a person it tells once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share
from kdx.config.scheduling import Scheduling
from kdx.schedule.gather import situation_of
from kdx.schedule.history import History, ToldRecord, fold, read_history
from kdx.schedule.troubles import Trouble, speak
from kdx.state.events.event import Event
from kdx.state.events.scheduling import JobEnded, JobStarted, SchedulePaused, ShareSeen, TroubleTold
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, Recorded, open_ledger

TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 11, 25, 12, tzinfo=TOKYO)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sealed(Event):
    """A snapshot as the vault records it."""

    kind: ClassVar[str] = "snapshot.sealed"
    share_id: str
    state: str
    started: datetime
    ended: datetime
    new_bytes: int
    school: str = "a_es"
    share: str = "共有"

    @property
    def subject(self) -> str:
        return self.share_id


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(StateFolder(tmp_path), actor="tester", request_id="r", clock=lambda: NOON)


def sealed(hours: float, state: str = "complete", size: int = 100, minutes: int = 2) -> Sealed:
    start = NOON + timedelta(hours=hours)
    return Sealed("a-1", state, start, start + minutes * MINUTE, size)


def test_only_a_good_snapshot_makes_a_share_young(ledger: Ledger) -> None:
    seen = ShareSeen("a_es", "共有", "a-1")
    for event in (seen, sealed(-40), sealed(-16), sealed(-2, "suspect"), sealed(-1, "partial")):
        ledger.append(event)
    record = read_history(ledger).shares["a-1"]
    assert (record.saved, record.seen) == (NOON - timedelta(hours=16), NOON)


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ({"state": "complete"}, True), ({"state": "suspect"}, False), ({"state": "partial"}, False),
        ({"state": "partial", "waiting": 0, "reasons": ["locked 2", "changed 1"]}, True),
        ({"state": "partial", "waiting": 0, "reasons": ["locked 2", "denied 1"]}, False),
        ({"state": "partial", "waiting": 9, "reasons": ["locked 2"]}, False),
        ({"state": "partial", "waiting": 0, "reasons": ["checkpoint"]}, False),
        ({"state": "partial", "counts": True}, True), ({"state": "complete", "counts": False}, False),
    ],
)
def test_a_partial_snapshot_counts_where_it_lacks_only_what_somebody_had_open(
    body: dict[str, Any], counts: bool
) -> None:
    def event(id: int, hours: int, **more: Any) -> Recorded:
        start = (NOON + timedelta(hours=hours)).isoformat()
        return Recorded(id, NOON, "x", "r", "snapshot.sealed", "a-1", {"started": start, "sealed": start, **more}, "")

    first = event(1, -40, state="complete", stored_bytes=5)
    saved = fold(History(), [first, event(2, -10, **body)]).shares["a-1"].saved
    assert saved == NOON - timedelta(hours=10 if counts else 40)
    if body["state"] == "partial" and "counts" not in body:
        assert fold(History(), [event(2, -10, **body)]).shares["a-1"].saved is None


def test_growth_and_speed_are_those_of_the_runs(ledger: Ledger) -> None:
    for event in (sealed(-48, size=10**9, minutes=10), sealed(-24, size=2400), sealed(0, size=4800)):
        ledger.append(event)
    record = read_history(ledger).shares["a-1"]
    assert record.growth == pytest.approx(0.7 * 100 + 0.3 * 200)
    assert record.rate == pytest.approx(10**9 / 600) and record.seconds == 120


def test_a_job_is_open_until_its_end_and_failures_count_in_a_row(ledger: Ledger) -> None:
    def started() -> None:
        ledger.append(JobStarted("save", "a_es", reasons=[], rate=1, forecast=NOON, deadline=None, log="/l"))

    def ended(code: int, stopped: bool) -> None:
        end = JobEnded("save", "a_es", exit_code=code, started=NOON, ended=NOON, log="/l", stopped=stopped)
        ledger.append(end)

    for code, stopped, failures in (
        (12, False, 1), (-1, False, 2), (130, True, 0), (130, False, 1), (1, False, 2), (3, False, 0), (0, False, 0)
    ):
        started()
        assert read_history(ledger).jobs["save a_es"].open
        ended(code, stopped)
        record = read_history(ledger).jobs["save a_es"]
        assert (record.open, record.failures) == (False, failures)
    assert record.good == NOON


@pytest.mark.parametrize(
    ("code", "stopped", "failures"), [(130, True, 0), (143, True, 0), (130, False, 1), (1, True, 1)],
)
def test_a_job_that_was_asked_to_stop_and_did_is_nobodys_failure(
    ledger: Ledger, code: int, stopped: bool, failures: int
) -> None:
    ledger.append(JobEnded("save", "a_es", exit_code=code, started=NOON, ended=NOON, log="/l", stopped=stopped))
    assert read_history(ledger).jobs["save a_es"].failures == failures


def test_the_kept_fold_reads_only_what_is_new_and_is_thrown_away_where_it_does_not_fit(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = tmp_path / "history.json"
    for event in (sealed(-40), SchedulePaused("a_es", NOON, "工事"), TroubleTold("x", "text", False)):
        ledger.append(event)
    first = read_history(ledger, path)
    assert first == read_history(ledger, path) and (first.pauses["a_es"].reason, first.event) == ("工事", 3)
    ledger.append(sealed(-1))
    assert read_history(ledger, path).shares["a-1"].saved == NOON - timedelta(hours=1)
    whole = read_history(ledger)
    ahead = path.read_bytes().replace(b'"event": 4', b'"event": 99')
    for damage in (b"", b"{", b'{"form": 0}', b'{"form": 1, "event": "x"}', ahead):
        path.write_bytes(damage)
        assert read_history(ledger, path) == whole


bodies = st.dictionaries(
    st.sampled_from(["state", "started", "ended", "new_bytes", "share_id", "exit_code", "until", "over", "good"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-11-25T12:00:00+09:00")
    | st.just("complete") | st.floats(), max_size=6,
)


def test_a_clock_that_ran_ahead_makes_no_share_young_and_no_job_wait(ledger: Ledger, tmp_path: Path) -> None:
    share = Share("a-1", "共有", "a_es", "fs", parse_location("/srv/a"), IgnoreRules("1", ()))
    board = Board("x", tmp_path, (School("a_es", "あ", servers=(Server("fs", (share,)),)),))
    for event in (ShareSeen("a_es", "共有", "a-1"), sealed(-40), sealed(9000)):
        ledger.append(event)
    ahead = NOON + timedelta(days=300)
    ledger._clock = lambda: ahead
    ledger.append(JobStarted("save", "a_es", reasons=[], rate=1, forecast=NOON, deadline=None, log="/l"))
    ledger.append(JobEnded("save", "a_es", exit_code=12, started=NOON, ended=NOON, log="/l"))
    found = situation_of(board, read_history(ledger), {}, StateFolder(tmp_path), NOON).schools[0]
    assert (found.shares[0].saved, found.shares[0].known_since, found.tried) == (None, NOON, NOON)
    ledger.append(sealed(-1))
    found = situation_of(board, read_history(ledger), {}, StateFolder(tmp_path), NOON).schools[0]
    assert found.shares[0].saved == NOON - timedelta(hours=1)


KINDS = ["snapshot.sealed", "job.ended", "schedule.paused", "trouble.told"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), bodies)))
def test_bodies_of_another_making_never_stop_a_tick(events: list[tuple[str, dict[str, Any]]]) -> None:
    recorded = [Recorded(id, NOON, "x", "r", kind, "a", body, "") for id, (kind, body) in enumerate(events, 1)]
    assert fold(History(), recorded).event == len(events)


def told(trouble: str, hours: float) -> dict[str, ToldRecord]:
    when = NOON + timedelta(hours=hours)
    return {trouble: ToldRecord(when, when, "it is broken")}


@pytest.mark.parametrize(
    ("troubles", "before", "said"),
    [
        (["x"], {}, ["it is broken"]),
        (["x"], told("x", -1), []),
        (["x"], told("x", -5), ["still: it is broken"]),
        (["x"], told("x", -4.4), []),
        (["x"], told("x", -30), ["still: it is broken"]),
        ([], told("x", -1), ["over: it is broken"]),
        ([], {}, []),
        (["x", "y"], told("x", -1), ["it is broken"]),
    ],
)
def test_the_same_trouble_speaks_once_then_daily_and_when_it_is_over(
    troubles: list[str], before: dict[str, ToldRecord], said: list[str]
) -> None:
    found = speak([Trouble(key, "it is broken") for key in troubles], before, NOON, Scheduling(), TOKYO)
    assert [message.text for message in found] == said


def test_over_a_week_of_ticks_a_lasting_trouble_speaks_once_a_day() -> None:
    known: dict[str, ToldRecord] = {}
    spoken: list[str] = []
    for tick in range(7 * 24 * 12):
        now = NOON + tick * 5 * MINUTE
        for message in speak([Trouble("x", "broken")], known, now, Scheduling(), TOKYO):
            spoken.append(f"{now:%H:%M}")
            known["x"] = ToldRecord(now, now, message.text)
    assert spoken == ["12:00", *["07:30"] * 7]
