"""Whoever changes the ledger with a plain SQLite tool is found out, and what was done is named."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.cli import root
from kdx.errors import ExitCode
from kdx.state import verdict as verdict_module
from kdx.state.chain import ADDED, CHANGED, CUT, FOLD_DIFFERS, HEAD_DIFFERS, LINK_BROKEN, MISSING, Head, chain_faults
from kdx.state.events.house import CommandFailed, KeyMade
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

START = datetime(2026, 11, 23, tzinfo=UTC)
FIELDS = "time, actor, request_id, kind, subject, body, prev_hash, hash"
Tamper = Callable[[sqlite3.Connection], object]


def open_in(folder: Path) -> Ledger:
    times = (START + timedelta(seconds=second) for second in range(1000))
    return open_ledger(StateFolder(folder), actor="tester@here", request_id="r1", clock=lambda: next(times))


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Six events: five of one subject, one of another."""
    with open_in(tmp_path) as ledger:
        for number in range(5):
            ledger.append(CommandFailed("kdx test", number, f"メッセージ {number}"))
        ledger.append(KeyMade("board", "SHA256:x"))
    return tmp_path


def tamper(folder: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite3")) as database, database:
        for statement in statements:
            database.execute(statement)


def found(folder: Path) -> list[tuple[int, str, str]]:
    with open_in(folder) as ledger:
        verdict = ledger.verify()
        assert len(list(ledger.events())) == verdict.events, "a tampered event must still be listed"
    assert verdict.exit_code == (ExitCode.DIFFERENCE if verdict.faults else ExitCode.DONE)
    return [tuple(fault) for fault in verdict.faults]


OLD = "command.failed kdx test"
TAMPERING = {
    "body changed": (["UPDATE events SET body = replace(body, '2', '9') WHERE id = 3"], [(3, CHANGED, "")]),
    "last body changed": (["UPDATE events SET body = '{}' WHERE id = 6"], [(6, CHANGED, "")]),
    "no JSON any more": (["UPDATE events SET body = 'no json' WHERE id = 2"], [(2, CHANGED, "")]),
    "JSON, but no object": (["UPDATE events SET body = '[1]' WHERE id = 2"], [(2, CHANGED, "")]),
    "spaces in the body": (["UPDATE events SET body = body || ' ' WHERE id = 2"], [(2, CHANGED, "")]),
    "bytes for a body": (["UPDATE events SET body = x'00ff' WHERE id = 2"], [(2, CHANGED, "")]),
    "text that is no UTF-8": (["UPDATE events SET body = CAST(x'ff41' AS TEXT) WHERE id = 2"], [(2, CHANGED, "")]),
    "actor changed": (["UPDATE events SET actor = 'somebody' WHERE id = 1"], [(1, CHANGED, "")]),
    "request changed": (["UPDATE events SET request_id = 'r2' WHERE id = 1"], [(1, CHANGED, "")]),
    "time changed": (["UPDATE events SET time = '2020-01-01T00:00:00+00:00' WHERE id = 3"], [(3, CHANGED, "")]),
    "no time any more": (["UPDATE events SET time = x'00' WHERE id = 3"], [(3, CHANGED, "")]),
    "kind changed": (
        ["UPDATE events SET kind = 'drill.passed' WHERE id = 6"],
        [(6, CHANGED, ""), (6, FOLD_DIFFERS, "key.made board"), (6, FOLD_DIFFERS, "drill.passed board")],
    ),
    "subject changed in events and projection": (
        ["UPDATE events SET subject = 'b' WHERE id = 6", "UPDATE present SET subject = 'b' WHERE event = 6"],
        [(6, CHANGED, "")],
    ),
    "hash changed": (
        ["UPDATE events SET hash = replace(hash, 'a', 'b') WHERE id = 3"], [(3, CHANGED, ""), (4, LINK_BROKEN, "")]
    ),
    "link changed": (
        [f"UPDATE events SET prev_hash = '{'1' * 64}' WHERE id = 3"], [(3, LINK_BROKEN, ""), (3, CHANGED, "")]
    ),
    "first link changed": (
        [f"UPDATE events SET prev_hash = '{'1' * 64}' WHERE id = 1"], [(1, LINK_BROKEN, ""), (1, CHANGED, "")]
    ),
    "one removed": (["DELETE FROM events WHERE id = 3"], [(4, MISSING, "#3")]),
    "several removed": (["DELETE FROM events WHERE id IN (1, 2, 3)"], [(4, MISSING, "#1-#3")]),
    "two swapped": (
        ["UPDATE events SET id = 99 WHERE id = 2", "UPDATE events SET id = 2 WHERE id = 3",
         "UPDATE events SET id = 3 WHERE id = 99"],
        [(2, LINK_BROKEN, ""), (2, CHANGED, ""), (3, LINK_BROKEN, ""), (3, CHANGED, ""), (4, LINK_BROKEN, "")],
    ),
    "tail cut": (
        ["DELETE FROM events WHERE id > 4"],
        [(6, CUT, "#5-#6"), (4, FOLD_DIFFERS, OLD), (6, FOLD_DIFFERS, "key.made board")],
    ),
    "tail cut and projection mended": (
        ["DELETE FROM events WHERE id > 5", "DELETE FROM present WHERE event = 6"], [(6, CUT, "#6")]
    ),
    "everything removed": (
        ["DELETE FROM events", "DELETE FROM present"], [(6, CUT, "#1-#6")]
    ),
    "one added at the end": (
        [f"INSERT INTO events SELECT 7, {FIELDS} FROM events WHERE id = 6",
         "UPDATE present SET event = 7 WHERE event = 6"],
        [(7, ADDED, "")],
    ),
    "one added before the first": (
        [f"INSERT INTO events SELECT 0, {FIELDS} FROM events WHERE id = 6"], [(0, ADDED, "")]
    ),
    "head set back": (["UPDATE head SET id = 5"], [(6, ADDED, ""), (5, HEAD_DIFFERS, "")]),
    "head set forward": (["UPDATE head SET id = 7"], [(7, CUT, "#7")]),
    "head hash changed": ([f"UPDATE head SET hash = '{'1' * 64}'"], [(6, HEAD_DIFFERS, "")]),
    "head removed": (["DELETE FROM head"], [(6, HEAD_DIFFERS, "")]),
    "head without sense": (["UPDATE head SET id = 'x'"], [(6, HEAD_DIFFERS, "")]),
    "projection set back": (["UPDATE present SET event = 1 WHERE event = 5"], [(5, FOLD_DIFFERS, OLD)]),
    "projection without sense": (["UPDATE present SET event = 'x' WHERE event = 5"], [(5, FOLD_DIFFERS, OLD)]),
    "projection cut": (["DELETE FROM present WHERE event = 6"], [(6, FOLD_DIFFERS, "key.made board")]),
    "projection invented": (
        ["INSERT INTO present VALUES ('drill.passed', 'es', 2)"], [(2, FOLD_DIFFERS, "drill.passed es")]
    ),
    "table made anew without order": (
        ["CREATE TABLE other AS SELECT * FROM events", "DROP TABLE events", "ALTER TABLE other RENAME TO events",
         "UPDATE events SET id = 'x' WHERE id = 6"],
        [(0, ADDED, ""), (6, CUT, "#6"), (0, FOLD_DIFFERS, "key.made board")],
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_every_kind_of_tampering_is_named(filled: Path, what: str) -> None:
    statements, faults = TAMPERING[what]
    tamper(filled, *statements)
    assert found(filled) == faults


def test_an_event_that_was_replaced_with_a_hash_that_fits_breaks_its_link(filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(filled / "ledger.sqlite3")) as database, database:
        row = list(database.execute(f"SELECT id, {FIELDS} FROM events WHERE id = 3").fetchone())[:-1]
        row[6] = '{"version": 1, "exit_code": 0}'
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        new = (row[6], hashlib.sha256(text.encode()).hexdigest())
        database.execute("UPDATE events SET body = ?, hash = ? WHERE id = 3", new)
    assert found(filled) == [(4, LINK_BROKEN, "")]


@pytest.mark.parametrize("table", ["events", "head", "present", "about"])
def test_a_table_that_was_removed_is_damage_and_ends_with_5(filled: Path, table: str) -> None:
    tamper(filled, f"DROP TABLE {table}")
    with open_in(filled) as ledger, pytest.raises(Exception, match="missing|damaged") as refused:
        ledger.verify()
    assert refused.value.exit_code == ExitCode.DIFFERENCE  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "statement", ["DELETE FROM head", f"INSERT INTO events SELECT 7, {FIELDS} FROM events WHERE id = 6"]
)
def test_nothing_is_appended_to_a_chain_that_has_no_end(filled: Path, statement: str) -> None:
    tamper(filled, statement)
    before = found(filled)
    with open_in(filled) as ledger, pytest.raises(Exception, match="damaged"):
        ledger.append(KeyMade("board", "SHA256:y"))
    assert found(filled) == before


ROW = st.fixed_dictionaries(
    {
        name: st.one_of(st.none(), st.integers(), st.binary(max_size=3), st.text(max_size=3))
        for name in ("id", "time", "actor", "request_id", "kind", "subject", "body", "prev_hash", "hash")
    }
)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=4), head=st.one_of(st.none(), st.builds(Head, st.integers(), st.text())))
def test_no_row_whatever_it_holds_is_taken_for_an_event(rows: list[dict[str, object]], head: Head | None) -> None:
    assert list(chain_faults(rows, head))


