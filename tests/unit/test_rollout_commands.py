"""`kdx rollout`: every command as an administrator and a script see it, on a real ledger."""

import getpass
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from kdx import signing
from kdx.cli import root
from kdx.cli.application import Application
from kdx.state.events import Event, ObservationMade, ReceiptIssued, ScanFinished
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

GOLDEN = Path(__file__).with_name("golden")
NOON = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
HOSTS = """\
all:
  children:
    schools:
      children:
        nishi_es:
          vars: {school_name: 試験市立西小学校, kind: elementary}
          hosts: {fs-nishi: {shares: [{name: 共有, url: /srv/nishi, id: nishi-1}]}}
        kabuto_es:
          vars: {school_name: 試験市立加太小学校, kind: elementary}
          hosts: {fs-kabuto: {shares: [{name: 共有, url: /srv/kabuto, id: kabuto-1}]}}
        seki_jh:
          vars: {school_name: 試験市立関中学校, kind: junior_high}
"""
Invoke = Callable[..., Result]


@dataclass(frozen=True, slots=True)
class DrillFinished(Event):
    """As the vault records it."""

    kind: ClassVar[str] = "drill.finished"
    school: str
    share_id: str
    exit_code: int
    ended: datetime

    @property
    def subject(self) -> str:
        return self.share_id


@dataclass
class Place:
    """An inventory, a state folder and a clock."""

    folder: Path
    now: datetime = NOON

    def append(self, *events: Event) -> None:
        state = StateFolder(self.folder / "state")
        with open_ledger(state, actor="a@b", request_id="r", clock=lambda: self.now) as ledger:
            for event in events:
                ledger.append(event)

    def __call__(self, *words: str | Path, code: int = 0, lang: str = "en") -> Result:
        environment = {
            "KDX_INVENTORY": str(self.folder / "inventory"), "KDX_STATE": str(self.folder / "state"), "KDX_LANG": lang,
        }
        application = Application(clock=lambda: self.now)
        result = CliRunner(env=environment).invoke(root, ["rollout", *map(str, words)], obj=application)
        assert result.exit_code == code, result.output
        return result

    def rows(self, *words: str | Path, code: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self(*words, "--json", code=code, lang="ja").stdout)["rows"]
        return found

    def state(self, school: str, milestone: str) -> str:
        return {row["milestone"]: row["state"] for row in self.rows("school", school)}[milestone]


@pytest.fixture
def kdx_rollout(tmp_path: Path, checkout: Path) -> Iterator[Place]:
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (inventory / "hosts.yml").write_text(HOSTS, "utf-8")
    user = getpass.getuser()
    (inventory / "kdx.yml").write_text(
        f"board: 試験市教育委員会\nroles:\n  tanaka: {{may: [approve, waive, examine], user: {user}}}\n"
        f"  suzuki: {{may: [waive], user: {user}}}\n",
        "utf-8",
    )
    shutil.copy(checkout / "inventory/rollout.yml", inventory)
    for name in ("tanaka", "suzuki"):
        signing.create_board_key(
            tmp_path / "private", inventory / "keys", owner=name, now=NOON - timedelta(days=9), role=name
        )
    yield Place(tmp_path)


def scan(school: str) -> ScanFinished:
    return ScanFinished(f"{school}_es", "共有", f"{school}-1", 3, 2, 10, 0, 0, True, "c", "0" * 64, NOON, NOON)


def receipt(school: str) -> ReceiptIssued:
    return ReceiptIssued(f"{school}_es", "s3://b/p", [f"{school}-1"], True, "1" * 64, "SHA256:x", "/r")


def drill(school: str, code: int = 0) -> DrillFinished:
    return DrillFinished(f"{school}_es", f"{school}-1", code, NOON)


def seen(check: str, school: str = "nishi_es", result: str = "pass", **fields: Any) -> ObservationMade:
    settings = {"item": "", "target": f"fs-{school}", "vantage": "board", "method": "TEST", "collected": NOON, **fields}
    return ObservationMade(check=check, school=school, result=result, **settings)


def tell_a_story(place: Place) -> None:
    """A school that has moved, one that has begun, and one without a server."""
    for number in ("1", "2", "3", "5", "6"):
        place("set", "approve", "city", number, "--office", "教育委員会", "--date", "R8.11.2", "--number", f"第{number}号",
              "--key", place.folder / "private/tanaka")
    place("set", "claim", "city", "4", "done")
    place.append(
        scan("nishi"), receipt("nishi"), drill("nishi"), scan("kabuto"),
        *(seen(check) for check in ("staff_on_wifi", "mdm_enrolled", "edr_active", "disk_encrypted", "web_filter")),
        seen("line_speed"), seen("line_speed", vantage="2階"), seen("terminals_renewed", done=42, total=42),
        seen("mfa_enforced", done=42, total=42), seen("mfa_enforced", "kabuto_es", "unknown"),
        seen("permissions_reviewed", method="EXAMINE"), seen("training_attended", method="EXAMINE", done=40, total=42),
    )
    place("set", "claim", "加太小", "terminals", "started", "--count", "１２/３０")
    place("set", "block", "関中", "terminals", "--cause", "delivery", "--owner", "業者", "--next", "納期回答を求める",
          "--due", "2026-12-10")
    place("set", "plan", "西小", "切替", "--date", "2026-11-20", "--owner", "学校教育課")
    for name in ("tanaka", "suzuki"):
        place("set", "waive", "関中", "16", "--reason", "サーバなし", "--key", place.folder / f"private/{name}")


