"""What is remembered of each school's weather between ticks: its last standing, and what was acted on.

A file that is missing or damaged is no memory: then an unknown level counts as an advisory at once.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.codes import Codes
from kdx.hazard.fetch import write_whole
from kdx.hazard.items import Level, Peril, Picture
from kdx.hazard.level import Standing, judge
from kdx.hazard.policy import Alarm, Order, Peak, decide, follow


@dataclass(frozen=True, slots=True)
class Remembered:
    """One school's weather as it was last seen."""

    standing: Standing
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look means for one school: how grave it is, the memory from now on, and what to do."""

    school: School
    standing: Standing
    alarm: Alarm
    order: Order


Memory = Mapping[str, Remembered]


def weigh(
    picture: Picture, schools: Iterable[School], memory: Memory, codes: Codes, policy: HazardPolicy
) -> tuple[Outcome, ...]:
    """Given a picture and what is remembered, return what it means for each school. Pure."""
    outcomes = []
    for school in schools:
        before = memory.get(school.id)
        standing = judge(picture, school, codes, policy, before.standing if before else None)
        alarm = follow(before.alarm if before else Alarm(), standing, policy)
        outcomes.append(Outcome(school, standing, alarm, decide(alarm, standing, school, policy)))
    return tuple(outcomes)


def remember(outcomes: Iterable[Outcome]) -> Memory:
    """Return what to keep until the next look."""
    return {one.school.id: Remembered(one.standing, one.alarm) for one in outcomes}


def recall(path: Path) -> Memory:
    """Return what was kept; nothing where there is no such file or it is damaged."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        kept = json.loads(path.read_bytes())
        return {school: Remembered(_standing(school, one), _alarm(one)) for school, one in kept.items()}
    return {}


def keep(path: Path, memory: Memory) -> None:
    """Write what is remembered, whole."""
    write_whole(path, json.dumps({school: _plain(one) for school, one in memory.items()}, sort_keys=True).encode())


def _plain(one: Remembered) -> dict[str, Any]:
    standing, alarm = one.standing, one.alarm
    return {
        "level": standing.level,
        "acts_as": standing.acts_as,
        "perils": dict(standing.perils),
        "observed": _text(standing.observed),
        "known": _text(standing.known),
        "in_water": standing.in_water,
        "peaks": {peril: [peak.level, _text(peak.since)] for peril, peak in alarm.peaks.items()},
        "calm_since": _text(alarm.calm_since),
        "rearmed": _text(alarm.rearmed),
    }


def _standing(school: str, kept: Mapping[str, Any]) -> Standing:
    observed = _time(kept["observed"])
    if observed is None:
        raise ValueError("a standing without a time")
    return Standing(
        school=school,
        level=Level(kept["level"]),
        acts_as=Level(kept["acts_as"]),
        perils={Peril(peril): Level(level) for peril, level in kept["perils"].items()},
        observed=observed,
        known=_time(kept["known"]),
        in_water=bool(kept["in_water"]),
    )


def _alarm(kept: Mapping[str, Any]) -> Alarm:
    peaks = {}
    for peril, (level, since) in kept["peaks"].items():
        moment = _time(since)
        if moment is None:
            raise ValueError("a peak without a time")
        peaks[Peril(peril)] = Peak(Level(level), moment)
    return Alarm(peaks, _time(kept["calm_since"]), _time(kept["rearmed"]))


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(text: str | None) -> datetime | None:
    """Return an aware time; ValueError where it is none."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
