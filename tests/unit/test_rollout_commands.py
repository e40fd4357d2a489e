"""`kdx rollout`: every command as an administrator and a script see it, on a real ledger."""

import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from rigs.rollout_place import HOSTS, NOON, Place, drill, make_place, receipt, scan, seen
from wcwidth import wcswidth

from kdx.cli import root, text_table
from kdx.cli.application import Application
from kdx.config import load_board
from kdx.language import use_language
from kdx.report.rollout import matrix_table
from kdx.report.tables import Table
from kdx.rollout.overview import look
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def kdx_rollout(tmp_path: Path, checkout: Path) -> Place:
    return make_place(tmp_path, checkout)


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
        seen("mfa_enforced", done=42, total=42), seen("mfa_enforced", "unknown", school="kabuto_es"),
        seen("permissions_reviewed", method="EXAMINE"), seen("training_attended", method="EXAMINE", done=40, total=42),
    )
    place("set", "claim", "加太小", "terminals", "started", "--count", "１２/３０")
    place("set", "block", "関中", "terminals", "--cause", "delivery", "--owner", "業者", "--next", "納期回答を求める",
          "--due", "2026-12-10")
    place("set", "plan", "西小", "切替", "--date", "2026-11-20", "--owner", "学校教育課")
    for name in ("tanaka", "suzuki"):
        place("set", "waive", "関中", "16", "--reason", "サーバーなし", "--key", place.folder / f"private/{name}")


def test_the_matrix_in_japanese_is_what_a_headteacher_reads(kdx_rollout):
    tell_a_story(kdx_rollout)
    drawn = kdx_rollout("status", lang="ja").stdout
    assert drawn == (GOLDEN / "rollout-status-ja.txt").read_text("utf-8")
    # A4 landscape holds about 170 characters of 9 points
    assert max(map(wcswidth, drawn.splitlines())) <= 170


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_matrix_fits_a_terminal_of_a_hundred_columns_and_loses_nothing(kdx_rollout, language):
    tell_a_story(kdx_rollout)
    for table, drawn in _drawn_on_a_terminal(kdx_rollout, language):
        assert max(map(wcswidth, drawn)) <= 100, table.title
        rule = next(index for index, line in enumerate(drawn) if line.startswith("---"))
        below = "".join("".join(drawn[rule + 1:]).split())
        for row in table.rows:
            marks = "".join(str(row[one.key]) for one in table.columns if one.kind == "mark" and row.get(one.key))
            held = str(row["blocked_by"] or "").replace(" ", "")
            at = below.index(f"{row['school']}{marks}") + len(f"{row['school']}{marks}")
            assert below[at:].startswith(held)
            below = below[at + len(held):]


def _drawn_on_a_terminal(place: Place, language: str) -> Iterator[tuple[Table, list[str]]]:
    zone = ZoneInfo("Asia/Tokyo")
    try:
        use_language(language)
        board = load_board(place.folder / "inventory")
        with open_ledger(StateFolder(place.folder / "state"), actor="a", request_id="r", clock=lambda: NOON) as ledger:
            now = look(board, ledger, NOON)
        for stream in now.definition.streams:
            table = matrix_table(now, stream)
            yield table, text_table.text(table, zone, 100).splitlines()
    finally:
        use_language("en")


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
        "データ移行・照合", "復元訓練", "旧サーバーの読取専用化 (並行期間)", "保存年限と廃棄保留の確認書", "校長の承認",
    ]
    assert missing() == everything
    # nothing that is typed opens it
    for milestone in ("migration", "drill", "read_only", "retire"):
        kdx_rollout("set", "claim", "西小", milestone, "done")
    said = kdx_rollout("set", "observe", "西小", "retention_checked", "pass", "--file", paper, lang="ja")
    assert "旧サーバーの停止" in said.stdout and "署名がありません" in said.stderr
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


def test_an_approval_signed_elsewhere_counts_once_and_one_over_other_words_is_refused(kdx_rollout, tmp_path):
    words = ["set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number"]
    statement = tmp_path / "statement"
    statement.write_bytes(kdx_rollout(*words, "第12号", "--signer", "tanaka", "--dry-run").stdout_bytes)
    command = ["ssh-keygen", "-Y", "sign", "-n", "kdx-rollout", "-f", tmp_path / "private/tanaka", statement]
    subprocess.run(command, check=True, capture_output=True)
    signature = ["--signer", "tanaka", "--signature", tmp_path / "statement.sig"]
    kdx_rollout(*words, "第13号", *signature, code=2)
    kdx_rollout(*words, "第12号", *signature)
    # once: what was signed names what came before it
    kdx_rollout(*words, "第12号", *signature, code=2)
    assert "校長の承認" not in [row["what"] for row in kdx_rollout.rows("why", "西小", "23", code=4)]


