"""How closely two schools that migrate at once keep the line they share (schedule: {wan: …} of kdx.yml).

Both shares are read over SFTP through one line that is as fast as it goes and counts what passes; what counts is the
middle of the runs, when both are at work.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import sample_share
from bench_measure import CommandFailed
from bench_print import Figures, Line
from bench_run import KDX, Bench

from tests.rigs.line import Line as Counting
from tests.rigs.line import lay_line
from tests.rigs.sshd import serve_ssh

WAN = 80
"""Mbit/s: what both together may take."""
SCHOOLS = ("a_es", "b_es")
BEGIN, SPAN = 4.0, 10.0
"""Seconds after the first bytes from which on, and for how long, is counted."""


def shared_line(bench: Bench) -> Iterator[Line]:
    """Two schools at once: how far what they take together is from the cap."""
    files = (sample_share.Sample(f"動画/{number}.mp4", 8 << 20, 1_700_000_000) for number in range(24))
    root = bench.files("shared-line", files, seed=31)
    off = [abs(_rate(bench, root) / (WAN * 1e6 / 8) - 1) for _ in range(bench.size.pairs)]
    yield Figures("shared-line", "off the cap of two schools", "", off, 0.05)


def _rate(bench: Bench, root: Path) -> float:
    """Return the bytes a second that came over the line while both schools were at work."""
    with serve_ssh(bench.new_folder() / "sshd") as server, lay_line(server.port) as line:
        known = server.folder / "known_line"
        known.write_text(server.known_hosts.read_text().replace(f":{server.port}", f":{line.port}"))
        user = server.url().partition("//")[2].partition("@")[0]
        board = _board(bench.new_folder(), f"sftp://{user}@127.0.0.1:{line.port}{root}", server.key, bench.new_folder())
        (board / "known_hosts").write_text(known.read_text())
        places = {"KDX_INVENTORY": str(board), "KDX_STATE": str(bench.new_folder())}
        environment = {**os.environ, **places, "KDX_LANG": "en"}
        running = [
            subprocess.Popen(
                [KDX, "migrate", "run", school], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            for school in SCHOOLS
        ]
        try:
            return _count(line, running)
        finally:
            for process in running:
                process.kill()
                process.wait()


def _count(line: Counting, running: "list[subprocess.Popen[bytes]]") -> float:
    """Count what comes while both are at work. CommandFailed where one ended before."""
    while line.received < 4 << 20 and all(one.poll() is None for one in running):
        time.sleep(0.05)
    time.sleep(BEGIN)
    before, since = line.received, time.monotonic()
    time.sleep(SPAN)
    rate = (line.received - before) / (time.monotonic() - since)
    for one in running:
        if one.poll() is not None:
            said = one.stderr.read().decode("utf-8", "replace") if one.stderr else ""
            raise CommandFailed(f"kdx ended with {one.returncode} before its time: {said[-500:]}")
    return rate


def _board(folder: Path, url: str, key: Path, target: Path) -> Path:
    """Write an inventory of two schools with one share each."""
    schools = "".join(
        f'        {school}: {{vars: {{school_name: 学校{number}, kind: elementary}}, hosts: {{fs-{number}: '
        f'{{shares: [{{name: 共有, url: "{url}", secret: "file:{key}"}}]}}}}}}\n'
        for number, school in enumerate(SCHOOLS)
    )
    (folder / "hosts.yml").write_text(f"all:\n  children:\n    schools:\n      children:\n{schools}", "utf-8")
    (folder / "kdx.yml").write_text(
        f"board: 試験市教育委員会\ntargets: {{cloud: \"{target}\"}}\n"
        f"schedule: {{wan: {WAN}Mbit, class_rate: 1Gbit}}\n",
        "utf-8",
    )
    return folder


BENCHES = {"shared-line": shared_line}
