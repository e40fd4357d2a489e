"""What a cutover proves for a milestone: the last word counts, go or the way back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kdx.rollout.evidence import fold
from kdx.rollout.proof import Outcome
from kdx.rollout.share_proof import prove_by_shares
from kdx.state.events.cutover import CutoverDecided, CutoverRolledBack
from kdx.state.events.event import Event
from kdx.state.ledger import Recorded

NOON = datetime(2026, 12, 25, 12, tzinfo=UTC)
NAMES = {"school": "es", "share": "共有", "share_id": "es-1", "target": "/target"}
GO = CutoverDecided(
    **NAMES, go=True, against=[], plan_sha256="p", verified_sha256="v", baseline_sha256="b", decided=NOON
)
NO_GO = replace(GO, go=False, against=["frozen"])
BACK = CutoverRolledBack(**NAMES, changes={}, canary="accepted", started=NOON, ended=NOON)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], Outcome.ABSENT),
        ([NO_GO], Outcome.ABSENT),
        ([GO], Outcome.PASSED),
        ([NO_GO, GO], Outcome.PASSED),
        ([GO, BACK], Outcome.FAILED),
        ([GO, BACK, NO_GO], Outcome.FAILED),
        ([GO, BACK, GO], Outcome.PASSED),
    ],
)
def test_the_last_word_of_a_cutover_counts(events: list[Event], outcome: Outcome) -> None:
    recorded = [
        Recorded(number, NOON + timedelta(minutes=number), "a", "r", event.kind, event.subject, event.to_body(), "")
        for number, event in enumerate(events, 1)
    ]
    proof = prove_by_shares(fold(recorded), "cutover", ["es-1"])
    assert proof.outcome is outcome
    if outcome is Outcome.FAILED:
        assert proof.passed_before
