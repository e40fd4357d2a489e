"""Facts and the present -> the state of every cell, with its reasons. A pure fold: no file, no clock, no ledger.

The order of precedence: what was waived, then what is held up, then what the newest evidence contradicts, has outlived
or could not decide, then what is proven, then what is only said. A claim alone never makes more than "claimed".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from kdx.language import N_
from kdx.rollout.evidence import Facts
from kdx.rollout.observation_proof import prove_by_observations
from kdx.rollout.proof import CHECKS, Outcome, Proof
from kdx.rollout.reason import Reason, Word, because
from kdx.rollout.share_proof import prove_by_shares
from kdx.rollout.stream import BUILT_IN, Cell, Definition, Milestone, Requirement, State, cells_at
from kdx.state.ledger import Recorded

SIGNERS_OF_A_WAIVER = 2
Shares = Mapping[str, tuple[str, ...]]
"""Id of a school -> ids of its shares."""


@dataclass(frozen=True, slots=True)
class Block:
    """What holds a cell up, as somebody wrote it down."""

    cause: str
    owner: str
    next_action: str
    due: date | None
    since: datetime

    @property
    def reason(self) -> Reason:
        """What a table says."""
        text = N_("{cause}: {next}") if self.next_action else "{cause}"
        return because(text, cause=Word(self.cause), next=self.next_action)


@dataclass(frozen=True, slots=True)
class CellStatus:
    """Where one cell stands, and why."""

    cell: Cell
    state: State
    reasons: tuple[Reason, ...]
    proofs: tuple[Proof, ...] = ()
    unauthenticated: bool = False
    """Whether it rests on an approval or a finding by hand that nobody signed."""
    block: Block | None = None
    planned: date | None = None
    owner: str = ""
    done: int | None = None
    total: int | None = None
    note: str = ""
    version: int = 0
    """Number of the newest event that a person wrote about this cell; 0 where there is none."""

    @property
    def events(self) -> tuple[int, ...]:
        """The events it rests on."""
        return tuple(sorted({event for proof in self.proofs for event in proof.events}))


@dataclass(frozen=True, slots=True)
class World:
    """What a status is computed from."""

    definition: Definition
    shares: Shares
    facts: Facts
    trusted: Mapping[int, str]
    """Id of each event that was signed by somebody who may -> fingerprint of the key."""
    now: datetime
    """In the board's time zone: days are named in it."""

    @property
    def today(self) -> date:
        """The present day."""
        return self.now.date()

    def label(self, check: str) -> object:
        """Return what people call a check."""
        return Word(CHECKS[check]) if check in CHECKS else self.definition.checks.get(check, check)


def compute(world: World) -> dict[Cell, CellStatus]:
    """Return the state of every cell that rollout.yml and the inventory have."""
    schools = tuple(world.shares)
    return {
        cell: _cell_status(world, milestone, cell)
        for milestone in world.definition.milestones
        for cell in cells_at(world.definition, milestone, schools)
    }


def prove(world: World, requirement: Requirement, cell: Cell) -> Proof:
    """Return what is proven about a requirement at a cell."""
    label = world.label(requirement.check)
    if requirement.check not in BUILT_IN:
        return prove_by_observations(world.facts, requirement, cell.school, cell.item, label, world.now)
    proof = prove_by_shares(world.facts, requirement.check, world.shares.get(cell.school, ()))
    if proof.outcome is not Outcome.PASSED or proof.at is None or requirement.max_age_days is None:
        return proof
    until = proof.at + timedelta(days=requirement.max_age_days)
    if world.now <= until:
        return proof
    day = until.astimezone(world.now.tzinfo).date()
    reason = because(N_("{check}: out of date since {day}"), check=label, day=day)
    return replace(proof, outcome=Outcome.EXPIRED, reason=reason, until=until)


def _cell_status(world: World, milestone: Milestone, cell: Cell) -> CellStatus:
    facts = world.facts
    claim, plan = facts.claims.get(cell), facts.plans.get(cell)
    block = _block(facts.blocks.get(cell))
    proofs = tuple(prove(world, requirement, cell) for requirement in milestone.evidence)
    approval = approval_of(facts, cell, milestone.approval)
    state, reasons = _decide(world, milestone, cell, proofs)
    by_hand = {event for proof in proofs for event in proof.by_hand}
    counted = next((proof for proof in proofs if proof.total is not None), None)
    said = claim.body if claim else {}
    return CellStatus(
        cell=cell,
        state=state,
        reasons=reasons,
        proofs=proofs,
        unauthenticated=(state is State.APPROVED and approval is not None and approval.id not in world.trusted)
        or (state in (State.VERIFIED, State.APPROVED) and any(event not in world.trusted for event in by_hand)),
        block=block,
        planned=_day(plan.body.get("planned")) if plan else None,
        owner=str(plan.body.get("owner") or "") if plan else "",
        done=counted.done if counted else _number(said.get("done")),
        total=counted.total if counted else _number(said.get("total")),
        note=str(said.get("note") or ""),
        version=max(event.id if event else 0 for event in (claim, plan)),
    )


