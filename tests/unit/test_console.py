"""Tables as they are drawn: hostile and Japanese names in every format, compared with files under golden/."""

import csv
import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
import termios
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from kdx.cli import formats, text_table
from kdx.cli.application import Output
from kdx.cli.console import FileUnwritable, NotInEncoding, format_of, show_table, write_file
from kdx.cli.progress import LOG_INTERVAL_S, LogLines, choose_progress
from kdx.cli.spreadsheet import spreadsheet
from kdx.language import use_language
from kdx.progress import SILENT
from kdx.report import paper
from kdx.report.filters import filter_rows
from kdx.report.shown import human_bytes, human_ratio, human_seconds
from kdx.report.tables import Column, Table

GOLDEN = Path(__file__).with_name("golden")
TOKYO = ZoneInfo("Asia/Tokyo")
COLUMNS = (
    Column("school", "School"),
    Column("path", "Path", "path"),
    Column("files", "Files", "count"),
    Column("size", "Size", "bytes"),
    Column("took", "Took", "seconds"),
    Column("proven", "Proven", "ratio"),
    Column("modified", "Modified", "time"),
    Column("code", "Code"),
    Column("open", "Open"),
    Column("state", "State", "mark"),
)
HOSTILE = (
    "=cmd|'/c calc'!A1", "+81-595", "-2+3", "@SUM(1)", "\t=1+1", "\r=1", "＝１＋１", "＋1", "－1", "＠x",
    "a\nb", "\x1b[2J\x1b]0;owned\x07", "\x9b31m", "gpj.\u202eexe", "\u2066\u200bx\ufeff", "\udc83\udc7f.doc",
    "<script>alert(1)</script>", "|a|`b`*c*_d_[e](f)\\", '"quoted", comma', "_x0041_", "$(touch x)", "\ue000",
    "trailing ", "007", "1-2", "&P &amp;", "null\0byte",
)
JAPANESE = ("令和8年度/何？.xlsx", "葛\U000e0100城/か\u3099く.txt", "ｶﾞｯｺｳ/[最終].docx", "髙﨑𠮷〜−①", "全角　空白/" + "長" * 40)


def row(name: str, number: int) -> dict[str, object]:
    return {
        "school": "亀山西小", "path": name, "files": number * 1234 - 3, "size": number**9, "took": number * 25.04,
        "proven": 1 - number / 100_000, "modified": datetime(2026, 3, 31, 14 + number % 2, 59, 30, tzinfo=UTC),
        "code": "007", "open": bool(number % 2), "state": "確",
    }


def table(names: tuple[str, ...] = JAPANESE + HOSTILE) -> Table:
    nothing: dict[str, object] = {column.key: None for column in COLUMNS}
    return Table(
        title="試験 \x1b[31m",
        columns=COLUMNS,
        rows=[*(row(name, number) for number, name in enumerate(names)), nothing],
        as_of=datetime(2026, 11, 23, 3, 0, tzinfo=UTC),
        source="台帳 #1842",
        notes=("A note | with\nhostile <b>text</b>",),
        legend=(("確", "verified"), ("未", "not begun")),
    )


@pytest.fixture(autouse=True)
def english() -> None:
    use_language("en")


