"""How long the final weekend will take, from what the rehearsals measured. Pure.

The final run is a rehearsal with two more looks at the names, before and after. What changes until then is taken at the
busiest pace that was seen; how long it takes, at the slowest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

COUNTED = 3
"""So many of the newest rehearsals count: what a school does in June says little of December."""
SPARE = 1.25
"""The forecast is so many times what was measured: a line is never twice the same."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What one rehearsal measured. Bytes and seconds."""

    started: datetime
    since: datetime | None
    """When the run before it began; None where there was none: then it moved everything and is no delta."""
    changed: int
    changed_bytes: int
    scan_seconds: float
    move_seconds: float
    verify_seconds: float
    exit_code: int

    @property
    def seconds(self) -> float:
        """How long all of it took."""
        return self.scan_seconds + self.move_seconds + self.verify_seconds


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the final run will have to do, and how long it will take."""

    changed: int
    changed_bytes: int
    duration: timedelta


def forecast(rehearsals: Sequence[Rehearsal], now: datetime) -> Forecast | None:
    """Given rehearsals, oldest first, say what a final run that begins now will take; None where no delta was seen."""
    deltas = [one for one in rehearsals if one.since is not None][-COUNTED:]
    if not deltas:
        return None
    hours = _hours(deltas[-1].started, now)
    changed = max(one.changed / _hours(one.since, one.started) for one in deltas) * hours
    size = max(one.changed_bytes / _hours(one.since, one.started) for one in deltas) * hours
    # beside the rehearsal with most to do: one that moved a single file tells nothing of a thousand
    most, heaviest = max(one.changed for one in deltas), max(one.changed_bytes for one in deltas)
    more = max(changed / max(1, most), size / max(1, heaviest))
    move = max(one.move_seconds for one in deltas) * max(1.0, more)
    # names are looked through three times: before, by the run, after
    scan, verify = (max(getattr(one, name) for one in deltas) for name in ("scan_seconds", "verify_seconds"))
    return Forecast(round(changed), round(size), timedelta(seconds=SPARE * (3 * scan + move + verify)))


def _hours(start: datetime | None, end: datetime) -> float:
    """Return the hours between two moments, never less than one: minutes tell nothing of a school's pace."""
    return max(1.0, (end - start) / timedelta(hours=1)) if start else 1.0
