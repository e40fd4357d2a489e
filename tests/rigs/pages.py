"""Whether a page is HTML as the standard wants it, and a real browser to open it in (more of it: rigs/browser.py)."""

import re
import subprocess
from pathlib import Path

import html5lib

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-features=NetworkTimeServiceQuerying",
)


def assert_valid(page: str, sheets: int = 1) -> None:
    """Fail where a strict parser finds an error, an id stands twice, a heading is left out, or a th has no scope.

    Each sheet of paper that hangs alone has its own title.
    """
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert root.get("lang") and root.findtext("head/title")
    levels = [int(name) for name in re.findall(r"<h([1-6])[ >]", page)]
    assert levels[:1] == [1] and levels.count(1) == sheets
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    assert all("scope=" in one for one in re.findall(r"<th[ >][^>]*", page))


def browse(page: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Open a page in Chromium, with a profile beside it."""
    return subprocess.run(
        [*CHROMIUM, f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    )