def test_a_finding_signed_elsewhere_counts_whenever_it_is_entered_and_needs_its_day(kdx_rollout, tmp_path):
    words = ["set", "observe", "西小", "retention_checked", "pass", "--signer", "tanaka"]
    assert "--collected" in kdx_rollout(*words, "--dry-run", code=2).stderr
    day, statement = ["--collected", "2026-11-20"], tmp_path / "statement"
    statement.write_bytes(kdx_rollout(*words, *day, "--dry-run").stdout_bytes)
    command = ["ssh-keygen", "-Y", "sign", "-n", "kdx-rollout", "-f", tmp_path / "private/tanaka", statement]
    subprocess.run(command, check=True, capture_output=True)
    signature = ["--signature", tmp_path / "statement.sig"]
    assert "--collected" in kdx_rollout(*words, *signature, code=2).stderr
    kdx_rollout(*words, "--collected", "2026-11-19", *signature, code=2)
    assert "Nobody signed" not in kdx_rollout(*words, *day, *signature).stderr


def test_a_waiver_is_refused_unsigned_and_where_there_is_only_one_who_may_sign(kdx_rollout, tmp_path):
    words = ["set", "waive", "関中", "16", "--reason", "サーバーなし"]
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


def test_what_is_not_named_in_a_plan_stays(kdx_rollout):
    kdx_rollout("set", "plan", "西小", "20", "--date", "2026-12-25")
    kdx_rollout("set", "plan", "西小", "20", "--owner", "学校教育課")
    row = next(row for row in kdx_rollout.rows("school", "西小") if row["number"] == 20)
    assert (row["due"], row["owner"]) == ("2026-12-25", "学校教育課")


def test_what_holds_milestones_up_is_listed_the_oldest_first(kdx_rollout):
    words = ["--cause", "delivery", "--owner", "業者", "--next", "督促", "--due", "2026-12-01"]
    kdx_rollout.now = NOON - timedelta(days=5)
    kdx_rollout("set", "block", "西小", "9", *words)
    kdx_rollout.now = NOON
    kdx_rollout("set", "block", "加太小", "9", *words)
    kdx_rollout("set", "block", "加太小", "8", *words)
    kdx_rollout("set", "block", "加太小", "8", "--lift")
    found = [(row["school"], row["cause"], row["due"], row["days"]) for row in kdx_rollout.rows("status", "--blocked")]
    assert found == [("西小", "delivery", "2026-12-01", 5), ("加太小", "delivery", "2026-12-01", 0)]


def test_a_finding_by_hand_is_marked_even_where_its_file_was_imported_before(kdx_rollout, tmp_path):
    report = tmp_path / "mdm.csv"
    report.write_text("学校,登録,台数,出力日\n西小,5,5,2026-11-21\n", "utf-8")
    kdx_rollout("import", report, "--map", "mdm")
    kdx_rollout("set", "observe", "加太小", "mdm_enrolled", "pass", "--count", "5/5", "--file", report)
    assert {row["school"]: row["mdm"] for row in kdx_rollout.rows("status")} == {"西小": "確", "加太小": "確*", "関中": "未"}


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
        (["set", "approve", "加太小", "23", "--office", "教頭", "--date", "R8.2.3", "--number", "1"], 2, "asks for: 校長"),
        # what a machine finds is not typed in
        (["set", "observe", "加太小", "old_share_read_only", "pass", "--method", "TEST"], 2, "TEST"),
        (["set", "observe", "加太小", "fax_pages", "pass", "--item", "vendor"], 2, "Nearest: vendors"),
        (["set", "approve", "加太小", "23", "--office", "校長", "--date", "R8.2.30", "--number", "1"], 2, "R8.2.30"),
    ],
)
def test_each_mistake_and_each_answer_is_one_sentence(kdx_rollout, words, code, what):
    assert what in kdx_rollout(*words, code=code).output


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that can be run."""
    if not isinstance(command, click.Group):
        yield str(command.name), command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from commands(found, context)


def test_no_parameter_of_a_command_takes_the_name_of_another():
    context = click.Context(root, obj=Application())
    for name, command in commands(root, context):
        names = [str(one.name) for one in command.get_params(context)]
        assert len(names) == len(set(names)), name
