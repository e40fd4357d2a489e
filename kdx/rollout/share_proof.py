"""What scans, receipts, drills, snapshots and cutovers prove about the shares of a school. Pure.

A receipt proves that everything had arrived when it was issued. What happened later between the same share and target
can overtake it: then the receipt no longer says what is.
"""

from collections.abc import Sequence

from kdx.language import N_
from kdx.rollout.evidence import Facts, ShareFacts, succeeded
from kdx.rollout.proof import CHECKS, Outcome, Proof, moment
from kdx.rollout.reason import Reason, Word, because
from kdx.state.events.moving import PlanMade, RunFinished, VerifyFinished
from kdx.state.ledger import Recorded
from kdx.transfer.plan import TO_MOVE


def prove_by_shares(facts: Facts, check: str, shares: Sequence[str]) -> Proof:
    """Ask every share of a school; what one lacks, the school lacks."""
    label = Word(CHECKS[check])
    if not shares:
        return Proof(Outcome.ABSENT, because(N_("{check}: the inventory has no share of this school"), check=label))
    judge = {"scan": _scan, "receipt": _receipt, "drill": _drill, "snapshot": _snapshot, "cutover": _cutover}[check]
    proofs = [judge(facts.share(share)) for share in shares]
    passed = [proof for proof in proofs if proof.outcome is Outcome.PASSED]
    failed = [proof for proof in proofs if proof.outcome is Outcome.FAILED]
    chosen = failed or passed
    whole = len(passed) == len(proofs)
    counted = because(
        N_("{check}: {done} of {total} shares"), check=label, done=len(passed), total=len(proofs)
    )
    return Proof(
        outcome=Outcome.FAILED if failed else Outcome.PASSED if whole else Outcome.PART if passed else Outcome.ABSENT,
        reason=failed[0].reason if failed else counted if passed else proofs[0].reason,
        # a school is as old as its oldest share
        at=min((proof.at for proof in chosen if proof.at), default=None),
        latest=max((proof.at for proof in chosen if proof.at), default=None),
        passed_before=any(proof.passed_before for proof in failed),
        done=len(passed),
        total=len(proofs),
        events=tuple(event for proof in chosen for event in proof.events),
    )


def _scan(share: ShareFacts) -> Proof:
    if share.scan is None:
        return Proof(Outcome.ABSENT, because(N_("no scan of the share")))
    return Proof(Outcome.PASSED, because(N_("scanned")), moment(share.scan, "ended"), events=(share.scan.id,))


def _snapshot(share: ShareFacts) -> Proof:
    sealed = share.snapshot
    if sealed is None:
        return Proof(Outcome.ABSENT, because(N_("no snapshot in the vault")))
    at = moment(sealed, "started")
    if sealed.body.get("state", "complete") != "complete" or sealed.body.get("exit_code", 0) != 0:
        return Proof(Outcome.FAILED, because(N_("the last snapshot is not complete")), at, events=(sealed.id,))
    return Proof(Outcome.PASSED, because(N_("snapshot sealed")), at, events=(sealed.id,))


def _drill(share: ShareFacts) -> Proof:
    if not share.drills:
        return Proof(Outcome.ABSENT, because(N_("no restore drill")))
    last = share.drills[-1]
    at = moment(last, "ended")
    if succeeded(last):
        return Proof(Outcome.PASSED, because(N_("drill passed")), at, events=(last.id,))
    before = any(map(succeeded, share.drills[:-1]))
    failed = because(N_("the last restore drill failed"))
    return Proof(Outcome.FAILED, failed, at, passed_before=before, events=(last.id,))


def _cutover(share: ShareFacts) -> Proof:
    """The last word counts: go, or the way back after it. A no-go in between says nothing of an earlier go."""
    said = [one for one in share.cutovers if "go" not in one.body or one.body["go"] is True]
    if not said:
        return Proof(Outcome.ABSENT, because(N_("no cutover")))
    last = said[-1]
    if "go" in last.body:
        return Proof(Outcome.PASSED, because(N_("cut over")), moment(last, "decided"), events=(last.id,))
    back = because(N_("the school went back to the old server"))
    return Proof(Outcome.FAILED, back, last.time, passed_before=True, events=(last.id,))


def _receipt(share: ShareFacts) -> Proof:
    """One target with a whole receipt that nothing has overtaken suffices."""
    proofs = [_receipt_at(receipts, share, target) for target, receipts in share.receipts.items() if receipts]
    passed = [proof for proof in proofs if proof.outcome is Outcome.PASSED]
    absent = Proof(Outcome.ABSENT, because(N_("no migration receipt")))
    return next(iter(passed), proofs[0] if proofs else absent)


def _receipt_at(receipts: Sequence[Recorded], share: ShareFacts, target: str) -> Proof:
    last = receipts[-1]
    overtaken = _overtaken(last, share.moves.get(target, {}))
    before = any(receipt.body.get("whole") is True for receipt in receipts)
    if last.body.get("whole") is not True:
        reason = because(N_("the receipt lists entries that are not proven"))
        return Proof(Outcome.FAILED, reason, last.time, passed_before=before, events=(last.id,))
    if overtaken:
        return Proof(Outcome.FAILED, overtaken[1], last.time, passed_before=before, events=(last.id, overtaken[0]))
    return Proof(Outcome.PASSED, because(N_("receipt issued")), last.time, events=(last.id,))


def _overtaken(receipt: Recorded, moves: dict[str, Recorded]) -> tuple[int, Reason] | None:
    """Return the last thing after a receipt that made it say no longer what is; None where nothing did."""
    for event in sorted(moves.values(), key=lambda event: -event.id):
        if event.id < receipt.id:
            continue
        body = event.body
        if event.kind == VerifyFinished.kind and body.get("exit_code") != 0:
            return event.id, because(N_("a verification after the receipt did not prove everything"))
        if event.kind == RunFinished.kind and (body.get("sent") or body.get("failed")):
            return event.id, because(N_("files were moved after the receipt; verify and issue a new one"))
        if event.kind == PlanMade.kind and any(body.get("entries", {}).get(action) for action in TO_MOVE):
            return event.id, because(N_("a plan after the receipt found files that are not at the target"))
    return None
