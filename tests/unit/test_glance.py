"""`kdx` alone: where things stand, what to do next; what is not known is said so and hides nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rigs.command_line import japanese_kdx
from rigs.lived_in import NOW, live, write_inventory

from kdx.config import load_board
from kdx.glance import glance
from kdx.hazard.items import Level
from kdx.hazard.level import Standing
from kdx.hazard.memory import Outcome, keep, remember
from kdx.hazard.policy import Alarm, Order
from kdx.report.glance import glance_table
from kdx.report.shown import origin_line
from kdx.report.tables import Row, Table
from kdx.schedule.runner import history_path
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

KDX = Path(sys.executable).with_name("kdx")
MORNING = NOW + timedelta(hours=1)
WEATHER = 'jma: {office: "240000", class20: "2421000"}\n'


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Fourteen schools after five weeks of work; one of them was not saved for two nights."""
    live(write_inventory(tmp_path / "inventory", 14), tmp_path / "state")
    return tmp_path


def rows(board: Path, now: datetime = MORNING) -> Sequence[Row]:
    state = StateFolder(board / "state")
    with open_ledger(state, actor="t", request_id="r", clock=lambda: now) as ledger:
        return glance_table(glance(load_board(board / "inventory"), ledger, state, now, "nobody")).rows


def line(board: Path, part: str, now: datetime = MORNING) -> tuple[str, str]:
    found = next(row for row in rows(board, now) if row["part"] == part)
    return str(found["state"]), str(found["next"])


def write_settings(board: Path, more: str) -> None:
    with (board / "inventory/kdx.yml").open("a", encoding="utf-8") as file:
        file.write(more)


def look(board: Path, observed: datetime, level: Level = Level.WARNING) -> None:
    """What the scheduler leaves behind after a look at the weather."""
    school = load_board(board / "inventory").schools[2]
    standing = Standing(school.id, level, level, {}, observed=observed, known=observed, in_water=False)
    outcome = Outcome(school, standing, Alarm(), Order())
    keep(StateFolder(board / "state").hazard() / "schools.json", remember([outcome]))


def test_every_part_says_where_it_stands_and_what_to_type_next(board):
    told = {row["part"]: (row["state"], row["next"]) for row in rows(board)}
    assert told["Inventory"] == (
        "14 schools, 14 shares, 10 of them scanned (the oldest scan: 2026-10-26)", "kdx inventory scan --all")
    assert told["Migration"][0] == "0 of 14 done; waiting for: the technician 14; kdx.yml names no target yet"
    assert told["Backup"] == ("promise (a good backup within 30 hours) broken: 川辺小", "kdx backup run s9_es")
    assert told["Schedule"][1] == "kdx schedule install"
    assert "milestones proven" in told["Rollout"][0] and told["Rollout"][1] == "kdx rollout status --overdue"


def test_a_promise_that_is_kept_is_told_with_its_age(board):
    write_settings(board, "backup: {rpo_hours: 100}\n")
    assert line(board, "Backup") == (
        "promise (a good backup within 100 hours) kept everywhere; the oldest is 57 hours old", "kdx backup status")


def test_of_one_thing_it_speaks_as_of_one(tmp_path):
    live(write_inventory(tmp_path / "inventory", 1), tmp_path / "state", days=3)
    write_settings(tmp_path, "backup: {rpo_hours: 1}\n")
    assert line(tmp_path, "Inventory")[0].startswith("1 school, 1 share, ")
    assert line(tmp_path, "Backup")[0].startswith("promise (a good backup within 1 hour) ")
    assert "not safe in time: 1 school" in line(tmp_path, "Schedule")[0].split(", ")
    assert origin_line(Table("", (), [{}]), UTC) == "1 row"


@pytest.mark.parametrize(("ago", "said"), [(5, "warning level (looked at 11/25 07:25)"), (600, "unknown: last looked")])
def test_an_old_look_at_the_weather_is_no_knowledge(board, ago, said):
    assert line(board, "Weather")[0].startswith("unknown: kdx.yml does not say")
    write_settings(board, WEATHER)
    assert line(board, "Weather")[0] == "unknown: the scheduler has not looked yet"
    look(board, MORNING - timedelta(minutes=ago))
    assert line(board, "Weather")[0].startswith(said)


def test_a_clock_that_was_set_back_makes_no_weather_known(board):
    write_settings(board, WEATHER)
    look(board, MORNING + timedelta(hours=3), Level.CLEAR)
    assert line(board, "Weather")[0].startswith("unknown: last looked at")


def test_it_says_the_same_from_the_fold_the_scheduler_keeps_and_leaves_that_as_it_is(board):
    before = rows(board)
    path = history_path(StateFolder(board / "state"))
    assert not path.exists()
    path.write_text("{}")
    assert rows(board) == before and path.read_text() == "{}"


def test_a_rollout_that_cannot_be_read_hides_nothing_else_and_is_10(board):
    (board / "inventory/rollout.yml").write_text("version: 1\nstreams: nonsense\n")
    with japanese_kdx(board / "inventory", board / "state") as kdx:
        told = kdx(code=10).stdout
    assert "不明: 設定" in told and "14 校・共有フォルダー 14 件" in told


def test_the_least_inventory_that_works_is_enough(board):
    (board / "inventory/rollout.yml").unlink()
    with japanese_kdx(board / "inventory", board / "state") as kdx:
        rollout = json.loads(kdx("--json").stdout)["rows"][-1]
    assert rollout["state"].startswith("不明: ") and "rollout.yml" in rollout["state"]


def test_a_board_without_a_share_and_without_a_past_is_told_to_begin(tmp_path):
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/hosts.yml").write_text(
        "all: {children: {schools: {children: {a_es: {vars: {school_name: 試験市立東小学校, kind: elementary}}}}}}\n")
    (tmp_path / "inventory/kdx.yml").write_text("board: 試験市教育委員会\n")
    told = {row["part"]: row["state"] for row in rows(tmp_path)}
    assert told["Inventory"] == "1 school; hosts.yml names no share yet"
    assert told["Backup"] == "kdx.yml names no vault yet, so nothing is saved"
    assert told["Migration"].startswith("nothing to move")


def test_without_an_inventory_it_shows_the_first_steps(tmp_path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KDX_")}
    done = subprocess.run([KDX, "--lang", "en"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "kdx init inventory" in done.stdout and "kdx doctor" in done.stdout
    assert not list(tmp_path.iterdir())
    named = subprocess.run(
        [KDX, "--inventory", "nowhere"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert named.returncode == 10 and "nowhere" in named.stderr


def test_times_are_those_of_now(board):
    assert line(board, "Backup", datetime(2027, 1, 1, tzinfo=UTC))[0].endswith("and 11 more")
