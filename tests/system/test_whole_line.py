"""Whatever crosses the board's line takes part in its one budget while it runs, and keeps to --bandwidth."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rigs.office import changed, workbook
from rigs.sshd import PLAIN, serve_ssh
from sample_board import SCHOOL, write_board

from tests.system.conftest import SHARE, Site

pytestmark = [pytest.mark.system, pytest.mark.long]

SIZE = 1_500_000
RATE = "8Mbit"
"""A megabyte a second: what is read here then takes a second longer than the burst."""


def test_each_command_that_moves_bytes_over_a_line_keeps_its_part(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    with serve_ssh(tmp_path / "sshd", PLAIN) as server:
        (vault := tmp_path / "vault").mkdir()
        (second := tmp_path / "second").mkdir()
        (target := tmp_path / "target").mkdir()
        site = make_site(str(target))
        (site.share / "映像.bin").write_bytes(random.Random(5).randbytes(SIZE))
        book = changed(workbook(), lambda parts: parts.update({"xl/media/a.bin": random.Random(6).randbytes(SIZE)}))
        (site.share / "時間割.xlsx").write_bytes(book)
        for number in range(20):
            (site.share / f"{number}.txt").write_bytes(random.Random(number).randbytes(1000))
        write_board(site.board, {SHARE: server.url(site.share)}, secret=f"file:{server.key}")
        secret = f'secret: "file:{server.key}"'
        with (site.board / "kdx.yml").open("a", encoding="utf-8") as settings:
            settings.write(f'vault: {{url: "{server.url(vault)}", {secret}}}\n')
            settings.write(f'targets: {{cloud: {{url: "{server.url(target)}", {secret}}}}}\n')
        (site.board / "known_hosts").write_text(server.known_hosts.read_text())
        for words in (
            ("inventory", "scan", SCHOOL, "--hash"),
            ("assess", SCHOOL, "--to", "s3", "--look-inside"),
            ("migrate", "run", SCHOOL),
            ("migrate", "verify", SCHOOL, "--level", "readback"),
            ("migrate", "cutover", SCHOOL, "--show", "links"),
            ("backup", "run", SCHOOL, "--board"),
            ("backup", "verify", "--full"),
            ("backup", "copy", "--to", str(second)),
            ("drill", SCHOOL),
            ("restore", "--board", "--to", str(tmp_path / "back")),
        ):
            if words[:2] == ("backup", "run"):
                assert site.kdx("backup", "init").returncode == 0
            _slowed(site, words)


def _slowed(site: Site, words: tuple[str, ...]) -> None:
    took, joined = _timed(site, (*words, "--bandwidth", RATE))
    assert joined, f"{words} takes no part in the budget"
    if words[0] != "restore":
        assert took >= 1.0, f"{words} took {took:.2f} s"


def _timed(site: Site, words: tuple[str, ...]) -> tuple[float, bool]:
    """Return how long a command took, and whether it was seen in the budget."""
    began, joined = time.monotonic(), False
    running = site.start(*words)
    while running.poll() is None:
        joined = joined or any((site.state / "budget").glob("*.job"))
        time.sleep(0.005)
    _out, said = running.communicate()
    assert running.returncode == 0, (words, said)
    return time.monotonic() - began, joined
