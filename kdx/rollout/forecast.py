"""Baseline, plan, what was done when, and when the rest may be done. Pure; the present and the chance are parameters.

The forecast asks nothing but the board's own pace: weeks that have been are drawn again and again until what is left
is done, and weeks in which it must not happen are passed over. Below five completions it says that it cannot say.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

from kdx.errors import UsageMistake
from kdx.language import N_
from kdx.rollout.evidence import Facts
from kdx.rollout.overview import Overview
from kdx.rollout.proof import Outcome
from kdx.rollout.status import CellStatus, World, prove
from kdx.rollout.stream import PROVEN, Calendar, Cell, Milestone, State, cells_at
from kdx.state.events.rollout import BaselineSet

LEAST = 5
"""Completions below which nothing is forecast."""
TRIALS = 1000
FARTHEST_WEEKS = 520
"""Ten years: what lies beyond is not a forecast."""
WEEK = timedelta(days=7)


class BaselineStands(UsageMistake):
    """A baseline of this name was set before; it is never replaced."""

    message = N_("The baseline {name!r} stands already (#{id}) and is never replaced.")
    advice = N_("Choose another name, and say with --reason why the dates are set anew.")


class NoBaseline(UsageMistake):
    """A baseline was named that was never set."""

    message = N_("There is no baseline {name!r}.")
    advice = N_("Known: {known}. Set one with --freeze NAME --reason TEXT.")


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of one cell."""

    cell: Cell
    status: CellStatus
    baseline: date | None
    planned: date | None
    actual: date | None
    """When it was proven for the first time, while it is proven now."""

    def slip(self, calendar: Calendar) -> int | None:
        """Return the school days between the baseline and what was done, else what is planned; None where unknown."""
        now = self.actual or self.planned
        return calendar.school_days(self.baseline, now) if self.baseline and now else None


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the rest of a milestone may be done."""

    half: date | None = None
    """By then in half of the trials."""
    likely: date | None = None
    """By then in 85 of 100 trials."""
    too_little: bool = False
    """Whether there were too few completions to say anything."""


def dates_of(overview: Overview, first: Facts, baseline: Mapping[str, str]) -> dict[Cell, Dates]:
    """Return baseline, plan and actual of every cell. `first` is what was proven first of each subject."""
    due = {one.id: one.due for one in overview.definition.milestones}
    return {
        cell: Dates(
            cell, status, _day(baseline.get(str(cell))), status.planned or due[cell.milestone],
            _actual(overview.world, first, cell, status),
        )
        for cell, status in overview.statuses.items()
    }


def _actual(world: World, first: Facts, cell: Cell, status: CellStatus) -> date | None:
    if status.state not in PROVEN:
        return None
    milestone = next(one for one in world.definition.milestones if one.id == cell.milestone)
    then = replace(world, facts=first)
    moments = []
    for requirement, now in zip(milestone.evidence, status.proofs, strict=True):
        earlier = prove(then, replace(requirement, max_age_days=None), cell)
        proof = earlier if earlier.outcome is Outcome.PASSED else now
        moments.append(proof.latest or proof.at)
    approval = first.approvals.get(cell, {}).get(milestone.approval)
    moments += [approval.time] if approval and status.state is State.APPROVED else []
    known = [moment for moment in moments if moment]
    return max(known).astimezone(world.now.tzinfo).date() if known else None


def outlook(
    milestone: Milestone, dates: Sequence[Dates], calendar: Calendar, today: date, chance: random.Random
) -> Outlook:
    """Return when the rest of a milestone's cells may be done, going by its own pace."""
    concerned = [one for one in dates if one.status.state is not State.EXEMPT]
    done = sorted(one.actual for one in concerned if one.actual)
    left = len(concerned) - len(done)
    if not left:
        return Outlook()
    if len(done) < LEAST:
        return Outlook(too_little=True)
    paces = list(_paces(done, milestone, calendar, today))
    ends = sorted(_trial(left, paces, milestone, calendar, today, chance) for _number in range(TRIALS))
    half, likely = (_end(ends[ceil(share * TRIALS) - 1]) for share in (0.5, 0.85))
    return Outlook(half, likely)


def _paces(done: Sequence[date], milestone: Milestone, calendar: Calendar, today: date) -> Iterator[int]:
    """Yield how many were done in each week since the first, weeks to be avoided left out unless work was done."""
    start = done[0] - timedelta(days=done[0].weekday())
    while start <= today:
        count = sum(start <= day < start + WEEK for day in done)
        if count or not calendar.avoided(milestone.avoid, start):
            yield count
        start += WEEK


def _trial(
    left: int, paces: Sequence[int], milestone: Milestone, calendar: Calendar, today: date, chance: random.Random
) -> date:
    day = today
    for _week in range(FARTHEST_WEEKS):
        day += WEEK
        if not calendar.avoided(milestone.avoid, day):
            left -= chance.choice(paces)
        if left <= 0:
            return day
    return date.max


def _end(day: date) -> date | None:
    return None if day == date.max else day


def find_baseline(facts: Facts, name: str | None) -> tuple[str, Mapping[str, str]]:
    """Return the name and dates of a baseline; of the newest where none is named, ("", {}) where there is none."""
    if name is None:
        newest = max(facts.baselines.values(), key=lambda event: event.id, default=None)
        return (str(newest.body["name"]), newest.body["dates"]) if newest else ("", {})
    if name not in facts.baselines:
        raise NoBaseline(name=name, known=", ".join(facts.baselines) or "-")
    return name, facts.baselines[name].body["dates"]


def freeze(overview: Overview, name: str, reason: str) -> BaselineSet:
    """Return the event that puts the planned dates down under a name. BaselineStands where the name is taken."""
    standing = overview.world.facts.baselines.get(name)
    if standing:
        raise BaselineStands(name=name, id=standing.id)
    due = {one.id: one.due for one in overview.definition.milestones}
    planned = {str(cell): status.planned or due[cell.milestone] for cell, status in overview.statuses.items()}
    return BaselineSet(name, reason, {name: day.isoformat() for name, day in planned.items() if day})


def milestone_dates(overview: Overview, milestone: Milestone, dates: Mapping[Cell, Dates]) -> list[Dates]:
    """Return the dates of all cells of a milestone."""
    return [dates[cell] for cell in cells_at(overview.definition, milestone, tuple(overview.schools))]


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
