"""What several feeds say -> one picture of one municipality, with every reason to doubt it. Pure.

The rule for all of it: what is missing, old, unknown or contradictory is a doubt, and a doubt makes the level UNKNOWN.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from kdx.hazard.codes import Codes
from kdx.hazard.items import FeedUnclear, Kind, Outlook, Picture, Report, River
from kdx.language import N_, _

STALE = timedelta(hours=6)
"""気象庁 writes something every few minutes; six hours of silence mean that the feed stands still."""
AHEAD = timedelta(minutes=15)
"""So far a feed may be ahead of this machine's clock before one of the two is wrong."""
ORDINARY = "通常"
WITHDRAWN = "取消"
CORRECTED = "訂正"
R8 = "r8"

Told = TypeVar("Told", Report, River)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the feeds gave, and what went wrong with them."""

    reports: tuple[Report, ...] = ()
    rivers: tuple[River, ...] = ()
    outlook: tuple[Outlook, ...] = ()
    alive: datetime | None = None
    places: tuple[str, ...] = ()
    doubts: tuple[FeedUnclear, ...] = ()
    """Why this may not be the whole truth."""
    notes: tuple[FeedUnclear, ...] = ()
    """What went wrong and was made good by another feed, or concerns the outlook alone."""


def compose(area: str, now: datetime, codes: Codes, sources: Sources) -> Picture:
    """Given what the feeds said, return the picture of the municipality `area`."""
    reports = in_force(sources.reports, lambda one: one.type)
    rivers = tuple(one for one in in_force(sources.rivers, lambda one: one.river) if area in one.municipalities)
    doubts = list(sources.doubts)
    if reports or not doubts:
        doubts += doubts_about_reports(reports, area, codes)
    doubts += [_unknown(one.name, one.code) for one in rivers if not _river_is_known(one, codes)]
    if sources.alive:
        doubts += doubts_about_time(sources.alive, now)
    return Picture(
        area=area,
        observed=now,
        reports=reports,
        rivers=rivers,
        outlook=tuple(step for step in sources.outlook if step.type in codes.outlooks),
        doubts=tuple(doubts),
        notes=(*sources.notes, *_notes_about(sources.outlook, codes)),
        alive=sources.alive,
        sources=sources.places,
    )


def _notes_about(outlook: Iterable[Outlook], codes: Codes) -> Iterator[FeedUnclear]:
    """Yield each code of the outlook that nobody knows, once."""
    for code in dict.fromkeys(step.code for step in outlook if step.type in codes.outlooks):
        if code not in codes.significancies:
            yield _unknown("warning_timeline", code)


def in_force(told: Iterable[Told], subject: Callable[[Told], str]) -> tuple[Told, ...]:
    """Return the newest of each subject; exercises are none, 訂正 replaces, 取消 brings back the one before."""
    stacks: dict[str, list[Told]] = {}
    for one in sorted(told, key=_order):
        if one.status != ORDINARY:
            continue
        stack = stacks.setdefault(subject(one), [])
        if one.info in (WITHDRAWN, CORRECTED) and stack:
            stack.pop()
        if one.info != WITHDRAWN:
            stack.append(one)
    return tuple(stack[-1] for stack in stacks.values() if stack)


def _order(one: Report | River) -> tuple[datetime, datetime | int]:
    if isinstance(one, Report):
        return one.reported, one.controlled
    return one.reported, one.serial


def doubts_about_reports(reports: Iterable[Report], area: str, codes: Codes) -> Iterator[FeedUnclear]:
    """Yield why the warnings of a municipality cannot be taken for the whole truth."""
    speaks = False
    for report in reports:
        kinds = report.areas.get(area)
        if kinds is None:
            if report.type not in codes.may_leave_out:
                yield _doubt(report.type, _("the municipality {area} is not in it").format(area=area))
            continue
        speaks = True
        for kind in kinds:
            yield from _doubts_about_kind(report.type, kind, codes)
    if not speaks:
        yield _doubt(R8, _("no report in force names the municipality {area}").format(area=area))


def _doubts_about_kind(type: str, kind: Kind, codes: Codes) -> Iterator[FeedUnclear]:
    if kind.status not in codes.ended | codes.in_force:
        yield _doubt(type, _("the status {status} is not known").format(status=kind.status or "-"))
    elif kind.status in codes.in_force:
        if kind.code not in codes.warnings:
            yield _unknown(type, kind.code)
        for code in kind.significancies:
            if code not in codes.significancies:
                yield _unknown(type, code)


def doubts_about_time(alive: datetime, now: datetime) -> Iterator[FeedUnclear]:
    """Given when 気象庁 last wrote anything, yield whether the feed stands still or a clock is wrong."""
    if now - alive > STALE:
        hours = int((now - alive).total_seconds() // 3600)
        yield _doubt("map_time", _("nothing was written for {hours} hours").format(hours=hours))
    elif alive - now > AHEAD:
        yield _doubt("map_time", N_("it is ahead of this machine's clock"))


def _river_is_known(river: River, codes: Codes) -> bool:
    return len(river.code) == 2 and river.code.isascii() and river.code.isdecimal() and river.code[0] in codes.rivers


def _unknown(feed: str, code: str) -> FeedUnclear:
    return _doubt(feed, _("the code {code} is not known").format(code=code or "-"))


def _doubt(feed: str, why: str) -> FeedUnclear:
    return FeedUnclear(feed=feed, why=why)