def test_the_matrix_in_japanese_is_what_a_headteacher_reads(kdx_rollout):
    tell_a_story(kdx_rollout)
    drawn = kdx_rollout("status", lang="ja").stdout
    assert drawn == (GOLDEN / "rollout-status-ja.txt").read_text("utf-8")
    from wcwidth import wcswidth

    # A4 landscape holds about 170 characters of 9 points
    assert max(map(wcswidth, drawn.splitlines())) <= 170


def test_every_table_names_its_day_and_its_sources(kdx_rollout, tmp_path):
    tell_a_story(kdx_rollout)
    for words in (["status"], ["status", "--summary"], ["status", "--overdue"], ["status", "--since", "2026-11-01"],
                  ["school", "西小"], ["school", "city"]):
        first = kdx_rollout(*words).stdout.splitlines()[0]
        assert "as of 2026-11-23 12:00 JST" in first and "ledger #" in first and "rollout.yml" in first, words
    html, sheet = tmp_path / "x.html", tmp_path / "x.xlsx"
    kdx_rollout("status", "-o", html)
    assert "A4 landscape" in html.read_text("utf-8") and "City: " in html.read_text("utf-8")
    kdx_rollout("status", "-o", sheet)
    from openpyxl import load_workbook

    assert "City: " in load_workbook(sheet).active["A1"].value


def test_the_past_is_shown_as_it_was_known_then(kdx_rollout):
    kdx_rollout.now = NOON - timedelta(days=3)
    kdx_rollout("set", "claim", "西小", "18", "done")
    kdx_rollout.now = NOON
    kdx_rollout.append(seen("training_attended", method="EXAMINE", done=42, total=42))
    then, now = (
        {row["school"]: row["training"] for row in kdx_rollout.rows("status", *words)}["西小"]
        for words in (["--as-of", "R8.11.20"], [])
    )
    assert (then, now) == ("申", "確*")
    [changed] = kdx_rollout.rows("status", "--since", "2026-11-21")
    assert (changed["school"], changed["before"], changed["state"]) == ("西小", "申", "確*")


def test_a_gate_refuses_to_retire_a_server_until_everything_exists(kdx_rollout, tmp_path):
    def missing() -> list[str]:
        return [row["what"] for row in kdx_rollout.rows("why", "西小", "23", code=4)]

    paper = tmp_path / "確認書.pdf"
    paper.write_bytes(b"%PDF")
    everything = [
        "データ移行・照合", "復元訓練", "旧サーバの読取専用化 (並行期間)", "保存年限と廃棄保留の確認書", "校長の承認",
    ]
    assert missing() == everything
    # nothing that is typed opens it
    for milestone in ("migration", "drill", "read_only", "retire"):
        kdx_rollout("set", "claim", "西小", milestone, "done")
    kdx_rollout("set", "observe", "西小", "retention_checked", "pass", "--file", paper)
    kdx_rollout("set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number", "第12号")
    assert missing() == everything
    kdx_rollout.append(receipt("nishi"), drill("nishi"), seen("old_share_read_only"))
    key = tmp_path / "private/tanaka"
    assert missing() == everything[3:]
    kdx_rollout("set", "observe", "西小", "retention_checked", "pass", "--file", paper, "--key", key)
    assert missing() == everything[4:]
    kdx_rollout("set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number", "第12号",
                "--scan", paper, "--key", key)
    assert "Nothing is missing" in kdx_rollout("why", "西小", "23").stdout
    # and a later failure closes it again by itself
    kdx_rollout.append(drill("nishi", code=5))
    assert missing() == ["復元訓練"]
    assert kdx_rollout.state("西小", "復元訓練") == "再"


def test_an_approval_signed_elsewhere_counts_and_one_over_other_words_is_refused(kdx_rollout, tmp_path):
    words = ["set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number"]
    statement = tmp_path / "statement"
    statement.write_bytes(kdx_rollout(*words, "第12号", "--signer", "tanaka", "--dry-run").stdout_bytes)
    command = ["ssh-keygen", "-Y", "sign", "-n", "kdx-rollout", "-f", tmp_path / "private/tanaka", statement]
    subprocess.run(command, check=True, capture_output=True)
    signature = ["--signer", "tanaka", "--signature", tmp_path / "statement.sig"]
    kdx_rollout(*words, "第13号", *signature, code=2)
    kdx_rollout(*words, "第12号", *signature)
    assert "校長の承認" not in [row["what"] for row in kdx_rollout.rows("why", "西小", "23", code=4)]


