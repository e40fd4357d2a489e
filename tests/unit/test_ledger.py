"""The ledger: one chain anybody can recompute, a fold that is what the events say, and errors that say what to do."""

import contextlib
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.errors import ConfigurationError, ExitCode
from kdx.state import db
from kdx.state.chain import CLOCK_BACK, NOTHING, hash_of
from kdx.state.db import LedgerBusy, LedgerDamaged, LedgerMissing, LedgerNewer, LedgerUnusable, refuse_other_databases
from kdx.state.events.event import Event
from kdx.state.events.house import CommandFailed, KeyMade
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

START = datetime(2026, 11, 23, tzinfo=UTC)


class Clock:
    """A clock that goes on by the same step at each look."""

    def __init__(self, step: timedelta = timedelta(seconds=1)) -> None:
        self.time = START
        self.step = step

    def __call__(self) -> datetime:
        self.time += self.step
        return self.time


def open_in(folder: Path, clock: Clock | None = None, actor: str = "tester@here") -> Ledger:
    return open_ledger(StateFolder(folder), actor=actor, request_id="r1", clock=clock or Clock())


def failed(number: int) -> CommandFailed:
    return CommandFailed("kdx test", number, f"メッセージ {number}")


@contextlib.contextmanager
def plainly(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger's file without kdx."""
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite3")) as database, database:
        yield database


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    with open_in(tmp_path) as ledger:
        for number in range(5):
            ledger.append(failed(number))
        ledger.append(KeyMade("board", "SHA256:x"))
    return tmp_path


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_what_was_appended_is_read_back_in_order_with_its_chain(filled: Path) -> None:
    with open_in(filled) as ledger:
        events = list(ledger.events())
        assert [event.id for event in events] == [1, 2, 3, 4, 5, 6]
        assert events[4].body == {"version": 1, "command": "kdx test", "exit_code": 4, "message": "メッセージ 4"}
        assert (events[0].time, events[0].actor, events[0].request_id) == (START + Clock().step, "tester@here", "r1")
        assert ledger.head() == (6, events[5].hash)
        verdict = ledger.verify()
        assert (verdict.events, verdict.head, verdict.faults, verdict.notes) == (6, ledger.head(), (), ())
        assert verdict.exit_code == ExitCode.DONE


def test_append_returns_what_is_then_read(tmp_path: Path) -> None:
    with open_in(tmp_path) as ledger:
        recorded = [ledger.append(failed(number)) for number in range(3)]
        assert recorded == list(ledger.events())


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=200, deadline=None)
@given(number=st.integers(1, 10**9), texts=st.lists(TEXTS, min_size=7, max_size=7))
def test_sqlite_alone_recomputes_every_hash(number: int, texts: list[str]) -> None:
    row = dict(zip(("time", "actor", "request_id", "kind", "subject", "body", "prev_hash"), texts, strict=True))
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        values = [number, *(text.replace("\0", "") for text in texts)]
        [[canonical]] = database.execute("SELECT json_array(?, ?, ?, ?, ?, ?, ?, ?)", values)
    kept = {name: text.replace("\0", "") for name, text in row.items()}
    assert hashlib.sha256(canonical.encode()).hexdigest() == hash_of({"id": number, **kept})


def test_the_recipe_in_the_documentation_gives_the_hash_of_an_event(filled: Path) -> None:
    with plainly(filled) as database:
        query = "SELECT json_array(id, time, actor, request_id, kind, subject, body, prev_hash), hash FROM events"
        rows = list(database.execute(query))
        links = list(database.execute("SELECT prev_hash FROM events ORDER BY id"))
    assert [hashlib.sha256(canonical.encode()).hexdigest() for canonical, _hash in rows] == [row[1] for row in rows]
    assert [link for link, in links] == [NOTHING, *(row[1] for row in rows[:-1])]


def test_names_that_are_not_utf8_and_hostile_ones_are_kept(tmp_path: Path) -> None:
    hostile = "名前 \udc95\n\x1b\0'; DROP TABLE events; --"
    with open_in(tmp_path, actor=hostile) as ledger:
        recorded = ledger.append(CommandFailed(hostile, 1, hostile))
        assert next(ledger.events(subject=hostile)).body["message"] == hostile
        assert ledger.present("command.failed", hostile) == [recorded]
        assert ledger.verify().is_whole


def test_a_time_is_kept_in_utc_to_the_microsecond(tmp_path: Path) -> None:
    with open_in(tmp_path, Clock(timedelta(microseconds=1))) as ledger:
        ledger.append(failed(1))
    with plainly(tmp_path) as database:
        assert list(database.execute("SELECT time FROM events")) == [("2026-11-23T00:00:00.000001+00:00",)]


# --- the present, and the past --------------------------------------------------------------------------------------


def test_the_present_is_the_newest_event_of_each_subject(filled: Path) -> None:
    with open_in(filled) as ledger:
        assert [event.body["exit_code"] for event in ledger.present("command.failed")] == [4]
        assert [event.subject for event in ledger.present("key.made", "board")] == ["board"]
        assert ledger.present("nothing") == ledger.present("key.made", "school") == []


def test_as_of_never_sees_the_future(filled: Path) -> None:
    third = START + timedelta(seconds=3)
    with open_in(filled) as ledger:
        assert [event.id for event in ledger.events(as_of=third)] == [1, 2, 3]
        assert [event.id for event in ledger.present("command.failed", as_of=third)] == [3]
        assert ledger.present("key.made", as_of=third) == []
        assert [event.id for event in ledger.events("key.made", "board")] == [6]


