"""What goes wrong in the first hour with a school's server, Samba and OpenSSH: nothing hangs, nothing is lost, nothing
counts as done that is not. Moments are found by the bytes that have passed, never by a clock."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sample_share
from local_store import LocalStore
from rigs.far import Far
from rigs.line import Line
from sample_board import SCHOOL

from tests.system.conftest import SHARE, Site, download
from tests.system.test_first_hour import done, far, line, site

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

__all__ = ["far", "line", "site"]
MIB = 1 << 20
Tree = Callable[[Path], dict[bytes, str]]


def put_work(share: Path) -> None:
    """Small files, and three that go in several parts: about 60 MiB."""
    samples = [sample_share.Sample(f"{n % 20:02}/{n:03}.dat", 100 + n * 397, 1_700_000_000 + n) for n in range(200)]
    samples += [sample_share.Sample(f"動画/{n}.mp4", 18 * MIB, 1_700_000_000) for n in range(3)]
    sample_share.write_samples(share, iter(samples), seed=1)


def wait_for(process: "subprocess.Popen[str]", line: Line, size: int) -> None:
    """Wait until the server has sent so many bytes more."""
    until = line.received + size
    while line.received < until:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.01)


def ends(process: "subprocess.Popen[str]", code: int) -> str:
    """Let a command come to its end; return what it said."""
    said = process.communicate(timeout=280)[1]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def cut_power(far: Far, line: Line) -> None:
    """Stop the server with all that was still on its way."""
    line.stalled.set()
    far.stop()
    line.cut()
    line.stalled.clear()


def files_seen(site: Site) -> int:
    """Scan, and return how many files that found."""
    looked = site.kdx("inventory", "scan", SCHOOL, "--json")
    assert looked.returncode == 0, looked.stderr
    return int(json.loads(looked.stdout)["rows"][0]["files"])


def is_whole(site: Site, store: LocalStore, folder: Path, tree: Tree) -> None:
    """One more run, and a proof: the target is the share."""
    done(site, "migrate", "run", SCHOOL)
    done(site, "migrate", "verify", SCHOOL)
    assert tree(download(store, folder) / SHARE) == tree(site.share)
    done(site, "audit", "verify")


def test_a_share_that_vanishes_during_the_first_look_leaves_no_catalog_and_the_next_look_is_whole(
    site: Site, far: Far, line: Line
) -> None:
    for number in range(300):
        # names that no line compresses
        folder = site.share / f"{number:03}組" / os.urandom(30).hex() / os.urandom(30).hex()
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text("x")
    line.delay, line.rate = 0.01, 50_000
    look = site.start("inventory", "scan", SCHOOL)
    wait_for(look, line, 20_000)
    cut_power(far, line)
    assert "does not answer" in ends(look, 12)
    assert list(site.state.rglob("*Z.parquet")) == []
    far.start()
    line.delay = line.rate = 0
    assert files_seen(site) == 300


def test_a_server_that_is_started_again_during_a_run_loses_nothing(
    site: Site, store: LocalStore, far: Far, line: Line, tmp_path: Path, tree: Tree
) -> None:
    put_work(site.share)
    line.rate = 10 * MIB
    run = site.start("migrate", "run", SCHOOL)
    wait_for(run, line, 20 * MIB)
    cut_power(far, line)
    far.start()
    line.rate = 0
    # whether it goes on by itself or says that it could not: what it counts as done is
    run.communicate(timeout=280)
    assert run.returncode in (0, 3, 12)
    is_whole(site, store, tmp_path / "copy", tree)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL])
def test_a_run_that_is_ended_from_outside_resumes_to_an_identical_target(
    site: Site, store: LocalStore, line: Line, tmp_path: Path, tree: Tree, number: int
) -> None:
    put_work(site.share)
    line.rate = 10 * MIB
    for share in (2 * MIB, 16 * MIB, 24 * MIB):
        run = site.start("migrate", "run", SCHOOL)
        wait_for(run, line, share)
        os.killpg(run.pid, number)
        ends(run, 130 if number == signal.SIGTERM else -number)
    line.rate = 0
    is_whole(site, store, tmp_path / "copy", tree)


def test_a_password_or_key_that_is_withdrawn_during_a_run_stops_it_and_a_new_one_goes_on(
    site: Site, store: LocalStore, far: Far, line: Line, tmp_path: Path, tree: Tree
) -> None:
    put_work(site.share)
    line.rate = 10 * MIB
    run = site.start("migrate", "run", SCHOOL)
    wait_for(run, line, 20 * MIB)
    far.withdraw()
    line.cut()
    assert "refused us" in ends(run, 12)
    done(site, "migrate", "run", SCHOOL, code=12)
    far.admit()
    line.rate = 0
    is_whole(site, store, tmp_path / "copy", tree)


def test_a_cut_in_the_middle_of_a_large_file_sends_little_of_it_again(
    site: Site, store: LocalStore, line: Line, tmp_path: Path, tree: Tree
) -> None:
    size = 160 * MIB
    sample_share.write_samples(site.share, iter([sample_share.Sample("運動会.mp4", size, 1_700_000_000)]), seed=3)
    line.cut_after = line.received + size // 2
    done(site, "migrate", "run", SCHOOL)
    assert line.cut_after is None and line.received - size < 64 * MIB
    is_whole(site, store, tmp_path / "copy", tree)


@pytest.mark.long
def test_a_hundred_thousand_entries_in_one_folder_are_all_seen(site: Site) -> None:
    for number in range(100_000):
        (site.share / f"記録{number:06}.txt").touch()
    assert files_seen(site) == 100_000
