"""SIGKILL at random moments: what is left behind is never wrong, and the next run ends what was begun."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sample_share
from local_store import LocalStore
from sample_board import SCHOOL

from tests.system.conftest import SHARE, Site, download

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

MIB = 1 << 20
KILLS = 20
Tree = Callable[[Path], dict[bytes, str]]


def add_files(share: Path, number: int) -> None:
    """Put new work into a share: small files, and one that goes in several parts."""
    samples = [sample_share.Sample(f"{number:02}/{n:03}.dat", 100 + n * 97, 1_700_000_000 + n) for n in range(150)]
    samples.append(sample_share.Sample(f"{number:02}/運動会.mp4", 18 * MIB, 1_700_000_000))
    sample_share.write_samples(share, iter(samples), seed=number)


def time_of_one_run(site: Site) -> float:
    """Seconds of a run over one batch of new files."""
    add_files(site.share, 99)
    start = time.monotonic()
    assert site.kdx("migrate", "run", SCHOOL).returncode == 0
    return time.monotonic() - start


def kill_again_and_again(site: Site, generator: random.Random) -> int:
    """Kill KILLS runs, each with new work to do, at random moments. Return how many died of it."""
    longest, killed = time_of_one_run(site), 0
    for number in range(KILLS):
        add_files(site.share, number)
        process = site.start("migrate", "run", SCHOOL)
        time.sleep(generator.uniform(0, longest))
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        killed += process.wait() == -signal.SIGKILL
    return killed


def seeded() -> random.Random:
    """Moments that differ from run to run; a failure names the seed that repeats them."""
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    return random.Random(seed)


def ends_well(site: Site) -> None:
    """One more run, and a verification, both to the end."""
    last = site.kdx("migrate", "run", SCHOOL)
    assert last.returncode == 0, last.stdout + last.stderr
    verified = site.kdx("migrate", "verify", SCHOOL)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert site.kdx("audit", "verify").returncode == 0


def test_a_run_killed_anywhere_resumes_to_an_identical_bucket(
    s3_site: Site, store: LocalStore, tmp_path: Path, tree: Tree
) -> None:
    assert kill_again_and_again(s3_site, seeded()) >= KILLS / 2
    ends_well(s3_site)
    assert tree(download(store, tmp_path / "copy") / SHARE) == tree(s3_site.share)


@pytest.mark.long
def test_a_run_killed_anywhere_resumes_to_an_identical_folder(
    folder_site: Site, tmp_path: Path, tree: Tree
) -> None:
    assert kill_again_and_again(folder_site, seeded()) >= KILLS / 2
    ends_well(folder_site)
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == tree(folder_site.share)
