"""Feeds are asked within 気象庁's manners, and whatever its server does ends in a picture, never in calm or a crash."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kdx.config.model import Network, WeatherAreas
from kdx.hazard import cross_check, fetch
from kdx.hazard.codes import codes_of
from kdx.hazard.feeds import Watch
from kdx.hazard.items import Picture
from kdx.hazard.jma import poll
from tests.rigs.fake_jma import BOSAI, FakeJma, serve_jma
from tests.rigs.kameyama import (
    KAMEYAMA, at, atom, encode, file_name, flood_telegram, kind, report, river, telegram, timeline,
)

NOW = at(18)
R8, FLOOD, ALIVE = BOSAI["r8.json"], BOSAI["flood_xml.json"], BOSAI["map_time.json"]


def alive(now: datetime) -> bytes:
    return encode({"latestControlDatetime": now.isoformat()})


@pytest.fixture
def fake() -> Iterator[FakeJma]:
    """A server on a calm day."""
    with serve_jma() as server:
        server.put("r8.json", encode([report("VPWW61", at(15)), report("VPWW55", at(15))]))
        server.put("flood_xml.json", b"[]")
        server.put("map_time.json", alive(NOW))
        server.put("warning_timeline.json", encode(timeline(at(15), ["11", "11"])))
        server.put("extra.xml", atom([("VPWW55", at(15))]))
        server.put("extra_l.xml", atom([("VPWW55", at(15))]))
        yield server


@pytest.fixture
def look(fake: FakeJma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Look":
    monkeypatch.setattr(fetch, "SECONDS", 1)
    monkeypatch.setattr(cross_check, "SHORT_PATIENCE", 2)
    monkeypatch.setattr(fetch.together, "__defaults__", (2,))
    areas = WeatherAreas("240000", KAMEYAMA, f"{fake.url}/bosai", f"{fake.url}/xml", "kyoui@example.jp")
    return Look(Watch(areas, Network(), codes_of(tmp_path), tmp_path))


class Look:
    """Polls the server, at a time in minutes after NOW."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __call__(self, minutes: int = 0) -> Picture:
        return poll(self.watch, NOW + timedelta(minutes=minutes))


def asked(fake: FakeJma, path: str) -> list[int]:
    """Return the answers a path was given so far."""
    return [status for asked, _headers, status in fake.requests if asked == path]


def why(picture: Picture) -> str:
    return " ".join(map(str, picture.doubts))


def test_a_calm_day_is_known_and_the_asker_says_who_it_is(fake: FakeJma, look: Look) -> None:
    picture = look()
    assert (picture.doubts, picture.notes, len(picture.reports), picture.alive) == ((), (), 2, NOW)
    assert {headers["user-agent"].partition("/")[0] for _path, headers, _status in fake.requests} == {"kdx"}
    assert all("(+kyoui@example.jp)" in headers["user-agent"] for _path, headers, _status in fake.requests)


def test_a_second_look_asks_only_whether_something_changed_and_within_a_minute_nothing(
    fake: FakeJma, look: Look
) -> None:
    first = look()
    once = len(fake.requests)
    assert look().reports == first.reports and len(fake.requests) == once
    assert look(5).reports == first.reports
    assert asked(fake, R8) == asked(fake, FLOOD) == [200, 304]
    assert asked(fake, BOSAI["extra.xml"]) == asked(fake, BOSAI["warning_timeline.json"]) == [200]


def test_a_day_of_looks_stays_below_fifty_megabytes(fake: FakeJma, look: Look) -> None:
    fake.put("extra.xml", atom([("VPWW55", at(15))]) + b" " * 200_000)
    hours = 2
    for minutes in range(0, hours * 60, 5):
        now = NOW + timedelta(minutes=minutes)
        if minutes % 30 == 0:
            fake.put("r8.json", encode([report("VPWW61", now), report("VPWW55", at(15))]) + b" " * 60_000)
        fake.put("map_time.json", alive(now))
        assert not look(minutes).doubts
    assert fake.sent * 24 / hours < 50_000_000


