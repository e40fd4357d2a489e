"""The one line of cron, with a fake 気象庁 on loopback: calm, thunder, a warning, silence, all clear.

"""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sample_share

import kdx.cli
from kdx.schedule.timers import BEGIN, SERVICE, TIMER, Line, install, with_block
from kdx.signing import create_board_key
from kdx.state.events.scheduling import ShareSeen
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from tests.rigs.fake_jma import FakeJma, serve_jma
from tests.rigs.kameyama import atom, encode, kind, report

TOKYO = ZoneInfo("Asia/Tokyo")
SCHOOLS = {"high_es": "ups: true, flood_depth_rank: 0", "low_es": "ups: false, flood_depth_rank: 3"}

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("schedule")]


@dataclass
class Machine:
    """The board's machine: inventory, state, and the weather it sees."""

    folder: Path
    weather: FakeJma

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KDX_LANG": "en"}

    def kdx(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run kdx as cron's line does."""
        common = ["--inventory", str(self.folder / "inventory"), "--state", str(self.folder / "state")]
        return subprocess.run([sys.executable, "-m", "kdx", *common, *words], env=self.environment,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)

    def tick(self) -> "subprocess.CompletedProcess[str]":
        """Run one tick as if the minute since the last look at the weather had passed."""
        for name in ("r8", "flood_xml", "map_time"):
            (self.folder / f"state/hazard/{name}.json").unlink(missing_ok=True)
        return self.kdx("schedule", "run")

    def an_interval_later(self) -> None:
        """Let every feed have been asked five minutes ago; what is known of it stays."""
        for kept in (self.folder / "state/hazard").glob("*.json"):
            remembered = json.loads(kept.read_text("utf-8"))
            # what was never fetched has no time to set back
            if remembered.get("etag"):
                then = datetime.fromisoformat(remembered["fetched"]) - timedelta(minutes=5)
                kept.write_text(json.dumps({**remembered, "fetched": then.isoformat()}), "utf-8")

    def forecast(self, **kinds: Any) -> None:
        """Let 気象庁 say this of Kameyama; data types by name."""
        # seals name whole seconds: weather that turns in the second of the last save would count as saved already
        time.sleep(1.1)
        now = datetime.now(UTC)
        reports = [report(type, now, kinds.get(type, ())) for type in ("VPWW61", "VPWW55")]
        self.weather.trouble.clear()
        self.weather.put("r8.json", encode(reports))
        self.weather.put("flood_xml.json", b"[]")
        self.weather.put("map_time.json", encode({"latestControlDatetime": now.isoformat()}))
        self.weather.put("extra.xml", atom([("VPWW55", now - timedelta(hours=1))]))

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Read events from the ledger without kdx."""
        path = self.folder / "state/ledger.sqlite3"
        if not path.exists():
            return []
        with sqlite3.connect(path) as database:
            rows = database.execute("SELECT kind, subject, body FROM events ORDER BY id").fetchall()
        return [{"kind": kind, "subject": subject, **json.loads(body)} for kind, subject, body in rows if kind in kinds]

    def jobs(self) -> list[str]:
        """Return the jobs started so far."""
        return [event["subject"] for event in self.events("job.started")]

    def settle(self) -> None:
        """Wait until every job that was started has ended."""
        wait_for(lambda: len(self.events("job.ended")) == len(self.jobs()))


def wait_for(condition: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A board with two schools, one place at a time, no patience and no jitter, far from its nightly window."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    far = datetime.now(TOKYO) + timedelta(hours=10)
    window = f"{far:%H:%M}-{far + timedelta(hours=1):%H:%M}"
    with serve_jma() as weather:
        areas = f'office: "240000", class20: "2421000", bosai: "{weather.url}/bosai", xml: "{weather.url}/xml"'
        (folder / "kdx.yml").write_text(
            f"board: 試験市教育委員会\nlanguage: ja\nvault: {{url: {tmp_path}/vault}}\njma: {{{areas}}}\n"
            f'schedule: {{parallel: 1, second_copy: {tmp_path}/second, window: "{window}", done_by: "{far:%H:%M}"}}\n'
            "hazard:\n  jitter_seconds: 0\n  rearm_hours: 0\n  unknown_minutes: 0\n"
            f"  hooks: {{warning: [/bin/sh, -c, 'echo $KDX_SCHOOL $KDX_LEVEL >> {tmp_path}/hooked']}}\n", "utf-8",
        )
        schools = ""
        for id, facts in SCHOOLS.items():
            (tmp_path / id).mkdir()
            (tmp_path / id / "成績.txt").write_text("x", "utf-8")
            schools += (f"    {id}:\n      vars: {{school_name: {id}, kind: elementary, server_floor: 1, {facts}}}\n"
                        f"      hosts: {{fs-{id}: {{shares: [{{name: 共有, url: {tmp_path}/{id}}}]}}}}\n")
        (folder / "hosts.yml").write_text(f"schools:\n  children:\n{schools}", "utf-8")
        (tmp_path / "second").mkdir()
        found = Machine(tmp_path, weather)
        if "backup" in kdx.cli.COMMANDS:
            assert found.kdx("backup", "init").returncode == 0
        found.forecast()
        yield found


THUNDER = (kind("14", "発表", "20", "雷危険度"),)
RAIN = (kind("03", "発表", "31"),)


def test_an_evening_from_calm_to_all_clear_starts_the_right_jobs_in_the_right_order(machine: Machine) -> None:
    def ticks(times: int) -> list[str]:
        before = len(machine.jobs())
        for _tick in range(times):
            done = machine.tick()
            assert done.returncode in (0, 13), done.stderr
            machine.settle()
        return machine.jobs()[before:]

    assert sorted(ticks(2)) == ["save high_es", "save low_es"]
    quiet = machine.tick()
    assert (quiet.returncode, quiet.stdout, quiet.stderr, machine.jobs()[2:]) == (0, "", "", [])
    machine.forecast(VPWW61=THUNDER)
    assert ticks(3) == ["save low_es", "save high_es"]
    machine.forecast(VPWW61=THUNDER, VPWW55=RAIN)
    rain = ticks(4)
    assert [job for job in rain if job != "copy"] == ["save low_es", "save high_es"] and "copy" in rain
    machine.weather.trouble["*"] = "503"
    told = machine.tick()
    assert "the weather is not known" in told.stderr
    assert (machine.tick().stderr, machine.jobs()[4 + len(rain):]) == ("", [])
    machine.forecast(VPWW61=(kind("14", "解除"),), VPWW55=(kind("03", "解除"),))
    assert ticks(2) == ["check"]
    levels = [(event["subject"], event["level"]) for event in machine.events("hazard.observed")]
    assert [level for school, level in levels if school == "low_es"] == ["advisory", "warning", "unknown", "clear"]
    assert {event["exit_code"] for event in machine.events("job.ended")} == {0}
    assert (machine.folder / "hooked").read_text("utf-8") == "low_es warning\n"
    assert machine.kdx("audit", "verify").returncode == 0


def test_the_tick_after_a_new_warning_starts_the_first_backup_within_its_own_run(machine: Machine) -> None:
    for _tick in range(2):
        machine.tick()
        machine.settle()
    # cron's line as it is, memory of the feeds and all: five minutes have passed since they were last asked
    machine.an_interval_later()
    assert machine.kdx("schedule", "run").stderr == "" and len(machine.jobs()) == 2
    machine.an_interval_later()
    machine.forecast(VPWW61=THUNDER)
    announced = datetime.now(UTC)
    tick = machine.kdx("schedule", "run")
    assert tick.returncode == 0, tick.stderr
    # without a second tick: what cron's next line finds is what starts the job
    assert machine.jobs()[2:] == ["save low_es"]
    with sqlite3.connect(machine.folder / "state/ledger.sqlite3") as database:
        [(started,)] = database.execute(
            "SELECT time FROM events WHERE kind = 'job.started' ORDER BY id DESC LIMIT 1").fetchall()
    assert datetime.fromisoformat(started) - announced < timedelta(seconds=60)
    machine.settle()
    assert machine.events("job.ended")[-1]["exit_code"] == 0


def test_the_boards_own_part_is_saved_by_the_machine_that_holds_its_key_and_watched(machine: Machine) -> None:
    create_board_key(machine.folder / "state/keys", machine.folder / "inventory/keys", owner="b", now=datetime.now(UTC))
    for _tick in range(2):
        machine.tick()
        machine.settle()
    assert sorted(machine.jobs()) == ["board", "save high_es", "save low_es"]
    assert {event["exit_code"] for event in machine.events("job.ended")} == {0}
    assert list((machine.folder / "vault/board").rglob("*.seal"))
    shown = json.loads(machine.kdx("schedule", "show", "--json").stdout)["rows"]
    [row] = [row for row in shown if row["job"] == "backup of the board's own data"]
    assert row["saved"] and row["start"] > datetime.now(UTC).isoformat()


def test_neither_a_broken_table_of_codes_nor_of_holidays_keeps_a_school_from_being_saved(machine: Machine) -> None:
    (machine.folder / "inventory/rules").mkdir()
    (machine.folder / "inventory/rules/jma.yml").write_text("warnings: [\n", "utf-8")
    (machine.folder / "inventory/syukujitsu.csv").write_bytes(b"\x00")
    told = machine.tick()
    assert "jma.yml" in told.stderr and "syukujitsu.csv" in told.stderr
    assert machine.jobs() == ["save low_es"]
    machine.settle()
    assert {event["level"] for event in machine.events("hazard.observed")} == {"unknown"}
    assert machine.tick().stderr == ""


def test_a_promise_that_is_broken_is_told_once_and_by_every_exit_code_until_it_is_kept_again(machine: Machine) -> None:
    ledger = open_ledger(StateFolder(machine.folder / "state"), actor="t", request_id="r",
                         clock=lambda: datetime.now(UTC) - timedelta(hours=40))
    with ledger:
        for id in SCHOOLS:
            ledger.append(ShareSeen(id, "共有", f"{id}-a8d79a09"))
        assert machine.kdx("schedule", "pause", "high_es", "--until", "2099-01-01", "--reason", "x").returncode == 0
    first = machine.tick()
    machine.settle()
    second, third = machine.tick(), machine.tick()
    assert [tick.returncode for tick in (first, second, third)] == [14, 14, 14]
    assert "low_es 共有: the last good backup began never; promised is one in 30 hours" in first.stderr
    assert "over: low_es" in second.stderr and third.stderr == ""
    assert machine.kdx("schedule", "pause", "high_es", "--until", "2020-01-01", "--reason", "x").returncode == 0
    machine.tick()
    machine.settle()
    last = machine.tick()
    assert last.returncode == 0 and "over: high_es 共有" in last.stderr
    assert machine.jobs() == ["save low_es", "save high_es"]


@pytest.mark.long
def test_a_backup_where_the_water_comes_is_stopped_with_what_it_has_and_goes_on_after_the_storm(
    machine: Machine
) -> None:
    settings = machine.folder / "inventory/kdx.yml"
    plain = settings.read_text("utf-8")
    # some seconds for the small files, then minutes for the film
    settings.write_text(plain.replace("parallel: 1,", "parallel: 1, line: 1Mbit, class_rate: 1Mbit,"), "utf-8")
    samples = [sample_share.Sample(f"{number:04}.jpg", 500, 1_700_000_000) for number in range(2000)]
    samples.append(sample_share.Sample("運動会.mp4", 30 << 20, 1_700_000_000))
    sample_share.write_samples(machine.folder / "low_es", iter(samples), seed=1)
    assert machine.kdx("schedule", "pause", "high_es", "--until", "2099-01-01", "--reason", "x").returncode == 0
    machine.tick()
    assert machine.jobs() == ["save low_es"]
    wait_for(lambda: any(path.stat().st_size for path in machine.folder.glob("state/backups/low_es-*/*.rows")))
    machine.forecast(VPWW55=(kind("33", "発表", "51"),))
    machine.tick()
    machine.settle()
    ended = machine.events("job.ended")[0]
    assert (ended["subject"], ended["exit_code"], ended["stopped"]) == ("save low_es", 130, True)
    [sealed] = machine.events("snapshot.sealed")
    assert (sealed["school"], sealed["state"], sealed["reasons"]) == ("low_es", "partial", ["checkpoint"])
    assert 0 < sealed["files"] == 2002 - sealed["waiting"] < 2002
    told = machine.tick()
    assert "130" not in told.stderr and machine.jobs() == ["save low_es"]
    settings.write_text(plain, "utf-8")
    machine.forecast(VPWW55=(kind("33", "解除"),))
    machine.tick()
    machine.settle()
    first, second = machine.events("snapshot.sealed")
    assert (second["state"], second["previous"], second["files"]) == ("complete", first["snapshot"], 2002)
    assert first["stored_bytes"] + second["stored_bytes"] < (30 << 20) + 2_550_000


@pytest.mark.long
def test_a_job_that_is_killed_is_noticed_and_its_school_is_tried_again(machine: Machine) -> None:
    machine.tick()
    [started] = machine.events("job.started")
    lock = machine.folder / f"state/locks/job-{started['school']}.lock"
    wait_for(lambda: held(lock) and lock.read_text().strip())
    os.kill(int(lock.read_text()), signal.SIGKILL)
    wait_for(lambda: not held(lock))
    assert machine.events("job.ended") == []
    # a job that was started this very minute may still be on its way to its lock
    with sqlite3.connect(machine.folder / "state/ledger.sqlite3") as database:
        [(at,)] = database.execute("SELECT time FROM events WHERE kind = 'job.started'").fetchall()
    wait_for(lambda: datetime.now(UTC) - datetime.fromisoformat(at) > timedelta(seconds=61))
    told = machine.tick()
    assert "ended with -1" in told.stderr
    assert [event["exit_code"] for event in machine.events("job.ended")][:1] == [-1]
    wait_for(lambda: set(machine.jobs()) == {"save high_es", "save low_es"})
    machine.settle()


def held(lock: Path) -> bool:
    """Whether some process has a lock, asked of util-linux."""
    return subprocess.run(["flock", "--nonblock", "--shared", lock, "true"]).returncode != 0


def test_ticks_that_meet_start_nothing_twice_and_end_with_0(machine: Machine) -> None:
    words = [sys.executable, "-m", "kdx", "--inventory", str(machine.folder / "inventory"), "--state",
             str(machine.folder / "state"), "schedule", "run"]
    ticks = [subprocess.Popen(words, env=machine.environment, stderr=subprocess.PIPE) for _number in range(6)]
    assert [tick.wait(60) for tick in ticks] == [0] * 6
    machine.settle()
    assert len(machine.jobs()) in (1, 2) and len(set(machine.jobs())) == len(machine.jobs())


def test_a_quiet_tick_is_quick_and_small(machine: Machine) -> None:
    for _tick in range(2):
        machine.tick()
        machine.settle()
    spent = []
    for _tick in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert machine.tick().stderr == ""
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    measured = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" "$@"', sys.executable, "-c",
         "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
         "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
         sys.executable, "-m", "kdx", "--inventory", str(machine.folder / "inventory"), "--state",
         str(machine.folder / "state"), "schedule", "run"],
        env=machine.environment, capture_output=True, text=True, timeout=60,
    )
    print(f"processor seconds of a quiet tick {min(spent):.2f}, kilobytes {measured.stdout.strip()}")
    assert int(measured.stdout) < 80 * 1024
    assert min(spent) < 1.2


def test_cron_takes_the_line_and_systemd_the_units(tmp_path: Path) -> None:
    line = Line(Path("/etc/kdx/教育 委員会 100%"), Path("/var/lib/kdx"), "root")
    crontab, analyze = shutil.which("crontab"), shutil.which("systemd-analyze")
    assert crontab and analyze, "needs the Debian packages cron and systemd"
    (tmp_path / "table").write_text(with_block("", line.cron()), "utf-8")
    assert subprocess.run([crontab, "-n", tmp_path / "table"], capture_output=True).returncode == 0
    install(line, "systemd", tmp_path)
    checked = subprocess.run([analyze, "verify", tmp_path / SERVICE, tmp_path / TIMER], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


PRIVATE = """
set -e
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/empty" /etc/cron.d
mount --bind "$1/table" /etc/crontab
mount -t tmpfs tmpfs /run
shift
exec "$@"
"""
"""A view of the system in which cron's tables are this test's own."""


def privately(folder: Path, *command: str) -> list[str]:
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh", str(folder), *command]


@pytest.fixture
def cron_folder(tmp_path: Path) -> Path:
    """The private tables of a cron."""
    assert os.geteuid() == 0 and shutil.which("cron"), "needs root and the Debian package cron"
    folder = tmp_path / "cron"
    (folder / "spool/crontabs").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "table").touch()
    shutil.chown(folder / "spool/crontabs", "root", "crontab")
    (folder / "spool/crontabs").chmod(0o1730)
    return folder


@pytest.mark.long
@pytest.mark.timeout(900)
def test_real_cron_runs_the_line_from_calm_to_all_clear(machine: Machine, cron_folder: Path) -> None:
    def privately_run(*words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(privately(cron_folder, *words), capture_output=True, text=True, timeout=120, **more)

    installed = privately_run(
        sys.executable, "-m", "kdx", "--inventory", str(machine.folder / "inventory"), "--state",
        str(machine.folder / "state"), "schedule", "install", "--every", "1",
        env={**os.environ, "KDX_LANG": "en"},
    )
    assert installed.returncode == 0, installed.stderr
    table = privately_run("crontab", "-l").stdout
    assert BEGIN in table
    assert privately_run("crontab", "-", input=table).returncode == 0
    cron = subprocess.Popen(privately(cron_folder, "cron", "-f"), start_new_session=True)
    try:
        wait_for(lambda: sorted(machine.jobs()) == ["save high_es", "save low_es"])
        machine.settle()
        machine.forecast(VPWW61=THUNDER)
        wait_for(lambda: machine.jobs()[2:] == ["save low_es", "save high_es"])
        machine.settle()
        machine.forecast(VPWW61=THUNDER, VPWW55=RAIN)
        wait_for(lambda: {"save low_es", "copy"} <= set(machine.jobs()[4:]))
        machine.settle()
        machine.weather.trouble["*"] = "503"
        wait_for(lambda: machine.events("hazard.observed")[-1]["level"] == "unknown")
        machine.forecast(VPWW61=(kind("14", "解除"),), VPWW55=(kind("03", "解除"),))
        wait_for(lambda: machine.jobs()[-1] == "check")
        machine.settle()
    finally:
        os.killpg(cron.pid, signal.SIGTERM)
        cron.wait(30)
    observed = [event["level"] for event in machine.events("hazard.observed") if event["subject"] == "low_es"]
    assert observed == ["advisory", "warning", "unknown", "clear"]
    assert {event["exit_code"] for event in machine.events("job.ended")} == {0}
