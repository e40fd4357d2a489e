"""Whether a page is HTML as the standard wants it, and what axe says of it in a real browser."""

import html
import json
import re
import subprocess
from importlib import resources
from pathlib import Path

import html5lib

CHROMIUM = (
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-features=NetworkTimeServiceQuerying",
)
_ASK = """<script>axe.run(document, {resultTypes: ['violations']}).then(found => {
  const said = document.createElement('pre');
  said.id = 'axe';
  said.textContent = JSON.stringify(found.violations.map(one => [one.impact, one.id, one.nodes[0].html.slice(0, 200)]));
  document.body.append(said);
});</script>"""


def assert_valid(page: str) -> None:
    """Fail where a strict parser finds an error, an id stands twice, a heading is left out, or a th has no scope."""
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert root.get("lang") and root.findtext("head/title")
    levels = [int(name) for name in re.findall(r"<h([1-6])[ >]", page)]
    assert levels[:1] == [1] and levels.count(1) == 1
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


def ask_axe(page: Path) -> list[tuple[str, str, str]]:
    """Return what axe finds (impact, rule, element) in a copy of a page that may run it."""
    script = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    text = page.read_text("utf-8")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy"[^>]*>', text)
    assert policy
    copy = page.with_name(f"{page.stem}-axe.html")
    script = script.replace("</script", "<\\/script")
    body = f"<script>{script}</script>{_ASK}</body>"
    copy.write_text(text.replace(policy[0], "").replace("</body>", body), "utf-8")
    shown = browse(copy, "--virtual-time-budget=60000", "--dump-dom").stdout
    said = re.search(r'<pre id="axe">(.*?)</pre>', shown, re.DOTALL)
    assert said, "axe did not run"
    return [(str(impact), str(rule), str(node)) for impact, rule, node in json.loads(html.unescape(said[1]))]