def test_a_waiver_is_refused_unsigned_and_where_there_is_only_one_who_may_sign(kdx_rollout, tmp_path):
    words = ["set", "waive", "関中", "16", "--reason", "サーバなし"]
    assert "no signature" in kdx_rollout(*words, code=4).stderr
    kdx_rollout(*words, "--key", tmp_path / "private/tanaka")
    assert kdx_rollout.state("関中", "データ移行・照合") == "未"
    kdx_rollout(*words, "--key", tmp_path / "private/suzuki")
    assert kdx_rollout.state("関中", "データ移行・照合") == "外"
    (tmp_path / "inventory/keys/suzuki.pub").unlink()
    assert "there are 1" in kdx_rollout(*words, "--key", tmp_path / "private/tanaka", code=4).stderr
    assert kdx_rollout.state("関中", "データ移行・照合") == "未"


def test_a_changed_row_of_the_ledger_is_named_and_the_exit_code_is_5(kdx_rollout):
    kdx_rollout.append(scan("nishi"), seen("web_filter"))
    with sqlite3.connect(kdx_rollout.folder / "state/ledger.sqlite3") as database:
        database.execute("UPDATE events SET body = replace(body, 'pass', 'fail') WHERE id = 2")
    assert "#2" in kdx_rollout("status", code=5).stdout
    row = next(row for row in kdx_rollout.rows("why", "西小", "23", code=4))
    assert "#2" in row["why"]


def test_a_school_that_was_renamed_keeps_its_history_and_one_that_is_gone_is_named(kdx_rollout):
    kdx_rollout("set", "claim", "加太小", "18", "done")
    hosts = kdx_rollout.folder / "inventory/hosts.yml"
    hosts.write_text(HOSTS.replace("加太小", "鈴鹿小"), "utf-8")
    assert kdx_rollout.state("鈴鹿小", "教職員研修 (受講率)") == "申"
    hosts.write_text(HOSTS.replace("kabuto_es", "suzuka_es"), "utf-8")
    assert "hosts.yml has no school kabuto_es any more" in kdx_rollout("status").stdout


def test_a_milestone_that_was_removed_is_named_while_history_holds_it(kdx_rollout):
    kdx_rollout("set", "claim", "加太小", "homework", "done")
    file = kdx_rollout.folder / "inventory/rollout.yml"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("      homework:")), "utf-8")
    said = kdx_rollout("status").stdout
    assert "rollout.yml has no milestone homework any more; the ledger still holds 1 cells" in said


def test_a_clock_that_was_set_back_is_named(kdx_rollout):
    kdx_rollout.now = NOON + timedelta(days=40)
    kdx_rollout("set", "claim", "加太小", "18", "done")
    kdx_rollout.now = NOON
    said = kdx_rollout("set", "claim", "加太小", "18", "started").stdout
    assert kdx_rollout.state("加太小", "教職員研修 (受講率)") == "中"
    kdx_rollout.now = NOON + timedelta(days=40)
    kdx_rollout("set", "claim", "加太小", "18", "done")
    kdx_rollout.now = NOON
    assert "a clock was set back: #3" in kdx_rollout("status").stdout, said


def test_a_dry_run_writes_nothing(kdx_rollout):
    assert "Nothing was written" in kdx_rollout("set", "claim", "加太小", "18", "done", "--dry-run").stdout
    assert not (kdx_rollout.folder / "state/ledger.sqlite3").exists()


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["why", "加太小", "99"], 2, "There is no milestone named '99'"),
        (["why", "加太小", "MFA方"], 2, "is not a milestone of 加太小"),
        (["why", "city", "migration"], 2, "is not a milestone of city"),
        (["why", "加太小", "fax_ended"], 2, "is not a milestone of 加太小"),
        (["why", "加太小", "fax_ended", "--item", "民間事業者"], 0, "Nothing is missing"),
        (["why", "加太小", "drill"], 0, "Nothing is missing"),
        (["why", "加太", "migraton"], 2, "Nearest: migration"),
        (["status", "--stream", "faxx"], 2, "Nearest: fax"),
        (["status", "--stream", "押印"], 0, "申請書"),
        (["set", "claim", "加太小", "18", "done", "--count", "43/42"], 2, "38/42"),
        (["set", "claim", "加太小", "18", "finished"], 2, "finished"),
        (["set", "observe", "加太小", "mfa_enforce", "pass"], 2, "Nearest: mfa_enforced"),
        (["set", "approve", "加太小", "23", "--office", "校長", "--date", "R8.2.30", "--number", "1"], 2, "R8.2.30"),
    ],
)
def test_each_mistake_and_each_answer_is_one_sentence(kdx_rollout, words, code, what):
    assert what in kdx_rollout(*words, code=code).output
