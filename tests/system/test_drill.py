"""kdx drill against a vault that kdx wrote: what comes back is compared without kdx's word, and damage is loud."""

import json
import os
from pathlib import Path

import pytest
from sample_board import SCHOOL

from tests.rigs.hard_share import build_hard_share
from tests.system.conftest import Site

pytestmark = pytest.mark.system


@pytest.fixture
def site(folder_site: Site, tmp_path: Path) -> Site:
    (tmp_path / "vault").mkdir()
    settings(folder_site, f"vault: {{url: {tmp_path / 'vault'}}}")
    build_hard_share(folder_site.share)
    for number in range(12):
        (folder_site.share / f"large {number}").write_bytes(os.urandom(9 << 20))
    for words in (("init",), ("run", SCHOOL)):
        done = folder_site.kdx("backup", *words)
        assert done.returncode == 0, done.stderr
    return folder_site


def settings(site: Site, text: str) -> None:
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def drilled(site: Site, *words: str) -> tuple[int, dict[str, object], str]:
    done = site.kdx("drill", *words, "--json")
    assert done.stdout, done.stderr
    [row] = json.loads(done.stdout)["rows"]
    return done.returncode, row, done.stderr


def events(site: Site) -> list[dict[str, object]]:
    import sqlite3

    with sqlite3.connect(site.state / "ledger.sqlite3") as ledger:
        rows = ledger.execute("select body from events where kind = 'drill.finished' order by id")
        return [json.loads(body) for (body,) in rows]


def test_everything_comes_back_byte_for_byte_and_the_ledger_says_how_fast(site):
    code, row, said = drilled(site, SCHOOL)
    files = sum(len(names) for _parent, _folders, names in os.walk(site.share))
    assert (code, row["result"], row["different"], row["proven"]) == (0, "as it was stored", 0, 1.0), said
    assert 0 < row["files"] <= files
    [event] = events(site)
    assert (event["passed"], event["files"], event["bytes"]) == (True, row["files"], row["bytes"])
    assert event["bytes_per_second"] > 0 and event["forecast_seconds"] >= 0
    assert not list(site.state.rglob("kdx-drill-*"))


def test_the_budget_of_a_week_holds_and_the_next_drill_goes_on_where_this_one_stopped(site):
    settings(site, "backup: {drill_megabytes: 30}")
    assert drilled(site, SCHOOL, "--dry-run")[1]["result"] == "would be brought back"
    _code, first, _said = drilled(site, SCHOOL)
    assert 0 < first["bytes"] <= 40_000_000 and 0 < first["proven"] < 1
    _code, again, said = drilled(site, SCHOOL)
    assert again["files"] == 0 or first["bytes"] + again["bytes"] <= 40_000_000
    memory = next(site.state.rglob("drilled.json"))
    memory.write_text(json.dumps({**json.loads(memory.read_text()), "spent": []}))
    _code, second, _said = drilled(site, SCHOOL)
    assert second["proven"] > again["proven"]


@pytest.mark.parametrize("kind", ["packs", "segments"])
def test_a_flipped_byte_is_named_exits_5_and_stays_due(site, tmp_path, kind):
    victim = max((path for path in (tmp_path / "vault").rglob(f"{kind}/*/*") if path.is_file()), key=os.path.getsize)
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(data)
    for _ in range(2):
        code, row, said = drilled(site, SCHOOL)
        assert (code, row["result"]) == (5, "NOT as it was stored")
        assert row["different"] > 0 and "damaged" in said
    assert [event["passed"] for event in events(site)] == [False, False]
    assert not list(site.state.rglob("kdx-drill-*"))


def test_a_school_without_a_snapshot_is_4_and_does_not_stop_the_others(folder_site, tmp_path):
    (tmp_path / "vault").mkdir()
    settings(folder_site, f"vault: {{url: {tmp_path / 'vault'}}}")
    assert folder_site.kdx("backup", "init").returncode == 0
    done = folder_site.kdx("drill")
    assert done.returncode == 4
    assert "no good snapshot" in done.stderr


def test_a_whole_drill_restores_to_other_hardware_and_leaves_nothing_there(site, tmp_path):
    settings(site, "backup: {drill_megabytes: 1}")
    (tmp_path / "usb").mkdir()
    code, row, said = drilled(site, SCHOOL, "--whole", "--scratch", os.fspath(tmp_path / "usb"))
    assert (code, row["proven"], events(site)[0]["whole"]) == (0, 1.0, True), said
    assert not list((tmp_path / "usb").iterdir())
