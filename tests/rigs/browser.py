"""Chromium asked over its DevTools protocol: a page as it looks under other colours, eyes, widths and papers.

The protocol goes through two pipes (file descriptors 3 and 4), a JSON document each, ended by a zero byte.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fcntl import F_DUPFD, fcntl
from importlib import resources
from pathlib import Path
from typing import Any

from tests.rigs.pages import CHROMIUM

AWAY = 10
"""Descriptors of ours begin here, so that 3 and 4 are free in the browser."""


class Browser:
    """One tab."""

    def __init__(self, writer: int, reader: int) -> None:
        self.writer, self.reader, self.session, self.number = writer, os.fdopen(reader, "rb"), "", 0
        self.kept = b""
        self.said: list[str] = []
        """What the browser wrote on its console."""
        [tab] = [one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        self.session = self.ask("Target.attachToTarget", targetId=tab["targetId"], flatten=True)["sessionId"]
        for part in ("Page", "Runtime", "Log"):
            self.ask(f"{part}.enable")

    def ask(self, method: str, **values: Any) -> dict[str, Any]:
        """Send one command and return its answer."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": values}
        if self.session:
            order["sessionId"] = self.session
        os.write(self.writer, json.dumps(order).encode() + b"\0")
        while (answer := self._read()).get("id") != self.number:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def open(self, page: Path | str) -> None:
        """Open a page and wait until it is there."""
        self.ask("Page.navigate", url=page.as_uri() if isinstance(page, Path) else page)
        while (event := self._read()).get("method") != "Page.loadEventFired":
            self._note(event)

    def emulate(self, **features: str) -> None:
        """Let media features have these values, such as forced_colors="active"."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.ask("Emulation.setEmulatedMedia", features=named)

    def see_as(self, deficiency: str) -> None:
        """Look at the page with other eyes: achromatopsia, deuteranopia, protanopia, tritanopia, none."""
        self.ask("Emulation.setEmulatedVisionDeficiency", type=deficiency)

    def tell(self, script: str) -> Any:
        """Return what a script says of the page. The page's own policy does not bind it."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, box: Mapping[str, float]) -> str:
        """Return a part of the page as it looks now: a PNG, in base64."""
        return str(self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip={**box, "scale": 1})["data"])

    def ask_axe(self) -> list[tuple[str, str, str]]:
        """Return what axe finds (impact, rule, element) in the page as it is now."""
        self.tell(resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8") + ";0")
        found = self.tell("axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map("
                          "one => [one.impact, one.id, one.nodes[0].html.slice(0, 200)]))")
        return [(str(impact), str(rule), str(node)) for impact, rule, node in found]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.kept:
            more = os.read(self.reader.fileno(), 1 << 20)
            assert more, "the browser has ended"
            self.kept += more
        line, _end, self.kept = self.kept.partition(b"\0")
        return dict(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.said.append(json.dumps(event["params"], ensure_ascii=False))


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """Run Chromium with a profile in this folder for the length of the block."""
    inner = [fcntl(end, F_DUPFD, AWAY) for end in (*os.pipe(), *os.pipe())]
    to_read, to_write, from_read, from_write = inner

    def hand_over() -> None:
        os.dup2(to_read, 3)
        os.dup2(from_write, 4)

    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [*CHROMIUM, f"--user-data-dir={folder / 'profile-devtools'}", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(3, 4), preexec_fn=hand_over,
        )
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(to_write, from_read)
        finally:
            process.terminate()
            process.wait(30)
            os.close(to_write)
