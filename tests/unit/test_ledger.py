"""The ledger: one chain, a fold that is what the events say, and every kind of tampering named."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdx.errors import ConfigurationError, ExitCode
from kdx.state.db import LedgerNewer, LedgerUnusable, refuse_other_databases
from kdx.state.events import CommandFailed, KeyMade
from kdx.state.folder import StateFolder
from kdx.state.ledger import CHANGED, CUT, FOLD_DIFFERS, LINK_BROKEN, MISSING, Ledger, open_ledger

START = datetime(2026, 11, 23, tzinfo=UTC)


class Clock:
    """A clock that goes on one second at each look."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def open_in(folder: Path) -> Ledger:
    return open_ledger(StateFolder(folder), actor="tester@here", request_id="r1", clock=Clock())


def failed(number: int) -> CommandFailed:
    return CommandFailed("kdx test", number, f"メッセージ {number}")


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    with open_in(tmp_path) as ledger:
        for number in range(5):
            ledger.append(failed(number))
        ledger.append(KeyMade("board", "SHA256:x"))
    return tmp_path


def test_what_was_appended_is_read_back_in_order_with_its_chain(filled):
    with open_in(filled) as ledger:
        events = list(ledger.events())
        assert [event.id for event in events] == [1, 2, 3, 4, 5, 6]
        assert events[4].body == {"version": 1, "command": "kdx test", "exit_code": 4, "message": "メッセージ 4"}
        assert ledger.head() == (6, events[5].hash)
        verdict = ledger.verify()
        assert (verdict.events, verdict.faults, verdict.exit_code) == (6, (), ExitCode.DONE)


def test_the_hash_can_be_recomputed_without_kdx(filled):
    import hashlib
    import json

    row = sqlite3.connect(filled / "ledger.sqlite3").execute(
        "SELECT id, time, actor, request_id, kind, subject, body, prev_hash, hash FROM events WHERE id = 3"
    ).fetchone()
    text = json.dumps(list(row[:-1]), ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == row[-1]


def test_the_present_is_the_newest_event_of_each_subject(filled):
    with open_in(filled) as ledger:
        assert [event.body["exit_code"] for event in ledger.present("command.failed")] == [4]
        assert [event.subject for event in ledger.present("key.made", "board")] == ["board"]
        assert ledger.present("nothing") == []


def test_as_of_never_sees_the_future(filled):
    with open_in(filled) as ledger:
        assert [event.id for event in ledger.events(as_of=START + timedelta(seconds=3))] == [1, 2, 3]


def sql(statement: str) -> Callable[[sqlite3.Connection], object]:
    return lambda database: database.execute(statement)


TAMPERING = [
    ("UPDATE events SET body = replace(body, '2', '9') WHERE id = 3", {(3, CHANGED)}),
    ("UPDATE events SET actor = 'somebody' WHERE id = 1", {(1, CHANGED)}),
    ("UPDATE events SET time = '2020-01-01T00:00:00+00:00' WHERE id = 1", {(1, CHANGED)}),
    ("UPDATE events SET body = 'no json' WHERE id = 2", {(2, CHANGED)}),
    ("DELETE FROM events WHERE id = 3", {(4, MISSING), (4, LINK_BROKEN)}),
    ("DELETE FROM events WHERE id = 6", {(6, CUT), (6, FOLD_DIFFERS)}),
    ("UPDATE head SET id = 5", {(6, CUT)}),
    ("UPDATE present SET event = 1 WHERE kind = 'command.failed'", {(5, FOLD_DIFFERS)}),
    ("DELETE FROM present WHERE kind = 'key.made'", {(6, FOLD_DIFFERS)}),
    ("INSERT INTO present VALUES ('drill.passed', 'es', 2)", {(2, FOLD_DIFFERS)}),
    (
        "INSERT INTO events SELECT 7, time, actor, request_id, kind, subject, body, prev_hash, hash FROM events "
        "WHERE id = 6",
        {(7, CHANGED), (7, LINK_BROKEN), (7, CUT), (7, FOLD_DIFFERS)},
    ),
]


@pytest.mark.parametrize(("statement", "faults"), TAMPERING)
def test_every_kind_of_tampering_is_named(filled, statement, faults):
    with sqlite3.connect(filled / "ledger.sqlite3") as database:
        database.execute(statement)
    with open_in(filled) as ledger:
        verdict = ledger.verify()
        list(ledger.events())
    assert {(fault.event, fault.what) for fault in verdict.faults} >= faults
    assert verdict.exit_code == ExitCode.DIFFERENCE


EVENTS = st.lists(
    st.one_of(
        st.builds(CommandFailed, st.sampled_from(["a", "b"]), st.integers(0, 9), st.text(max_size=5)),
        st.builds(KeyMade, st.sampled_from(["board", "school"]), st.text(max_size=5)),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS)
def test_the_projection_is_always_the_fold_of_the_events(tmp_path_factory, events):
    with open_in(tmp_path_factory.mktemp("state")) as ledger:
        for event in events:
            ledger.append(event)
        newest = {(event.kind, event.subject): event.to_body() for event in events}
        for (kind, subject), body in newest.items():
            assert [event.body for event in ledger.present(kind, subject)] == [body]
        assert ledger.verify().is_whole


def test_a_name_that_is_not_utf8_comes_back_as_it_was(tmp_path):
    with open_in(tmp_path) as ledger:
        ledger.append(CommandFailed("kdx test", 1, "名前 \udc95\n\x1b"))
        assert next(ledger.events()).body["message"] == "名前 \udc95\n\x1b"
        assert ledger.verify().is_whole


def test_a_file_that_is_no_ledger_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "ledger.sqlite3").write_bytes(b"this is not a database, but it is long enough to be one" * 50)
    with pytest.raises(LedgerUnusable) as refused:
        open_in(tmp_path)
    assert refused.value.exit_code == ExitCode.CONFIGURATION


def test_a_ledger_of_a_newer_kdx_is_refused_and_not_touched(filled):
    with sqlite3.connect(filled / "ledger.sqlite3") as database:
        database.execute("UPDATE about SET value = '99' WHERE name = 'schema'")
    before = (filled / "ledger.sqlite3").read_bytes()
    with pytest.raises(LedgerNewer):
        open_in(filled)
    assert (filled / "ledger.sqlite3").read_bytes() == before


def test_a_database_server_is_refused_without_showing_its_password():
    with pytest.raises(ConfigurationError) as refused:
        refuse_other_databases("postgresql://kdx:secret@db/kdx")
    assert "secret" not in str(refused.value)
