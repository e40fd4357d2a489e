"""SIGKILL at random moments, the store's death included: no half snapshot, nothing lost, little sent twice."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import sample_share
from local_store import serve_s3
from sample_board import SCHOOL

from kdx.backup.format.pack import FULL_BYTES
from tests.rigs.vault_reader import read_snapshot, seals, tree_of, values
from tests.system.conftest import Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

MIB = 1 << 20
KILLS = 20
MANY = 100
"""For each of two stores."""
PACK = FULL_BYTES


def add_files(share: Path, number: int) -> None:
    """Put new work into a share: small files, and one that is cut into segments."""
    samples = [sample_share.Sample(f"R{number % 5 + 3}/{number:03}/{n:03}.dat", 100 + n * 97, 1_700_000_000 + n)
               for n in range(120)]
    samples.append(sample_share.Sample(f"R{number % 5 + 3}/{number:03}/運動会.mp4", 18 * MIB, 1_700_000_000))
    sample_share.write_samples(share, iter(samples), seed=number)


def with_vault(site: Site, url: str) -> Site:
    """Name a vault in the site's configuration, and begin it."""
    with (site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        # the tests fill a share faster than any school
        file.write(f"vault: {{url: '{url}'}}\nbackup: {{guards: {{few_new: 100000}}}}\n")
    begun = site.kdx("backup", "init")
    assert begun.returncode == 0, begun.stderr
    return site


def seeded() -> random.Random:
    """Moments that differ from run to run; a failure names the seed, and KILL_SEED repeats them."""
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"KILL_SEED={seed}")
    return random.Random(seed)


def nothing_half(vault: Path) -> None:
    """Every seal that is there stands for a snapshot that can be read to its last byte."""
    for seal in seals(vault, SCHOOL)[-3:]:
        assert not read_snapshot(seal).broken


def ends_well(site: Site, vault: Path) -> None:
    """One more run, to the end: all of the share is in the newest snapshot, and the vault holds."""
    last = site.kdx("backup", "run", SCHOOL)
    assert last.returncode == 0, last.stdout + last.stderr
    newest = seals(vault, SCHOOL)[-1]
    assert values(newest, "state") == ["complete"]
    read, tree = read_snapshot(newest), tree_of(site.share)
    assert (read.files, read.folders, read.broken) == (tree.files, tree.folders, set())
    verified = site.kdx("backup", "verify", "--full", SCHOOL)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert site.kdx("audit", "verify").returncode == 0


