"""Whether clocks agree: the server's and the reference's are both compared with ours, and then with each other."""

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown

UNSYNCHRONISED = "3"
"""Leap indicator: alarm condition (RFC 4330)."""
STRATA = frozenset(map(str, range(1, 16)))
"""0 is a refusal, 16 and more a clock that nobody set (RFC 4330)."""


def judge_clock(seen: Seen) -> Verdict:
    """A clock that does not know the time itself, or cannot be compared with the reference, is not right."""
    ahead = seconds_ahead(seen)
    if ahead is None:
        return unknown(N_("it does not tell the time, or says that it does not know it"))
    if seen.reference is None:
        return unknown(N_("there is no reference clock to compare it with (probe: clock: in rollout.yml)"))
    apart = round(ahead - seen.reference, 1)
    limit = seen.figures["seconds"]
    verdict = passes if abs(apart) <= limit else fails
    return verdict(N_("{seconds} seconds off the reference clock"), f"{apart:+.1f} s", seconds=f"{apart:+,.1f}")


def seconds_ahead(seen: Seen) -> float | None:
    """Return how far a clock is ahead of ours, None where it cannot be believed."""
    if "stratum" in seen.raw and seen.raw["stratum"] not in STRATA:
        return None
    if seen.raw.get("leap") == UNSYNCHRONISED:
        return None
    try:
        return float(seen.raw["clock"])
    except (KeyError, ValueError):
        return None


CHECKS = (Check("clock_right", By.NTP, judge_clock),)
