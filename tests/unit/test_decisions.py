"""A school's answers: through a real workbook and a real cp932 file, judged whole, applied, shown, taken back."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from rigs.command_line import Invoke, japanese_kdx
from sample_board import SCHOOL, write_board

Answers = Mapping[str, tuple[str, ...]]
FILES = (
    "時間割.xlsx", "何?.txt", "比率3:1.txt", "Case.txt", "case.txt", "CON/会議.txt", "保健/名簿.xlsx", "成績.xlsx",
)
EVERY: Answers = {
    "何?.txt": ("名前を変える",),
    "比率3:1.txt": ("名前を変える", "比率三対一.txt"),
    "case.txt": ("rename",),
    "CON": ("名前を変える",),
    "保健": ("移さない", "", "養護教諭", "紙で保存する"),
    "成績.xlsx": ("そのまま移す", "", "教務主任", ""),
}
"""Path -> decision, new name (else the proposed one), office, reason: an answer to everything that must be answered."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A share, a folder that stands for a SharePoint library, and a board that knows both."""
    for name in FILES:
        path = tmp_path / "share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")
    (tmp_path / "target").mkdir()
    settings = write_board(tmp_path / "inventory", {"共有": tmp_path / "share"}) / "kdx.yml"
    with settings.open("a", encoding="utf-8") as file:
        file.write(
            f"targets:\n  cloud: {{url: {tmp_path}/target, profile: sharepoint}}\n  other: {tmp_path}/other\n"
        )
    return tmp_path


@pytest.fixture
def run(place: Path) -> Iterator[Invoke]:
    with japanese_kdx(place / "inventory", place / "state") as invoke:
        invoke("inventory", "scan", "es", "--names")
        yield invoke


@pytest.fixture
def asked(place: Path, run: Invoke) -> Path:
    """The workbook that goes to the school."""
    run("assess", "es", "--to", "cloud", "-o", place / "ask.xlsx", code=4)
    return place / "ask.xlsx"


def headings(sheet: Any) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[2]}


def answer(asked: Path, to: Path, answers: Answers) -> Path:
    """Fill a workbook in as a school does, with another program than kdx."""
    book = openpyxl.load_workbook(asked)
    sheet = book.worksheets[0]
    places = headings(sheet)
    left = dict(answers)
    for row in range(3, sheet.max_row + 1):
        given = left.pop(sheet.cell(row, places["パス"]).value, None)
        for heading, value in zip(("判断", "新しい名前", "役職・部署", "理由"), given or ()):
            if value:
                sheet.cell(row, places[heading]).value = value
    assert not left
    book.save(to)
    return to


def as_csv(workbook: Path, to: Path, encoding: str) -> Path:
    """Save the first sheet as CSV, as Excel does."""
    sheet = openpyxl.load_workbook(workbook).worksheets[0]
    text = io.StringIO(newline="")
    rows = ([cell.value or "" for cell in row] for row in sheet.iter_rows())
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    to.write_bytes(text.getvalue().encode(encoding))
    return to


def at_target(place: Path) -> dict[str, str]:
    top = place / "target" / SCHOOL / "共有"
    return {str(path.relative_to(top)): path.read_text("utf-8") for path in top.rglob("*") if path.is_file()}


MOVED = {
    "時間割.xlsx": "時間割.xlsx", "何？.txt": "何?.txt", "比率三対一.txt": "比率3:1.txt", "Case.txt": "Case.txt",
    "case-2.txt": "case.txt", "CON_/会議.txt": "CON/会議.txt", "成績.xlsx": "成績.xlsx",
}


def test_the_workbook_offers_the_decisions_explains_them_and_freezes_its_headings(asked):
    book = openpyxl.load_workbook(asked)
    sheet = book.worksheets[0]
    [offered] = sheet.data_validations.dataValidation
    assert offered.formula1 == '"名前を変える,移さない,そのまま移す,保留"'
    decisions = openpyxl.utils.get_column_letter(headings(sheet)["判断"])
    assert str(offered.sqref) == f"{decisions}3:{decisions}{sheet.max_row}"
    assert sheet.freeze_panes == "A3" and sheet.auto_filter.ref
    explained = [row[0] for row in book.worksheets[1].iter_rows(values_only=True)]
    assert {"名前を変える", "移さない", "そのまま移す", "保留", "役職・部署"} <= set(explained)