def kill_again_and_again(site: Site, vault: Path, generator: random.Random, kills: int) -> int:
    """Kill `kills` runs, each with new work to do. Return how many died of it."""
    add_files(site.share, 999)
    start = time.monotonic()
    assert site.kdx("backup", "run", SCHOOL).returncode == 0
    longest, killed = time.monotonic() - start, 0
    for number in range(kills):
        add_files(site.share, number)
        process = site.start("backup", "run", SCHOOL)
        time.sleep(generator.uniform(0, longest))
        try:
            # sometimes the whole group, sometimes only the parent: its workers must go with it
            (os.killpg if number % 2 else os.kill)(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        killed += process.wait() == -signal.SIGKILL
        nothing_half(vault)
    return killed


@pytest.fixture
def local_site(make_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A site whose vault is a folder."""
    return with_vault(make_site(str(tmp_path / "target")), str(tmp_path / "vault"))


def test_a_backup_killed_anywhere_ends_whole_in_a_folder(local_site: Site, tmp_path: Path) -> None:
    assert kill_again_and_again(local_site, tmp_path / "vault", seeded(), KILLS // 2) >= KILLS / 5
    ends_well(local_site, tmp_path / "vault")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_backup_killed_a_hundred_times_ends_whole_in_a_folder(local_site: Site, tmp_path: Path) -> None:
    assert kill_again_and_again(local_site, tmp_path / "vault", seeded(), MANY) >= MANY / 3
    ends_well(local_site, tmp_path / "vault")


def killed_store_and_all(make_site: Callable[..., Site], tmp_path: Path, kills: int) -> None:
    """Kill the runs, and now and then the store under them; then let both come back."""
    generator, buckets = seeded(), tmp_path / "buckets"
    vault = buckets / "school" / "vault"
    with ExitStack() as stack:
        store = stack.enter_context(serve_s3(buckets, "school"))
        site = make_site(str(tmp_path / "target"), store.keys())
        with_vault(site, f"s3://school/vault?endpoint={store.endpoint}&region=us-east-1")
        assert kill_again_and_again(site, vault, generator, kills - kills // 4) >= kills / 4
        for number in range(kills // 4):
            add_files(site.share, 500 + number)
            process = site.start("backup", "run", SCHOOL)
            time.sleep(generator.uniform(0.2, 1.5))
            stack.close()
            # it finds no store, or has finished; it must not hang, and may be killed while it waits
            threading.Timer(2.0, process.kill).start()
            process.wait()
            stack.enter_context(serve_s3(buckets, "school", like=store))
            nothing_half(vault)
        ends_well(site, vault)


def test_a_backup_killed_anywhere_ends_whole_in_a_bucket(make_site: Callable[..., Site], tmp_path: Path) -> None:
    killed_store_and_all(make_site, tmp_path, KILLS // 2)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_backup_killed_a_hundred_times_ends_whole_in_a_bucket(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    killed_store_and_all(make_site, tmp_path, MANY)


def test_what_is_sent_again_after_a_kill_is_no_more_than_was_in_flight(local_site: Site, tmp_path: Path) -> None:
    samples = [sample_share.Sample(f"R7/{n:04}.jpg", 2 * MIB, 1_700_000_000 + n) for n in range(200)]
    sample_share.write_samples(local_site.share, iter(samples), seed=5)
    packs = tmp_path / "vault" / "schools" / SCHOOL / "packs"
    process = local_site.start("backup", "run", SCHOOL)
    while len(list(packs.rglob("*.tar.zst"))) < 3 and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not seals(tmp_path / "vault", SCHOOL)
    stored = sum(pack.stat().st_size for pack in packs.rglob("*.tar.zst"))
    assert local_site.kdx("backup", "run", SCHOOL).returncode == 0
    [seal] = seals(tmp_path / "vault", SCHOOL)
    sent = int(values(seal, "stored")[0].split(" ")[1])
    # one pack of each worker may have been stored without its worker living to write it down
    in_flight = 2 * PACK
    assert sent <= 400 * MIB - stored + in_flight + 4 * MIB
    assert stored >= 3 * PACK * 0.9 and sent < 400 * MIB
    ends_well(local_site, tmp_path / "vault")


def start_reading(site: Site, *, mbit: int) -> "subprocess.Popen[str]":
    """Start a backup on a thin line, and return when a worker has done its first task."""
    process = site.start("backup", "run", SCHOOL, "--bandwidth", f"{mbit}Mbit")
    scratch = site.state / "backups"
    while not any(path.stat().st_size for path in scratch.glob("*/*.rows")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def add_photos(share: Path, files: int) -> int:
    """Put so many files of 50 KB into a share and return their bytes."""
    samples = [sample_share.Sample(f"R7/{n:04}.jpg", 50_000, 1_700_000_000 + n) for n in range(files)]
    sample_share.write_samples(share, iter(samples), seed=7)
    return files * 50_000


def test_a_run_that_is_asked_to_stop_seals_what_it_has_and_the_next_goes_on_from_there(
    local_site: Site, tmp_path: Path
) -> None:
    size = add_photos(local_site.share, 600)
    process = start_reading(local_site, mbit=80)
    # as systemd does it: every process of the run hears it
    os.killpg(process.pid, signal.SIGTERM)
    _out, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    [seal] = seals(tmp_path / "vault", SCHOOL)
    assert f"partial snapshot {seal.stem}" in told
    read, tree = read_snapshot(seal), tree_of(local_site.share)
    assert values(seal, "state") == ["partial"] and values(seal, "reason") == ["checkpoint"]
    assert not read.broken and 0 < len(read.files) < 600 and read.files.items() <= tree.files.items()
    assert int(values(seal, "waiting")[0]) == 600 - len(read.files)
    # the vault alone is enough to go on: what the machine remembers may be gone
    shutil.rmtree(local_site.state / "backups")
    ends_well(local_site, tmp_path / "vault")
    sent = [int(values(seal, "stored")[0].split(" ")[1]) for seal in seals(tmp_path / "vault", SCHOOL)]
    assert len(sent) == 2 and sum(sent) < size * 1.02


def test_a_second_wish_ends_a_run_at_once_without_a_seal(local_site: Site, tmp_path: Path) -> None:
    add_photos(local_site.share, 600)
    process = start_reading(local_site, mbit=80)
    workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert process.poll() is None
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert time.monotonic() - asked < 10 and not seals(tmp_path / "vault", SCHOOL)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    ends_well(local_site, tmp_path / "vault")
