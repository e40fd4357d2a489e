"""Every page kdx makes, in a real browser: under other colours, for other eyes, on a telephone, on paper, and with hard
names. None has anything to say on the console, and axe finds nothing in any of them.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from rigs.browser import Browser, open_browser
from rigs.pages import assert_valid
from sample_board import SCHOOL, write_board

from kdx.language import use_language
from tests.conftest import PROGRAMS
from tests.unit.test_report import NAMES, NOW, Dated, page, sealed, share_ids, weather, write_schools

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("pages")]

STEPS = (
    "init first --board 試験市教育委員会",
    "inventory scan --all",
    "migrate plan {s} --to cloud", "migrate run {s} --to cloud", "migrate verify {s} --to cloud --level readback",
    "migrate receipt {s} --to cloud -o receipt",
    "migrate cutover {s} --to cloud --sheet go-no-go.html",
    "backup sheet -o staff-room.html",
    "rollout school {s} -o school.html", "rollout status -o matrix.html",
    "checklist show -o checklist.html",
    "report -o report.html", "report --fy R8 -o yearly.html",
)
PAGES = {
    "report": "landscape", "yearly": "portrait", "receipt": "portrait", "go-no-go": "portrait",
    "staff-room": "portrait", "school": "landscape", "matrix": "landscape", "checklist": "landscape",
}
"""Page -> how it lies on A4."""
MOST_SHEETS = {"report": 9, "receipt": 1, "go-no-go": 1, "matrix": 1, "school": 2, "staff-room": 2}
"""A4 pages; one that is signed or hangs on a wall has one side, the staff room's also one for the board."""
SIZES = {"landscape": "841.92 x 594.96 pts (A4)", "portrait": "594.96 x 841.92 pts (A4)"}
CODES = (0, 4)
"""The gate of a cutover that was never rehearsed says no, and its sheet says so."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a school that was looked through, moved and proven, by name."""
    folder = tmp_path_factory.mktemp("pages")
    for made in ("share", "cloud"):
        (folder / made).mkdir()
    for number in range(30):
        (folder / f"share/令和{number % 7 + 1}年度の報告{number}.xlsx").write_bytes(b"x" * 1000 * number)
    write_board(folder / "inventory", {"共有": folder / "share"}, {"cloud": str(folder / "cloud")})
    shutil.copy(Path(__file__).parents[2] / "inventory/rollout.yml", folder / "inventory")
    with (folder / "inventory/kdx.yml").open("a", encoding="utf-8") as settings:
        settings.write(f"vault: {{url: {folder}/vault}}\n")
    places = ("--inventory", "inventory", "--state", "state", "--lang", "ja")
    for step in STEPS:
        words = step.format(s=SCHOOL).split()
        done = subprocess.run([PROGRAMS / "kdx", *words, *places], cwd=folder, capture_output=True, timeout=60)
        assert done.returncode in CODES, (words, done.stderr.decode())
        if words[0] == "init":
            shutil.copytree(folder / "first/keys", folder / "inventory/keys")
    made = {name: folder / f"{name}.html" for name in PAGES}
    return {**made, "receipt": folder / "receipt/receipt.html"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def plain_sight(browser: Browser) -> Iterator[None]:
    yield
    browser.emulate()
    browser.see_as("none")
    browser.ask("Emulation.clearDeviceMetricsOverride")


def overflow(browser: Browser, width: int) -> int:
    """By how many pixels a page is pushed sideways in a window of this width."""
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    return int(browser.tell("document.documentElement.scrollWidth")) - width


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_valid_silent_and_open_to_everybody(browser: Browser, pages: dict[str, Path], name: str) -> None:
    assert_valid(pages[name].read_text("utf-8"), sheets=2 if name == "staff-room" else 1)
    browser.said.clear()
    browser.open(pages[name])
    assert browser.ask_axe() == [] and browser.said == []
    browser.emulate(forced_colors="active", prefers_contrast="more", prefers_color_scheme="dark")
    assert browser.tell("matchMedia('(forced-colors: active)').matches")
    assert browser.ask_axe() == []
    browser.emulate()
    assert overflow(browser, 320) <= 0


def test_axe_and_the_console_would_tell(browser: Browser, pages: dict[str, Path]) -> None:
    text = pages["report"].read_text("utf-8")
    mute = pages["report"].with_name("mute.html")
    mute.write_text(text.replace("<h1>", '<img src="http://127.0.0.1:9/"><h1>', 1).replace('"ja"', '"xx"'), "utf-8")
    browser.said.clear()
    browser.open(mute)
    assert {rule for _impact, rule, _node in browser.ask_axe()} >= {"image-alt", "html-lang-valid"}
    assert any("Content Security Policy" in one for one in browser.said)
    browser.said.clear()


def test_charts_keep_their_own_paper_under_forced_colours(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["report"])
    browser.emulate(forced_colors="active", prefers_color_scheme="dark")
    assert browser.tell("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    seen = browser.tell("""[...new Set([...document.querySelectorAll("svg[role]")].map(chart =>
      getComputedStyle(chart).backgroundColor + getComputedStyle(chart.querySelector("text")).fill))]""")
    assert seen == ["rgb(255, 255, 255)rgb(0, 0, 0)"]


SAMPLES = """[...document.querySelectorAll("svg[role]")].map(chart =>
  [...chart.querySelectorAll("g[transform]")].filter(one => one.children.length > 1).map(one => {
    const box = one.children[0].getBoundingClientRect();
    return {x: box.x + scrollX, y: box.y + scrollY - (box.height ? 0 : 4), width: box.width, height: box.height || 8};
  }))"""
DIFFERENCE = """(async pictures => {
  const seen = await Promise.all(pictures.map(async one => {
    const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + one)).blob());
    const canvas = new OffscreenCanvas(20, 12).getContext("2d");
    canvas.drawImage(picture, 0, 0, 20, 12);
    const {data} = canvas.getImageData(0, 0, 20, 12);
    return Array.from({length: 240}, (_, at) => 4 * at).map(
      at => data[at] * .2126 + data[at + 1] * .7152 + data[at + 2] * .0722);
  }));
  return seen[0].reduce((sum, grey, at) => sum + Math.abs(grey - seen[1][at]), 0) / 240;
})"""


@pytest.mark.parametrize("eyes", [
    "achromatopsia", *(pytest.param(f"{cone}anopia", marks=pytest.mark.long) for cone in ("deuter", "prot", "trit")),
])
def test_what_a_chart_tells_apart_looks_apart_to_all_eyes(browser: Browser, pages: dict[str, Path], eyes: str) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=1000, height=8000, deviceScaleFactor=1, mobile=False)
    browser.open(pages["report"])
    browser.see_as(eyes)
    charts = [[browser.picture(box) for box in boxes] for boxes in browser.tell(SAMPLES)]
    browser.open("about:blank")
    assert sum(len(samples) > 1 for samples in charts) >= 5
    for samples in charts:
        for pair in combinations(samples, 2):
            # mean difference of grey, of 255: without any colour a sample still looks like no other
            assert browser.tell(f"{DIFFERENCE}({json.dumps(pair)})") > 6


@pytest.mark.parametrize("name", PAGES)
def test_a_page_prints_on_a4_as_it_is_meant_to_lie(browser: Browser, pages: dict[str, Path], name: str) -> None:
    paper = pages[name].with_suffix(".pdf")
    browser.open(pages[name])
    paper.write_bytes(b64decode(browser.ask("Page.printToPDF", preferCSSPageSize=True)["data"]))
    facts = subprocess.run(["pdfinfo", paper], capture_output=True, text=True, check=True).stdout
    assert SIZES[PAGES[name]] in facts
    count = int(next(line for line in facts.splitlines() if line.startswith("Pages:")).split()[1])
    assert 1 <= count <= MOST_SHEETS.get(name, 4)


def schools(count: int) -> list[str]:
    return [f"試験市立第{number}小学校" for number in range(count)]


def hard(case: str, folder: Path) -> str:
    """The report of a board with hard facts."""
    names = {"hostile names": NAMES, "one school": schools(1), "500 schools": schools(500)}.get(case, schools(3))
    board = write_schools(folder / "inventory", names)
    events: Sequence[Dated] = ()
    if case == "all unknown":
        events = [weather(f"s{number}_es", NOW - timedelta(days=number), "unknown") for number in (2, 1, 0)]
    elif case in ("one point", "hostile names", "500 schools"):
        events = [sealed(share, NOW - timedelta(hours=40)) for share in share_ids(board)]
    elif case == "before 令和":
        old = folder / "inventory/share0"
        old.mkdir()
        for number, year in enumerate((1970, 1988, 1989, 2018)):
            (old / f"{number}.jtd").write_text("x")
            os.utime(old / f"{number}.jtd", (0, (year - 1970) * 31_557_600 + 86_400 * 150))
        places = ("--inventory", folder / "inventory", "--state", folder / "state")
        words = [PROGRAMS / "kdx", "inventory", "scan", "s0_es", *places]
        subprocess.run(words, capture_output=True, timeout=60, check=True)
    use_language("ja")
    try:
        return page(folder, board, events, now=NOW + timedelta(days=400) if case == "before 令和" else NOW)
    finally:
        use_language("en")


SAID = {
    "empty ledger": "まだありません", "one school": "第0小", "hostile names": "&lt;script&gt;", "one point": "40 時間",
    "before 令和": "昭和63年度", "all unknown": "不明", "500 schools": "第499小",
}


@pytest.mark.parametrize("case", [*list(SAID)[:-1], pytest.param("500 schools", marks=pytest.mark.long)])
def test_a_report_of_hard_facts_stays_readable(browser: Browser, tmp_path: Path, case: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(hard(case, tmp_path), "utf-8")
    assert SAID[case] in file.read_text("utf-8")
    assert_valid(file.read_text("utf-8"))
    browser.said.clear()
    browser.open(file)
    assert browser.ask_axe() == [] and browser.said == []
    assert overflow(browser, 1000) <= 0 and overflow(browser, 320) <= 0
    assert browser.tell("document.querySelectorAll('script').length") == 0
    # however many schools there are, the writing in a chart is never squeezed
    browser.ask("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
    assert browser.tell("Math.min(...[...document.querySelectorAll('svg[role]')].map(one => one.getCTM().a))") > 1


def test_without_a_japanese_font_the_page_is_whole_and_its_words_are_there(
    pages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fonts = tmp_path / "fonts.conf"
    fonts.write_text("<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir></fontconfig>", "utf-8")
    monkeypatch.setenv("FONTCONFIG_FILE", str(fonts))
    assert not subprocess.run(["fc-list", ":lang=ja"], capture_output=True, check=True).stdout
    with open_browser(tmp_path) as poor:
        poor.open(pages["report"])
        assert "データの保全と移行の状況" in poor.tell("document.body.innerText")
        assert overflow(poor, 320) <= 0 and poor.ask_axe() == [] and poor.said == []