@pytest.mark.parametrize("path", [R8, FLOOD, ALIVE])
@pytest.mark.parametrize(
    "trouble", ["403", "404", "429", "500", "503", "304", "cut", "big", "drip", "drip-headers", "silent"]
)
def test_whatever_the_server_does_ends_in_a_doubt_in_time(fake: FakeJma, look: Look, path: str, trouble: str) -> None:
    fake.files[path] += b" " * 50
    fake.trouble[path] = trouble
    begun = time.monotonic()
    picture = look()
    assert picture.doubts
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("body", [b"", b"<html>captive portal</html>", b"[{", b"{}"])
def test_what_is_no_feed_ends_in_a_doubt(fake: FakeJma, look: Look, body: bytes) -> None:
    for path in (R8, FLOOD, ALIVE):
        kept, fake.files[path] = fake.files[path], body
        assert look(fake.files[path] == kept).doubts
        fake.files[path] = kept


def test_not_changed_for_ever_ends_in_a_doubt_when_the_observatory_seems_silent(fake: FakeJma, look: Look) -> None:
    assert not look().doubts
    fake.trouble["*"] = "304"
    assert not look(5).doubts
    assert "nothing was written for 6 hours" in why(look(6 * 60 + 5))


def test_a_server_that_refuses_is_left_alone_longer_and_longer(fake: FakeJma, look: Look) -> None:
    fake.trouble[R8] = "503"
    for minutes in range(0, 120, 5):
        assert look(minutes).doubts
    assert 6 <= len(asked(fake, R8)) <= 9
    del fake.trouble[R8]
    assert any(not look(minutes).doubts for minutes in range(120, 155, 5))


def test_a_clock_that_was_set_back_does_not_silence_the_asking(fake: FakeJma, look: Look) -> None:
    fake.trouble[R8] = "503"
    for minutes in (1000, 1005, 1010):
        look(minutes)
    del fake.trouble[R8]
    assert not look(0).doubts


def test_files_that_were_damaged_between_ticks_are_fetched_anew(fake: FakeJma, look: Look, tmp_path: Path) -> None:
    look()
    (tmp_path / "r8.body").write_bytes(b"[]")
    (tmp_path / "flood_xml.json").write_bytes(b"[]")
    (tmp_path / "map_time.json").write_bytes(b'{"url": 3}')
    assert not look(5).doubts
    assert asked(fake, R8) == asked(fake, FLOOD) == asked(fake, ALIVE) == [200, 200]


def test_the_telegram_that_holds_everything_stands_in_for_a_json_that_is_gone(fake: FakeJma, look: Look) -> None:
    fake.trouble[R8] = "404"
    fake.put("extra_l.xml", atom([("VPWW54", at(17)), ("VPWW54", at(16)), ("VPWW55", at(17))]))
    fake.put(f"/xml/data/{file_name('VPWW54', at(17))}", telegram("VPWW54", at(17), [kind("03"), kind("14")]))
    fake.put(f"/xml/data/{file_name('VPWW55', at(17))}", telegram("VPWW55", at(17), [kind("43")]))
    picture = look()
    assert picture.doubts == () and "it answers 404" in " ".join(map(str, picture.notes))
    codes = {one.code for told in picture.reports for one in told.areas[KAMEYAMA]}
    assert codes == {"03", "14", "43"}


def test_a_json_that_stands_still_while_telegrams_go_out_is_in_doubt(fake: FakeJma, look: Look) -> None:
    fake.put("extra.xml", atom([("VPWW55", at(17))]))
    fake.put(f"/xml/data/{file_name('VPWW55', at(17))}", telegram("VPWW55", at(17), [kind("03")]))
    picture = look()
    assert "newer telegrams were sent than it shows" in why(picture)
    assert [one.code for told in picture.reports for one in told.areas[KAMEYAMA] if one.code] == ["03"]


