"""`kdx schedule`: tonight explained to a person who knows nothing, and a pause everybody sees."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from kdx.cli import root
from kdx.cli.application import Application
from tests.rigs.kameyama import at, encode, kind, report

Invoke = Callable[..., Result]
NOW = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.fixture
def invoke(tmp_path: Path) -> Invoke:
    """Run kdx at NOW for two schools; the weather's server does not answer."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "kdx.yml").write_text(
        "board: 試験市教育委員会\nhazard: {jitter_seconds: 0}\n", "utf-8"
    )
    schools = "".join(
        f"    {id}:\n      vars: {{school_name: {name}, kind: elementary}}\n"
        f"      hosts: {{fs-{id}: {{shares: [{{name: 共有, url: /srv/{id}}}]}}}}\n"
        for id, name in (("a_es", "試験市立あ小学校"), ("b_es", "試験市立い小学校"))
    )
    (folder / "hosts.yml").write_text(f"schools:\n  children:\n{schools}", "utf-8")

    def run(*words: str | Path, now: datetime = NOW) -> Result:
        common = ["--inventory", str(folder), "--state", str(tmp_path / "state")]
        application = Application(clock=lambda: now.astimezone(UTC))
        return CliRunner().invoke(root, [*common, *map(str, words)], obj=application)

    return run


def table(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_show_says_what_will_run_and_in_sentences_what_it_means(invoke: Invoke) -> None:
    found = table(invoke("schedule", "show", "--json"))
    assert [(row["school"], row["why"]) for row in found["rows"]] == [
        ("試験市立あ小学校", "never saved yet"), ("試験市立い小学校", "never saved yet"),
    ]
    notes = "\n".join(found["notes"])
    assert "Some shares have never been saved yet" in notes
    assert "kdx does not look at the weather" in notes and "22:00-05:00" in notes


def test_show_speaks_japanese_without_one_english_sentence(invoke: Invoke) -> None:
    text = invoke("--lang", "ja", "schedule", "show").stdout
    assert "夜間バックアップは 22:00-05:00 に行い、07:00 までに終えます" in text
    assert "まだ一度も保存していない" in text
    words = [word for word in text.split() if word.isascii() and word.isalpha()]
    assert not set(words) - {"kdx", "schedule", "install", "JST", "Mbit", "s", "GB", "MB"}


def test_a_past_day_is_planned_from_what_the_ledger_knew_then(invoke: Invoke) -> None:
    yesterday = NOW - timedelta(days=1)
    pause = ("schedule", "pause", "a_es", "--until", "2026-11-30", "--reason", "停電工事")
    assert invoke(*pause, now=yesterday).exit_code == 0
    assert invoke(*(*pause[:4], "2026-11-25T00:00", *pause[5:])).exit_code == 0

    def late(*words: str) -> list[str]:
        return [row["late"] for row in table(invoke("schedule", "show", "--json", *words))["rows"]]

    assert late("--as-of", "2026-11-23") == ["yes", "yes"]
    assert late("--as-of", "2026-11-24") == ["yes", "held back"]
    assert late() == late("--as-of", "2026-12-31") == ["yes", "yes"]


def test_show_answers_what_if_the_weather_were_that_of_a_file(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "inventory/kdx.yml").write_text(
        'board: 試験市教育委員会\njma: {office: "240000", class20: "2421000"}\n', "utf-8"
    )
    (tmp_path / "r8.json").write_bytes(encode([report("VPWW55", at(18), [kind("43")])]))
    found = table(invoke("schedule", "show", "--hazard", tmp_path / "r8.json", "--json"))
    assert {row["late"] for row in found["rows"]} == {"held back"}
    assert "nothing new starts" in "\n".join(found["notes"])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [("2026-11-26T21:30", "2026-11-26T21:30:00+09:00"), ("13:05", "2026-11-25T13:05:00+09:00"),
     ("9:00", "2026-11-26T09:00:00+09:00"), ("2026-11-26", "2026-11-26T23:59:59+09:00"),
     ("R8.11.26", "2026-11-26T23:59:59+09:00")],
)
def test_a_time_is_read_as_people_write_it(invoke: Invoke, typed: str, expected: str) -> None:
    found = table(invoke("schedule", "show", "--at", typed, "--json"))
    assert datetime.fromisoformat(found["as_of"]) == datetime.fromisoformat(expected)


def test_a_time_that_is_none_is_refused(invoke: Invoke) -> None:
    for typed in ("soon", "25:00", "2026-13-01"):
        assert invoke("schedule", "show", "--at", typed).exit_code == 2


def test_a_pause_is_seen_by_everybody_and_ends_by_itself(invoke: Invoke) -> None:
    assert invoke("schedule", "pause", "a_es", "--until", "2026-11-26T09:00", "--reason", "停電工事").exit_code == 0
    rows = table(invoke("schedule", "show", "--json"))["rows"]
    assert {(row["school"], row["late"]) for row in rows} >= {("試験市立あ小学校", "held back")}
    assert any("停電工事" in (row["why"] or "") for row in rows)
    later = datetime(2026, 11, 26, 9, tzinfo=NOW.tzinfo)
    rows = table(invoke("schedule", "show", "--json", now=later))["rows"]
    assert not any(row["late"] == "held back" for row in rows)


def test_a_dry_run_of_a_tick_starts_and_records_nothing(invoke: Invoke, tmp_path: Path) -> None:
    found = table(invoke("schedule", "run", "--dry-run", "--json"))
    assert len(found["rows"]) == 2
    assert not (tmp_path / "state/ledger.sqlite3").exists()


def test_a_mistake_in_the_inventory_is_told_once_a_day_and_by_every_exit_code(invoke: Invoke, tmp_path: Path) -> None:
    settings = tmp_path / "inventory/kdx.yml"
    right = settings.read_text("utf-8")
    settings.write_text("bord: 試験市教育委員会\n", "utf-8")
    told = [invoke("schedule", "run", now=NOW + timedelta(hours=hours)) for hours in (0, 0.1, 12, 20, 24)]
    assert [one.exit_code for one in told] == [10] * 5
    assert ["board is missing" in one.stderr for one in told] == [True, False, False, True, False]
    settings.write_text("borde: 試験市教育委員会\n", "utf-8")
    assert "borde" in invoke("schedule", "run", now=NOW + timedelta(hours=25)).stderr
    (tmp_path / "inventory/hosts.yml").write_text("schools: {children: {}}\n", "utf-8")
    settings.write_text(right, "utf-8")
    last = invoke("schedule", "run", now=NOW + timedelta(hours=26))
    assert last.exit_code == 0 and last.stderr.startswith("over: ")
    assert invoke("schedule", "run", now=NOW + timedelta(hours=27)).stderr == ""
