"""What 気象庁's files say is read as it stands; what is not such a file is refused, never read as calm."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.model import Network, WeatherAreas
from kdx.errors import ExitCode
from kdx.hazard.codes import OWN, codes_of
from kdx.hazard.items import FeedUnclear, Picture, Report, River
from kdx.hazard.feeds import Watch
from kdx.hazard.jma import from_files, read_body
from kdx.hazard.telegram import read_entries, read_telegram
from tests.conftest import CHECKOUT
from tests.rigs.kameyama import KAMEYAMA, at, atom, encode, kind, report, river, telegram, timeline

SAMPLES = CHECKOUT.parent / "shared/jma-samples"
NONE = "発表警報・注意報はなし"
COUNTED: dict[str, dict[tuple[str, str], int]] = {
    "vpww61_thunder-fog.xml": {("14", "発表"): 52, ("20", "発表"): 52},
    "vpww55_heavy-rain_lv2.xml": {("10", "発表"): 1, ("", NONE): 18},
    "vpww58_wind_cancellation.xml": {("15", "解除"): 9, ("", NONE): 23},
    "15_17_01_250630_VPWW55.xml": {("03", "継続"): 10, ("10", "継続"): 5, ("10", "解除"): 1, ("", NONE): 3},
}
"""Counted with ElementTree alone; the telegrams themselves are not part of the project."""
NOW = datetime(2027, 7, 14, 9, tzinfo=UTC)


def watch(area: str = KAMEYAMA, folder: Path = Path("/nonexistent")) -> Watch:
    return Watch(WeatherAreas("240000", area), Network(), codes_of(CHECKOUT / "inventory"), folder)


def picture(folder: Path, *bodies: bytes, area: str = KAMEYAMA) -> Picture:
    """Read bodies as one offline drop."""
    for number, body in enumerate(bodies):
        (folder / f"{number}.file").write_bytes(body)
    return from_files(folder if len(bodies) > 1 else folder / "0.file", watch(area), NOW)


def refusal(body: bytes) -> str:
    with pytest.raises(FeedUnclear) as caught:
        read_body(body, KAMEYAMA)
    assert caught.value.exit_code == ExitCode.UNDECIDED
    return str(caught.value)


def test_every_telegram_of_the_samples_gives_the_counts_that_were_counted_without_kdx() -> None:
    for name, counts in COUNTED.items():
        if (SAMPLES / name).exists():
            told = read_telegram((SAMPLES / name).read_bytes())
            assert isinstance(told, Report), name
            assert Counter((one.code, one.status) for kinds in told.areas.values() for one in kinds) == counts, name


def test_a_flood_telegram_names_its_river_level_and_municipalities() -> None:
    if (SAMPLES / "vxko_flood_lv2.xml").exists():
        told = read_telegram((SAMPLES / "vxko_flood_lv2.xml").read_bytes())
        assert isinstance(told, River)
        assert (told.code, told.river, "0636100" in told.municipalities) == ("20", "820211007300", True)


def test_a_telegram_of_our_own_making_is_read_like_the_real_ones() -> None:
    told = read_telegram(telegram("VPWW61", at(16), [kind("14"), kind("20")]))
    assert isinstance(told, Report)
    assert (told.type, told.status, told.info) == ("VPWW61", "通常", "発表")
    assert told.controlled == at(16) and told.controlled.tzinfo is UTC
    assert [one.code for one in told.areas[KAMEYAMA]] == ["14", "20"]
    assert Counter(one.status for kinds in told.areas.values() for one in kinds) == {"発表": 2, NONE: 3}
    assert read_telegram(telegram("VPWW54", at(16))).type == "VPWW54"  # type: ignore[union-attr]


def test_the_list_of_telegrams_gives_their_types_offices_and_times() -> None:
    entries = read_entries(atom([("VPWW55", at(15)), ("VPWW61", at(16))]))
    assert [(one.type, one.office, one.updated) for one in entries] == [
        ("VPWW61", "240000", at(16)), ("VPWW55", "240000", at(15)),
    ]


def test_the_table_of_codes_in_the_inventory_is_the_one_that_comes_with_kdx() -> None:
    assert (CHECKOUT / "inventory/rules/jma.yml").read_bytes() == OWN.read_bytes()


def test_a_calm_drop_has_no_doubts(tmp_path: Path) -> None:
    found = picture(tmp_path, encode([report("VPWW61", at(15)), report("VPWW55", at(15))]), b"[]")
    assert (found.doubts, found.notes, len(found.reports)) == ((), (), 2)


def test_the_outlook_is_read_step_by_step(tmp_path: Path) -> None:
    body = timeline(at(15), ["11", "20", "30"])
    found = picture(tmp_path, encode([report("VPWW61", at(15))]), b"[]", encode(body))
    lightning = [step for step in found.outlook if step.type == "雷危険度"]
    assert [(step.start, step.end, step.code) for step in lightning] == [
        (at(15), at(18), "11"), (at(18), at(21), "20"), (at(21), at(24), "30"),
    ]


def test_an_outlook_that_nobody_understands_is_noted_and_leaves_the_present_known(tmp_path: Path) -> None:
    found = picture(tmp_path, encode([report("VPWW61", at(15))]), b"[]", encode(timeline(at(15), ["11", "77"])))
    assert not found.doubts and "the code 77 is not known" in str(found.notes[0])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"   \n", b"{", b"[{", b"null", b"0", b'"text"', b"{}", b"[1]", b"[[]]", b"[{}]", b"\xff\xfe[]",
        b"\x00" * 50,
        b"<html><body>Login</body></html>", b"<!DOCTYPE html><html></html>", b"<Report/>", b"<?xml version='1.0'?>",
        encode([report("VPWW61", at(15))])[:-40], b"[" * 100_000, b"<a>" * 100_000,
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><r>&b;</r>',
        b'<?xml version="1.0"?><!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        telegram("VPWW61", at(15)).replace(b"http://xml.kishou.go.jp/jmaxml1/body", b"http://example.jp/"),
        telegram("VPWW61", at(15))[:-60],
    ],
)
def test_what_is_no_file_of_the_observatory_is_refused(body: bytes) -> None:
    assert refusal(body).startswith("The weather is not clear from")


def test_the_old_address_is_recognised_and_refused() -> None:
    old = {"reportDatetime": "2026-05-28T10:17:00+09:00", "publishingOffice": "津地方気象台", "headlineText": "",
           "areaTypes": [{"areas": [{"code": "240010", "warnings": [{"status": NONE}]}]}], "timeSeries": []}
    assert "stood still since 2026-05-28" in refusal(encode(old))


def _broken(change: Any) -> bytes:
    element = report("VPWW61", at(15))
    change(element)
    return encode([element])


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.pop("dataTypeCode"),
        lambda one: one.pop("warning"),
        lambda one: one["warning"].pop("class20Items"),
        lambda one: one.update(reportDatetime="2027-07-14T15:00:00"),
        lambda one: one.update(controlDatetime="tomorrow"),
        lambda one: one["warning"]["class20Items"][0].update(kinds=[]),
        lambda one: one["warning"]["class20Items"][0].update(areaCode=2421000),
        lambda one: one["warning"]["class20Items"][0].update(areaCode="242100"),
        lambda one: one["warning"]["class20Items"][3]["kinds"].append({"code": 3, "status": "発表"}),
        lambda one: one["warning"]["class20Items"][3]["kinds"].append({"code": "03"}),
    ],
)
def test_a_report_of_another_shape_is_refused(change: Any) -> None:
    said = refusal(_broken(change))
    assert "is not what is documented" in said or "without any statement" in said


CALM = report("VPWW55", at(15))


@pytest.mark.parametrize(
    ("reports", "doubt"),
    [
        ([report("VPWW61", at(15), [kind("99")]), CALM], "the code 99 is not known"),
        ([report("VPWW61", at(15), [kind("3")]), CALM], "the code 3 is not known"),
        ([report("VPWW61", at(15), [kind("", "発表")]), CALM], "the code - is not known"),
        ([report("VPWW61", at(15), [kind("14", "発表", "24")]), CALM], "the code 24 is not known"),
        ([report("VPWW61", at(15), [kind("14", "おわり")]), CALM], "the status おわり is not known"),
        ([report("VPWW61", at(15), status="訓練")], "no report in force names the municipality 2421000"),
        ([report("VPWW61", at(15), info="取消")], "no report in force names the municipality 2421000"),
    ],
)
def test_what_is_not_known_is_a_doubt(tmp_path: Path, reports: list[Any], doubt: str) -> None:
    found = picture(tmp_path, encode(reports), b"[]")
    assert doubt in " ".join(map(str, found.doubts))


def test_a_municipality_missing_from_its_report_is_a_doubt_but_not_for_waves_inland(tmp_path: Path) -> None:
    without = report("VPWW55", at(15))
    without["warning"]["class20Items"].pop()
    present = report("VPWW61", at(15))
    assert picture(tmp_path, encode([present, without]), b"[]").doubts
    assert picture(tmp_path, encode([present, without | {"dataTypeCode": "VPWW99"}]), b"[]").doubts
    assert not picture(tmp_path, encode([present, without | {"dataTypeCode": "VPWW59"}]), b"[]").doubts


@pytest.mark.parametrize("area", ["0110000", "2420900", "242100"])
def test_the_file_of_another_prefecture_is_a_doubt(tmp_path: Path, area: str) -> None:
    assert picture(tmp_path, encode([CALM]), b"[]", area=area).doubts


def test_a_drop_without_floods_is_a_doubt_and_one_file_is_judged_alone(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    assert not picture(tmp_path / "alone", encode([CALM])).doubts
    assert "missing in the folder" in str(picture(tmp_path, encode([CALM]), encode([CALM])).doubts[0])


def test_a_stale_feed_and_a_clock_that_jumped_are_doubts(tmp_path: Path) -> None:
    for moment, expected in (("2027-07-14T02:59:00Z", "6 hours"), ("2027-07-14T09:20:00Z", "ahead"),
                             ("2027-07-14T03:01:00Z", ""), ("2027-07-14T09:10:00Z", "")):
        found = picture(tmp_path, encode([CALM]), b"[]", encode({"latestControlDatetime": moment}))
        assert expected in " ".join(map(str, found.doubts)) and bool(found.doubts) == bool(expected)


def test_the_newest_of_a_type_counts_and_a_withdrawn_one_gives_way_to_the_one_before(tmp_path: Path) -> None:
    first = report("VPWW55", at(15), [kind("10")])
    second = report("VPWW55", at(16), [kind("03", "注意報から警報")])
    corrected = report("VPWW55", at(16), [kind("43")], "訂正", controlDatetime="2027-07-14T07:05:00Z")
    withdrawn = report("VPWW55", at(17), info="取消")
    cases: list[tuple[list[Any], list[str]]] = [
        ([second, first], ["03"]), ([first, corrected, second], ["43"]), ([withdrawn, second, first], ["10"]),
        ([first, second | {"status": "試験"}], ["10"]),
    ]
    for reports, codes in cases:
        found = picture(tmp_path, encode(reports), b"[]")
        assert [one.code for one in found.reports[0].areas[KAMEYAMA]] == codes


def test_a_river_counts_where_it_names_the_municipality_and_is_no_exercise(tmp_path: Path) -> None:
    rivers = [river("20", at(15), 1), river("30", at(16), 2), river("50", at(17), 3, status="訓練"),
              river("50", at(17), 1, riverCode="2", class20Codes=["2310000"])]
    found = picture(tmp_path, encode([CALM]), encode(rivers))
    assert [(one.name, one.code) for one in found.rivers] == [("鈴鹿川", "30")]
    assert not found.doubts
    assert picture(tmp_path, encode([CALM]), encode([river("9", at(15), 1)])).doubts


KEYS = ("warning", "class20Items", "areaCode", "kinds", "code", "status", "dataTypeCode", "item", "timeSeries",
        "latestControlDatetime", "riverCode", "reportDatetime")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
nested = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
json_values = nested | st.dictionaries(st.sampled_from(KEYS), nested) | st.lists(
    st.dictionaries(st.sampled_from(KEYS), nested | st.dictionaries(st.sampled_from(KEYS), nested)), max_size=3
)


@settings(deadline=None)
@given(json_values | st.binary(max_size=200))
def test_no_body_whatever_makes_the_reader_fail_otherwise_than_by_saying_so(value: Any) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        told = read_body(body, KAMEYAMA)
    except FeedUnclear:
        return
    assert told == () or isinstance(told, (tuple, datetime))


@settings(deadline=None)
@given(st.integers(0), st.booleans())
def test_a_file_that_was_cut_off_anywhere_is_refused(place: int, xml: bool) -> None:
    whole = telegram("VPWW55", at(15)).strip() if xml else encode([CALM, CALM])
    with pytest.raises(FeedUnclear):
        read_body(whole[: place % len(whole)], KAMEYAMA)


@settings(deadline=None)
@given(st.data())
def test_a_calm_office_file_with_anything_changed_is_calm_or_in_doubt_never_a_crash(data: st.DataObject) -> None:
    body = encode([report("VPWW61", at(15), [kind("14", "発表", "20", "雷危険度")])])
    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 30)):]
    try:
        read_body(changed, KAMEYAMA)
    except FeedUnclear:
        pass
