"""Go and no-go, the forecast of the last window, the fold, old paths and links: rules, without a share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.cutover.changes import compare
from kdx.cutover.course import Cutover, Freeze, Moved, Proven, Stage, fold
from kdx.cutover.freeze import Canary
from kdx.cutover.judgement import Facts, judge
from kdx.cutover.links import candidates
from kdx.cutover.places import endings_of
from kdx.cutover.window import Rehearsal, forecast
from kdx.errors import ExitCode
from kdx.state.events.cutover import CutoverDecided, CutoverRehearsed, CutoverRolledBack, FreezeChecked
from kdx.state.events.event import Event
from kdx.state.events.moving import RunFinished, VerifyFinished
from kdx.state.ledger import Recorded
from kdx.transfer.rows import Known

NOW = datetime(2026, 12, 25, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST = Rehearsal(NOW - 48 * HOUR, None, 5000, 10**9, 60, 3600, 600, 0)
DELTA = Rehearsal(NOW - 24 * HOUR, NOW - 48 * HOUR, 48, 24_000_000, 60, 120, 600, 0)
OLD = replace(DELTA, started=NOW - timedelta(days=8), since=NOW - timedelta(days=10))
MOVED = Moved(NOW - HOUR / 2, "p", 0, 0, 0, 0)
READY = Cutover(
    Stage.PREPARING, (FIRST, DELTA), open_documents=0, write_accepted=NOW - 24 * HOUR, moved=MOVED, last_run=NOW
)
FREEZE = Freeze(NOW - HOUR, Canary.REFUSED, True, 0, 0, NOW)
FROZEN = replace(READY, stage=Stage.FROZEN, freeze=FREEZE, proven=Proven(NOW, "p", "v", 0))
WINDOW = timedelta(hours=7)


def before(**other: object) -> Facts:
    return Facts(replace(READY, **other), WINDOW, saved=NOW - 10 * HOUR, rpo=30 * HOUR)  # type: ignore[arg-type]


def after(**other: object) -> Facts:
    return Facts(replace(FROZEN, **other), WINDOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "against"),
    [
        (before(), []),
        (before(rehearsals=()), ["rehearsed", "fits"]),
        (before(rehearsals=(FIRST,)), ["rehearsed", "fits"]),
        (before(rehearsals=(FIRST, replace(DELTA, exit_code=3))), ["rehearsed"]),
        (before(rehearsals=(FIRST, OLD)), ["rehearsed"]),
        (before(rehearsals=(FIRST, replace(DELTA, verify_seconds=8 * 3600))), ["fits"]),
        (before(moved=None), ["decided"]),
        (before(moved=replace(MOVED, undecided=1)), ["decided"]),
        (before(moved=replace(MOVED, waiting=1)), ["decided"]),
        (before(open_documents=3), []),
        (before(write_accepted=None), []),
        (replace(before(), saved=None), ["saved"]),
        (replace(before(), saved=NOW - 31 * HOUR), ["saved"]),
        (replace(before(), saved=None, rpo=None), []),
        (after(), []),
        (after(freeze=replace(FREEZE, canary=Canary.ACCEPTED)), ["frozen"]),
        (after(freeze=replace(FREEZE, differences=1)), ["frozen"]),
        (after(freeze=replace(FREEZE, differences=None)), ["frozen"]),
        (after(freeze=replace(FREEZE, canary=Canary.NOT_ASKED)), []),
        (after(freeze=replace(FREEZE, canary_proves=False)), []),
        (after(open_documents=1), ["closed"]),
        (replace(after(open_documents=1), accept_open=True), []),
        (after(moved=replace(MOVED, failed=1)), ["moved"]),
        (after(moved=replace(MOVED, unread=1)), ["moved"]),
        (after(moved=replace(MOVED, started=NOW - 2 * HOUR)), ["moved"]),
        (after(moved=replace(MOVED, started=None)), ["moved"]),
        (after(moved=replace(MOVED, plan_sha256="later")), ["proven"]),
        (after(proven=Proven(NOW, "p", "v", 5)), ["proven"]),
        (after(proven=Proven(NOW, "p", "v", 3)), ["proven"]),
        (after(proven=None), ["proven"]),
    ],
)
def test_one_thing_that_is_not_as_it_must_be_is_a_no_and_says_which(facts: Facts, against: list[str]) -> None:
    decision = judge(facts, NOW)
    assert decision.against == against
    assert decision.go == (not against)
    assert decision.exit_code == (ExitCode.GATE if against else ExitCode.DONE)
    assert all(check.why for check in decision.checks)


def test_who_asks_only_whether_teachers_may_be_let_in_hears_no_until_a_final_run_said_so() -> None:
    assert judge(before(), NOW).go, "the weekend may begin"
    too_early = judge(before(), NOW, to_let_in=True)
    assert not too_early.go and too_early.final and "frozen" in too_early.against
    assert judge(after(stage=Stage.DONE), NOW, to_let_in=True).go
    gone_back = replace(READY, stage=Stage.ROLLED_BACK, freeze=None, proven=FROZEN.proven)
    assert not judge(Facts(gone_back, WINDOW), NOW, to_let_in=True).go


def test_a_refusal_that_proves_nothing_is_not_called_ready() -> None:
    stands = {check.id: check.stand for check in judge(after(freeze=replace(FREEZE, canary_proves=False)), NOW).checks}
    assert stands["frozen"] == "note"


rehearsals = st.lists(
    st.builds(
        Rehearsal, st.just(NOW - 24 * HOUR), st.one_of(st.none(), st.just(NOW - 48 * HOUR)), st.integers(0, 10**6),
        st.integers(0, 10**12), *([st.floats(0, 10**5)] * 3), st.just(0),
    ),
    max_size=5,
)


@given(rehearsals, st.integers(0, 1000))
def test_the_forecast_is_never_shorter_than_what_a_rehearsal_took(done: list[Rehearsal], hours: int) -> None:
    found = forecast(done, NOW + hours * HOUR)
    deltas = [one for one in done if one.since][-3:]
    assert (found is None) == (not deltas)
    if found:
        assert found.duration >= max(timedelta(seconds=one.seconds) for one in deltas) - timedelta(milliseconds=1)
        later = forecast(done, NOW + (hours + 24) * HOUR)
        assert later is not None and later.changed_bytes >= found.changed_bytes


NAMES = {"school": "es", "share": "共有", "share_id": "es-1", "target": "/target"}
REHEARSED = CutoverRehearsed(
    **NAMES, since=None, changed=3, changed_bytes=30, scan_seconds=1, move_seconds=2, verify_seconds=3,
    open_documents=1, canary="accepted", exit_code=0, started=NOW, ended=NOW,
)
CHECKED = FreezeChecked(
    **NAMES, canary="refused", canary_proves=True, differences=None, open_documents=0, started=NOW, ended=NOW
)
RAN = RunFinished(
    **NAMES, sent=3, sent_bytes=30, failed={}, entries={"send": 3, "blocked": 2}, sizes={}, plan_sha256="p",
    exit_code=0, started=NOW, ended=NOW,
)
VERIFIED = VerifyFinished(
    **NAMES, level="checksum", outcomes={}, sizes={}, how={}, plan_sha256="p", verified_sha256="v", exit_code=0,
    started=NOW, ended=NOW,
)
GO = CutoverDecided(
    **NAMES, go=True, against=[], plan_sha256="p", verified_sha256="v", baseline_sha256="b", decided=NOW
)
BACK = CutoverRolledBack(**NAMES, changes={"added": 1}, canary="accepted", started=NOW, ended=NOW)


def recorded(*events: Event) -> list[Recorded]:
    return [
        Recorded(number, NOW, "a", "r", event.kind, event.subject, event.to_body(), "")
        for number, event in enumerate(events, 1)
    ]


@pytest.mark.parametrize(
    ("events", "stage"),
    [
        ([], Stage.PREPARING),
        ([RAN, REHEARSED], Stage.PREPARING),
        ([REHEARSED, CHECKED], Stage.FROZEN),
        ([REHEARSED, CHECKED, RAN, VERIFIED, replace(CHECKED, differences=0), replace(GO, go=False)], Stage.FROZEN),
        ([REHEARSED, CHECKED, RAN, VERIFIED, replace(CHECKED, differences=0), GO], Stage.DONE),
        ([REHEARSED, CHECKED, GO, BACK], Stage.ROLLED_BACK),
        ([REHEARSED, CHECKED, GO, BACK, REHEARSED], Stage.PREPARING),
    ],
)
def test_the_stage_follows_from_what_was_recorded(events: list[Event], stage: Stage) -> None:
    found = recorded(*events)
    assert fold(found).stage is stage
    assert fold(reversed(found)) == fold(found), "the number in the ledger is the order"


def test_an_event_of_a_later_version_changes_nothing() -> None:
    later = replace(recorded(GO)[0], body={**GO.to_body(), "version": 2})
    broken = replace(recorded(GO)[0], body={"version": 1})
    assert fold([later]) == fold([broken]) == Cutover()


def test_after_a_roll_back_rehearsals_begin_anew() -> None:
    assert fold(recorded(REHEARSED, REHEARSED, GO, BACK)).rehearsals == ()


@pytest.mark.parametrize(
    ("text", "endings"),
    [
        ("01_教務/時間割.xlsx", ["01_教務/時間割.xlsx"]),
        (r"\\fs\共有\01_教務\A.XLSX", ["共有/01_教務/a.xlsx", "01_教務/a.xlsx", "a.xlsx"]),
        (r"S:\01_教務\a.xlsx", ["01_教務/a.xlsx", "a.xlsx"]),
        ("/srv/a", ["srv/a", "a"]),
        ("か\u3099.txt", ["が.txt"]),
        ("\\\\", []),
    ],
)
def test_a_path_as_people_write_it_may_mean_these(text: str, endings: list[str]) -> None:
    assert endings_of(text) == endings


@pytest.mark.parametrize(
    ("link", "means"),
    [
        (r"file:///\\fs-1\共有\a.xlsx", ["共有/a.xlsx", "a.xlsx"]),
        (r"\\FS-1\共有\a.xlsx", ["共有/a.xlsx", "a.xlsx"]),
        ("file:////fs-1/共有/a.xlsx", ["共有/a.xlsx", "a.xlsx"]),
        ("file://fs-1/共有/a.xlsx", ["共有/a.xlsx", "a.xlsx"]),
        (r"file:///S:\成績\a.xlsx", ["成績/a.xlsx", "a.xlsx"]),
        (r"\\other\共有\a.xlsx", None),
        ("a.xlsx", ["教務/a.xlsx"]),
        ("../成績/a.xlsx", ["成績/a.xlsx"]),
        ("../../a.xlsx", None),
        ("https://example.jp/a.xlsx", None),
        ("", ["教務"]),
    ],
)
def test_a_link_in_a_workbook_may_mean_these(link: str, means: list[str] | None) -> None:
    assert candidates(link, "教務/book.xlsx", frozenset({"fs-1"})) == means


FILE = Known("a", 10, 5, "", "file", "")


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (FILE, FILE, None),
        (None, FILE, "added"),
        (FILE, None, "removed"),
        (FILE, FILE._replace(size=11), "changed"),
        (FILE, FILE._replace(mtime_ns=6), "changed"),
        (FILE._replace(etag="x"), FILE._replace(etag="x", mtime_ns=6), None),
        (FILE._replace(etag="x"), FILE._replace(etag="y"), "changed"),
        (FILE._replace(kind="directory"), None, None),
        (FILE, FILE._replace(kind="directory"), "removed"),
        (FILE._replace(kind="link", link="a"), FILE._replace(kind="link", link="b"), "changed"),
    ],
)
def test_what_changed_at_the_new_place_is_named(old: Known | None, new: Known | None, change: str | None) -> None:
    found = list(compare([old] if old else [], [new] if new else []))
    assert [one.change for one in found] == ([change] if change else [])
