"""The projection says what the full fold says, the past never sees the future, and a changed row is named."""

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rigs.rollout_world import (
    DAY, DEFINITION, NOON, SHARES, approval, block, claim, milestone, planned, ran, receipt, scan, seen, verified,
)

from kdx.rollout.evidence import fold, read_facts
from kdx.rollout.gate import judge
from kdx.rollout.status import World, compute
from kdx.rollout.stream import Cell, State
from kdx.state.events.event import Event
from kdx.state.events.rollout import BaselineSet
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, open_ledger

START = NOON - 30 * DAY
EVENTS = st.lists(st.sampled_from([
    scan(), receipt(), receipt(whole=False), receipt("jh-1", school="jh"), verified(), verified(5), ran(),
    planned(send=1), claim("mfa"), claim("mfa", state="in progress"), seen("mfa", at=START), seen("mfa"),
    seen("mfa", "fail"), seen("mfa", "unknown"), seen("wifi", vantage="B"), approval("policy", "", "教育委員会"),
    block("wifi"), block("wifi", open=False), BaselineSet("b", "first", {}), BaselineSet("b", "second", {}),
]), max_size=15)


def ledger_in(folder: Path) -> Ledger:
    days = count()
    return open_ledger(StateFolder(folder), actor="a@b", request_id="r", clock=lambda: START + next(days) * DAY)


def filled(folder: Path, *events: Event) -> Ledger:
    ledger = ledger_in(folder)
    for event in events:
        ledger.append(event)
    return ledger


def statuses(facts, now=NOON):
    return compute(World(DEFINITION, SHARES, facts, {}, now))


@settings(max_examples=15, deadline=None)
@given(EVENTS)
@example([receipt(), ran(), verified(5), ran()])
def test_the_projection_gives_what_the_fold_over_everything_gives(tmp_path_factory, events):
    with filled(tmp_path_factory.mktemp("state"), *events) as ledger:
        everything = fold(ledger.events())
        assert statuses(read_facts(ledger)) == statuses(everything)
        assert read_facts(ledger).baselines == everything.baselines


@settings(max_examples=15, deadline=None)
@given(EVENTS, st.integers(0, 15))
def test_the_past_never_sees_the_future(tmp_path_factory, events, days):
    moment = START + days * DAY + timedelta(hours=1)
    with filled(tmp_path_factory.mktemp("state"), *events) as ledger:
        then = statuses(read_facts(ledger, as_of=moment), moment)
        # one event a day: so many had happened
        assert then == statuses(fold(list(ledger.events())[: days + 1]), moment)


def test_a_changed_row_is_named_is_not_relied_on_and_closes_hard_gates(tmp_path):
    with filled(tmp_path, claim("plain"), scan()) as ledger:
        assert statuses(read_facts(ledger))[Cell("assets", "es")].state is State.VERIFIED
    with sqlite3.connect(StateFolder(tmp_path).ledger) as database:
        database.execute("UPDATE events SET body = replace(body, 'entries', 'Entries') WHERE id = 2")
    with ledger_in(tmp_path) as ledger:
        facts = read_facts(ledger)
        past = read_facts(ledger, as_of=NOON)
    assert facts.changed == past.changed == (2,)
    assert statuses(facts)[Cell("assets", "es")].state is State.NOT_STARTED
    found = {one.id: one for one in DEFINITION.milestones}
    world = World(DEFINITION, SHARES, facts, {}, NOON)
    verdict = judge(world, compute(world), found["retire"], Cell("retire", "es"))
    assert "#2" in str(verdict.missing[0].reason)


def test_the_first_baseline_of_a_name_stays(tmp_path):
    with filled(tmp_path, BaselineSet("b", "first", {"x": "2026-04-01"}), BaselineSet("b", "second", {})) as ledger:
        assert read_facts(ledger).baselines["b"].body["reason"] == "first"


def test_what_happened_before_a_ledger_existed_is_nothing(tmp_path):
    with ledger_in(tmp_path) as ledger:
        facts = read_facts(ledger)
    assert {status.state for status in statuses(facts).values()} == {State.NOT_STARTED}


@pytest.mark.parametrize("gone", ["milestone", "school"])
def test_history_of_what_is_no_longer_there_does_not_disturb(tmp_path, gone):
    with filled(tmp_path, claim("mfa", "es"), claim("mfa", "jh")) as ledger:
        facts = read_facts(ledger)
    definition, shares = DEFINITION, dict(SHARES)
    if gone == "milestone":
        stream = replace(DEFINITION.streams[0], milestones=(milestone("plain"),))
        definition = replace(DEFINITION, streams=(stream,))
    else:
        del shares["jh"]
    cells = compute(World(definition, shares, facts, {}, NOON))
    assert Cell("mfa", "jh") not in cells


def test_a_moment_of_time_is_compared_as_time_whatever_its_zone(tmp_path):
    with filled(tmp_path, claim("mfa")) as ledger:
        before, after = START - timedelta(microseconds=1), START
        assert not ledger.read(("rollout.claimed",), "every", before).events
        assert ledger.read(("rollout.claimed",), "newest", after.astimezone(datetime.now().astimezone().tzinfo)).events
