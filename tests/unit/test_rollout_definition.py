"""rollout.yml -> the definition, or everything that is wrong with it, with its place and the nearest name."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.holidays import Holidays, HolidaysUnreadable
from kdx.config.mistakes import ConfigurationMistakes
from kdx.rollout.definition import DefinitionMissing, check_definition, load_definition, standard_text
from kdx.rollout.stream import MARKS, Calendar, Label, Period, Scope, State

LEAST = """\
version: 1
streams:
  network:
    label: {ja: 統合}
    source: 計画
    milestones:
      a: {label: {ja: あ}, column: あ, scope: school}
"""


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "rollout.yml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationMistakes) as caught:
        load_definition(folder)
    return [str(one).removeprefix(f"{folder}/") for one in caught.value.mistakes]


def test_kameyamas_rollout_has_the_24_milestones_and_the_other_streams_of_the_plan(checkout):
    definition = load_definition(checkout / "inventory")
    network = definition.streams[0]
    assert [one.number for one in network.milestones] == list(range(1, 25))
    assert len(definition.streams) == 13
    hard = {one.number: one.needs for one in network.milestones if one.hard}
    assert hard == {
        20: ("policy", "mfa_method", "mdm", "edr", "mfa"), 22: ("migration",), 23: ("migration", "drill", "read_only"),
    }
    assert all(one.source for one in definition.streams)
    assert {one.scope for one in definition.milestones} == set(Scope)


def test_the_least_that_works_is_a_version_and_one_milestone(tmp_path):
    (tmp_path / "rollout.yml").write_text(LEAST, "utf-8")
    [one] = load_definition(tmp_path).milestones
    assert (one.id, one.scope, one.hard, one.due) == ("a", Scope.SCHOOL, False, None)


def test_every_mistake_is_told_at_once_with_its_place_and_the_nearest_name(tmp_path):
    found = mistakes(tmp_path, """\
version: 1
calendar:
  avoid: {end: {label: {ja: 末}, first: "02-30", last: "04-20"}}
  holidays: [2026-02-30]
checks: {mfa_enforced: {ja: 認証}, drill: {ja: 訓練}}
streams:
  network:
    label: {ja: 統合}
    milestones:
      a: {label: {ja: あ}, column: とてもとても長い見出し, scope: school, needs: [d], due: 2026-01-01}
      b: {label: {ja: い}, column: い, scope: scool, needs: [a], due: 2025-01-01, evidence: [{check: mfa_enforce}]}
      c: {label: {ja: う}, column: う, scope: school, needs: [e], avoid: [ende], colour: red}
      e: {label: {ja: え}, column: え, scope: school, needs: [c], due: 26-11-23}
  other:
    label: {ja: 他}
    source: 計画
    milestones:
      a: {label: {ja: あ}, column: あ, scope: city, number: 1000}
