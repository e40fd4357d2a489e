"""The picture of a municipality -> how grave it is for one school, with the reasons. Pure.

A doubt makes the level UNKNOWN, never CLEAR. What is UNKNOWN goes on acting as what it was last, or as what could
still be read if that is graver, and after `unknown_minutes` at least as an advisory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.codes import Codes, Meaning
from kdx.hazard.items import KNOWN, FeedUnclear, Level, Peril, Picture, Report, gravest_level

METRES = {1: 0.5, 2: 3.0, 3: 5.0, 4: 10.0, 5: 20.0}
"""Upper bound of each depth rank of 洪水浸水想定区域 (国土数値情報 A31a_205); rank 6 has none."""
STOREY = 3.0
"""Metres from one floor to the next, taken low so that more servers count as reached."""
FLOOD_CODES = ("03", "04")
"""Under these a VPWW53/54 may hide a graver level in the text of its notice."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One warning in force that concerns a school."""

    meaning: Meaning
    level: Level
    """For this school; milder than the warning's own where the water does not reach its server."""
    status: str
    reported: datetime
    place: str = ""
    """The river, where it is one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the weather means for one school at one moment."""

    school: str
    level: Level
    acts_as: Level
    """What is acted on; never UNKNOWN."""
    perils: Mapping[Peril, Level] = field(hash=False)
    """What acts, by what threatens; CLEAR ones are left out."""
    observed: datetime
    known: datetime | None
    """When the level was last known; None where it never was."""
    in_water: bool
    """Whether a flood may reach the server."""
    reasons: tuple[Reason, ...] = ()
    ahead: Mapping[Peril, datetime] = field(default_factory=dict, hash=False)
    """What the outlook announces, and when it begins."""
    doubts: tuple[FeedUnclear, ...] = ()


def judge(
    picture: Picture, school: School, codes: Codes, policy: HazardPolicy, last: Standing | None = None
) -> Standing:
    """Return what `picture` means for `school`; `last` is what was judged before, None where nothing was."""
    in_water = water_reaches(school)
    reasons = tuple(sorted(_reasons(picture, codes, in_water), key=lambda one: -KNOWN.index(one.level)))
    perils: dict[Peril, Level] = {}
    for reason in reasons:
        peril = reason.meaning.peril
        if peril is not Peril.NONE:
            perils[peril] = gravest_level(reason.level, perils.get(peril, Level.CLEAR))
    known: datetime | None = picture.observed
    if picture.doubts:
        known = last.known if last else None
        perils = _kept(perils, last, picture.observed, timedelta(minutes=policy.unknown_minutes))
    acts_as = gravest_level(*perils.values())
    return Standing(
        school=school.id,
        level=Level.UNKNOWN if picture.doubts else acts_as,
        acts_as=acts_as,
        perils=perils,
        observed=picture.observed,
        known=known,
        in_water=in_water,
        reasons=reasons,
        ahead=_ahead(picture, codes, timedelta(hours=policy.look_ahead_hours)),
        doubts=picture.doubts,
    )


def water_reaches(school: School) -> bool:
    """Whether the deepest flood of the hazard map reaches the server's floor; what is not known counts as reached."""
    rank, floor = school.flood_depth_rank, school.server_floor
    if rank == 0:
        return False
    if rank is None or floor is None:
        return True
    return METRES.get(rank, float("inf")) > (floor - 1) * STOREY


def _kept(
    perils: Mapping[Peril, Level], last: Standing | None, now: datetime, patience: timedelta
) -> dict[Peril, Level]:
    """Return what an unknown level acts as, by peril."""
    before = last.perils if last else {}
    kept = {
        peril: gravest_level(perils.get(peril, Level.CLEAR), before.get(peril, Level.CLEAR))
        for peril in {*perils, *before}
    }
    known = last.known if last else None
    # a clock that was set back makes the past lie in the future: that is no recent knowledge either
    recent = known is not None and timedelta(0) <= now - known < patience
    if not recent and not kept:
        kept[Peril.UNCLEAR] = Level.ADVISORY
    return kept


def _reasons(picture: Picture, codes: Codes, in_water: bool) -> Iterator[Reason]:
    for report in picture.reports:
        yield from _of_report(report, picture.area, codes, in_water)
    for river in picture.rivers:
        meaning = codes.rivers.get(river.code[:1])
        if meaning and meaning.level is not Level.CLEAR:
            level = _for_school(meaning.level, meaning.peril, in_water)
            yield Reason(meaning, level, river.info, river.reported, river.name)


def _of_report(report: Report, area: str, codes: Codes, in_water: bool) -> Iterator[Reason]:
    for kind in report.areas.get(area, ()):
        meaning = codes.warnings.get(kind.code)
        # a status nobody knows is a doubt, and counts as in force
        if meaning is None or kind.status in codes.ended:
            continue
        graver = [codes.significancies.get(code, Level.CLEAR) for code in kind.significancies]
        if kind.code in FLOOD_CODES and report.notice_level:
            graver.append(KNOWN[report.notice_level - 1])
        level = _for_school(gravest_level(meaning.level, *graver), meaning.peril, in_water)
        yield Reason(meaning, level, kind.status, report.reported)


def _for_school(level: Level, peril: Peril, in_water: bool) -> Level:
    """Return the level for a school: one step milder where the water does not reach, but never calm."""
    if peril is Peril.WATER and not in_water and level is not Level.ADVISORY:
        return KNOWN[KNOWN.index(level) - 1]
    return level


def _ahead(picture: Picture, codes: Codes, horizon: timedelta) -> dict[Peril, datetime]:
    """Return what the outlook announces within the horizon: peril -> when it begins (the present where it has)."""
    found: dict[Peril, datetime] = {}
    for step in picture.outlook:
        level = codes.significancies.get(step.code, Level.CLEAR)
        if level is Level.CLEAR or step.end <= picture.observed or step.start > picture.observed + horizon:
            continue
        peril = codes.outlooks[step.type].peril
        start = max(step.start, picture.observed)
        found[peril] = min(start, found.get(peril, start))
    return found