DRAWN = {
    "table.txt": lambda: text_table.text(table(), TOKYO, None),
    "table-100-columns.txt": lambda: text_table.text(table(), TOKYO, 100),
    **{f"table.{name}": (lambda draw=draw: draw(table(), TOKYO)) for name, draw in formats.TEXTS.items()},
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_format_draws_what_was_agreed(name: str) -> None:
    assert DRAWN[name]() == (GOLDEN / name).read_bytes().decode("utf-8")


def test_a_table_in_japanese_is_what_was_agreed() -> None:
    use_language("ja")
    columns = (
        Column("school", "School"), Column("path", "Path", "path"), Column("size", "Bytes", "bytes"),
        Column("outcome", "Outcome", "word"), Column("open", "Receipt"),
    )
    rows = [
        {"school": "亀山西小", "path": JAPANESE[0], "size": 1234, "outcome": "proven", "open": True},
        {"school": "加太小", "path": JAPANESE[2], "size": None, "outcome": "not proven", "open": None},
    ]
    one = Table("検証", columns, rows, datetime(2026, 11, 23, tzinfo=UTC), "台帳 #3", legend=(("確", "proven"),))
    assert text_table.text(one, TOKYO, None) == (GOLDEN / "table-ja.txt").read_text("utf-8")
    # a word is a word for people and stays the same for programs
    assert "証明済み" in formats.comma_separated(one, TOKYO) and '"proven"' in formats.json_lines(one, TOKYO)
    assert [row["school"] for row in filter_rows(one, ("outcome=証明済み",), TOKYO).rows] == ["亀山西小"]
    assert [row["school"] for row in filter_rows(one, ("outcome=not proven",), TOKYO).rows] == ["加太小"]


any_text = st.text(st.characters(), max_size=30) | st.sampled_from(HOSTILE)


@given(any_text)
def test_no_name_in_any_text_format_can_move_a_cursor_or_reorder_text(name: str) -> None:
    blocks = (lambda t, z: text_table.text(t, z, 80), lambda t, z: text_table.text(replace(t, blocks=True), z, 80))
    for draw in (*blocks, *formats.TEXTS.values()):
        drawn = draw(table((name,)), TOKYO).removeprefix("\ufeff")
        drawn.encode("utf-8")
        assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", drawn)


def test_columns_line_up_with_japanese_names() -> None:
    lines = text_table.text(table(), TOKYO, None).splitlines()
    rule = next(line for line in lines if line.startswith("---"))
    for line in lines[lines.index(rule) + 1:-2]:
        # every cell of the state column ends where its rule ends
        assert wcswidth(line) <= wcswidth(rule)
        gaps = [match.start() for match in re.finditer("  ", rule)]
        cells = "".join(character * max(0, wcswidth(character)) for character in line).ljust(len(rule))
        assert all(cells[gap:gap + 2] == "  " for gap in gaps), line


def test_a_narrow_terminal_gets_paths_shortened_in_the_middle_and_nothing_else() -> None:
    names = ("令和8年度/" + "深" * 60 + "/最終.docx",)
    narrow = text_table.text(table(names), TOKYO, 110).splitlines()
    assert max(map(wcswidth, narrow[1:3])) <= 110
    assert re.search(r"令和8年度/深*\.\.\.深*/最終.docx", narrow[3])
    assert names[0] in text_table.text(table(names), TOKYO, None)


def test_a_row_that_is_too_much_for_a_line_is_a_block_of_which_nothing_is_cut() -> None:
    command = "for each in *; do\n  echo $each" + "x" * 200 + "\x1b[2J\ndone"
    columns = (Column("school", "School"), Column("why", "Why"), Column("sent", "Sent", "path"))
    rows = [{"school": "亀山西小", "why": "理由 " * 40, "sent": command}, {"school": "亀山西小", "why": None, "sent": "df"}]
    one = Table("試験", columns, rows, blocks=True)
    lines = text_table.text(one, TOKYO, 100).split("\n")
    assert "Sent    for each in *; do" in lines and "        done" in lines
    assert f"          echo $each{'x' * 200}\\x1b[2J" in lines
    assert max(wcswidth(line) for line in lines if "xxx" not in line) <= 100
    # what a row has in common with the one above stands once, and what nobody knows not at all
    assert sum("亀山西小" in line for line in lines) == 1
    assert lines[-3:] == ["Sent    df", "", ""]
    assert text_table.text(one, TOKYO, None).count("亀山西小") == 2, "a file is read by programs too"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Mn", "Me"])), st.integers(16, 60))
def test_a_shortened_path_fits(text: str, room: int) -> None:
    assert wcswidth(text_table.shorten(text, room)) <= room or wcswidth(text) < 0


def test_csv_is_what_excel_needs_and_no_cell_is_a_formula() -> None:
    drawn = formats.comma_separated(table(), TOKYO).encode("utf-8")
    assert drawn.startswith(b"\xef\xbb\xbf") and drawn.count(b"\r\n") == drawn.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(drawn.decode("utf-8-sig"), newline="")))
    assert rows[0]["Files"] == "-3" and rows[3]["Size"] == str(3**9)
    for cells in rows:
        for name, cell in cells.items():
            assert name == "Files" or not re.match("[=+@\t\r＝＋－＠-]", cell), cell