def _decide(
    world: World, milestone: Milestone, cell: Cell, proofs: tuple[Proof, ...]
) -> tuple[State, tuple[Reason, ...]]:
    facts, claim = world.facts, world.facts.claims.get(cell)
    said = claim.body.get("state") if claim else None
    waivers = waivers_of(world, cell, "milestone")
    block = _block(facts.blocks.get(cell))
    if len(waivers) >= SIGNERS_OF_A_WAIVER:
        return State.EXEMPT, (because(N_("waived: {reason}"), reason=waivers[0].body.get("reason")),)
    if block:
        return State.HELD, (block.reason,)
    again = [one for one in proofs if one.outcome is Outcome.FAILED and _contradicts(one, claim)]
    for state, found in (
        (State.RECHECK, again),
        (State.EXPIRED, [one for one in proofs if one.outcome is Outcome.EXPIRED]),
        (State.UNKNOWN, [one for one in proofs if one.outcome is Outcome.UNDECIDED]),
    ):
        if found:
            return state, tuple(one.reason for one in found)
    return _decide_progress(facts, milestone, cell, proofs, str(said or ""))


def _decide_progress(
    facts: Facts, milestone: Milestone, cell: Cell, proofs: tuple[Proof, ...], said: str
) -> tuple[State, tuple[Reason, ...]]:
    """Decide where nothing stands in the way of what is proven or said."""
    approval = approval_of(facts, cell, milestone.approval)
    missing = [one.reason for one in proofs if one.outcome is not Outcome.PASSED]
    if approval:
        number = approval.body.get("number")
        given = because(N_("approved by {office} ({number})"), office=milestone.approval, number=number)
    elif milestone.approval:
        missing.append(because(N_("{office} has not approved"), office=milestone.approval))
    if (proofs or approval) and not [one for one in proofs if one.outcome is not Outcome.PASSED]:
        reasons = tuple(one.reason for one in proofs)
        return (State.APPROVED, (*reasons, given)) if approval else (State.VERIFIED, (*reasons, *missing))
    if said == "done":
        return State.CLAIMED, (because(N_("only claimed")), *missing)
    # 1 of 3 counterparts without fax, 38 of 42 terminals: whoever did that has begun, though it is not enough yet
    begun = said == "in progress" or any(one.outcome in (Outcome.PASSED, Outcome.PART) or one.done for one in proofs)
    return State.IN_PROGRESS if begun else State.NOT_STARTED, tuple(missing)


def _contradicts(proof: Proof, claim: Recorded | None) -> bool:
    """Whether a failure says that something no longer is as it was proven, or claimed before."""
    claimed = claim is not None and claim.body.get("state") == "done" and claim.id < max(proof.events, default=0)
    return proof.passed_before or claimed


def approval_of(facts: Facts, cell: Cell, office: str) -> Recorded | None:
    """Return the approval of an office that stands; None where there is none, or it was taken back."""
    approval = facts.approvals.get(cell, {}).get(office)
    return approval if approval and approval.body.get("withdrawn") is False else None


def waivers_of(world: World, cell: Cell, of: str) -> list[Recorded]:
    """Return the signed waivers of a cell that agree in their reason with the newest, one for each key."""
    standing = sorted(
        (
            one for one in world.facts.waivers.get(cell, {}).values()
            if one.body.get("of") == of and one.body.get("withdrawn") is False and one.id in world.trusted
        ),
        key=lambda one: one.id,
    )
    alike = (one for one in standing if one.body.get("reason") == standing[-1].body.get("reason"))
    return list({world.trusted[one.id]: one for one in alike}.values())


def _block(event: Recorded | None) -> Block | None:
    if event is None or event.body.get("open") is not True:
        return None
    body = event.body
    cause, owner, next_action = (str(body.get(name) or "") for name in ("cause", "owner", "next_action"))
    return Block(cause, owner, next_action, _day(body.get("due")), event.time)


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