def test_thousands_of_faults_are_counted_and_only_the_first_are_listed(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict_module, "LISTED", 4)
    tamper(filled, "UPDATE events SET body = '{}'", "DELETE FROM present")
    with open_in(filled) as ledger:
        verdict = ledger.verify()
    assert ([fault.event for fault in verdict.faults], verdict.faults_more) == ([1, 2, 3, 4], 4)


# --- the command ----------------------------------------------------------------------------------------------------


def audit(folder: Path, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(root, ["--state", str(folder), "audit", "verify", *words])
    return result.exit_code, result.output


def test_the_command_ends_with_number_and_hash_of_the_last_event(filled: Path) -> None:
    with open_in(filled) as ledger:
        number, digest = ledger.head()
    code, output = audit(filled)
    assert code == 0 and "whole" in output
    assert output.rstrip().endswith(f"#{number}, its hash {digest}")


def test_the_command_names_what_was_done_and_exits_with_5(filled: Path) -> None:
    tamper(filled, "DELETE FROM events WHERE id = 3", "UPDATE present SET subject = 'b\x1b[2J' WHERE event = 6")
    code, output = audit(filled)
    assert code == ExitCode.DIFFERENCE
    assert "#3" in output and "removed" in output and "\x1b" not in output
    code, output = audit(filled, "--json")
    assert code == ExitCode.DIFFERENCE
    rows = json.loads(output)["rows"]
    assert {"event": 4, "what": MISSING, "detail": "#3"}.items() <= rows[0].items()


def test_the_command_says_where_there_is_no_ledger(tmp_path: Path) -> None:
    code, output = audit(tmp_path / "nowhere")
    assert code == ExitCode.CONFIGURATION and "--state" in output
    assert not (tmp_path / "nowhere").exists()
