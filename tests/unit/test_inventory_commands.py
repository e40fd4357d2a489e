"""`kdx inventory`: every command on real folders, as a technician and a script see it."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from click.testing import CliRunner, Result

from kdx.cli import root
from kdx.cli.inventory import SUMMARIES
from kdx.report.inventory_summary import SUMMARIES as REPORTS
from kdx.state.folder import StateFolder

Invoke = Callable[..., Result]
LONG_AGO = 1_700_000_000
ODD = b"\x89^\x93\xae\x89\xef.doc"


def put(path: Path, content: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    """Two schools of one share each, and one that has none."""
    for name, owner in (("a", "あ"), ("b", "い")):
        put(tmp_path / name / "令和6年度/01_教務/時間割.xlsx", f"table {owner}")
        put(tmp_path / name / "令和6年度/01_教務/~$時間割.xlsx", "owner")
        put(tmp_path / name / "R5/時間割 コピー.xlsx", f"table {owner}")
        put(tmp_path / name / "=cmd|' /C calc'!A0.txt", "formula")
    os.rename(tmp_path / "a/R5", tmp_path / "a/R5\n\x1b[31m")
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/kdx.yml").write_text("board: 試験市教育委員会\n", "utf-8")
    (tmp_path / "inventory/hosts.yml").write_text(
        f"""all:
  children:
    schools:
      children:
        a_es:
          vars: {{school_name: 試験市立あ小学校, kind: elementary}}
          hosts: {{fs-a: {{shares: [{{name: 共有, url: {tmp_path}/a}}]}}}}
        b_es:
          vars: {{school_name: 試験市立い小学校, kind: elementary}}
          hosts: {{fs-b: {{shares: [{{name: 共有, url: {tmp_path}/b}}]}}}}
        c_es:
          vars: {{school_name: 試験市立う小学校, kind: elementary}}
