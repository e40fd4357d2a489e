"""`kdx hazard`: the picture for a person, the exit code for a monitor, the log of an evening."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kdx.cli import root
from kdx.state.events.scheduling import HazardObserved
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from tests.conftest import CHECKOUT
from tests.rigs.kameyama import at, encode, kind, report, telegram, write_recording

Invoke = Callable[..., Result]
EVENING = CHECKOUT / "tests/kameyama_evening"


@pytest.fixture
def invoke(tmp_path: Path) -> Invoke:
    """Run kdx for three schools of Kameyama: one low and without UPS, one high, one of which nothing is known."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    areas = 'office: "240000", class20: "2421000", bosai: "http://127.0.0.1:9/", xml: "http://127.0.0.1:9"'
    (folder / "kdx.yml").write_text(f"board: 試験市教育委員会\njma: {{{areas}}}\n", "utf-8")
    facts = {"low_es": "flood_depth_rank: 3, server_floor: 1, ups: false", "high_es": "flood_depth_rank: 0, ups: true",
             "new_es": "ups: null"}
    schools = "".join(
        f"    {id}:\n      vars: {{school_name: {id}, kind: elementary, {more}}}\n"
        f"      hosts: {{fs-{id}: {{shares: [{{name: 共有, url: /srv/{id}}}]}}}}\n"
        for id, more in facts.items()
    )
    (folder / "hosts.yml").write_text(f"schools:\n  children:\n{schools}", "utf-8")

    def run(*words: str | Path) -> Result:
        common = ["--inventory", str(folder), "--state", str(tmp_path / "state")]
        return CliRunner().invoke(root, [*common, *map(str, words)])

    return run


def drop(folder: Path, name: str, body: bytes) -> Path:
    (folder / name).write_bytes(body)
    return folder / name


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.stdout, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
    return found


def test_show_tells_each_school_its_level_and_what_is_done(invoke: Invoke, tmp_path: Path) -> None:
    file = drop(tmp_path, "r8.json", encode([report("VPWW55", at(18), [kind("43")])]))
    low, high, new = rows(invoke("hazard", "show", "--from", file, "--json"))
    assert (low["level"], high["level"], new["level"]) == ("danger level", "warning level", "danger level")
    assert "nothing new starts" in low["measure"] and "second copy" in high["measure"]


def test_a_past_day_shows_what_the_ledger_knew_then_and_nothing_later(invoke: Invoke, tmp_path: Path) -> None:
    def observed(school: str, level: str, reasons: list[str], perils: dict[str, str]) -> HazardObserved:
        return HazardObserved(school, level, level, perils, reasons, [], at(0), at(0), ["https://jma.example/r8.json"])

    for day, event in enumerate((
        observed("low_es", "warning", ["大雨警報 発表", "氾濫警報 発表 鈴鹿川"], {"water": "warning"}),
        observed("low_es", "clear", [], {}),
        observed("high_es", "advisory", ["雷注意報 発表"], {"lightning": "advisory"}),
    )):
        clock = datetime(2026, 7, 14 + day, 3, tzinfo=UTC)
        with open_ledger(StateFolder(tmp_path / "state"), actor="a@b", request_id="r", clock=lambda: clock) as ledger:
            ledger.append(event)

    def shown(day: int) -> list[tuple[str, str, str | None, bool]]:
        words = ("hazard", "show", "--as-of", f"2026-07-{day}", "--json")
        found = rows(invoke(*words))
        return [(row["school"], row["level"], row["why"], "second copy" in row["measure"]) for row in found]

    warned = "heavy rain warning, river flood warning (鈴鹿川)"
    assert [shown(day) for day in (13, 14, 15)] == [
        [], [("low_es", "warning level", warned, True)], [("low_es", "calm", None, False)],
    ]
    assert ("high_es", "advisory level", "thunderstorm advisory", False) in shown(16)


def test_check_is_0_where_the_weather_is_known_and_6_where_it_is_not(invoke: Invoke, tmp_path: Path) -> None:
    calm = drop(tmp_path, "r8.json", encode([report("VPWW55", at(18))]))
    xml = drop(tmp_path, "a.xml", telegram("VPWW61", at(18), [kind("14")]))
    assert [invoke("hazard", "check", "--from", file).exit_code for file in (calm, xml)] == [0, 0]
    far, unknown = telegram("VPWW61", at(18), areas=["0110000"]), encode([report("VPWW61", at(18), [kind("98")])])
    for name, body in (("html", b"<html></html>"), ("empty", b""), ("far", far), ("code", unknown),
                       ("old", encode({"areaTypes": []}))):
        result = invoke("hazard", "check", "--from", drop(tmp_path, name, body), "--json")
        assert result.exit_code == 6, name
        assert {row["level"] for row in rows(result)} == {"unknown"}


def test_without_a_network_the_level_is_unknown_and_acts_as_an_advisory(invoke: Invoke) -> None:
    result = invoke("hazard", "check", "--json")
    assert result.exit_code == 6
    assert {(row["level"], row["acts_as"], row["measure"]) for row in rows(result)} == {
        ("unknown", "advisory level", "backup now")
    }


def test_a_board_that_does_not_say_where_it_is_is_told_so(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "inventory/kdx.yml").write_text("board: 試験市教育委員会\n", "utf-8")
    assert invoke("hazard", "check").exit_code == 10


def test_the_evening_shipped_with_kdx_is_the_one_its_rig_writes(tmp_path: Path) -> None:
    write_recording(tmp_path)
    shipped = {path.name: path.read_bytes() for path in EVENING.iterdir()}
    assert shipped == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_the_evening_saves_every_school_before_the_thunder_and_again_as_it_grows_worse(invoke: Invoke) -> None:
    result = invoke("hazard", "replay", EVENING, "--json")
    assert result.exit_code == 0, result.output
    log = [(row["time"][11:16], row["school"], row["event"], row["detail"]) for row in rows(result)]
    started = [(time, school) for time, school, event, detail in log if event == "started" and "backup" in detail]
    # the outlook of 15:00 announces lightning for 18:00
    assert started[0] == ("15:00", "all schools")
    levels = [(time, school, detail.split(" / ")[0]) for time, school, event, detail in log if event == "weather"]
    assert ("16:12", "all schools", "advisory level") in levels
    assert ("18:07", "low_es, new_es", "warning level") in levels and ("19:31", "high_es", "warning level") in levels
    assert ("19:31", "low_es, new_es", "danger level") in levels
    assert {school for time, school, level in levels if (time, level) == ("19:48", "unknown")} == {
        "low_es, new_es", "high_es"
    }
    assert ("00:38", "all schools", "calm") in levels
    # while the water may come nothing new starts there; the high school goes on
    between = {school for time, school in started if "19:31" <= time < "22:11"}
    assert between == {"high_es"}
    assert ("02:38", "check of the vault") in [(time, detail.split(" / ")[0]) for time, _s, _e, detail in log]


def test_the_first_backup_starts_in_the_minute_of_the_first_word_of_thunder(invoke: Invoke) -> None:
    for row in rows(invoke("hazard", "replay", EVENING, "--json")):
        if row["event"] == "weather" and "warning level" in row["detail"]:
            warned = row["time"]
            break
    log = rows(invoke("hazard", "replay", EVENING, "--json"))
    assert any(row["event"] == "started" and row["time"] == warned for row in log)