""")
    assert found == [
        'rollout.yml:3: calendar.avoid.end.first: a day of the year is written "03-15" (month-day).',
        "rollout.yml:4: calendar.holidays[0]: there is no such date; write for example 2026-11-23.",
        "rollout.yml:4: calendar.holidays[0]: this value cannot be read; write it in quotation marks.",
        "rollout.yml:5: checks.drill: drill is a check that kdx has already; choose another name.",
        "rollout.yml:7: streams.network: source is missing.",
        "rollout.yml:10: streams.network.milestones.a.column: a column heading has at most 6 kanji; this one is "
        "wider.",
        "rollout.yml:10: streams.network.milestones.a.needs[0]: there is no milestone d.",
        "rollout.yml:11: streams.network.milestones.b.due: it is due on 2025-01-01, before a, which it needs "
        "(2026-01-01).",
        "rollout.yml:11: streams.network.milestones.b.evidence[0].check: there is no such check; write it under "
        "checks: with a label. Nearest: mfa_enforced.",
        "rollout.yml:11: streams.network.milestones.b.scope: this is not one of the words known here. Nearest: school.",
        "rollout.yml:12: streams.network.milestones.c: these milestones wait for each other: c -> e -> c.",
        "rollout.yml:12: streams.network.milestones.c.avoid[0]: the calendar has no such period. Nearest: end.",
        "rollout.yml:12: streams.network.milestones.c.colour: kdx does not know this key. Nearest: column, source.",
        "rollout.yml:13: streams.network.milestones.e.due: there is no such date; write for example 2026-11-23.",
        "rollout.yml:18: streams.other.milestones.a: the milestone a stands here a second time; the first is "
        "on line 10.",
        "rollout.yml:18: streams.other.milestones.a.number: a whole number from 1 to 999 is expected; leave it empty "
        "where it is not known.",
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version: 2\nstreams: {}\n", "rollout.yml:1: version: a whole number from 1 to 1 is expected"),
        ("version: 1\n", "streams is missing"),
        (LEAST.replace("version: 1", "version:"), "version is missing"),
        (LEAST.replace("scope: school", "scope: school, due: 1926-11-23"), "a date between 2019-04-01 and 2100-03-31"),
        (LEAST.replace("scope: school", "scope: school, needs: [a]"), "wait for each other: a -> a"),
        (LEAST.replace("a: {", "A: {"), "an id has small letters"),
        (LEAST.replace("scope: school", "scope: school, evidence: [{check: scan, method: [GUESS]}]"), "no such method"),
        (LEAST + "reports: {r: {label: {ja: 報}, check: x, columns: {school: 学校}}}\n", "school, done and total"),
    ],
)
def test_each_mistake_is_named(tmp_path, text, what):
    assert any(what in one for one in mistakes(tmp_path, text))


def test_no_rollout_yml_is_said_in_one_sentence(tmp_path):
    with pytest.raises(DefinitionMissing, match="There is no rollout.yml"):
        load_definition(tmp_path)
    check_definition(tmp_path)


def test_what_kdx_init_writes_is_kameyamas_without_its_facts(checkout, tmp_path):
    def plain(folder: Path):
        definition = load_definition(folder)
        streams = [
            replace(one, source="", milestones=tuple(replace(each, due=None, source="") for each in one.milestones))
            for one in definition.streams
        ]
        calendar = replace(definition.calendar, national=Holidays())
        return replace(definition, streams=tuple(streams), calendar=calendar)

    (tmp_path / "rollout.yml").write_text(standard_text(), "utf-8")
    assert plain(tmp_path) == plain(checkout / "inventory")
    assert not any(one.due for one in load_definition(tmp_path).milestones)
    assert {one.source for one in load_definition(tmp_path).streams} == {"標準案"}


def test_marks_are_one_kanji_a_state():
    assert MARKS[State.VERIFIED] == "確" and len(set(MARKS.values())) == len(State)


YEAR_TURN = Period("x", Label("冬", ""), (12, 25), (1, 6))


@pytest.mark.parametrize(("day", "inside"), [
    (date(2026, 12, 24), False), (date(2026, 12, 25), True), (date(2027, 1, 6), True), (date(2027, 1, 7), False),
])
def test_a_period_may_span_new_year(day, inside):
    assert YEAR_TURN.holds(day) is inside


@settings(deadline=None)
@given(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_school_days_count_the_same_in_both_directions(first, last):
    calendar = Calendar(closed=(YEAR_TURN,), holidays=frozenset({date(2026, 11, 23)}))
    assert calendar.school_days(first, last) == -calendar.school_days(last, first)
    assert abs(calendar.school_days(first, last)) <= abs((last - first).days)


def test_school_days_leave_out_weekends_holidays_and_closed_periods():
    calendar = Calendar(closed=(YEAR_TURN,), holidays=frozenset({date(2026, 11, 23)}))
    # Fri 20 -> Tue 24: Mon 23 is a holiday
    assert calendar.school_days(date(2026, 11, 20), date(2026, 11, 24)) == 1
    # Thu 24 Dec -> Thu 7 Jan: all closed but the last
    assert calendar.school_days(date(2026, 12, 24), date(2027, 1, 7)) == 1


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "rollout.yml").write_text(LEAST, "utf-8")
    return tmp_path


def test_school_days_follow_the_cabinet_offices_table_and_where_it_ends_the_law(inventory: Path):
    (inventory / "syukujitsu.csv").write_bytes("日,名\n2027/1/1,元日\n2027/6/15,試験の日\n".encode("cp932"))
    calendar = load_definition(inventory).calendar
    days = [date(2027, 6, 15), date(2027, 2, 11), date(2028, 11, 3), date(2028, 11, 6)]
    assert [calendar.is_school_day(day) for day in days] == [False, True, False, True]


def test_a_table_of_holidays_that_is_none_is_named_and_not_left_out(inventory: Path):
    (inventory / "syukujitsu.csv").write_bytes(b"<html>")
    with pytest.raises(HolidaysUnreadable):
        check_definition(inventory)


def test_a_day_of_the_citys_own_is_no_school_day_either(inventory: Path):
    (inventory / "rollout.yml").write_text(LEAST + "calendar: {holidays: [2027-06-16]}\n", "utf-8")
    assert not load_definition(inventory).calendar.is_school_day(date(2027, 6, 16))
