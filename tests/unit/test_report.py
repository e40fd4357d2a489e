"""`kdx report`: one page from facts alone, harmless whatever the facts say, and no more than its readers may see."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from rigs.command_line import japanese_kdx

from kdx.config import load_board
from kdx.language import use_language
from kdx.report.charts import Bar, Days, Tone, bars, calendar
from kdx.report.page import report_page
from kdx.report.sections.section import Audience
from kdx.state.events.event import Event
from kdx.state.events.saving import SnapshotSealed
from kdx.state.events.scheduling import HazardObserved
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from kdx.survey import survey

ROLLOUT = Path(__file__).parents[2] / "inventory/rollout.yml"
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""Noon in Kameyama."""
Dated = tuple[datetime, Event]


def write_schools(folder: Path, names: Sequence[str]) -> Path:
    """A board with these schools, each with one server and one share."""
    lines = ["all:", "  children:", "    schools:", "      children:"]
    for number, name in enumerate(names):
        lines += [
            f"        s{number}_es:",
            f"          vars: {{school_name: {json.dumps(name)}, kind: elementary}}",
            "          hosts:",
            f"            fs-{number}:", f"              shares: [{{name: 共有, url: {folder}/share{number}}}]",
        ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text("\n".join(lines) + "\n", "utf-8")
    settings = f"board: 試験市教育委員会\nlanguage: ja\nvault: {{url: {folder}/vault}}\n"
    (folder / "kdx.yml").write_text(settings, "utf-8")
    shutil.copy(ROLLOUT, folder)
    return folder


def sealed(share_id: str, began: datetime, state: str = "complete") -> Dated:
    number = dict.fromkeys(
        ("sequence", "waiting", "entries", "files", "bytes", "new", "changed", "gone", "unread", "ignored",
         "stored_objects", "stored_bytes", "exit_code"), 0,
    )
    text = dict.fromkeys(("school", "share", "vault", "snapshot", "seal_sha256", "previous"), "")
    event = SnapshotSealed(share_id=share_id, state=state, reasons=[], started=began, sealed=began, **text, **number)
    return began, event


def weather(school: str, when: datetime, level: str) -> Dated:
    event = HazardObserved(
        school=school, level=level, acts_as=level, perils={}, reasons=["14 発表"], doubts=[], observed=when, known=when,
        sources=["r8"],
    )
    return when, event


def page(tmp_path: Path, board: Path, events: Sequence[Dated] = (), audience: Audience = Audience.BOARD,
         as_of: datetime | None = None, now: datetime = NOW) -> str:
    state = StateFolder(tmp_path / "state")
    moment = [NOW]
    with open_ledger(state, actor="t", request_id="r", clock=lambda: moment[0]) as ledger:
        for when, event in events:
            moment[0] = when
            ledger.append(event)
        return report_page(survey(load_board(board), ledger, state, now, as_of), audience)


class Reader(HTMLParser):
    """Notes every element, attribute and piece of text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(autouse=True)
def japanese() -> Iterator[None]:
    use_language("ja")
    yield
    use_language("en")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    return write_schools(tmp_path / "inventory", ["試験市立東小学校", "試験市立西小学校", "試験市立南小学校"])


def share_ids(board: Path) -> list[str]:
    return [share.id for school in load_board(board).schools for share in school.shares]


def row(text: str, section: str, school: str) -> list[str]:
    """The cells of a school's row in the table of a section."""
    part = text.split(f"<h2>{section}</h2>")[1].split("</section>")[0]
    found = next(line for line in part.splitlines() if line.startswith("<tr>") and f">{school}<" in line)
    return re.findall(r"<t[dh][^>]*>([^<]*)<", found)


SAVED, CALENDAR, WEATHER = "最後の正常なバックアップからの時間", "この 5 週間のバックアップ", "この 5 週間の気象警報"


def test_who_was_saved_in_time_and_who_was_not_stands_first(tmp_path, three):
    east, west, _south = share_ids(three)
    text = page(tmp_path, three, [sealed(west, NOW - timedelta(hours=45)), sealed(east, NOW - timedelta(hours=12))])
    assert row(text, SAVED, "東小")[-1] == "遵守" and row(text, SAVED, "西小")[-1] == "違反"
    assert row(text, SAVED, "南小")[2:] == ["-", "-", "違反"]
    assert text.index(SAVED) < text.index(CALENDAR) and "45 時間" in text and "まだありません" in text


def test_a_snapshot_that_is_suspect_saves_nobody(tmp_path, three):
    east = share_ids(three)[0]
    text = page(tmp_path, three, [sealed(east, NOW - timedelta(hours=2), "suspect")])
    assert row(text, SAVED, "東小")[-1] == "違反"
    assert row(text, CALENDAR, "東小")[1:] == ["0", "0", "1"]


def test_weather_that_nobody_knew_is_never_a_calm_square(tmp_path, three):
    days = [weather("s0_es", NOW - timedelta(days=5), "unknown"), weather("s0_es", NOW - timedelta(days=1), "clear")]
    text = page(tmp_path, three, days)
    chart = text.split(f"<h2>{WEATHER}</h2>")[1].split("</svg>")[0]
    # five days from the first to the day it became known, that one included, and the legend's
    assert chart.count(">不</text>") == 5 + 1


def test_the_weather_that_held_before_the_five_weeks_still_holds_in_them(tmp_path, three):
    days = [weather("s0_es", NOW - timedelta(days=60), "warning"), weather("s0_es", NOW - timedelta(days=1), "clear")]
    for as_of in (None, NOW):
        text = page(tmp_path / str(as_of), three, days, as_of=as_of)
        chart = text.split(f"<h2>{WEATHER}</h2>")[1].split("</svg>")[0]
        # every day up to the one on which it became calm, that one included, and the legend's
        assert chart.count(">警</text>") == 34 + 1


def test_a_day_nobody_looked_at_has_no_colour_of_calm(tmp_path, three):
    chart = page(tmp_path, three).split(f"<h2>{WEATHER}</h2>")[1].split("</svg>")[0]
    assert chart.count('class="days"') == 3 and "記録なし" in chart


def test_what_was_never_planned_is_not_known_and_not_nothing(tmp_path, three):
    assert row(page(tmp_path, three), "移行の進み具合 (容量)", "東小") == ["東小", "-", "-", "-"]


def test_a_chart_says_its_unit_where_it_is_read(tmp_path, three):
    text = page(tmp_path, three)
    for unit in ("(時間。縦線は約束の時間)", "(件)", "(1 マスが 1 日)"):
        assert f">{unit}</text>" in text, unit


def test_lines_differ_without_their_colours(tmp_path, three):
    chart = page(tmp_path, three).split("<h2>マイルストーンの確認済・計画・予測</h2>")[1].split("</svg>")[0]
    dashes = re.findall(r'd="M0 7H26"[^>]*stroke-width="3"([^>]*)/>', chart)
    assert len(set(dashes)) == len(dashes) == 3


def test_the_same_facts_give_the_same_bytes_and_a_past_day_does_not_change(tmp_path, three):
    east = share_ids(three)[0]
    day = NOW - timedelta(days=3)
    first = page(tmp_path, three, [sealed(east, day - timedelta(hours=9))], as_of=day, now=day)
    later = [sealed(east, NOW - timedelta(hours=1)), weather("s0_es", NOW, "warning")]
    assert page(tmp_path, three, later, as_of=day) == first
    assert page(tmp_path, three) == page(tmp_path, three) != first


def test_readers_see_no_more_than_is_meant_for_them(tmp_path, three):
    everybody, schools, board = (page(tmp_path, three, audience=audience) for audience in Audience)
    assert SAVED not in everybody and SAVED in schools
    assert "いま止めているもの" not in schools and "いま止めているもの" in board
    assert "件" in everybody and "一般公開用" in everybody


def test_of_few_files_the_public_learns_no_kind(tmp_path, three):
    share = tmp_path / "inventory/share0"
    share.mkdir()
    for number in range(12):
        (share / f"{number}.pdf").write_text("x")
    (share / "個人.pst").write_text("x")
    with japanese_kdx(three, tmp_path / "state") as kdx:
        kdx("inventory", "scan", "s0_es", "--names")
        public = kdx("report", "--audience", "public").stdout
        assert "PDF" in public and "Outlook" not in public and "その他" in public
        assert "Outlook" in kdx("report").stdout


NAMES = ["<script>alert(1)</script>", "東\u202e小学校", "長" * 80, "a&b\"'><img src=x>"]


def test_a_hostile_name_is_only_text(tmp_path):
    text = page(tmp_path, write_schools(tmp_path / "inventory", NAMES))
    read = Reader(text)
    harmless = set(Reader(page(tmp_path, write_schools(tmp_path / "other", ["a", "b", "c", "d"]))).elements)
    assert set(read.elements) == harmless and "script" not in harmless
    assert not [name for name, _value in read.attributes if name.startswith("on") or name in ("href", "src", "style")]
    assert "\u202e" not in text and "<script>" in "".join(read.words)


def test_a_page_asks_for_nothing_and_every_pattern_is_in_it(tmp_path, three):
    text = page(tmp_path, three, [sealed(share_ids(three)[0], NOW - timedelta(hours=50))])
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    defined = re.findall(r'id="([^"]+)"', text)
    assert len(defined) == len(set(defined)) and set(re.findall(r"url\(#([^)]+)\)", text)) <= set(defined)
    for chart in re.findall(r"<svg.*?</svg>", text, re.DOTALL)[1:]:
        assert ElementTree.fromstring(chart)[0].tag.endswith("title")


def test_an_empty_ledger_gives_a_page_that_says_what_it_does_not_know(tmp_path, three):
    text = page(tmp_path, three)
    for words in ("まだありません", "計画はまだありません", "共有フォルダー 3 件のうち 0 件を走査済みです。", "未着手"):
        assert words in text, words


def test_fourteen_schools_fit_into_150_kilobytes_and_five_hundred_into_3_megabytes(tmp_path):
    for count, most in ((14, 150_000), (500, 3_000_000)):
        board = write_schools(tmp_path / f"of{count}", [f"試験市立第{number}小学校" for number in range(count)])
        events = [
            sealed(share, NOW - timedelta(days=day, hours=9))
            for share in share_ids(board)[:14] for day in reversed(range(0, 35, 9))
        ]
        events.sort(key=lambda event: event[0])
        text = page(tmp_path / f"of{count}", board, events)
        assert len(text.encode()) <= most


def test_a_bar_nobody_knows_has_no_length_and_says_so():
    chart = ElementTree.fromstring(bars("題", "", [Bar("西小", None, "不明")], ()))
    assert not [each for each in chart.iter() if each.tag.endswith("rect")] and "不明" in "".join(chart.itertext())


def test_bars_share_one_scale_from_zero():
    rows = [Bar("a", ((10, Tone.GOOD),), ""), Bar("b", ((5, Tone.BAD),), "")]
    chart = ElementTree.fromstring(bars("題", "", rows, ()))
    first, second = (float(each.get("width", "")) for each in chart.iter() if each.tag.endswith("rect"))
    assert first == pytest.approx(2 * second, abs=0.1)


@pytest.mark.parametrize(("count", "parts"), [(0, 1), (1, 1), (22, 1), (23, 2), (500, 23)])
def test_many_rows_are_drawings_of_one_size_on_one_scale_and_none_is_lost(count, parts):
    rows = [Bar(f"第{number}小", ((number + 1, Tone.GOOD),), "") for number in range(count)]
    days = [Days(f"第{number}小", [(Tone.GOOD, "")]) for number in range(count)]
    for drawn in (bars("題", "時間", rows, ((Tone.GOOD, "良"),)), calendar("題", "", NOW.date(), days, ())):
        charts = [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", drawn, re.DOTALL)]
        heights = [float(one.get("viewBox", "").split()[3]) for one in charts]
        assert len(charts) == parts and max(heights) <= 22 * 22 + 54
        assert len(set(heights[:-1])) <= 1 and len({one[0].text for one in charts}) == parts
        names = [each.text for one in charts for each in one.iter() if (each.text or "").endswith("小")]
        assert names == [row.label for row in rows]
    if count == 500:
        first, last = (re.findall(r'y="4" width="([\d.]+)"', bars("題", "", rows, ()))[at] for at in (0, -1))
        assert float(last) == pytest.approx(479 * float(first), rel=0.1)


def test_a_long_name_is_cut_in_the_chart():
    chart = ElementTree.fromstring(bars("題", "", [Bar("長" * 80, None, "")], ()))
    [label] = [each.text or "" for each in chart.iter() if "長" in (each.text or "")]
    assert label.endswith("…") and len(label) <= 15


def test_a_folder_gets_page_and_workbook_and_kdx_replaces_its_own_only(tmp_path, three):
    office = tmp_path / "office"
    office.mkdir()
    with japanese_kdx(three, tmp_path / "state") as kdx:
        for _morning in range(2):
            kdx("report", "-o", office)
        book = openpyxl.load_workbook(office / "report.xlsx")
        parts = (office / "report.html").read_text("utf-8").count("<h2>")
        assert len(book.sheetnames) == parts > 5
        assert {sheet.page_setup.orientation for sheet in book} == {"landscape"}
        before = (office / "report.xlsx").read_bytes()
        for name, content in (("report.html", b"<html>ours</html>"), ("report.xlsx", b"PK\x03\x04 ours")):
            (office / name).write_bytes(content)
            assert "kdx が書いたものではありません" in kdx("report", "-o", office, code=4).stderr
            assert (office / name).read_bytes() == content
            (office / name).unlink()
        (office / "report.xlsx").write_bytes(before)
        kdx("report", "-o", f"file://{office}")


def test_what_kdx_yml_names_is_published_for_whom_it_says(tmp_path, three):
    office = tmp_path / "office"
    office.mkdir()
    with japanese_kdx(three, tmp_path / "state") as kdx:
        assert "publish" in kdx("report", "--publish", code=2).stderr
        with (three / "kdx.yml").open("a") as file:
            file.write(f"report: {{publish: '{office}', audience: public}}\n")
        kdx("report", "--publish")
    assert "一般公開用" in (office / "report.html").read_text("utf-8")
    assert openpyxl.load_workbook(office / "report.xlsx").sheetnames
