"""What the weather means for one school: a table of cases, and that a doubt never reads as calm."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.model import School
from kdx.config.scheduling import HazardPolicy
from kdx.hazard.codes import codes_of
from kdx.hazard.items import KNOWN, FeedUnclear, Level, Outlook, Peril, Picture
from kdx.hazard.level import judge, water_reaches
from kdx.hazard.picture import Sources, compose
from kdx.hazard.r8 import read_r8
from kdx.hazard.rivers import read_rivers
from kdx.hazard.telegram import read_telegram
from tests.rigs.kameyama import KAMEYAMA, at, encode, kind, report, river, telegram

CODES = codes_of(Path("/nonexistent"))
POLICY = HazardPolicy()
SCHOOL = School("a_es", "あ小学校")
HIGH = School("b_es", "い小学校", flood_depth_rank=2, server_floor=3, ups=True)
DOUBT = FeedUnclear(feed="r8", why="x")


def picture(*kinds: Any, rivers: Sequence[Any] = (), now: datetime = at(18), doubts: Any = (), **more: Any) -> Picture:
    reports = [report("VPWW61", at(15), list(kinds), **more), report("VPWW55", at(15))]
    sources = Sources(read_r8(encode(reports)), read_rivers(encode(list(rivers))), doubts=tuple(doubts))
    return compose(KAMEYAMA, now, CODES, sources)


def level(found: Picture, school: School = SCHOOL) -> str:
    return judge(found, school, CODES, POLICY).level


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], Level.CLEAR),
        ([kind("14")], Level.ADVISORY),
        ([kind("14", "継続")], Level.ADVISORY),
        ([kind("14", "解除")], Level.CLEAR),
        ([kind("10", "警報から注意報")], Level.ADVISORY),
        ([kind("03", "危険警報から警報")], Level.WARNING),
        ([kind("03", "発表"), kind("14")], Level.WARNING),
        ([kind("43")], Level.DANGER),
        ([kind("33")], Level.EMERGENCY),
        ([kind("10", "発表", "41")], Level.DANGER),
        ([kind("05")], Level.WARNING),
        ([kind("21"), kind("24"), kind("20")], Level.CLEAR),
        ([kind("04", "解除"), kind("18", "警報から注意報")], Level.ADVISORY),
        ([kind("99")], Level.UNKNOWN),
        ([kind("14"), kind("99", "解除")], Level.ADVISORY),
        ([kind("14", "終了")], Level.UNKNOWN),
    ],
)
def test_the_items_of_a_municipality_give_its_level(kinds: Any, expected: Level) -> None:
    assert level(picture(*kinds)) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [("10", "clear"), ("20", "advisory"), ("22", "advisory"), ("30", "warning"), ("41", "danger"), ("53", "emergency"),
     ("60", "unknown"), ("2", "unknown")],
)
def test_the_river_counts_by_its_tens(code: str, expected: str) -> None:
    assert level(picture(rivers=[river(code, at(17), 1)])) == expected


@pytest.mark.parametrize(
    ("rank", "floor", "reached"),
    [(None, None, True), (0, None, False), (0, 1, False), (1, 1, True), (1, 2, False), (2, 2, False), (3, 2, True),
     (3, 3, False), (6, 9, True), (2, None, True), (None, 5, True), (1, 0, True)],
)
def test_the_hazard_map_and_the_floor_say_whether_water_reaches(
    rank: int | None, floor: int | None, reached: bool
) -> None:
    assert water_reaches(School("a", "あ", flood_depth_rank=rank, server_floor=floor)) is reached


def test_a_server_above_the_water_is_one_step_milder_and_never_calm() -> None:
    for code, there, above in (("10", "advisory", "advisory"), ("03", "warning", "advisory"),
                               ("43", "danger", "warning"), ("33", "emergency", "danger")):
        assert (level(picture(kind(code))), level(picture(kind(code)), HIGH)) == (there, above)
    assert level(picture(kind("14")), HIGH) == "advisory" and level(picture(kind("05")), HIGH) == "warning"


def test_an_unknown_level_keeps_the_last_and_counts_as_an_advisory_after_half_an_hour() -> None:
    calm = judge(picture(now=at(18)), SCHOOL, CODES, POLICY)
    soon = judge(picture(now=at(18, 29), doubts=[DOUBT]), SCHOOL, CODES, POLICY, calm)
    later = judge(picture(now=at(18, 30), doubts=[DOUBT]), SCHOOL, CODES, POLICY, soon)
    assert (soon.level, soon.acts_as, later.level, later.acts_as) == ("unknown", "clear", "unknown", "advisory")
    warned = judge(picture(kind("03"), now=at(18)), SCHOOL, CODES, POLICY)
    blind = judge(picture(now=at(20), doubts=[DOUBT]), SCHOOL, CODES, POLICY, warned)
    assert (blind.level, blind.acts_as, blind.known) == ("unknown", "warning", at(18))
    assert judge(picture(now=at(21)), SCHOOL, CODES, POLICY, blind).level == "clear"


def test_what_is_still_readable_counts_beside_the_doubt() -> None:
    found = judge(picture(kind("43"), doubts=[DOUBT]), SCHOOL, CODES, POLICY)
    assert (found.level, found.acts_as) == ("unknown", "danger")


def test_the_first_look_of_all_into_a_broken_feed_counts_as_an_advisory_at_once() -> None:
    assert judge(picture(doubts=[DOUBT]), SCHOOL, CODES, POLICY).acts_as == "advisory"


def test_a_clock_that_was_set_back_is_no_recent_knowledge() -> None:
    calm = judge(picture(now=at(18)), SCHOOL, CODES, POLICY)
    assert judge(picture(now=at(10), doubts=[DOUBT]), SCHOOL, CODES, POLICY, calm).acts_as == "advisory"


def test_an_exercise_is_not_weather() -> None:
    told = read_telegram(telegram("VPWW61", at(17), [kind("33")], status="訓練"))
    calm = read_telegram(telegram("VPWW54", at(16)))
    found = compose(KAMEYAMA, at(18), CODES, Sources((told, calm)))  # type: ignore[arg-type]
    assert judge(found, SCHOOL, CODES, POLICY).level == "clear"


def test_the_notice_of_an_old_telegram_raises_its_flood_warning() -> None:
    body = telegram("VPWW54", at(17), [kind("04", "発表")]).decode()
    body = body.replace(
        "</Body>", "<Notice>〈レベル４氾濫危険警報〉鈴鹿川</Notice></Body>")
    told = read_telegram(body.encode())
    found = compose(KAMEYAMA, at(18), CODES, Sources((told,)))  # type: ignore[arg-type]
    assert judge(found, SCHOOL, CODES, POLICY).level == "danger"


def test_lightning_in_the_outlook_is_seen_six_hours_ahead() -> None:
    steps = (Outlook("雷危険度", at(21), at(24), "20"), Outlook("雷危険度", at(18), at(21), "11"))
    for now, expected in ((at(14, 59), {}), (at(15), {Peril.LIGHTNING: at(21)}), (at(22), {Peril.LIGHTNING: at(22)}),
                          (at(24), {})):
        found = judge(replace(picture(now=now), outlook=steps), SCHOOL, CODES, POLICY)
        assert (found.ahead, found.level) == (expected, "clear")


kinds = st.builds(kind, st.sampled_from([*CODES.warnings, "99", "1", ""]),
                  st.sampled_from([*CODES.in_force, *CODES.ended, "?"]), st.sampled_from(["", "11", "41", "77"]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(kinds, max_size=3), st.booleans(), st.integers(0, 90)), max_size=8))
def test_a_broken_feed_never_reads_as_calm_and_never_milder_than_before(
    looks: list[tuple[list[Any], bool, int]]
) -> None:
    now, last = at(12), None
    for listed, broken, minutes in looks:
        now += timedelta(minutes=minutes)
        found = judge(picture(*listed, now=now, doubts=[DOUBT] if broken else []), SCHOOL, CODES, POLICY, last)
        if broken or any(one["code"] not in CODES.warnings and one["status"] not in CODES.ended for one in listed):
            assert found.level is Level.UNKNOWN
            if last:
                assert KNOWN.index(found.acts_as) >= KNOWN.index(last.acts_as)
            if found.known is None or now - found.known >= timedelta(minutes=30):
                assert found.acts_as is not Level.CLEAR
        assert found.acts_as is not Level.UNKNOWN
        last = found