EVENTS = st.lists(
    st.one_of(
        st.builds(CommandFailed, st.sampled_from(["a", "b"]), st.integers(0, 9), st.text(max_size=5)),
        st.builds(KeyMade, st.sampled_from(["board", "school"]), st.text(max_size=5)),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(events=EVENTS)
def test_the_projection_is_always_the_fold_of_the_events(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    with open_in(tmp_path_factory.mktemp("state")) as ledger:
        for event in events:
            ledger.append(event)
        newest = {(event.kind, event.subject): event.to_body() for event in events}
        for kind in ("command.failed", "key.made"):
            served = {(event.kind, event.subject): event.body for event in ledger.present(kind)}
            assert served == {key: body for key, body in newest.items() if key[0] == kind}
            folded = ledger.present(kind, as_of=datetime.max.replace(tzinfo=UTC))
            assert sorted(folded, key=lambda event: event.id) == ledger.present(kind)
        assert not events or ledger.verify().is_whole


def test_a_clock_that_is_set_back_is_noted_and_no_fault(tmp_path: Path) -> None:
    with open_in(tmp_path, Clock(-timedelta(minutes=5))) as ledger:
        for number in range(3):
            ledger.append(failed(number))
        verdict = ledger.verify()
    assert verdict.is_whole and verdict.exit_code == ExitCode.DONE
    assert [(note.event, note.what) for note in verdict.notes] == [(2, CLOCK_BACK), (3, CLOCK_BACK)]


# --- what cannot be used --------------------------------------------------------------------------------------------


def test_reading_where_nothing_happened_yet_makes_nothing(tmp_path: Path) -> None:
    with open_in(tmp_path / "state") as ledger:
        assert ledger.head() == (0, NOTHING)
        assert [*ledger.events(), *ledger.present("key.made")] == []
        with pytest.raises(LedgerMissing):
            ledger.verify()
    assert not (tmp_path / "state").exists()


def test_a_file_that_is_no_ledger_is_refused_with_a_sentence_and_not_touched(tmp_path: Path) -> None:
    content = b"this is not a database, but it is long enough to be one" * 50
    (tmp_path / "ledger.sqlite3").write_bytes(content)
    with open_in(tmp_path) as ledger:
        for act in (ledger.head, ledger.verify, lambda: ledger.append(failed(1))):
            with pytest.raises(LedgerUnusable, match="not a database") as refused:
                act()
            assert refused.value.exit_code == ExitCode.CONFIGURATION
    assert (tmp_path / "ledger.sqlite3").read_bytes() == content


def test_a_folder_in_the_place_of_the_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").mkdir()
    with open_in(tmp_path) as ledger, pytest.raises(LedgerUnusable, match="cannot be opened"):
        ledger.append(failed(1))


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    with open_in(tmp_path / "state") as ledger, pytest.raises(LedgerUnusable):
        ledger.append(failed(1))


def test_a_database_of_somebody_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    with plainly(tmp_path) as database:
        database.execute("CREATE TABLE events (id INTEGER, what TEXT)")
    with open_in(tmp_path) as ledger, pytest.raises(LedgerDamaged):
        ledger.append(failed(1))
    with plainly(tmp_path) as database:
        assert [name for name, in database.execute("SELECT name FROM sqlite_master")] == ["events"]


def test_a_ledger_of_a_newer_kdx_is_refused_and_not_touched(filled: Path) -> None:
    with plainly(filled) as database:
        database.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
    before = (filled / "ledger.sqlite3").read_bytes()
    with open_in(filled) as ledger:
        for act in (ledger.head, lambda: ledger.append(failed(1))):
            with pytest.raises(LedgerNewer):
                act()
    assert (filled / "ledger.sqlite3").read_bytes() == before


def test_a_ledger_that_somebody_else_holds_for_too_long_is_said_so(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_SECONDS", 0.2)
    with plainly(filled) as database, open_in(filled) as ledger:
        database.execute("BEGIN IMMEDIATE")
        assert ledger.verify().is_whole
        with pytest.raises(LedgerBusy) as refused:
            ledger.append(failed(9))
        assert refused.value.exit_code == ExitCode.LOCKED
        database.execute("ROLLBACK")
        assert ledger.append(failed(9)).id == 7


def test_pages_that_were_overwritten_are_damage(tmp_path: Path) -> None:
    with open_in(tmp_path) as ledger:
        for _ in range(200):
            ledger.append(CommandFailed("kdx test", 1, "x" * 500))
    file = tmp_path / "ledger.sqlite3"
    content = file.read_bytes()
    file.write_bytes(content[:8192] + bytes(len(content) - 8192))
    with open_in(tmp_path) as ledger, pytest.raises(LedgerDamaged) as refused:
        ledger.verify()
    assert refused.value.exit_code == ExitCode.DIFFERENCE


def test_a_database_server_is_refused_without_showing_its_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        refuse_other_databases("postgresql://kdx:secret@db/kdx")
    assert "secret" not in str(refused.value)


def test_opening_the_ledger_loads_no_database_library() -> None:
    code = (
        "import sys; from pathlib import Path; from kdx.state.folder import StateFolder;"
        "from kdx.state.ledger import open_ledger;"
        "open_ledger(StateFolder(Path('/nowhere')), actor='', request_id='', clock=None);"
        "assert 'sqlalchemy' not in sys.modules and 'sqlite3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_a_subject_said_when_is_found_without_reading_all_events(filled: Path) -> None:
    asked = ("SELECT max(id) FROM events WHERE kind IN ('rollout.claimed') AND time <= '2026' GROUP BY kind, subject",
             "SELECT * FROM events WHERE kind = 'drill.finished'")
    with sqlite3.connect(filled / "ledger.sqlite3") as database:
        plans = [str(database.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()) for query in asked]
    assert all("USING" in plan and "INDEX events_by_subject" in plan for plan in plans)