""",
        "utf-8",
    )
    return tmp_path


@pytest.fixture
def run(shares: Path) -> Invoke:
    """Run one command in this process and expect its exit code."""
    environment = {
        "KDX_INVENTORY": str(shares / "inventory"), "KDX_STATE": str(shares / "state"), "KDX_LANG": "en",
    }

    def invoke(*words: str | Path, code: int = 0) -> Result:
        result = CliRunner(env=environment).invoke(root, ["inventory", *map(str, words)])
        assert result.exit_code == code, result.output
        return result

    return invoke


def rows(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
    return found


def test_a_scan_says_what_it_saw_and_leaves_its_event(run: Invoke, shares: Path) -> None:
    (row,) = rows(run("scan", "あ小", "--json"))
    assert (row["school"], row["files"], row["read"], row["left_by_rule"], row["not_read"]) == ("a_es", 4, 3, 1, 0)
    assert rows(run("scan", "a_es", "--json"))[0]["read"] == 0
    ledger = events_in(shares / "state")
    assert [(event["kind"], event["subject"]) for event in ledger] == [("scan.finished", ledger[0]["subject"])] * 2
    assert json.loads(ledger[0]["body"])["catalog"] == row["catalog"]


def test_a_folder_that_closes_itself_is_shown_with_those_who_may_open_it(run: Invoke, shares: Path) -> None:
    closed = shares / "a/令和6年度/校長室"
    closed.mkdir()
    (shares / "a/令和6年度").chmod(0o755)
    closed.chmod(0o700)
    run("scan", "a_es", "--names")
    closed.chmod(0o755)
    (row,) = rows(run("access", "a_es", "--json"))
    assert (row["folder"], row["change"], row["may_open"]) == ("令和6年度/校長室", "narrower", "the owner")
    assert row["lost"] == "everyone, the owning group"


def events_in(state: Path) -> list[dict[str, str]]:
    """The events of a ledger, read without kdx."""
    import sqlite3

    with sqlite3.connect(state / "ledger.sqlite3") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY id")]


def test_one_school_that_fails_does_not_stop_the_others_and_the_gravest_code_wins(run: Invoke, shares: Path) -> None:
    run("scan", "--all")
    (shares / "a").rename(shares / "a-unmounted")
    result = run("scan", "--all", "--json", code=4)
    assert [row["school"] for row in rows(result)] == ["b_es"]
    assert "accept-smaller" in result.stderr and "う小学校" in result.stderr
    (shares / "a-unmounted").rename(shares / "a")
    assert len(rows(run("scan", "--all", "--json"))) == 2


def test_a_school_without_a_share_is_a_mistake_where_it_is_meant(run: Invoke) -> None:
    run("scan", "c_es", code=10)
    run("scan", "c_es", "--dry-run", code=10)
    run("scan", code=2)
    run("scan", "a_es", "--share", "なし", code=2)


def test_a_dry_run_scans_nothing(run: Invoke, shares: Path) -> None:
    planned = rows(run("scan", "--all", "--dry-run", "--json"))
    assert [(row["share"], row["scanned"]) for row in planned] == [("共有", None)] * 2
    assert not list(shares.rglob("*.parquet")) and not (shares / "state/ledger.sqlite3").exists()


def test_what_cannot_be_read_is_listed_and_makes_the_scan_incomplete(run: Invoke, shares: Path) -> None:
    # this file system refuses nothing to root, so the entry is one that vanishes: a folder listed and then removed
    script = (
        "import os, sys; from kdx.remotes.local import LocalRemote; real = LocalRemote.digest_listed\n"
        "def vanish(self, entries):\n"
        "    entries = list(entries)\n"
        "    for entry in entries:\n"
        "        if entry.path.endswith('.txt'): os.unlink(os.path.join(self.location.path, entry.path))\n"
        "    return real(self, entries)\n"
        "LocalRemote.digest_listed = vanish\n"
        "from kdx.cli import main; main()"
    )
    environment = {
        **os.environ, "KDX_INVENTORY": str(shares / "inventory"), "KDX_STATE": str(shares / "state"), "KDX_LANG": "en",
    }
    words = [sys.executable, "-c", script, "inventory", "scan", "a_es", "--quiet", "--json"]
    result = subprocess.run(words, env=environment, capture_output=True, encoding="utf-8", timeout=60)
    assert result.returncode == 3, result.stderr
    assert json.loads(result.stdout)["rows"][0]["not_read"] == 1
    assert "=cmd" in result.stderr and "vanished" in result.stderr
    assert [row["reason"] for row in rows(run("summary", "a_es", "--by", "unreadable", "--json"))] == ["vanished"]


def test_a_second_scan_of_one_share_is_locked_out(run: Invoke, shares: Path) -> None:
    run("scan", "a_es")
    (share_id,) = (path.name for path in (shares / "state/catalogs").iterdir())
    with StateFolder(shares / "state").lock(f"scan-{share_id}"):
        run("scan", "a_es", code=11)


def test_names_only_and_a_smaller_share_are_said_by_a_person(run: Invoke, shares: Path) -> None:
    assert rows(run("scan", "a_es", "--names", "--json"))[0]["read"] == 0
    assert rows(run("scan", "a_es", "--hash", "--json"))[0]["read"] == 3
    for path in sorted((shares / "a").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run("scan", "a_es", code=4)
    assert rows(run("scan", "a_es", "--accept-smaller", "--json"))[0]["files"] == 0


def test_list_and_show_say_what_is_known_and_what_is_not(run: Invoke) -> None:
    run("scan", "a_es")
    listed = {row["id"]: row for row in rows(run("list", "--json"))}
    assert (listed["a_es"]["files"], listed["b_es"]["files"], listed["c_es"]["server"]) == (4, None, None)
    assert listed["a_es"]["scanned"] and not listed["b_es"]["scanned"]
    shown = run("show", "あ小")
    assert "fs-a" in shown.stdout and "counts as at risk" in shown.stdout


def test_every_summary_can_be_asked_for_and_drawn(run: Invoke) -> None:
    assert SUMMARIES == tuple(REPORTS)
    run("summary", "a_es", code=4)
    run("scan", "a_es")
    for by in SUMMARIES:
        run("summary", "a_es", "--by", by)
        run("summary", "a_es", "--by", by, "--format", "html")


def test_summaries_say_what_lies_there(run: Invoke, shares: Path) -> None:
    os.rename(shares / "b/R5/時間割 コピー.xlsx", os.fsencode(shares / "b/R5") + b"/" + ODD)
    run("scan", "--all")
    years = [(row["fiscal_year"], row["told_by"], row["files"]) for row in rows(run("summary", "a_es", "--json"))]
    assert years == [
        ("令和6年度(2024年度)", "name", 1), ("令和5年度(2023年度)", "name", 1), ("令和5年度(2023年度)", "last change", 1),
    ]
    (opened,) = rows(run("summary", "a_es", "--by", "open", "--json"))
    assert opened["document"] == "令和6年度/01_教務/時間割.xlsx"
    (ignored,) = rows(run("summary", "a_es", "--by", "ignored", "--json"))
    assert (ignored["pattern"], ignored["entries"]) == ("~$*", 1)
    (odd,) = rows(run("summary", "b_es", "--by", "names", "--json"))
    assert odd["reading"] == "R5/運動会.doc"
    assert "\x1b" not in run("summary", "a_es", "--by", "largest").stdout


def test_duplicates_and_differences_are_shown(run: Invoke, shares: Path) -> None:
    run("scan", "a_es")
    assert [row["copies"] for row in rows(run("duplicates", "a_es", "--json"))] == [2, 2]
    run("diff", "a_es", code=4)
    put(shares / "a/新しい.txt", "new")
    run("scan", "a_es")
    assert [(row["change"], row["path"]) for row in rows(run("diff", "a_es", "--json"))] == [("added", "新しい.txt")]
    run("diff", "a_es", "--from", "2020-01-01", code=4)
    run("diff", "a_es", "--from", "soon", code=2)


def test_a_catalog_is_exported_as_other_programs_read_it(run: Invoke, shares: Path) -> None:
    run("export", "a_es", code=4)
    run("scan", "a_es")
    for ending in ("csv", "ndjson", "parquet", "xlsx"):
        run("export", "a_es", "-o", shares / f"catalog.{ending}")
    lines = list(csv.reader((shares / "catalog.csv").read_text("utf-8-sig").splitlines()))
    records = [json.loads(line) for line in (shares / "catalog.ndjson").read_text("utf-8").splitlines()]
    table = duckdb.sql(f"SELECT path, sha256 FROM read_parquet('{shares}/catalog.parquet')").fetchall()
    sheet = openpyxl.load_workbook(shares / "catalog.xlsx").active
    assert sheet is not None
    assert len(lines) - 1 == len(records) == len(table) == sheet.max_row - 2 == 8
    assert {record["path"]: record["sha256"] for record in records} == {
        path: digest.hex() if digest else None for path, digest in table
    }
    assert lines[1][0].startswith("'=cmd")
    assert all("\x1b" not in cell for line in lines for cell in line)
    run("export", "a_es", "-o", shares / "catalog.doc", code=2)
    run("export", code=2)
    assert run("export", "a_es").stdout.startswith("\ufeff")


def test_the_inventory_is_exported_for_ansible_and_checked(run: Invoke, shares: Path) -> None:
    exported = json.loads(run("export", "--ansible").stdout)
    assert set(exported["_meta"]["hostvars"]) == {"fs-a", "fs-b"}
    assert "Ansible" in run("check").stdout
    (shares / "inventory/hosts.yml").write_text("all: {children: {schools: {children: {a: {varz: {}}}}}}", "utf-8")
    run("check", code=10)


@pytest.mark.parametrize(
    "words", [("list",), ("summary", "a_es"), ("duplicates", "a_es"), ("access", "a_es"), ("export", "a_es")]
)
def test_a_command_that_only_looks_loads_nothing_of_the_ledger(
    run: Invoke, shares: Path, words: tuple[str, ...]
) -> None:
    run("scan", "a_es")
    script = (
        "import sys\nfrom kdx.cli import root\n"
        "try: root.main(sys.argv[1:])\n"
        "finally: print('sqlalchemy' in sys.modules, 'duckdb' in sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "KDX_INVENTORY": str(shares / "inventory"), "KDX_STATE": str(shares / "state")}
    ended = subprocess.run(
        [sys.executable, "-c", script, "inventory", *words], env=environment, capture_output=True, encoding="utf-8",
        timeout=60,
    )
    assert ended.stderr.splitlines()[-1] == "False False"
