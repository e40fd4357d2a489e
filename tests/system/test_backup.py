"""The installed program and a vault: what a technician and cron see, in a folder and in a bucket."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sample_share
from local_store import LocalStore
from sample_board import SCHOOL

from tests.conftest import PROGRAMS
from tests.rigs.fake_s3 import KEYS, Trouble, serve_fake
from tests.rigs.line import lay_line
from tests.rigs.vault_reader import read_snapshot, seals, tree_of, values
from tests.system.conftest import SHARE, Site, s3_client
from tests.system.test_backup_killed import with_vault
from tests.system.test_bad_input import as_a_person_without_rights, explains

pytestmark = pytest.mark.system

MIB = 1 << 20


@pytest.fixture
def site(make_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A site with some files whose vault is a folder."""
    site = with_vault(make_site(str(tmp_path / "target")), str(tmp_path / "vault"))
    sample_share.write_samples(site.share, sample_share.school_shaped(120, mean=4000), seed=3)
    return site


def rows(result: "subprocess.CompletedProcess[str]") -> list[dict[str, object]]:
    """The rows of a command's JSON."""
    found: list[dict[str, object]] = json.loads(result.stdout)["rows"]
    return found


def test_the_story_of_five_commands(site: Site, tmp_path: Path) -> None:
    ran = site.kdx("backup", "run", "--all", "--board", "--json")
    assert ran.returncode == 0, ran.stderr
    assert [row["state"] for row in rows(ran)] == ["complete", "complete"]
    status = site.kdx("backup", "status", "--json")
    assert status.returncode == 0 and rows(status)[0]["promise"] == "kept"
    listed = site.kdx("backup", "list", SCHOOL, "--json")
    assert [row["files"] for row in rows(listed)] == [120]
    assert site.kdx("backup", "verify", "--full").returncode == 0
    (tmp_path / "usb").mkdir()
    assert site.kdx("backup", "copy", "--to", str(tmp_path / "usb")).returncode == 0
    assert tree_of(tmp_path / "usb").files == tree_of(tmp_path / "vault").files


def test_a_vault_in_a_bucket_holds_the_same_as_one_in_a_folder(
    make_site: Callable[..., Site], store: LocalStore, tmp_path: Path
) -> None:
    site = make_site(str(tmp_path / "target"), store.keys())
    with_vault(site, f"s3://school/vault?endpoint={store.endpoint}&region=us-east-1")
    sample_share.make_sample_share(site.share)
    for expected in (True, False):
        ran = site.kdx("backup", "run", SCHOOL, "--json", "--bandwidth", "800Mbit")
        assert ran.returncode == 0, ran.stderr
        assert bool(rows(ran)[0]["new"]) is expected
    # fetched with another program; the vault is plain files
    copy = tmp_path / "fetched"
    for page in s3_client(store).get_paginator("list_objects_v2").paginate(Bucket="school", Prefix="vault/"):
        for item in page["Contents"]:
            target = copy / item["Key"].removeprefix("vault/")
            target.parent.mkdir(parents=True, exist_ok=True)
            s3_client(store).download_file("school", item["Key"], os.fspath(target))
    read, tree = read_snapshot(seals(copy, SCHOOL)[-1]), tree_of(site.share)
    assert read.files == {
        path: digest for path, digest in tree.files.items()
        if os.fsdecode(os.path.basename(path)) not in sample_share.IGNORED_NAMES
    }
    assert not read.broken and read.links == tree.links
    assert site.kdx("backup", "verify", "--full", SCHOOL).returncode == 0


def test_two_runs_of_one_school_at_once_one_waits_for_another_day(site: Site) -> None:
    processes = [site.start("backup", "run", SCHOOL) for _run in range(2)]
    codes = sorted(process.wait() for process in processes)
    assert codes in ([0, 11], [0, 0])


