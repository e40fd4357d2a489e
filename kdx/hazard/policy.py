"""How grave it is for a school -> what to do about it. Pure; acts on a rising level and remembers what it acted on.

An order is not an event but a condition: "a good snapshot that began after the level rose". It stands until the
snapshot is there, whatever happened to the job in between, and so needs no memory of jobs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.items import KNOWN, Level, Peril, gravest_level
from kdx.hazard.level import Standing
from kdx.language import N_, _

LEAD = {
    Level.ADVISORY: timedelta(hours=2), Level.WARNING: timedelta(hours=1), Level.DANGER: timedelta(minutes=30),
    Level.EMERGENCY: timedelta(0),
}
"""How soon it may be too late after a level rose, where no outlook says. Own assumption, on the short side."""
POWER = {Peril.LIGHTNING, Peril.WIND, Peril.SNOW, Peril.UNCLEAR}
"""What takes the power away, or may."""
UNKNOWN_RANK = 3
"""What an unknown flood depth counts as when schools are compared: 3 to 5 metres."""

PERILS = {
    Peril.LIGHTNING: N_("lightning"),
    Peril.WATER: N_("flood"),
    Peril.GROUND: N_("landslide"),
    Peril.WIND: N_("storm"),
    Peril.SNOW: N_("snow"),
    Peril.UNCLEAR: N_("weather not known"),
    Peril.NONE: N_("no danger to servers"),
}
LEVELS = {
    Level.CLEAR: N_("calm"),
    Level.ADVISORY: N_("advisory level"),
    Level.WARNING: N_("warning level"),
    Level.DANGER: N_("danger level"),
    Level.EMERGENCY: N_("emergency level"),
    Level.UNKNOWN: N_("unknown"),
}


@dataclass(frozen=True, slots=True)
class Peak:
    """The gravest a peril has been since it was last calm, and when it became so."""

    level: Level
    since: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was acted on at one school: the memory between ticks."""

    peaks: Mapping[Peril, Peak] = field(default_factory=dict, hash=False)
    calm_since: datetime | None = None
    rearmed: datetime | None = None
    """When it had last been calm for long enough; from then on every advisory is a new one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the weather asks of one school."""

    save_since: datetime | None = None
    """A good snapshot that began after this must exist."""
    copy_since: datetime | None = None
    """And so must a second copy."""
    check_since: datetime | None = None
    """After the storm: the vault must have been verified after this."""
    before: datetime | None = None
    """When it may be too late."""
    hold: bool = False
    """Start nothing new: the water comes. What runs may finish and seal."""
    stop: bool = False
    """Seal at once what runs."""
    line_percent: int = 100
    """How much of a line may be taken."""
    risk: float = 1.0
    """How much this school has to lose, for comparing schools."""
    reasons: tuple[str, ...] = ()
    """Already translated."""


def follow(alarm: Alarm, standing: Standing, policy: HazardPolicy) -> Alarm:
    """Return the memory after one more look: new peaks where a level rose, and calm noted."""
    now = standing.observed
    # what lies ahead comes from a clock that was set back since: it happened by now at the latest
    peaks = {peril: Peak(peak.level, min(peak.since, now)) for peril, peak in alarm.peaks.items()}
    rearmed = min(alarm.rearmed, now) if alarm.rearmed else None
    for peril, level in _active(standing).items():
        if peril not in peaks or KNOWN.index(level) > KNOWN.index(peaks[peril].level):
            peaks[peril] = Peak(level, now)
    if _active(standing) or standing.level is Level.UNKNOWN:
        return Alarm(peaks, None, rearmed)
    calm_since = min(alarm.calm_since or now, now)
    if peaks and now - calm_since >= timedelta(hours=policy.rearm_hours):
        return Alarm({}, calm_since, now)
    return Alarm(peaks, calm_since, rearmed)


def decide(alarm: Alarm, standing: Standing, school: School, policy: HazardPolicy) -> Order:
    """Return what to do at a school now. An order without any `since` asks for nothing."""
    peaks = alarm.peaks
    grave = [peak for peak in peaks.values() if peak.level is not Level.ADVISORY]
    water = standing.perils.get(Peril.WATER, Level.CLEAR)
    hold = standing.in_water and water in (Level.DANGER, Level.EMERGENCY)
    return Order(
        save_since=max((peak.since for peak in peaks.values()), default=None),
        copy_since=max((peak.since for peak in grave), default=None),
        check_since=alarm.rearmed,
        before=_before(alarm, standing),
        hold=hold,
        stop=hold and water is Level.EMERGENCY,
        line_percent=policy.line_percent if peaks else 100,
        risk=_risk(standing, school, peaks),
        reasons=tuple(_reasons(standing, peaks, hold)),
    )


def _active(standing: Standing) -> dict[Peril, Level]:
    """Return what threatens now or is announced: lightning ahead counts as the advisory it will be."""
    active = dict(standing.perils)
    if Peril.LIGHTNING in standing.ahead:
        active.setdefault(Peril.LIGHTNING, Level.ADVISORY)
    return active


def _before(alarm: Alarm, standing: Standing) -> datetime | None:
    moments = []
    for peril, peak in alarm.peaks.items():
        ahead = standing.ahead.get(peril)
        announced = ahead if ahead and ahead > standing.observed and peril not in standing.perils else None
        moments.append(announced or peak.since + LEAD[peak.level])
    return min(moments, default=None)


def _risk(standing: Standing, school: School, peaks: Mapping[Peril, Peak]) -> float:
    """Return how much more a school has to lose than one that nothing threatens (1.0)."""
    risk = 1.0
    level = KNOWN.index(gravest_level(*(peak.level for peak in peaks.values())))
    if not level:
        return risk
    if peaks.keys() & POWER:
        risk *= 1 if school.ups else 3
    if Peril.WATER in peaks and standing.in_water:
        rank = UNKNOWN_RANK if school.flood_depth_rank is None else school.flood_depth_rank
        risk *= 2 + rank
    return float(risk * 2**level)


def _reasons(standing: Standing, peaks: Mapping[Peril, Peak], hold: bool) -> Iterator[str]:
    for peril, peak in peaks.items():
        ahead = standing.ahead.get(peril)
        if peril not in standing.perils and ahead and ahead > standing.observed:
            yield _("{peril} is forecast").format(peril=_(PERILS[peril]))
        else:
            yield _("{peril}: {level}").format(peril=_(PERILS[peril]), level=_(LEVELS[peak.level]))
    if hold:
        yield _("the water may reach the server: nothing new is started")
