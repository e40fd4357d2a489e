"""The fold: what the ledger says becomes a state with reasons, whatever the order, and never by a claim alone."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.rollout_world import (
    DAY, NOON, SHARES, approval, block, claim, drilled, planned, ran, receipt, recorded, scan, seen, status_of,
    verified, waiver, world,
)

from kdx.rollout.evidence import fold
from kdx.rollout.status import compute
from kdx.rollout.stream import PROVEN, State

LONG_AGO = NOON - 20 * DAY


@pytest.mark.parametrize(
    ("name", "events", "state"),
    [
        ("mfa", [], State.NOT_STARTED),
        ("mfa", [claim("mfa", state="in progress")], State.IN_PROGRESS),
        ("mfa", [claim("mfa")], State.CLAIMED),
        ("mfa", [claim("mfa"), claim("mfa", state="not started")], State.NOT_STARTED),
        ("mfa", [seen("mfa")], State.VERIFIED),
        ("mfa", [claim("mfa"), seen("mfa")], State.VERIFIED),
        # a method that is not asked for proves nothing
        ("mfa", [seen("mfa", method="INTERVIEW")], State.NOT_STARTED),
        # old evidence is out of date, also where the observation itself says so
        ("mfa", [seen("mfa", at=LONG_AGO)], State.EXPIRED),
        ("mfa", [seen("mfa", expires=NOON - timedelta(hours=1))], State.EXPIRED),
        # who could not reach it knows nothing
        ("mfa", [seen("mfa", "unknown")], State.UNKNOWN),
        ("mfa", [seen("mfa", at=NOON - 2 * DAY), seen("mfa", "unknown")], State.UNKNOWN),
        # a failure contradicts an earlier pass or claim, and only these
        ("mfa", [seen("mfa", at=NOON - 2 * DAY), seen("mfa", "fail")], State.RECHECK),
        ("mfa", [claim("mfa"), seen("mfa", "fail")], State.RECHECK),
        ("mfa", [seen("mfa", "fail"), claim("mfa")], State.CLAIMED),
        ("mfa", [seen("mfa", "fail")], State.NOT_STARTED),
        ("mfa", [seen("mfa", at=NOON - 3 * DAY), seen("mfa", "fail", NOON - 2 * DAY), seen("mfa")], State.VERIFIED),
        # what was seen earlier does not win by being written down later
        ("mfa", [seen("mfa"), seen("mfa", "fail", NOON - 5 * DAY)], State.VERIFIED),
        # "it does not answer" needs something that did
        ("mfa", [seen("mfa", closed=True)], State.UNKNOWN),
        ("mfa", [seen("mfa", closed=True, control=False)], State.UNKNOWN),
        ("mfa", [seen("mfa", closed=True, control=True)], State.VERIFIED),
        # numbers: all of them, or so many per cent, and from so many places
        ("mfa", [seen("mfa", done=41, total=42)], State.IN_PROGRESS),
        ("mfa", [seen("mfa", done=42, total=42)], State.VERIFIED),
        ("mfa", [seen("mfa", done=42, total=42, at=NOON - 2 * DAY), seen("mfa", "fail", done=40, total=42)],
         State.RECHECK),
        ("mfa", [seen("mfa", done=0, total=0)], State.UNKNOWN),
        ("mfa", [seen("mfa", done=43, total=42)], State.UNKNOWN),
        ("wifi", [seen("wifi", done=18, total=20)], State.IN_PROGRESS),
        ("wifi", [seen("wifi", done=9, total=10), seen("wifi", done=9, total=10, vantage="B")], State.VERIFIED),
        ("wifi", [seen("wifi", done=9, total=10), seen("wifi", done=8, total=10, vantage="B")], State.IN_PROGRESS),
        ("wifi", [seen("wifi", done=9, total=10), seen("wifi", "unknown", vantage="B")], State.UNKNOWN),
        # what the other commands left behind is evidence by itself
        ("assets", [scan()], State.VERIFIED),
        ("migration", [receipt()], State.VERIFIED),
        ("migration", [verified()], State.NOT_STARTED),
        ("migration", [receipt(whole=False)], State.NOT_STARTED),
        ("migration", [planned(send=3), ran(), verified(), receipt()], State.VERIFIED),
        ("migration", [receipt(), verified()], State.VERIFIED),
        ("migration", [receipt(), verified(exit_code=5)], State.RECHECK),
        ("migration", [receipt(), ran(sent=1)], State.RECHECK),
        ("migration", [receipt(), planned(send=2)], State.RECHECK),
        ("migration", [receipt(), planned(present=2)], State.VERIFIED),
        ("migration", [receipt(), ran(sent=1), verified(), receipt()], State.VERIFIED),
        ("migration", [receipt(), receipt(target="/other"), ran(target="/other")], State.VERIFIED),
        # what stands above the evidence
        ("mfa", [seen("mfa"), block("mfa")], State.HELD),
        ("mfa", [block("mfa"), block("mfa", open=False)], State.NOT_STARTED),
        ("plain", [claim("plain")], State.CLAIMED),
    ],
)
def test_the_state_follows_from_what_is_known(name, events, state):
    assert status_of(name, "es", recorded(*events)).state is state


def test_a_school_has_what_all_its_shares_have():
    one = [receipt("jh-1", school="jh")]
    assert status_of("migration", "jh", recorded(*one)).state is State.IN_PROGRESS
    both = [*one, receipt("jh-2", school="jh")]
    status = status_of("migration", "jh", recorded(*both))
    assert (status.state, status.done, status.total) == (State.VERIFIED, 2, 2)
    assert status_of("migration", "jh", recorded(receipt("jh-1", "jh-2", school="jh"))).state is State.VERIFIED


def test_a_school_without_a_share_is_not_proven_to_have_moved():
    assert status_of("migration", "es", recorded(receipt()), shares={"es": ()}).state is State.NOT_STARTED


def test_a_drill_proves_a_failed_one_takes_it_back_and_an_old_one_expires():
    assert status_of("drill", "es", [drilled(1)]).state is State.VERIFIED
    assert status_of("drill", "es", [drilled(1, passed=False)]).state is State.NOT_STARTED
    assert status_of("drill", "es", [drilled(1), drilled(2, passed=False)]).state is State.RECHECK
    assert status_of("drill", "es", [drilled(1, at=NOON - 366 * DAY)]).state is State.EXPIRED
    passed = drilled(1)
    passed = replace(passed, body={**passed.body, "passed": True, "exit_code": None})
    assert status_of("drill", "es", [passed]).state is State.VERIFIED


def test_an_approval_that_is_not_signed_is_marked():
    events = recorded(approval("policy", "", "教育委員会"))
    plain, signed = (status_of("policy", "", events, trusted=trusted) for trusted in ({}, {1: "SHA256:x"}))
    assert (plain.state, plain.unauthenticated) == (State.APPROVED, True)
    assert (signed.state, signed.unauthenticated) == (State.APPROVED, False)


def test_an_approval_by_another_office_or_one_taken_back_does_not_count():
    assert status_of("policy", "", recorded(approval("policy", "", "校長"))).state is State.NOT_STARTED
    taken_back = [approval("policy", "", "教育委員会"), approval("policy", "", "教育委員会", withdrawn=True)]
    assert status_of("policy", "", recorded(*taken_back)).state is State.NOT_STARTED


@pytest.mark.parametrize(
    ("waivers", "trusted", "state"),
    [
        ([waiver("mfa")], {1: "A"}, State.NOT_STARTED),
        ([waiver("mfa"), waiver("mfa", signer="suzuki")], {1: "A", 2: "B"}, State.EXEMPT),
        ([waiver("mfa"), waiver("mfa", signer="suzuki")], {1: "A"}, State.NOT_STARTED),
        # two names on one key are one signer
        ([waiver("mfa"), waiver("mfa", signer="suzuki")], {1: "A", 2: "A"}, State.NOT_STARTED),
        ([waiver("mfa"), waiver("mfa", signer="suzuki", reason="other")], {1: "A", 2: "B"}, State.NOT_STARTED),
        ([waiver("mfa"), waiver("mfa", signer="suzuki", withdrawn=True)], {1: "A", 2: "B"}, State.NOT_STARTED),
        ([waiver("mfa", of="calendar"), waiver("mfa", signer="s", of="calendar")], {1: "A", 2: "B"},
         State.NOT_STARTED),
    ],
)
def test_a_waiver_holds_when_two_people_signed_the_same(waivers, trusted, state):
    assert status_of("mfa", "es", recorded(*waivers), trusted=trusted).state is state


def test_an_event_of_another_version_or_shape_is_named_and_not_relied_on():
    [event] = recorded(seen("mfa"))
    newer = replace(event, body={**event.body, "version": 2})
    broken = replace(event, id=2, body={"version": 1})
    facts = fold([newer, broken])
    assert facts.unread == [1, 2] and not facts.observations


def test_a_clock_set_back_changes_nothing_about_which_event_is_the_newest():
    events = recorded((claim("mfa"), NOON), (claim("mfa", state="in progress"), NOON - 300 * DAY))
    assert status_of("mfa", "es", events).state is State.IN_PROGRESS


def test_an_observation_from_the_future_counts_as_of_the_moment_it_was_written():
    [event] = recorded((seen("mfa", at=NOON + 900 * DAY), NOON - 20 * DAY))
    assert status_of("mfa", "es", [event]).state is State.EXPIRED


CLAIMS = st.builds(
    claim, st.sampled_from(["mfa", "wifi", "assets", "migration", "drill", "plain", "retire"]),
    st.sampled_from(["es", "jh"]), st.sampled_from(["done", "in progress", "not started"]),
    done=st.none() | st.integers(0, 50), total=st.none() | st.integers(0, 50),
)
SEEN = st.builds(
    seen, st.sampled_from(["mfa", "wifi", "silent"]), st.sampled_from(["pass", "fail", "unknown"]),
    st.datetimes((NOON - 60 * DAY).replace(tzinfo=None), NOON.replace(tzinfo=None)).map(
        lambda moment: moment.replace(tzinfo=NOON.tzinfo)
    ),
    vantage=st.sampled_from(["A", "B"]), target=st.sampled_from(["x", "y"]),
    method=st.sampled_from(["TEST", "EXAMINE", "INTERVIEW"]), closed=st.booleans(),
    control=st.sampled_from([None, True, False]), done=st.none() | st.integers(0, 9),
    total=st.none() | st.integers(0, 9),
)
OTHERS = st.sampled_from([
    scan(), receipt(), receipt("jh-1", school="jh"), receipt(whole=False), verified(), verified(5), ran(),
    planned(send=1),
    approval("policy", "", "教育委員会"), approval("retire"), block("mfa"), block("mfa", open=False), waiver("wifi"),
    waiver("wifi", signer="suzuki"),
])
ANY = st.lists(CLAIMS | SEEN | OTHERS, max_size=25)


@settings(max_examples=60, deadline=None)
@given(ANY, st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_gives_the_same_status(events, chance: random.Random):
    kept = recorded(*events)
    shuffled = chance.sample(kept, len(kept))
    trusted = {event.id: event.body.get("signer", "") for event in kept}
    assert compute(world(shuffled, trusted=trusted)) == compute(world(kept, trusted=trusted))


@settings(max_examples=60, deadline=None)
@given(st.lists(CLAIMS, max_size=20), st.sampled_from(sorted(SHARES)))
def test_no_claim_alone_ever_gives_more_than_claimed(claims, school):
    statuses = compute(world(recorded(*claims))).values()
    assert {status.state for status in statuses} <= {State.NOT_STARTED, State.IN_PROGRESS, State.CLAIMED}


@settings(max_examples=60, deadline=None)
@given(ANY, CLAIMS)
def test_a_claim_never_turns_what_is_not_proven_into_what_is(events, said):
    before = compute(world(recorded(*events)))
    after = compute(world(recorded(*events, said)))
    risen = {cell for cell, status in after.items() if status.state in PROVEN and before[cell].state not in PROVEN}
    assert not risen


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_every_state_that_is_not_proven_says_why(events):
    for status in compute(world(recorded(*events))).values():
        assert status.state in {*PROVEN, State.NOT_STARTED, State.IN_PROGRESS} or status.reasons
        assert all(str(reason) for reason in status.reasons)
