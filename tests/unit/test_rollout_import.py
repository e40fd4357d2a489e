"""Sheets and reports: what people and other programs send, judged whole before anything of it is taken."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from rigs.rollout_place import NOON, Place, make_place

from kdx.rollout.grid import FileUnclear, HeadingsMissing, decode, grid_of_csv, records_of
from kdx.rollout.values import normal, read_day, read_number
from kdx.state.folder import StateFolder


@pytest.fixture
def kdx_rollout(tmp_path: Path, checkout: Path) -> Place:
    return make_place(tmp_path, checkout)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-23", date(2026, 11, 23)), ("2026/11/3", date(2026, 11, 3)), ("２０２６．１１．２３", date(2026, 11, 23)),
        ("R8.11.23", date(2026, 11, 23)), ("Ｒ８/11/23", date(2026, 11, 23)), ("令和8年11月23日", date(2026, 11, 23)),
        ("令和元年5月1日", date(2019, 5, 1)), ("令和8年度", date(2027, 3, 31)), ("R8年度", date(2027, 3, 31)),
        ("2026年度", date(2027, 3, 31)), ("20261123", date(2026, 11, 23)), ("2026-11-23T00:00:00", date(2026, 11, 23)),
        ("46349", date(2026, 11, 23)), ("", None), (None, None), ("-", None),
    ],
)
def test_a_day_is_read_however_it_is_written(text, day):
    assert read_day(text) == day


@pytest.mark.parametrize("text", ["R8.2.30", "令和元年4月30日", "2026-13-01", "来週", "R8", "8", "2026", "11/23"])
def test_what_is_no_day_is_named(text):
    with pytest.raises(ValueError, match="is not a day"):
        read_day(text)


@pytest.mark.parametrize(
    ("text", "number"), [("38", 38), ("３８", 38), ("1,024", 1024), ("38台", 38), (" 4 ", 4), (38.0, 38), ("", None)]
)
def test_a_number_is_read_however_it_is_written(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["-3", "3.5", "1,02", "約30", "３８％", "1e3"])
def test_what_is_no_number_is_named(text):
    with pytest.raises(ValueError, match="is not a whole number"):
        read_number(text)


@settings(deadline=None)
@given(st.text())
def test_reading_never_fails_in_another_way(text):
    for read in (read_day, read_number):
        try:
            read(text)
        except ValueError as error:
            assert "is not a" in str(error)
    assert normal(normal(text)) == normal(text)


TEXT = "学校,登録\n加太小～,3\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_a_csv_is_read_in_the_encodings_people_send(encoding):
    text, found = decode(TEXT.encode(encoding), "x.csv")
    assert (text, found) == (TEXT, encoding)
    [record] = records_of(grid_of_csv(text, "x.csv"), {"school": ("学校",), "done": ("登録",)}, (), "x.csv")
    assert (record.number, record.values) == (2, {"school": "加太小〜", "done": "3"})


@pytest.mark.parametrize("raw", [b"\x81\xff\xff", b"\xef\xbb\xbf\xff"])
def test_a_file_that_is_no_text_is_refused_in_one_sentence(raw):
    with pytest.raises(FileUnclear):
        decode(raw, "x.csv")


def test_headings_stand_below_a_title_and_in_two_rows():
    grid = [
        ["令和8年度 端末報告", "", "", ""],
        [],
        ["学校", "端末", "端末", "備考"],
        ["", "登録", "台 数", ""],
        ["加太小", "38", "４２", "x"],
        ["", "", "", ""],
        ["合計", "38", "42", ""],
    ]
    wanted = {"school": ("学校",), "done": ("端末登録",), "total": ("端末台数",)}
    [record] = records_of(grid, wanted, (), "x.csv")
    assert record.values == {"school": "加太小", "done": "38", "total": "42"}
    with pytest.raises(HeadingsMissing, match="出力日"):
        records_of(grid, {**wanted, "collected": ("出力日",)}, (), "x.csv")


def edited(place, name: str, **cells: str) -> str:
    """Export a workbook, change cells of it with openpyxl as a person does in Excel, and return its path."""
    path = place.folder / name
    place("export", "-o", path)
    change(path, **cells)
    return str(path)


def change(path, **cells: object) -> None:
    book = load_workbook(path)
    sheet = book.active
    columns = {cell.value: cell.column for cell in sheet[2]}
    for row in range(3, sheet.max_row + 1):
        value = cells.get(str(sheet.cell(row, columns["Cell"]).value).replace("@", "__"))
        for heading, content in (value or {}).items():
            sheet.cell(row, columns[heading]).value = content
    book.save(path)


def claims(place) -> dict[str, tuple[object, ...]]:
    return {
        row["cell"]: (row["claim"], row["done"], row["total"], row["planned"], row["owner"], row["note"])
        for row in place.rows("export")
        if any(row[key] for key in ("claim", "done", "total", "planned", "owner", "note"))
    }


def test_a_workbook_goes_out_is_edited_and_comes_back(kdx_rollout):
    kdx_rollout("set", "claim", "西小", "18", "started", "--note", "=SUM(A1)")
    path = edited(
        kdx_rollout, "progress.xlsx",
        training__kabuto_es={"Claim": "完了", "Done": "３", "Of": 4, "Note": "4～6年"},
        cutover__nishi_es={"Due": datetime(2026, 12, 25), "Seen to by": "学校教育課"},
        fax_ended__nishi_es={"Claim": "ignored: no such row"},
    )
    preview = kdx_rollout.rows("import", path, "--dry-run")
    assert [(row["place"], row["verdict"], row["before"], row["after"]) for row in preview] == [
        ("試験市立加太小学校", "change", "-", "完了 3/4 4〜6年"),
        ("試験市立西小学校", "change", "-", "2026-12-25 学校教育課"),
    ]
    assert claims(kdx_rollout) == {"training@nishi_es": ("in progress", None, None, None, None, "=SUM(A1)")}
    kdx_rollout("import", path)
    assert claims(kdx_rollout) == {
        "training@nishi_es": ("in progress", None, None, None, None, "=SUM(A1)"),
        "training@kabuto_es": ("done", 3, 4, None, None, "4〜6年"),
        "cutover@nishi_es": (None, None, None, "2026-12-25", "学校教育課", None),
    }
    # the same file again changes nothing
    assert kdx_rollout.rows("import", path) == []


def test_two_people_edit_one_cell_and_nothing_of_the_second_file_is_taken(kdx_rollout):
    first = edited(kdx_rollout, "a.xlsx", training__kabuto_es={"Claim": "done"})
    second = edited(
        kdx_rollout, "b.xlsx", training__kabuto_es={"Claim": "in progress"}, training__nishi_es={"Claim": "done"}
    )
    kdx_rollout("import", first)
    before = claims(kdx_rollout)
    rows = kdx_rollout.rows("import", second, code=4)
    assert [(row["verdict"], row["before"], row["after"]) for row in rows] == [
        ("change", "-", "完了"), ("conflict", "完了", "実施中"),
    ]
    assert "#2" in rows[1]["why"]
    assert claims(kdx_rollout) == before


def test_nothing_is_written_by_hand_while_a_file_is_taken_in(kdx_rollout):
    path = edited(kdx_rollout, "a.xlsx", training__nishi_es={"Claim": "done"})
    with StateFolder(kdx_rollout.folder / "state").lock("rollout"):
        kdx_rollout("import", path, code=11)
        kdx_rollout("set", "claim", "加太小", "18", "done", code=11)
        assert kdx_rollout.rows("import", path, "--dry-run")
    assert claims(kdx_rollout) == {}


def test_what_somebody_else_changed_is_not_overwritten_by_a_row_nobody_edited(kdx_rollout):
    path = edited(kdx_rollout, "a.xlsx", training__nishi_es={"Claim": "done"})
    kdx_rollout("set", "claim", "加太小", "18", "done")
    kdx_rollout("import", path)
    assert {name: row[0] for name, row in claims(kdx_rollout).items()} == {
        "training@nishi_es": "done", "training@kabuto_es": "done",
    }


def test_every_bad_row_is_named_and_nothing_is_taken(kdx_rollout, tmp_path):
    kdx_rollout("export", "-o", tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text("utf-8-sig").splitlines()
    picked = {line.partition(",")[0]: line for line in lines}
    row = picked["training@kabuto_es"].split(",")
    bad = [
        [*row[:6], "finished", "9", "4", "R8.2.30", *row[10:]],
        ["training@nowhere_es", *row[1:]],
        [*row[:6], "done", *row[7:]],
        [*picked["mfa@kabuto_es"].split(",")[:12], "?"],
        [*picked["mfa@nishi_es"].split(",")[:6], "done", *picked["mfa@nishi_es"].split(",")[7:]],
    ]
    text = "\r\n".join([lines[0], *(",".join(cells) for cells in bad)])
    (tmp_path / "b.csv").write_bytes(text.encode("cp932"))
    rows = kdx_rollout.rows("import", tmp_path / "b.csv", code=4)
    assert [(row["row"], row["verdict"]) for row in rows] == [
        (2, "problem"), (3, "problem"), (4, "problem"), (5, "problem"), (6, "change"),
    ]
    for part in ("finished", "R8.2.30"):
        assert part in rows[0]["why"]
    assert claims(kdx_rollout) == {}


MDM = "MDM 管理画面,,,\n学校,登録,台数,出力日\n加太小,42,４２,R8.11.20\n試験市立西小学校,5,6,2026/11/21\n合計,47,48,\n"


def test_a_report_becomes_evidence_with_the_digest_of_its_file(kdx_rollout, tmp_path):
    report = tmp_path / "mdm.csv"
    report.write_bytes(MDM.encode("cp932"))
    kdx_rollout("import", report, "--map", "mdm")
    states = {row["school"]: row["mdm"] for row in kdx_rollout.rows("status")}
    # a file that was kept is no finding by hand: no *
    assert (states["加太小"], states["西小"]) == ("確", "中")
    assert kdx_rollout.rows("import", report, "--map", "mdm") == []
    kdx_rollout.now = NOON + timedelta(days=14)
    assert {row["school"]: row["mdm"] for row in kdx_rollout.rows("status")}["加太小"] == "期"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("42,４２", "43,42"), "すべてより多くなっています"),
        (("加太小", "加太大"), "加太大"),
        (("R8.11.20", "R8.11.31"), "R8.11.31"),
        (("R8.11.20", "R8.12.20"), "まだ来ていません"),
        (("R8.11.20", ""), "--collected"),
        (("試験市立西小学校", "加太小"), "3 行目"),
        (("42,４２", ",42"), "数が抜けています"),
    ],
)
def test_a_report_with_one_bad_row_is_not_taken_at_all(kdx_rollout, tmp_path, change, why):
    report = tmp_path / "mdm.csv"
    report.write_text(MDM.replace(*change), "utf-8")
    rows = kdx_rollout.rows("import", report, "--map", "mdm", code=4)
    [row] = [row for row in rows if row["verdict"] != "change"]
    assert why in row["why"]
    assert all(row["mdm"] == "未" for row in kdx_rollout.rows("status"))


def test_an_older_report_does_not_replace_a_newer_one(kdx_rollout, tmp_path):
    report = tmp_path / "mdm.csv"
    report.write_text(MDM, "utf-8")
    kdx_rollout("import", report, "--map", "mdm")
    report.write_text(MDM.replace("R8.11.20", "R8.11.1"), "utf-8")
    [row] = kdx_rollout.rows("import", report, "--map", "mdm", code=4)
    assert (row["verdict"], row["place"]) == ("conflict", "加太小")


def test_a_report_of_users_is_counted(kdx_rollout, tmp_path):
    file = kdx_rollout.folder / "inventory/rollout.yml"
    added = """reports:
  google:
    label: {ja: Google の利用者}
    check: mfa_enforced
    columns: {school: 組織, count: is_2sv_enforced}
    count: ["True"]
