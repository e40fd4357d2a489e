"""May a milestone be begun here, today? If not, which links are missing. Pure; opens nothing, least of all a gate.

A hard gate takes proofs only. No claim, no waiver and no unsigned approval opens it, and none opens while the ledger
holds events that were changed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from kdx.errors import ExitCode
from kdx.language import N_
from kdx.rollout.proof import Outcome
from kdx.rollout.reason import Reason, Word, because
from kdx.rollout.status import SIGNERS_OF_A_WAIVER, CellStatus, World, approval_of, prove, waivers_of
from kdx.rollout.stream import CLAIMED_OR_WAIVED, PROVEN, Cell, Milestone, Scope, State, cells_at


@dataclass(frozen=True, slots=True)
class Missing:
    """One link that is missing."""

    what: object
    """A label."""
    school: str
    """Id of the school it is missing at; empty for the city."""
    reason: Reason
    state: State | None = None
    next_step: str = ""
    """A command that leads on; empty where none does."""
    short: str = ""
    """What it is, in a few characters; empty where there is no such name."""
    free_from: date | None = None
    """Where the calendar is in the way: the first day it is not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says."""

    milestone: Milestone
    cell: Cell
    missing: tuple[Missing, ...]

    @property
    def is_open(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    @property
    def exit_code(self) -> ExitCode:
        """4 where the gate is closed, so that playbooks and scripts can ask."""
        return ExitCode.DONE if self.is_open else ExitCode.GATE


def judge(world: World, statuses: Mapping[Cell, CellStatus], milestone: Milestone, cell: Cell) -> Verdict:
    """Return what is missing before a milestone may be begun at a cell; nothing where it was waived there."""
    if statuses[cell].state is State.EXEMPT:
        return Verdict(milestone, cell, ())
    links = (
        *_damage(world, milestone),
        *_needs(world, statuses, milestone, cell),
        *_checks(world, milestone, cell),
        *_approval(world, milestone, cell),
        *_block(statuses[cell], milestone),
        *_calendar(world, milestone, cell),
    )
    return Verdict(milestone, cell, links)


def _damage(world: World, milestone: Milestone) -> Iterator[Missing]:
    if milestone.hard and world.facts.changed:
        numbers = ", ".join(f"#{number}" for number in world.facts.changed[:10])
        reason = because(N_("events in the ledger were changed: {numbers}"), numbers=numbers)
        yield Missing(Word(N_("ledger")), "", reason, next_step="kdx audit verify")


def _needs(
    world: World, statuses: Mapping[Cell, CellStatus], milestone: Milestone, cell: Cell
) -> Iterator[Missing]:
    known = {one.id: one for one in world.definition.milestones}
    for name in milestone.needs:
        need = known[name]
        schools = (cell.school,) if cell.school else tuple(world.shares)
        for place in cells_at(world.definition, need, schools):
            status = statuses[place]
            if not _is_enough(status, milestone.hard):
                step = next_step(need, place)
                yield Missing(need.label, place.school, _lack(status), status.state, step, short=need.column)


def _is_enough(status: CellStatus, hard: bool) -> bool:
    if status.state in PROVEN:
        return not (hard and status.unauthenticated)
    return not hard and status.state in CLAIMED_OR_WAIVED


def _lack(status: CellStatus) -> Reason:
    if status.state in PROVEN:
        return because(N_("not signed, and this gate takes proofs only"))
    if status.state in CLAIMED_OR_WAIVED:
        return because(N_("{state}, and this gate takes proofs only"), state=Word(status.state))
    return status.reasons[0] if status.reasons else because(N_("nothing is known about it yet"))


def _checks(world: World, milestone: Milestone, cell: Cell) -> Iterator[Missing]:
    for requirement in milestone.before.checks:
        proof = prove(world, requirement, cell)
        label = world.label(requirement.check)
        step = f"kdx rollout set observe {cell.school or 'city'} {requirement.check} pass"
        if proof.outcome is not Outcome.PASSED:
            yield Missing(label, cell.school, proof.reason, next_step=step)
        elif milestone.hard and any(event not in world.trusted for event in proof.by_hand):
            reason = because(N_("not signed, and this gate takes proofs only"))
            yield Missing(label, cell.school, reason, next_step=step)


def _approval(world: World, milestone: Milestone, cell: Cell) -> Iterator[Missing]:
    office = milestone.before.approval
    if not office:
        return
    approval = approval_of(world.facts, cell, office)
    step = f"kdx rollout set approve {cell.school or 'city'} {milestone.id} --office {office}"
    label = because(N_("approval by {office}"), office=office)
    if approval is None:
        yield Missing(label, cell.school, because(N_("{office} has not approved"), office=office), next_step=step)
    elif milestone.hard and approval.id not in world.trusted:
        reason = because(N_("not signed, and this gate takes proofs only"))
        yield Missing(label, cell.school, reason, next_step=step)


def _block(status: CellStatus, milestone: Milestone) -> Iterator[Missing]:
    if status.block:
        yield Missing(milestone.label, status.cell.school, status.block.reason, State.HELD)


def _calendar(world: World, milestone: Milestone, cell: Cell) -> Iterator[Missing]:
    calendar = world.definition.calendar
    period = calendar.avoided(milestone.avoid, world.today)
    if period is None or len(waivers_of(world, cell, "calendar")) >= SIGNERS_OF_A_WAIVER:
        return
    free = calendar.next_free(milestone.avoid, world.today)
    reason = because(N_("to be avoided; free from {day}"), day=free)
    yield Missing(period.label, cell.school, reason, free_from=free)


def next_step(milestone: Milestone, cell: Cell) -> str:
    """Return a command that brings a milestone on; empty where it is for people to do."""
    school = cell.school or "city"
    checks = [requirement.check for requirement in milestone.evidence]
    if "receipt" in checks:
        return f"kdx migrate receipt {school} -o DIR"
    if "drill" in checks:
        return f"kdx drill {school}"
    if "scan" in checks:
        return f"kdx inventory scan {school}"
    if milestone.scope is not Scope.CITY and milestone.hard:
        return f"kdx rollout why {school} {milestone.id}"
    office = milestone.approval
    return f"kdx rollout set approve {school} {milestone.id} --office {office}" if office else ""