def test_two_machines_at_once_leave_two_valid_seals_and_the_fork_is_told(site: Site, tmp_path: Path) -> None:
    assert site.kdx("backup", "run", SCHOOL).returncode == 0
    shutil.copytree(tmp_path / "state", tmp_path / "other-state")
    (tmp_path / "other-state" / "keys" / "machine").unlink()
    other = Site(site.share, site.board, tmp_path / "other-state")
    assert other.kdx("backup", "init").returncode == 0
    for number in range(3):
        (site.share / f"new {number}.txt").write_text(str(number), "utf-8")
        runs = [threading.Thread(target=one.kdx, args=("backup", "run", SCHOOL)) for one in (site, other)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    found = seals(tmp_path / "vault", SCHOOL)
    assert len(found) == 7
    assert all(not read_snapshot(seal).broken for seal in found)
    previous = [values(seal, "previous")[0] for seal in found]
    listed = site.kdx("backup", "list", SCHOOL, "--json")
    assert listed.returncode in (0, 5)
    forked = [row for row in rows(listed) if "two runs at once" in str(row["remark"])]
    assert bool(forked) == (len(set(previous)) < len(previous))


def test_what_this_user_may_not_read_makes_the_run_partial_and_breaks_the_promise_later(
    site: Site, tmp_path: Path
) -> None:
    closed = site.share / "校長室"
    closed.mkdir()
    (closed / "内申.txt").write_text("x", "utf-8")
    assert site.kdx("backup", "run", SCHOOL).returncode == 0
    closed.chmod(0)
    ran = site.kdx("backup", "run", SCHOOL, prefix=as_a_person_without_rights())
    closed.chmod(0o700)
    explains(ran, 3, "校長室", "may not read")
    newest = seals(tmp_path / "vault", SCHOOL)[-1]
    assert values(newest, "state") == ["partial"] and values(newest, "reason") == ["denied 1"]
    # what an earlier snapshot holds of it stands
    assert "校長室/内申.txt".encode() in read_snapshot(newest).files


def test_no_vault_a_foreign_one_and_a_missing_one_are_told_apart(
    site: Site, make_site: Callable[..., Site], tmp_path: Path
) -> None:
    (tmp_path / "vault").rename(tmp_path / "away")
    explains(site.kdx("backup", "run", SCHOOL), 12, "vault")
    (tmp_path / "vault").mkdir()
    explains(site.kdx("backup", "run", SCHOOL), 10, "no vault", "kdx backup init")
    shutil.copy(tmp_path / "away" / "kdx-vault.json", tmp_path / "vault")
    about = tmp_path / "vault" / "kdx-vault.json"
    about.write_text(about.read_text("utf-8").replace("試験市", "別の市"), "utf-8")
    explains(site.kdx("backup", "run", SCHOOL), 10, "belongs to")


FULL_DISK = """
mount -t tmpfs -o size=2m none "$1"
"$2" backup init >&2 || exit 99
"$2" backup run "$3"; echo "first $?"
find "$1" -name "*.seal"
rm "$4"
"$2" backup run "$3" >&2; echo "second $?"
"""


def test_a_full_disk_is_told_and_nothing_half_is_left(site: Site, tmp_path: Path) -> None:
    small, film = tmp_path / "small", site.share / "film.jpg"
    small.mkdir()
    text = (site.board / "kdx.yml").read_text("utf-8").replace(str(tmp_path / "vault"), str(small / "vault"))
    (site.board / "kdx.yml").write_text(text, "utf-8")
    sample_share.write_samples(site.share, iter([sample_share.Sample(film.name, 6 * MIB, 1_700_000_000)]), seed=9)
    own_mounts = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--user", "--map-root-user")
    ran = subprocess.run(
        [*own_mounts, "sh", "-c", FULL_DISK, "sh", str(small), str(PROGRAMS / "kdx"), SCHOOL, str(film)],
        env=site.variables(), capture_output=True, encoding="utf-8", timeout=280,
    )
    assert ran.stdout.split("\n") == ["first 12", "second 0", ""], ran.stdout + ran.stderr
    assert "no space left" in ran.stderr and "Traceback" not in ran.stderr


def test_a_seal_of_another_share_an_unlisted_key_and_a_changed_byte_have_their_codes(
    site: Site, tmp_path: Path
) -> None:
    assert site.kdx("backup", "run", SCHOOL).returncode == 0
    [seal] = seals(tmp_path / "vault", SCHOOL)
    other = seal.parent.with_name("shiken_es-other")
    shutil.copytree(seal.parent, other)
    verified = site.kdx("backup", "verify", SCHOOL)
    assert verified.returncode == 5 and "another place" in verified.stdout
    shutil.rmtree(other)
    key = next((site.board / "keys").glob("machine-*.pub"))
    text = key.read_text("utf-8")
    key.unlink()
    explains(site.kdx("backup", "list", SCHOOL), 4, "not trusted")
    explains(site.kdx("backup", "run", SCHOOL), 4, "not trusted for snapshots", "inventory/keys")
    assert seals(tmp_path / "vault", SCHOOL) == [seal]
    key.write_text(text, "utf-8")
    original = seal.read_bytes()
    seal.chmod(0o644)
    seal.write_bytes(original.replace(b"state: complete", b"state: c0mplete"))
    explains(site.kdx("backup", "list", SCHOOL), 5, "signature does not fit")
    seal.write_bytes(original)
    assert site.kdx("backup", "list", SCHOOL).returncode == 0


def test_expired_keys_of_the_store_are_told(
    make_site: Callable[..., Site], store: LocalStore, tmp_path: Path
) -> None:
    site = make_site(str(tmp_path / "target"), store.keys())
    with_vault(site, f"s3://school/vault?endpoint={store.endpoint}&region=us-east-1")
    wrong = Site(site.share, site.board, site.state, {**store.keys(), "AWS_SECRET_ACCESS_KEY": "wrong"})
    explains(wrong.kdx("backup", "run", SCHOOL), 12, "refused")


@pytest.mark.long
def test_keys_that_expire_in_the_midst_of_a_run_are_told_and_cost_only_what_was_in_flight(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    with serve_fake("school") as fake:
        site = make_site(str(tmp_path / "target"), KEYS)
        with_vault(site, f"s3://school/vault?endpoint={fake.endpoint}&region=us-east-1")
        sample_share.write_samples(site.share, iter([sample_share.Sample("film.mp4", 40 * MIB, 1_700_000_000)]), seed=1)
        fake.troubles.append(Trouble("status", "PUT", "segments", times=99, after=2, status=400, code="ExpiredToken"))
        explains(site.kdx("backup", "run", SCHOOL), 12, "expired")
        kept = {name for name in fake.buckets["school"] if "/segments/" in name}
        assert len(kept) == 2 and not [name for name in fake.buckets["school"] if name.endswith(".seal")]
        fake.troubles.clear()
        before = len(fake.requests)
        assert site.kdx("backup", "run", SCHOOL).returncode == 0
        sent = [one.key for one in fake.requests[before:] if one.method == "PUT" and "/segments/" in one.key]
        assert len(sent) == 3 and kept.isdisjoint(sent)
        assert len([name for name in fake.buckets["school"] if name.endswith(".seal")]) == 1
        assert site.kdx("backup", "verify", "--full", SCHOOL).returncode == 0


def test_a_line_to_the_store_that_is_cut_in_the_midst_of_a_run_is_taken_up_again(
    make_site: Callable[..., Site], store: LocalStore, tmp_path: Path
) -> None:
    buckets = tmp_path / "buckets" / "school" / "vault"
    with lay_line(int(store.endpoint.rpartition(":")[2]), rate=20 * MIB) as line:
        site = make_site(str(tmp_path / "target"), store.keys())
        with_vault(site, f"s3://school/vault?endpoint=http://127.0.0.1:{line.port}&region=us-east-1")
        films = (sample_share.Sample(f"{n}.mp4", 24 * MIB, 1_700_000_000) for n in range(2))
        sample_share.write_samples(site.share, films, seed=2)
        running = site.start("backup", "run", SCHOOL)
        while not list(buckets.rglob("segments/*/*")):
            assert running.poll() is None, running.communicate()
            time.sleep(0.02)
        line.cut()
        _out, told = running.communicate(timeout=120)
        assert running.returncode == 0, told
    [seal] = seals(buckets, SCHOOL)
    read = read_snapshot(seal)
    assert values(seal, "state") == ["complete"] and not read.broken and read.files == tree_of(site.share).files


def test_the_promise_is_broken_without_any_backup(site: Site) -> None:
    status = site.kdx("backup", "status", "--json")
    assert status.returncode == 14
    assert rows(status)[0]["promise"] == "no backup" and rows(status)[0]["share"] == SHARE


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_sparse_file_of_five_gigabytes_costs_one_segment_and_comes_back_by_kdx_and_without_it(
    site: Site, checkout: Path, tmp_path: Path
) -> None:
    disk = site.share / "disk.vhd"
    with disk.open("wb") as file:
        file.truncate(5 << 30)
        file.seek((5 << 30) - 4)
        file.write(b"tail")
    assert site.kdx("backup", "run", SCHOOL).returncode == 0
    assert len(list((tmp_path / "vault").rglob("segments/*/*"))) == 2
    assert site.kdx("backup", "verify", "--full", SCHOOL).returncode == 0
    # 5 GiB are enough for a checkpoint on the way
    seal = seals(tmp_path / "vault", SCHOOL)[-1]
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    subprocess.run(["dash", checkout / "scripts/rescue", tmp_path / "vault", seal, tmp_path / "rescued"], check=True)
    for back in (tmp_path / "back", tmp_path / "rescued"):
        assert (back / "disk.vhd").stat().st_size == 5 << 30
        assert subprocess.run(["cmp", disk, back / "disk.vhd"]).returncode == 0