@pytest.mark.parametrize("form", ["xlsx", "utf-8", "utf-8-sig", "cp932"])
def test_a_share_moves_with_the_answers_of_its_school_whatever_the_form(place, run, asked, form):
    filled = answer(asked, place / "filled.xlsx", EVERY)
    if form != "xlsx":
        filled = as_csv(filled, place / "filled.csv", form)
    run("migrate", "run", "es", "--to", "cloud", "--decisions", filled)
    assert at_target(place) == MOVED
    run("migrate", "verify", "es", "--to", "cloud", "--level", "readback")


def everything(folder: Path) -> dict[str, bytes]:
    """What lies below a folder, but for locks, which hold nothing."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_dry_run_shows_what_the_answers_would_do_and_keeps_nothing(place, run, asked):
    filled, before = answer(asked, place / "filled.xlsx", EVERY), everything(place / "state")
    dry = run("migrate", "run", "es", "--to", "cloud", "--decisions", filled, "--dry-run", "--json")
    assert {row["action"]: row["entries"] for row in json.loads(dry.stdout)["rows"]}["send"] == len(MOVED) + 1
    assert run("migrate", "run", "es", "--to", "cloud", "--decisions", asked, "--dry-run", code=4)
    (place / "wrong.csv").write_text("x")
    run("migrate", "run", "es", "--to", "cloud", "--decisions", place / "wrong.csv", "--dry-run", code=2)
    assert everything(place / "state") == before
    assert at_target(place) == {}


def test_before_it_is_answered_nothing_moves(place, run, asked):
    blocked = run("migrate", "run", "es", "--to", "cloud", code=4)
    assert f"kdx assess {SCHOOL} --to cloud -o" in blocked.stderr
    assert at_target(place) == {}


def test_an_answer_that_is_missing_blocks_its_entry_and_all_below_and_nothing_else(place, run, asked):
    some = {path: given for path, given in EVERY.items() if path not in ("CON", "成績.xlsx")}
    filled = answer(asked, place / "filled.xlsx", some)
    plan = run("migrate", "plan", "es", "--to", "cloud", "--decisions", filled, "--list", "--json", code=4)
    blocked = {row["path"] for row in json.loads(plan.stdout)["rows"] if row["action"] == "blocked"}
    assert blocked == {"CON", "CON/会議.txt", "成績.xlsx"}
    run("migrate", "run", "es", "--to", "cloud", code=4)
    assert at_target(place) == {}
    rest = {path: EVERY[path] for path in ("CON", "成績.xlsx")}
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "rest.xlsx", rest))
    assert at_target(place) == MOVED


def test_what_is_new_after_the_school_was_asked_is_asked_about_too(place, run, asked):
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "filled.xlsx", EVERY))
    (place / "share/通知表.xlsx").write_text("new", "utf-8")
    (place / "share/CON/何?.txt").write_text("new", "utf-8")
    run("migrate", "run", "es", "--to", "cloud", code=4)
    again = run("assess", "es", "--to", "cloud", "--list", "--json", code=4)
    left = {row["path"] for row in json.loads(again.stdout)["rows"] if row["severity"] != "note"}
    assert left == {"通知表.xlsx", "CON/何?.txt"}


def test_what_waits_stays_open_and_is_moved_when_it_is_decided(place, run, asked):
    waiting = {**EVERY, "CON": ("保留",)}
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "1.xlsx", waiting), code=3)
    assert at_target(place) == {name: text for name, text in MOVED.items() if not name.startswith("CON")}
    run("migrate", "verify", "es", "--to", "cloud", code=3)
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "2.xlsx", {"CON": EVERY["CON"]}))
    assert at_target(place) == MOVED


def test_the_receipt_names_what_was_left_renamed_and_why_without_the_file(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", EVERY)
    run("migrate", "plan", "es", "--to", "cloud", "--decisions", filled)
    filled.unlink()
    run("init", place / "new", "--board", "試験市教育委員会")
    run("migrate", "run", "es", "--to", "cloud")
    run("migrate", "verify", "es", "--to", "cloud")
    run("migrate", "receipt", "es", "--to", "cloud", "-o", place / "receipt")
    [share] = json.loads((place / "receipt/receipt.json").read_text("utf-8"))["receipt"]["shares"]
    assert {row["from"]: row["to"] for row in share["renamed"]} == {
        "何?.txt": "何？.txt", "比率3:1.txt": "比率三対一.txt", "case.txt": "case-2.txt",
        "CON": "CON_", "CON/会議.txt": "CON_/会議.txt",
    }
    assert {row["path"] for row in share["skipped"]} == {"保健", "保健/名簿.xlsx"}
    decided = {row["path"]: row for row in share["decisions"]["entries"]}
    assert decided["保健"]["office"] == "養護教諭" and decided["保健"]["reason"] == "紙で保存する"
    page = (place / "receipt/receipt.html").read_text("utf-8")
    assert "紙で保存する" in page and "移さない" in page
    run("migrate", "receipt", "--check", place / "receipt/receipt.json", "--key", place / "new/keys/board.pub")


def test_a_receipt_is_refused_while_a_new_decision_is_not_carried_out(place, run, asked):
    run("init", place / "new", "--board", "試験市教育委員会")
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "1.xlsx", EVERY))
    run("migrate", "verify", "es", "--to", "cloud")
    changed = answer(asked, place / "2.xlsx", {"何?.txt": ("名前を変える", "なに.txt")})
    run("migrate", "plan", "es", "--to", "cloud", "--decisions", changed)
    run("migrate", "receipt", "es", "--to", "cloud", "-o", place / "receipt", code=4)


def test_a_receipt_is_refused_where_decisions_were_taken_and_the_plan_then_failed(place, run, asked):
    run("init", place / "new", "--board", "試験市教育委員会")
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "1.xlsx", EVERY))
    run("migrate", "verify", "es", "--to", "cloud")
    changed = answer(asked, place / "2.xlsx", {"何?.txt": ("名前を変える", "なに.txt")})
    os.rename(place / "share", place / "away")
    run("migrate", "plan", "es", "--to", "cloud", "--decisions", changed, code=4)
    os.rename(place / "away", place / "share")
    refused = run("migrate", "receipt", "es", "--to", "cloud", "-o", place / "receipt", code=4)
    assert "学校が新しく決めました" in refused.stderr


def test_decisions_are_shown_and_an_event_of_the_ledger(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", EVERY)
    run("migrate", "plan", "es", "--to", "cloud", "--decisions", filled)
    shown = json.loads(run("migrate", "decisions", "es", "--to", "cloud", "--json").stdout)["rows"]
    assert {row["path"]: (row["decision"], row["name"]) for row in shown}["比率3:1.txt"] == (
        "rename", "比率三対一.txt",
    )
    with closing(sqlite3.connect(place / "state/ledger.sqlite3")) as database:
        [(body,)] = database.execute("SELECT body FROM events WHERE kind = 'decisions.taken'").fetchall()
    event = json.loads(body)
    assert event["counts"] == {"rename": 4, "skip": 1, "keep": 1}
    assert len(event["file_sha256"]) == 64 and event["file"] == "filled.xlsx"


def test_a_rename_is_taken_back_with_keep_and_what_was_sent_stays_as_extra(place, run, asked):
    run("migrate", "run", "es", "--to", "cloud", "--decisions", answer(asked, place / "1.xlsx", EVERY))
    back = answer(asked, place / "2.xlsx", {"case.txt": ("そのまま移す",), "Case.txt": ("名前を変える", "大文字.txt")})
    run("migrate", "run", "es", "--to", "cloud", "--decisions", back)
    expected = {name: text for name, text in MOVED.items() if name != "case-2.txt"}
    expected |= {"case.txt": "case.txt", "大文字.txt": "Case.txt", "case-2.txt": "case.txt", "Case.txt": "Case.txt"}
    assert at_target(place) == expected
    for _again in range(2):
        plan = json.loads(run("migrate", "plan", "es", "--to", "cloud", "--list", "--json").stdout)["rows"]
        assert {row["target"] for row in plan if row["action"] == "extra"} == {"case-2.txt", "Case.txt"}
        assert all(row["action"] in ("extra", "present", "left by rule") for row in plan)
    verified = run("migrate", "verify", "es", "--to", "cloud", "--list", "--json")
    outcomes = {row["target"]: row["outcome"] for row in json.loads(verified.stdout)["rows"]}
    assert (outcomes["case-2.txt"], outcomes["case.txt"], outcomes["大文字.txt"]) == ("extra", "proven", "proven")


def test_a_file_with_mistakes_changes_nothing_and_every_mistake_is_told(place, run, asked):
    wrong = answer(asked, place / "wrong.xlsx", {
        "何?.txt": ("そのまま移す",),
        "比率3:1.txt": ("名前を変える", "比率3*1.txt"),
        "case.txt": ("名前を変える", "CASE.TXT"),
        "CON": ("名前を変える", "a/b"),
        "保健": ("捨てる",),
        "成績.xlsx": ("移さない",),
    })
    book = openpyxl.load_workbook(wrong)
    sheet = book.worksheets[0]
    places = headings(sheet)
    first = next(row for row in range(3, sheet.max_row + 1) if sheet.cell(row, places["パス"]).value == "成績.xlsx")
    sheet.append([cell.value for cell in sheet[first]])
    sheet.cell(sheet.max_row, places["判断"]).value = "そのまま移す"
    sheet.append(["0123456789ab", "cloud", "", "", "", "どこかの.txt", "移さない"])
    sheet.append(["", "cloud", "", "", "", "番号なし.txt", "移さない"])
    book.save(wrong)
    os.remove(place / "share/時間割.xlsx")
    told = run("migrate", "plan", "es", "--to", "cloud", "--decisions", wrong, code=4).stderr
    for piece in ("何?.txt という名前では", "比率3*1.txt という名前では", "CASE.TXT という名前では", "'a/b'", "'捨てる'",
                  "別の答え", "0123456789ab", "番号がありません"):
        assert piece in told, piece
    assert json.loads(run("migrate", "decisions", "es", "--to", "cloud", "--json").stdout)["rows"] == []


def test_an_answer_for_an_entry_that_is_gone_is_told(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", EVERY)
    os.remove(place / "share/何?.txt")
    run("inventory", "scan", "es", "--names")
    told = run("migrate", "plan", "es", "--to", "cloud", "--decisions", filled, code=4).stderr
    assert "何?.txt は、もう共有フォルダーにありません" in told


def test_a_file_for_another_target_is_passed_over(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", EVERY)
    (place / "other").mkdir()
    told = run("migrate", "plan", "es", "--to", "other", "--decisions", filled, code=4)
    assert "ほかの移行先" in told.stderr


def test_merged_cells_answer_for_every_row_they_cover(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", {})
    book = openpyxl.load_workbook(filled)
    sheet = book.worksheets[0]
    places = headings(sheet)
    column = places["判断"]
    sheet.cell(3, column).value = "移さない"
    sheet.merge_cells(start_row=3, end_row=sheet.max_row, start_column=column, end_column=column)
    book.save(filled)
    run("migrate", "run", "es", "--to", "cloud", "--decisions", filled)
    assert at_target(place) == {"時間割.xlsx": "時間割.xlsx"}


def test_in_a_cp932_file_of_merged_cells_only_the_first_row_is_answered(place, run, asked):
    filled = answer(asked, place / "filled.xlsx", {})
    book = openpyxl.load_workbook(filled)
    sheet = book.worksheets[0]
    column = headings(sheet)["判断"]
    sheet.cell(3, column).value = "移さない"
    sheet.merge_cells(start_row=3, end_row=sheet.max_row, start_column=column, end_column=column)
    book.save(filled)
    first = sheet.cell(3, headings(sheet)["パス"]).value
    run("migrate", "plan", "es", "--to", "cloud", "--decisions", as_csv(filled, place / "f.csv", "cp932"), code=4)
    shown = json.loads(run("migrate", "decisions", "es", "--to", "cloud", "--json").stdout)["rows"]
    assert [row["path"] for row in shown] == [first]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", b"PK\x03\x04 not a workbook"),
        ("a.csv", b"\xff\xfe\x00\x01"),
        ("a.csv", "日付,氏名\r\n1,2\r\n".encode("cp932")),
        ("a.csv", b""),
        ("absent.csv", None),
    ],
)
def test_what_is_no_decisions_file_is_told_so(place, run, name, content):
    if content is not None:
        (place / name).write_bytes(content)
    assert name in run("migrate", "plan", "es", "--to", "cloud", "--decisions", place / name, code=2).stderr


def test_the_csv_that_kdx_writes_comes_back_with_names_that_look_like_formulas(place, run):
    os.rename(place / "share/何?.txt", place / "share/＝何?.txt")
    run("inventory", "scan", "es", "--names")
    run("assess", "es", "--to", "cloud", "-o", place / "ask.csv", code=4)
    rows = list(csv.reader((place / "ask.csv").read_text("utf-8-sig").splitlines()))
    for row in rows[1:]:
        row[6] = "名前を変える" if row[7] else "移さない" if row[2] != "参考" and row[5] != "Case.txt" else ""
    with (place / "filled.csv").open("w", encoding="cp932", newline="") as file:
        csv.writer(file).writerows(rows)
    run("migrate", "run", "es", "--to", "cloud", "--decisions", place / "filled.csv")
    assert at_target(place)["＝何？.txt"] == "何?.txt"
