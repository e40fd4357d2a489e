"""The report in a real browser: it says nothing, asks for nothing, prints on A4, and Japanese is Japanese."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rigs.pages import browse
from sample_board import write_board

KDX = Path(sys.executable).with_name("kdx")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a school whose share was looked through."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "share").mkdir()
    for number in range(30):
        (folder / f"share/令和{number % 7 + 1}年度の報告{number}.xlsx").write_bytes(b"x" * 1000 * number)
    write_board(folder / "inventory", {"共有": folder / "share"})
    shutil.copy(Path(__file__).parents[2] / "inventory/rollout.yml", folder / "inventory")
    for words in (("inventory", "scan", "--all"), ("report", "-o", "report.html")):
        subprocess.run(
            [KDX, *words, "--inventory", "inventory", "--state", "state"], cwd=folder, check=True, timeout=60,
        )
    return folder / "report.html"


def test_the_browser_has_nothing_to_say_and_asks_nobody(page: Path) -> None:
    log = page.parent / "net.json"
    done = browse(page, "--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom")
    assert "データの保全と移行の状況" in done.stdout and "CONSOLE" not in done.stderr
    assert asked_by_pages(log) == set()
    # the log would show it: the same page with a picture in it, and nothing to forbid that
    loud = page.with_name("loud.html")
    text = page.read_text("utf-8").replace("Content-Security-Policy", "nothing")
    loud.write_text(text.replace("<h1>", '<img alt="" src="http://127.0.0.1:9/x.png"><h1>', 1), "utf-8")
    browse(loud, f"--log-net-log={log}", "--dump-dom")
    assert asked_by_pages(log) == {"http://127.0.0.1:9/x.png"}


def asked_by_pages(log: Path) -> set[str]:
    """The addresses that pages asked for, without what the browser asks of its own accord."""
    found = [event.get("params", {}) for event in json.loads(log.read_text("utf-8"))["events"]]
    return {
        each["url"] for each in found
        if str(each.get("url", "")).startswith("http") and each.get("initiator", "not an origin") != "not an origin"
    }


def test_a_style_that_is_not_the_page_s_own_is_refused_and_said_so(page: Path) -> None:
    changed = page.with_name("changed.html")
    changed.write_text(page.read_text("utf-8").replace("color: #000", "color: #111", 1), "utf-8")
    assert "Content Security Policy" in browse(changed, "--enable-logging=stderr", "--dump-dom").stderr


def test_it_prints_on_a4_landscape_in_a_japanese_font(page: Path) -> None:
    assert subprocess.run(["fc-list", ":lang=ja"], capture_output=True, check=True).stdout
    paper = page.with_suffix(".pdf")
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    facts = subprocess.run(["pdfinfo", paper], capture_output=True, text=True, check=True).stdout
    assert "841.92 x 594.96 pts (A4)" in facts
    pages = int(next(line for line in facts.splitlines() if line.startswith("Pages:")).split()[1])
    words = subprocess.run(["pdftotext", "-layout", paper, "-"], capture_output=True, text=True, check=True).stdout
    assert 2 <= pages <= 9 and "試験市教育委員会" in words and "令和" in words
