"""A year of hourly weather of which a tenth cannot be read: what is broken is never read as calm, what is whole is."""

import random
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from rigs.kameyama import KAMEYAMA, at, encode, kind, report

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.codes import codes_of
from kdx.hazard.items import KNOWN, FeedUnclear, Level, Report
from kdx.hazard.memory import Memory, remember, weigh
from kdx.hazard.picture import STALE, Sources, compose
from kdx.hazard.r8 import read_r8

CODES = codes_of(Path("/nonexistent"))
SCHOOL = School("a_es", "あ小学校")
HOUR = timedelta(hours=1)
WEATHER = {Level.CLEAR: (), Level.ADVISORY: ("14",), Level.WARNING: ("03",), Level.DANGER: ("43",)}
BROKEN = {
    "nothing": b"",
    "garbage": b"<html>captive portal</html>",
    "old shape": encode({"areaTypes": [], "reportDatetime": "2026-05-28T05:00:00+09:00"}),
    "another town": encode([report("VPWW61", at(0)), report("VPWW55", at(0))]).replace(KAMEYAMA.encode(), b"0000000"),
}


@cache
def told(level: Level) -> tuple[Report, ...]:
    """What a whole feed says of such weather."""
    kinds = [kind(code) for code in WEATHER[level]]
    return read_r8(encode([report("VPWW61", at(0), kinds), report("VPWW55", at(0))]))


def of_feed(body: bytes) -> Sources:
    """What kdx makes of a body that somebody served."""
    try:
        return Sources(read_r8(body))
    except FeedUnclear as error:
        return Sources(doubts=(error,))


def year(chance: random.Random) -> Iterator[tuple[Level, str, int]]:
    """Yield the true weather of each hour, how the feed is broken ("" where it is not), and for how many hours."""
    level, trouble, since = Level.CLEAR, "", 0
    for _hour in range(365 * 24):
        if chance.random() < 0.05:
            level = chance.choice([Level.CLEAR, Level.CLEAR, Level.ADVISORY, Level.WARNING, Level.DANGER])
        if chance.random() < (0.2 if trouble else 0.02):
            trouble, since = ("" if trouble else chance.choice([*BROKEN, "standing still"])), 0
        yield level, trouble, since
        since += 1


@pytest.mark.parametrize("seed", range(3))
def test_in_a_year_no_broken_feed_is_ever_read_as_calm(seed: int) -> None:
    memory: Memory = {}
    now, shown, alive = at(0), Level.CLEAR, at(0)
    seen = dict.fromkeys((*BROKEN, "standing still", ""), 0)
    for level, trouble, since in year(random.Random(seed)):
        now += HOUR
        if not trouble:
            shown, alive = level, now
        whole = trouble in ("", "standing still")
        sources = Sources(told(shown), alive=alive) if whole else of_feed(BROKEN[trouble])
        [found] = weigh(compose(KAMEYAMA, now, CODES, sources), [SCHOOL], memory, CODES, HazardPolicy())
        memory = remember([found])
        seen[trouble] += 1
        if not trouble:
            assert found.standing.level == level
        elif not whole or now - alive > STALE:
            assert found.standing.level is Level.UNKNOWN
            # half an hour of it counts as an advisory at least
            assert since < 1 or KNOWN.index(found.standing.acts_as) >= KNOWN.index(Level.ADVISORY)
    assert all(seen.values()), "every way to break it came up"


def test_the_year_is_one_in_which_much_is_broken() -> None:
    hours = [trouble for _level, trouble, _since in year(random.Random(0))]
    assert 0.05 < sum(map(bool, hours)) / len(hours) < 0.2
