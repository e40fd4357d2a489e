"""Which snapshots of a share stay, and why. Pure: snapshots and the rule in, a verdict with its reason for each out.

Grandfather, father, son by the Japanese fiscal year (April to March, 学校教育法施行規則 第59条). Days, weeks, months and
years are counted that *have* a good snapshot, never back from today: after an outage or with a clock gone wrong nothing
grows old by itself. A suspect or partial snapshot never takes the place of a complete one. In doubt everything stays.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from kdx.backup.format.names import SnapshotName
from kdx.backup.format.seal import State
from kdx.config.model import Keep
from kdx.language import N_

FUTURE = timedelta(minutes=15)

NEWEST = N_("the newest one")
HELD = N_("held by the board")
DAILY, WEEKLY, MONTHLY, YEARLY = N_("of a day"), N_("of a week"), N_("of a month"), N_("of a fiscal year")
LAST_GOOD = N_("one of the last good ones")
TOO_FEW = N_("too few good ones to let any go")
UNDECIDED = N_("a suspect snapshot waits for a person's word")
AHEAD = N_("dated in the future")
NO_BETTER = N_("nothing complete in its time")
SUPERSEDED = N_("others stand for its time")


class Snapshot(NamedTuple):
    """One snapshot, as far as the rule needs to know it."""

    name: SnapshotName
    time: datetime
    """Its start or the store's own time, whichever is earlier."""
    state: State
    """What a person accepted taken into account."""
    is_checkpoint: bool = False
    is_decided: bool = True
    """Not of a suspect one about which nobody has said anything."""


class Verdict(NamedTuple):
    """What becomes of a snapshot."""

    snapshot: Snapshot
    stays: bool
    reason: str
    """One of the constants above."""
    detail: str = ""
    """Which day, week, month or year it stands for, or why it is held."""


Period = Callable[[date], str]
PERIODS: tuple[tuple[str, Period], ...] = (
    (YEARLY, lambda day: f"{day.year - (day.month < 4)}"),
    (MONTHLY, lambda day: f"{day:%Y-%m}"),
    (WEEKLY, lambda day: "{}-W{:02d}".format(*day.isocalendar()[:2])),
    (DAILY, lambda day: f"{day}"),
)


def decide(snapshots: Iterable[Snapshot], keep: Keep, now: datetime, zone: tzinfo, school: str = "") -> list[Verdict]:
    """Given all snapshots of a share, the rule and the store's time, say of each whether it stays, newest first."""
    ordered = sorted(snapshots, key=lambda each: each.name.rank, reverse=True)
    good = [each for each in ordered if each.state == State.COMPLETE and each.time <= now + FUTURE]
    undecided = bool(ordered) and ordered[0].state == State.SUSPECT and not ordered[0].is_decided
    if undecided or len(good) <= keep.minimum:
        return [Verdict(each, True, UNDECIDED if undecided else TOO_FEW) for each in ordered]
    reasons: dict[SnapshotName, tuple[str, str]] = {}
    _keep_periods(reasons, good, _fillers(ordered), keep, zone)
    for each in good[: keep.minimum]:
        reasons.setdefault(each.name, (LAST_GOOD, ""))
    for each in ordered:
        if each.time > now + FUTURE:
            reasons.setdefault(each.name, (AHEAD, ""))
        elif each.name.rank > good[0].name.rank:
            reasons.setdefault(each.name, (NO_BETTER, ""))
        for hold in keep.holds:
            if hold.school in ("", school) and hold.first <= each.time.astimezone(zone).date() <= hold.last:
                reasons[each.name] = HELD, hold.reason
    reasons.setdefault(ordered[0].name, (NEWEST, ""))
    return [Verdict(each, each.name in reasons, *reasons.get(each.name, (SUPERSEDED, ""))) for each in ordered]


def _fillers(ordered: Sequence[Snapshot]) -> list[Snapshot]:
    """Return what stands in where a time has nothing complete: partial snapshots that had come to everything."""
    return [each for each in ordered if each.state == State.PARTIAL and not each.is_checkpoint]


def _keep_periods(
    reasons: dict[SnapshotName, tuple[str, str]], good: Sequence[Snapshot], partial: Sequence[Snapshot], keep: Keep,
    zone: tzinfo,
) -> None:
    """Note the newest good snapshot of each period, the longest periods first; partial ones where there is none.

    How far back a period reaches is settled by complete snapshots alone.
    """
    for (word, period), most in zip(PERIODS, (keep.years, keep.months, keep.weeks, keep.days), strict=True):
        kept: dict[str, Snapshot] = {}
        for each in sorted(good, key=lambda one: one.time, reverse=True):
            of = period(each.time.astimezone(zone).date())
            if of in kept or len(kept) < most:
                kept.setdefault(of, each)
        first = min((each.time for each in kept.values()), default=None)
        for each in sorted(partial, key=lambda one: one.time, reverse=True):
            if first is not None and each.time >= first:
                kept.setdefault(period(each.time.astimezone(zone).date()), each)
        for of, each in kept.items():
            better = word if each.state == State.COMPLETE else NO_BETTER
            reasons.setdefault(each.name, (better, of))