@given(any_text)
def test_no_text_becomes_a_formula_in_csv(text: str) -> None:
    drawn = formats.comma_separated(Table("", (Column("path", "Path", "path"),), [{"path": text}]), TOKYO)
    (cell,) = list(csv.reader(io.StringIO(drawn, newline="")))[1] or [""]
    assert not cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))


@given(any_text)
def test_json_keeps_exact_names(text: str) -> None:
    one = table((text,))
    assert json.loads(formats.json_document(one, TOKYO))["rows"][0]["path"] == text
    lines = formats.json_lines(one, TOKYO).splitlines()
    assert len(lines) == 2 and json.loads(lines[0])["path"] == text and json.loads(lines[0])["schema_version"] == 1


def test_json_carries_its_schema_and_raw_values() -> None:
    document = json.loads(formats.json_document(table(), TOKYO))
    assert set(document) >= {"schema_version", "title", "as_of", "source", "columns", "rows", "notes"}
    assert document["schema_version"] == 1 and document["as_of"] == "2026-11-23T12:00:00+09:00"
    assert document["rows"][7]["size"] == 7**9 and document["rows"][1]["open"] is True
    assert document["rows"][-1]["size"] is None
    assert datetime.fromisoformat(document["rows"][0]["modified"]) == datetime(2026, 3, 31, 14, 59, 30, tzinfo=UTC)


class Tags(HTMLParser):
    """What a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(any_text)
def test_no_name_becomes_markup_in_html(text: str) -> None:
    plain, hostile = Tags(), Tags()
    plain.feed(paper.web_page(table(("a",)), TOKYO))
    hostile.feed(paper.web_page(table((text,)), TOKYO))
    assert hostile.seen == plain.seen
    assert not hostile.seen & {"script", "img", "a", "link", "iframe"}


@given(any_text)
def test_no_name_adds_a_cell_in_markdown(text: str) -> None:
    rows = formats.markdown(table((text,)), TOKYO).splitlines()[2:5]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in rows} == {len(COLUMNS) + 1}


def sheet_of(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).active


def test_a_spreadsheet_holds_text_as_text_numbers_as_numbers_and_dates_as_dates() -> None:
    content = spreadsheet(table(), TOKYO)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        raw = archive.read("xl/worksheets/sheet1.xml").decode("utf-8")
    assert "<f>" not in raw and "<f " not in raw
    sheet = sheet_of(content)
    paths = [sheet.cell(index, 2) for index in range(3, 3 + len(JAPANESE + HOSTILE))]
    assert {cell.data_type for cell in paths} == {"s"} and {cell.quotePrefix for cell in paths} == {True}
    assert paths[0].value == JAPANESE[0] and paths[len(JAPANESE)].value == HOSTILE[0]
    assert sheet["C3"].value == -3 and sheet["D10"].value == 7**9 and sheet["H3"].value == "007"
    assert sheet["G3"].value == datetime(2026, 3, 31, 23, 59, 30)
    assert sheet["F4"].value == 0.9999, "only what is whole may be shown as 100 %"


def test_a_spreadsheet_is_ready_to_print_with_its_date() -> None:
    sheet = sheet_of(spreadsheet(table(), TOKYO))
    assert sheet.freeze_panes == "A3" and sheet.print_title_rows == "$2:$2"
    assert sheet.page_setup.orientation == "landscape" and sheet.page_setup.paperSize == 9
    assert sheet.sheet_properties.pageSetUpPr.fitToPage and sheet.page_setup.fitToHeight == 0
    assert "2026-11-23 12:00 JST" in sheet.oddFooter.left.text
    assert sheet.column_dimensions["A"].width >= 8


@given(any_text)
def test_no_name_makes_a_spreadsheet_unreadable(text: str) -> None:
    cell = sheet_of(spreadsheet(table((text,)), TOKYO))["B3"]
    assert cell.data_type == "s" or text == ""


def test_moments_at_the_ends_of_the_calendar_are_shown() -> None:
    ends = (datetime(1, 1, 1, tzinfo=UTC), datetime(1601, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC))
    one = Table("", (Column("modified", "Modified", "time"),), [{"modified": moment} for moment in ends])
    for draw in (lambda t, z: text_table.text(t, z, None), *formats.TEXTS.values()):
        drawn = draw(one, TOKYO)
        assert "0001-01-01" in drawn and "1601-01-01" in drawn and "9999-12-31" in drawn
    assert sheet_of(spreadsheet(one, TOKYO))["A4"].value == "1601-01-01 09:18:59"


@pytest.mark.parametrize(
    "file, form",
    [("x.csv", "csv"), ("表.XLSX", "xlsx"), ("a/b.jsonl", "ndjson"), ("x.htm", "html"), ("-", "table"), ("x", "table"),
     ("x.table", "table"), ("x.txt", "table")],
)
def test_the_ending_of_a_file_chooses_the_format(file: str, form: str) -> None:
    assert format_of(file) == form


@pytest.mark.parametrize(
    "size, shown",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
     (1_500_000_000, "1.5 GB"), (10**18, "1000.0 PB"), (-2000, "-2.0 kB")],
)
def test_sizes_are_read_at_a_glance(size: int, shown: str) -> None:
    assert human_bytes(size) == shown


@pytest.mark.parametrize(
    "ratio, shown",
    [(1.0, "100.0 %"), (0.99999, "99.9 %"), (0.29, "29.0 %"), (0.0, "0.0 %"), (0.001, "0.1 %"), (1.5, "150.0 %")],
)
def test_only_the_whole_is_a_hundred_per_cent(ratio: float, shown: str) -> None:
    assert human_ratio(ratio) == shown


@pytest.mark.parametrize(
    "seconds, shown", [(0, "0.0 s"), (59.94, "59.9 s"), (725, "12 min 5 s"), (3723.9, "1 h 2 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, shown: str) -> None:
    assert human_seconds(seconds) == shown


def test_a_result_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "表.csv"
    target.write_text("before")
    output = Output(format="csv", file=str(target))
    output.show(table())
    assert target.read_bytes() == formats.comma_separated(table(), TOKYO).encode("utf-8")
    assert os.listdir(tmp_path) == ["表.csv"]


def test_a_result_file_that_cannot_be_written_is_a_usage_mistake(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "nowhere" / "x.csv", tmp_path / "folder"):
        with pytest.raises(FileUnwritable):
            write_file(place, b"")
    assert os.listdir(tmp_path) == ["folder"]


def test_a_table_without_a_date_of_its_own_shows_the_present(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Output(clock=lambda: datetime(2026, 11, 23, 15, 0, tzinfo=UTC)).show(Table("x", COLUMNS, []))
    assert "as of 2026-11-24 00:00 JST" in capfdbinary.readouterr().out.decode()


WORK = """
import sys
from kdx.cli.progress import choose_progress
progress = choose_progress()
progress.start("work\\x1b[31m", 1000, "bytes")
for _ in range(10):
    progress.advance(100)