def send_flood(fake: FakeJma, code: str, hour: int, **more: Any) -> None:
    """Let a flood forecast be sent, beside the telegrams of a calm day."""
    fake.put("extra.xml", atom([("VXKO51", at(hour)), ("VPWW55", at(15))]))
    fake.put(f"/xml/data/{file_name('VXKO51', at(hour))}", flood_telegram(code, at(hour), **more))


def test_a_flood_forecast_that_the_json_does_not_show_counts_and_is_a_doubt(fake: FakeJma, look: Look) -> None:
    send_flood(fake, "40", 17)
    picture = look()
    assert [(one.name, one.code) for one in picture.rivers] == [("鈴鹿川", "40")]
    assert why(picture).count("newer telegrams were sent than it shows") == 1
    fake.put("flood_xml.json", encode([river("40", at(17), 1)]))
    again = look(5)
    assert not again.doubts and [one.code for one in again.rivers] == ["40"]
    assert asked(fake, f"/xml/data/{file_name('VXKO51', at(17))}") == [200]


@pytest.mark.parametrize("more", [{"areas": ("2420100",)}, {"code": "10"}, {"status": "訓練"}])
def test_a_flood_forecast_elsewhere_cancelled_or_exercised_disturbs_nobody(
    fake: FakeJma, look: Look, more: dict[str, Any]
) -> None:
    send_flood(fake, **{"code": "40", "hour": 17, **more})
    picture = look()
    assert not picture.doubts and not [one for one in picture.rivers if one.code == "40"]


def test_flood_forecasts_stand_in_for_a_list_that_is_gone_and_never_make_it_calm(fake: FakeJma, look: Look) -> None:
    fake.trouble[FLOOD] = "404"
    send_flood(fake, "30", 17)
    picture = look()
    assert [one.code for one in picture.rivers] == ["30"] and "it answers 404" in why(picture)
    send_flood(fake, "10", 17)
    assert look(5).doubts


def test_a_flood_forecast_that_cannot_be_read_is_said_and_does_not_darken_what_is_known(
    fake: FakeJma, look: Look
) -> None:
    send_flood(fake, "30", 17)
    fake.trouble[f"/xml/data/{file_name('VXKO51', at(17))}"] = "503"
    picture = look()
    assert not picture.doubts and "it answers 503" in " ".join(map(str, picture.notes))


def test_telegrams_are_fetched_from_the_known_server_alone(fake: FakeJma, look: Look) -> None:
    fake.trouble[R8] = "404"
    evil = atom([("VPWW54", at(17))]).replace(b"https://www.data.jma.go.jp", b"http://127.0.0.1:1/evil")
    fake.put("extra.xml", evil)
    fake.put(f"/xml/data/{file_name('VPWW54', at(17))}", telegram("VPWW54", at(17)))
    assert not look().doubts


def test_without_the_outlook_the_present_is_still_known_and_the_lack_is_noted(fake: FakeJma, look: Look) -> None:
    fake.trouble[BOSAI["warning_timeline.json"]] = "404"
    picture = look()
    assert not picture.doubts and "warning_timeline" in str(picture.notes[0])


def test_two_hundred_telegrams_an_hour_cost_one_fetch_for_each_type(fake: FakeJma, look: Look) -> None:
    fake.trouble[R8] = "404"
    types = ("VPWW54", "VPWW55", "VPWW58", "VPWW61")
    times = [NOW - timedelta(seconds=18 * number) for number in range(600)]
    fake.put("extra.xml", atom([(types[number % 4], time) for number, time in enumerate(times)]))
    for number, type in enumerate(types):
        fake.put(f"/xml/data/{file_name(type, times[number])}", telegram(type, times[number]))
    assert not look().doubts
    assert len([path for path, _headers, _status in fake.requests if path.startswith("/xml/data/")]) == 4