"""
    file.write_text(file.read_text("utf-8").replace("reports:\n", added), "utf-8")
    report = tmp_path / "users.csv"
    report.write_text("組織,is_2sv_enforced\n加太小,TRUE\n加太小,True\n西小,True\n西小,False\n", "utf-8")
    kdx_rollout("import", report, "--map", "google", "--collected", "2026-11-20")
    states = {row["school"]: row["mfa"] for row in kdx_rollout.rows("status")}
    assert (states["加太小"], states["西小"]) == ("確", "中")


def test_merged_headings_of_a_workbook_are_read(kdx_rollout, tmp_path):
    file = kdx_rollout.folder / "inventory/rollout.yml"
    text = file.read_text("utf-8")
    two_rows = text.replace("done: 登録, total: 台数, collected", "done: 端末登録, total: 端末台数, collected")
    file.write_text(two_rows, "utf-8")
    book = Workbook()
    sheet = book.active
    for row in (["MDM"], ["学校", "端末", None, "出力日"], [None, "登録", "台数", None],
                ["加太小", 42, 42, datetime(2026, 11, 20)]):
        sheet.append(row)
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("B2:C2")
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("D2:D3")
    book.save(tmp_path / "mdm.xlsx")
    kdx_rollout("import", tmp_path / "mdm.xlsx", "--map", "mdm")
    assert {row["school"]: row["mdm"] for row in kdx_rollout.rows("status")}["加太小"] == "確"


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"", b"a,b\n1,2\n", b'"', b"\x00\x01"])
def test_a_file_that_is_something_else_is_refused_in_one_sentence(kdx_rollout, tmp_path, content):
    (tmp_path / "x.xlsx").write_bytes(content)
    result = kdx_rollout("import", tmp_path / "x.xlsx", code=4)
    assert "x.xlsx" in result.stderr and "Traceback" not in result.stderr


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_bring_the_reader_down(raw):
    try:
        text, _encoding = decode(raw, "x")
        records_of(grid_of_csv(text, "x"), {"school": ("学校",)}, (), "x")
    except (FileUnclear, HeadingsMissing):
        pass


def test_there_is_no_such_map_and_no_such_file(kdx_rollout, tmp_path):
    assert "mfa" in kdx_rollout("import", tmp_path / "x.csv", "--map", "nothing", code=2).stderr
    assert "cannot be read" in kdx_rollout("import", tmp_path / "x.csv", code=2).stderr