progress.done()
print("result")
"""


def test_progress_is_a_bar_on_a_terminal_and_never_on_stdout() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    done = subprocess.run(
        [sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    drawn = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b"result\n"
    assert "100%" in drawn and "\x1b[31m" not in drawn


def test_progress_is_silent_in_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True)
    assert (done.stdout, done.stderr) == (b"result\n", b"")


def test_progress_of_a_short_work_leaves_a_log_empty(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        assert subprocess.run([sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=log).returncode == 0
    assert (tmp_path / "log").read_bytes() == b""


def test_progress_in_a_log_is_at_most_one_line_every_half_minute() -> None:
    now, log = [0.0], io.StringIO()
    progress = LogLines(log, clock=lambda: now[0])
    progress.start("scan\n共有", 1000, "entries")
    for _ in range(100):
        now[0] += 1
        progress.advance(10)
    progress.done()
    lines = log.getvalue().splitlines()
    assert len(lines) == 100 // LOG_INTERVAL_S + 1
    assert lines[0] == "scan\\n共有: 300 entries / 1,000 entries (30.0 s)"
    assert lines[-1] == "scan\\n共有: 1,000 entries / 1,000 entries (1 min 40 s)"


def test_a_log_that_is_gone_does_not_stop_the_work(tmp_path: Path) -> None:
    now = [0.0]
    log = (tmp_path / "log").open("w")
    assert stat.S_ISREG(os.fstat(log.fileno()).st_mode) and isinstance(choose_progress(log), LogLines)
    progress = LogLines(log, clock=lambda: now[0])
    progress.start("scan", None, "entries")
    log.close()
    now[0] = 40
    progress.advance(1)
    progress.done()


def test_quiet_means_no_progress() -> None:
    assert Output(quiet=True).progress is SILENT


LONG = "回線: 調査待ち（未着手）、「共有」の引き渡しと試行。" * 3


@given(st.lists(st.sampled_from("あ漢か\u3099、。）」（「ーA1"), max_size=60).map("".join), st.integers(60, 100))
def test_running_text_is_wrapped_where_japanese_may_be_and_nothing_is_lost(text: str, width: int) -> None:
    table = Table("t", (Column("mark", "M"), Column("why", "Why")), [{"mark": "x" * 38, "why": LONG + text}])
    drawn = text_table.text(table, TOKYO, width).splitlines()[3:]
    parts = [line[40:].strip() for line in drawn]
    assert "".join("".join(parts).split()) == "".join((LONG + text).split())
    for part in parts[1:]:
        assert part[:1] not in ("、", "。", "）", "」", "\u3099") or not part.strip("、。）」\u3099")
    for part in parts[:-1]:
        assert part[-1:] not in ("（", "「")


def test_what_cp932_cannot_hold_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    table = Table("t", (Column("name", "氏名"),), [{"name": "髙橋～"}])
    show_table(table, "csv", str(tmp_path / "a.csv"), TOKYO, "cp932")
    assert (tmp_path / "a.csv").read_bytes() == "氏名\r\n髙橋～\r\n".encode("cp932")
    hard = Table("t", (Column("name", "氏名"),), [{"name": "𠮷田¥"}, {"name": "𠮷"}])
    with pytest.raises(NotInEncoding, match=r"𠮷 \(U\+20BB7\), ¥ \(U\+00A5\)"):
        show_table(hard, "csv", str(tmp_path / "b.csv"), TOKYO, "cp932")
    assert not (tmp_path / "b.csv").exists()


def test_headings_break_before_anything_is_cut_and_a_mark_stays_with_its_meaning() -> None:
    columns = (Column("path", "P", "path"), Column("count", "読めなかったものの件数", "count"))
    legend = tuple((mark, "意味の説明") for mark in "未中申確承保期")
    table = Table("題", columns, [{"path": "x" * 55, "count": 3}], notes=("あ" * 60,), legend=legend)
    drawn = text_table.text(table, TOKYO, 70).splitlines()
    assert any("x" * 55 in line for line in drawn) and max(map(wcswidth, drawn)) <= 70
    assert all(item.split("=")[1] == "意味の説明" for line in drawn if "=" in line for item in line.split())
    # where there is too little room even so, the path is cut in its middle
    assert any("..." in line for line in text_table.text(table, TOKYO, 60).splitlines())


def test_marks_that_do_not_fit_stand_close_under_headings_written_downwards() -> None:
    marks = {"回線": "未", "MDM": "確*", "複合機": "確*", "停止": "外"}
    columns = (Column("school", "学校"), *(Column(one, one, "mark") for one in marks), Column("why", "理由"))
    rows = [{"school": "加太小", **marks, "why": "調査待ち（未着手）"}, {"school": "亀山西小", "why": "x"}]
    table = Table("題", columns, rows)
    assert text_table.text(table, TOKYO, 46).splitlines()[1:] == [
        "学校      回 MDM 複  停  理由",
        "          線     合  止",
        "                 機",
        "--------  -------------  ------------------",
        "加太小    未 確* 確* 外  調査待ち（未着手）",
        "亀山西小  -  -   -   -   x",
    ]
    # where there is room nothing is pressed together, and a file is not folded at all
    roomy = text_table.text(table, TOKYO, 80)
    assert "学校      回線  MDM  複合機  停止  理由" in roomy and roomy == text_table.text(table, TOKYO, None)


def test_excel_shows_sizes_and_durations_with_their_units_and_holds_the_numbers(tmp_path: Path) -> None:
    columns = (Column("bytes", "B", "bytes"), Column("seconds", "S", "seconds"))
    table = Table("t", columns, [{"bytes": 7_000_000_000, "seconds": 5400}])
    show_table(table, "xlsx", str(tmp_path / "a.xlsx"), TOKYO)
    size, seconds = openpyxl.load_workbook(tmp_path / "a.xlsx").active[3]
    assert size.value == 7_000_000_000 and "GB" in size.number_format
    assert seconds.number_format == "[h]:mm:ss" and seconds.value == timedelta(minutes=90)
