"""A gate names every missing link, and no hard gate is typed past."""

from datetime import datetime

import pytest
from rigs.rollout_world import (
    DAY, NOON, approval, block, claim, drilled, receipt, recorded, scan, seen, verified, waiver, world,
)

from kdx.errors import ExitCode
from kdx.rollout.gate import Verdict, judge
from kdx.rollout.status import compute
from kdx.rollout.stream import Cell

RETENTION = seen("retention", method="EXAMINE", target="確認書", raw_sha256="a" * 64)
EVIDENCE = [receipt(), RETENTION, approval("retire")]
SIGNED = {2: "A", 3: "A"}


def asked(name, events, trusted=None, now=NOON, school="es") -> Verdict:
    here = world(events, now, trusted)
    milestone = next(one for one in here.definition.milestones if one.id == name)
    cell = Cell(name, "" if milestone.scope == "city" else school)
    return judge(here, compute(here), milestone, cell)


def links(verdict: Verdict) -> list[str]:
    return [f"{one.what}: {one.reason}" for one in verdict.missing]


def test_a_server_is_not_retired_until_receipt_drill_retention_and_approval_exist():
    verdict = asked("retire", [])
    assert links(verdict) == [
        "migration: no migration receipt",
        "drill: no restore drill",
        "retention: retention: not seen yet",
        "approval by 校長: 校長 has not approved",
    ]
    assert verdict.exit_code == ExitCode.GATE
    assert verdict.missing[0].next_step == "kdx migrate receipt es -o DIR"
    events = [*recorded(*EVIDENCE), drilled(4)]
    verdict = asked("retire", events, SIGNED)
    assert (links(verdict), verdict.exit_code) == ([], ExitCode.DONE)


@pytest.mark.parametrize("missing", range(4))
def test_each_link_alone_keeps_it_closed(missing):
    events = [*recorded(*EVIDENCE), drilled(4)]
    del events[missing]
    assert len(asked("retire", events, SIGNED).missing) == 1


@pytest.mark.parametrize(
    "typed",
    [
        [claim("migration"), claim("drill"), claim("retire")],
        [approval("retire"), approval("migration"), approval("drill")],
        [waiver("migration"), waiver("migration", signer="b"), waiver("drill"), waiver("drill", signer="b")],
        [seen("receipt"), seen("drill"), seen("migration", method="EXAMINE")],
        [scan(), verified()],
    ],
)
def test_nothing_that_is_typed_opens_a_hard_gate(typed):
    events = recorded(*typed, RETENTION, approval("retire"))
    trusted = {event.id: str(event.body.get("signer")) for event in events}
    whats = {str(one.what) for one in asked("retire", events, trusted).missing}
    assert {"migration", "drill"} <= whats


@pytest.mark.parametrize(("trusted", "link"), [({2: "A"}, "approval by 校長"), ({3: "A"}, "retention")])
def test_what_nobody_signed_does_not_open_a_hard_gate(trusted, link):
    [found] = asked("retire", [*recorded(*EVIDENCE), drilled(4)], trusted).missing
    assert (str(found.what), str(found.reason)) == (link, "not signed, and this gate takes proofs only")


UNSIGNED = "not signed, and this gate takes proofs only"


@pytest.mark.parametrize(
    ("trusted", "missing"),
    [
        ({}, [f"policy: {UNSIGNED}", f"mfa: {UNSIGNED}"]),
        ({1: "A"}, [f"mfa: {UNSIGNED}"]),
        ({2: "A"}, [f"policy: {UNSIGNED}"]),
        ({1: "A", 2: "A"}, []),
    ],
)
def test_a_hard_gate_takes_no_milestone_that_rests_on_what_nobody_signed(trusted, missing):
    events = recorded(approval("policy", "", "教育委員会"), seen("mfa", method="EXAMINE"))
    assert links(asked("cutover", events, trusted)) == missing


def test_a_later_failure_closes_it_again():
    events = [*recorded(*EVIDENCE), drilled(4), drilled(5, passed=False)]
    assert links(asked("retire", events, SIGNED)) == ["drill: the last restore drill failed"]


def test_a_block_keeps_it_closed():
    events = [*recorded(*EVIDENCE, block("retire")), drilled(5)]
    assert links(asked("retire", events, SIGNED)) == ["retire: 機器納期: 督促する"]


def test_the_calendar_keeps_it_closed_and_says_until_when():
    spring = datetime(2027, 4, 1, 12, tzinfo=NOON.tzinfo)
    events = [*recorded(*EVIDENCE[:1], seen("retention", method="EXAMINE", at=spring), EVIDENCE[2]), drilled(4)]
    verdict = asked("retire", events, SIGNED, spring)
    assert links(verdict) == ["年度末: to be avoided; free from 2027-04-21"]
    assert str(verdict.missing[0].free_from) == "2027-04-21"
    both = [waiver("retire", of="calendar"), waiver("retire", signer="b", of="calendar")]
    events = [*events[:3], *recorded(*both, start=5), events[3]]
    assert asked("retire", events, {**SIGNED, 5: "A", 6: "B"}, spring).is_open
    assert not asked("retire", events, {**SIGNED, 5: "A"}, spring).is_open


def test_any_other_gate_takes_a_claim_or_a_waiver_of_two():
    assert not asked("plain", []).is_open
    assert asked("plain", recorded(claim("policy", ""))).is_open
    assert asked("migration", recorded(claim("assets"))).is_open
    both = recorded(waiver("assets"), waiver("assets", signer="b"))
    assert asked("migration", both, {1: "A", 2: "B"}).is_open
    assert not asked("migration", both, {1: "A"}).is_open


def test_what_does_not_concern_a_school_waits_for_nothing():
    both = recorded(waiver("retire"), waiver("retire", signer="b"))
    assert asked("retire", both, {1: "A", 2: "B"}).is_open


def test_old_evidence_does_not_open_it():
    late = NOON + 400 * DAY
    found = links(asked("retire", [*recorded(*EVIDENCE), drilled(4)], SIGNED, late))
    assert found == ["drill: restore drill: out of date since 2027-11-14"]
