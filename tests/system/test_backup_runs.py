"""Runs on real folders, read back by a reader that is not kdx: nothing lost, nothing stored twice, nothing half."""

import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sample_board import SCHOOL, write_board
from sample_share import IGNORED_NAMES, make_sample_share

from kdx import signing
from kdx.backup.format.vault import VaultForeign, VaultUnmade, open_vault
from kdx.backup.keeping.copy import copy_vault
from kdx.backup.keeping.status import snapshots_of, status_of
from kdx.backup.keeping.verify import Verified, verify_unit
from kdx.backup.saving.accept import NothingSuspect, accept
from kdx.backup.saving.begin import begin
from kdx.backup.saving.board import board_job
from kdx.backup.saving.job import Ran, VaultInside, open_jobs
from kdx.backup.saving.run import back_up, preview
from kdx.backup.saving.stop import Stop
from kdx.config import load_board
from kdx.config.location import parse_location
from kdx.config.model import Board
from kdx.errors import ExitCode
from kdx.remotes import Place
from kdx.state.events.saving import SnapshotSealed
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from tests.rigs.vault_reader import Read, check_pack, read_snapshot, seals, tree_of

MIB = 1 << 20


@dataclass
class World:
    """A school with one share, a vault, and a clock that moves when it is told."""

    root: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=12))
    sealed: list[SnapshotSealed] = field(default_factory=list)

    @property
    def share(self) -> Path:
        return self.root / "share"

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.root / "state")

    @property
    def keys(self) -> Path:
        return self.root / "board" / "keys"

    @property
    def board(self) -> Board:
        return load_board(self.root / "board")

    def clock(self) -> datetime:
        return self.now

    def run(self, **options: object) -> Ran:
        """Back up the share, one minute after the last time."""
        self.now += timedelta(minutes=1)
        [job] = open_jobs(self.board, self.state, self.board.school(SCHOOL).shares, self.keys)
        given: dict[str, object] = {"processes": 2, "record": self.sealed.append, **options}
        return back_up(job, self.clock, **given)  # type: ignore[arg-type]

    def verify(self, full: bool = True) -> Verified:
        board_key = signing.load_private_key(self.state.keys())
        keys = signing.load_public_keys(self.keys)
        return verify_unit(open_vault(self.board), SCHOOL, keys, full=full, board_key=board_key, now=self.now)

    def newest(self) -> Read:
        return read_snapshot(seals(self.vault, SCHOOL)[-1])

    def objects(self) -> set[str]:
        kinds = ("packs", "segments", "manifests")
        unit = self.vault / "schools" / SCHOOL
        return {str(path.relative_to(unit)) for kind in kinds for path in (unit / kind).rglob("*") if path.is_file()}

    def write(self, path: str, content: bytes, mtime: int = 1_700_000_000) -> None:
        target = self.share / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, (mtime, mtime))


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.share.mkdir()
    write_board(tmp_path / "board", {"共有": world.share})
    with (tmp_path / "board" / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"vault: {{url: {world.vault}}}\n")
    signing.create_board_key(world.state.keys(), world.keys, owner="board", now=world.now)
    begin(world.board, world.state, world.keys, "machine", world.now)
    return world


def noise(number: int, size: int) -> bytes:
    import hashlib

    return hashlib.shake_256(str(number).encode()).digest(size)


def same(read: Read, share: Path, ignored: tuple[str, ...] = ()) -> bool:
    """Whether a snapshot holds what lies in a folder, but for ignored names."""
    tree = tree_of(share)
    kept = {path: digest for path, digest in tree.files.items() if os.fsdecode(os.path.basename(path)) not in ignored}
    return (read.files, read.links, read.folders, read.broken) == (kept, tree.links, tree.folders, set())


def test_every_hard_name_link_folder_and_time_is_in_the_snapshot(world: World) -> None:
    make_sample_share(world.share)
    ran = world.run()
    assert (ran.exit_code, ran.seal.state, ran.alarms) == (ExitCode.DONE, "complete", ())
    read = world.newest()
    assert same(read, world.share, IGNORED_NAMES)
    for path, changed in read.times.items():
        facts = os.lstat(os.path.join(os.fsencode(world.share), path))
        assert changed == f"{facts.st_mtime_ns // 10**9}.{facts.st_mtime_ns % 10**9:09d}"
    assert sum(check_pack(pack) for pack in world.vault.rglob("*.tar.zst")) == len(
        {digest for path, digest in read.files.items() if os.lstat(os.path.join(os.fsencode(world.share), path)).st_size
         not in (0,) and os.lstat(os.path.join(os.fsencode(world.share), path)).st_size < 8 * MIB}
    )
    assert world.verify().findings == []


def test_a_night_without_changes_stores_no_object(world: World) -> None:
    make_sample_share(world.share)
    world.run()
    before = world.objects()
    for _night in range(3):
        assert world.run().seal.state == "complete"
    assert world.objects() == before
    assert same(world.newest(), world.share, IGNORED_NAMES)


def test_what_moved_is_not_stored_again_and_not_suspect(world: World) -> None:
    for number in range(300):
        world.write(f"令和7年度/{number:03}.txt", b"%d\n" % number)
    world.write("令和7年度/film.mp4", noise(1, 17 * MIB))
    world.run()
    before = {name for name in world.objects() if not name.startswith("manifests")}
    (world.share / "令和7年度").rename(world.share / "令和8年度")
    ran = world.run()
    assert (ran.seal.state, ran.seal.counts.gone, ran.seal.counts.new) == ("complete", 301, 301)
    assert {name for name in world.objects() if not name.startswith("manifests")} == before
    assert same(world.newest(), world.share)


def test_equal_content_is_stored_once_even_by_two_workers(world: World) -> None:
    for number in range(400):
        world.write(f"R{number % 8 + 1}/{number}.jpg", noise(number % 10, 20_000))
    world.run()
    stored = sum(path.stat().st_size for path in world.vault.rglob("*.tar.zst"))
    # two workers may meet over the same content once or twice; never over each of 400
    assert stored < 20_000 * 10 * 2
    assert same(world.newest(), world.share)


def test_of_a_changed_mail_store_only_changed_segments_are_stored(world: World) -> None:
    content = bytearray(noise(7, 26 * MIB))
    world.write("mail.pst", bytes(content))
    world.run()
    before = world.objects()
    content[9 * MIB] ^= 1
    content += b"appended"
    world.write("mail.pst", bytes(content), 1_700_000_060)
    world.run()
    assert len([name for name in world.objects() - before if name.startswith("segments")]) == 2
    assert same(world.newest(), world.share)


def test_packs_hold_one_fiscal_year_each(world: World) -> None:
    for number in range(60):
        world.write(f"教務/令和{number % 3 + 5}年度/{number}.txt", b"%d\n" % number)
    world.run(processes=1)
    assert len(list(world.vault.rglob("*.tar.zst"))) == 3


def test_an_empty_share_is_suspect_and_the_next_run_compares_with_the_good_one(world: World) -> None:
    for number in range(30):
        world.write(f"{number}.txt", b"%d" % number)
    world.run()
    (world.share).rename(world.root / "away")
    world.share.mkdir()
    ran = world.run()
    assert (ran.exit_code, ran.seal.state, ran.seal.reasons[0]) == (ExitCode.GATE, "suspect", "empty")
    world.share.rmdir()
    (world.root / "away").rename(world.share)
    before = world.objects()
    ran = world.run()
    assert (ran.seal.state, ran.seal.counts.new, ran.seal.counts.stored_objects) == ("complete", 0, 0)
    assert world.objects() == before


def test_a_person_can_accept_a_suspect_snapshot_once(world: World) -> None:
    for number in range(30):
        world.write(f"{number}.txt", b"%d" % number)
    world.run()
    for number in range(25):
        (world.share / f"{number}.txt").unlink()
    assert world.run().seal.state == "suspect"
    share = world.board.share(SCHOOL)
    accept(world.board, world.state, share, world.keys, world.now, reason="年度更新")
    with pytest.raises(NothingSuspect):
        accept(world.board, world.state, share, world.keys, world.now)
    ran = world.run()
    assert (ran.seal.state, ran.seal.compared) == ("complete", ran.seal.previous and ran.seal.previous.name)


def test_while_a_restore_is_under_way_nothing_is_suspect_and_nothing_counts(world: World) -> None:
    for number in range(30):
        world.write(f"{number}.txt", b"%d" % number)
    world.run()
    for number in range(25):
        (world.share / f"{number}.txt").unlink()
    ran = world.run(recovering=True)
    assert (ran.exit_code, ran.seal.state, ran.seal.reasons[0]) == (ExitCode.INCOMPLETE, "partial", "recovering")
    assert good_at(world) == world.now - timedelta(minutes=1)


def good_at(world: World) -> datetime | None:
    keys = signing.load_public_keys(world.keys)
    shares = world.board.school(SCHOOL).shares
    [status] = status_of(open_vault(world.board), shares, keys, world.board.backup, world.now)
    return status.standing.good_at


@pytest.fixture
def restless() -> Iterator[Callable[[Path], None]]:
    """Touch files without end, so that none of them can be read without changing."""
    end, threads = threading.Event(), []

    def begin(path: Path) -> None:
        def touch() -> None:
            time = 1_600_000_000_000_000_000
            while not end.is_set():
                time += 1_000_000
                os.utime(path, ns=(time, time))

        threads.append(threading.Thread(target=touch))
        threads[-1].start()

    yield begin
    end.set()
    for thread in threads:
        thread.join()


def test_a_file_that_changes_while_it_is_read_keeps_its_last_version(
    world: World, restless: Callable[[Path], None]
) -> None:
    world.write("quiet.txt", b"quiet")
    world.write("busy.pst", noise(3, 9 * MIB))
    world.run()
    first = world.newest().files[b"busy.pst"]
    world.write("busy.pst", noise(4, 9 * MIB), 1_700_000_100)
    restless(world.share / "busy.pst")
    ran = world.run()
    assert (ran.exit_code, ran.seal.state) == (ExitCode.INCOMPLETE, "partial")
    assert ran.unread == (("busy.pst", "changed"),)
    assert world.newest().files[b"busy.pst"] == first and not world.newest().broken
    # an earlier snapshot holds it, so the run counts, and the next one is compared with it
    assert good_at(world) == world.now
    assert world.run().seal.compared == ran.seal.name


def damage(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
@pytest.mark.parametrize("kind", ["packs", "segments", "manifests"])
def test_every_damaged_object_is_named_and_healed_by_the_next_run(world: World, how: str, kind: str) -> None:
    for number in range(40):
        world.write(f"R7/{number}.txt", b"%d\n" % number)
    world.write("film.mp4", noise(5, 20 * MIB))
    world.run()
    unit = world.vault / "schools" / SCHOOL
    victim = sorted((unit / kind).rglob("*/*"))[0]
    damage(victim, how)
    verified = world.verify()
    assert verified.exit_code == ExitCode.DIFFERENCE
    assert [finding.name for finding in verified.findings] == [str(victim.relative_to(unit))]
    assert verified.findings[0].what == ("missing" if how == "missing" else "damaged")
    assert world.run().seal.state == "complete"
    assert same(world.newest(), world.share)
    # what is damaged stays where it is, and nothing new relies on it
    assert how == "missing" or str(victim.relative_to(unit)) not in world.newest().objects


@pytest.mark.parametrize("how", ["flipped", "cut"])
@pytest.mark.parametrize("ending", [".seal", ".refs.gz"])
def test_a_damaged_seal_or_list_is_named_and_the_older_snapshot_still_counts(
    world: World, ending: str, how: str
) -> None:
    world.write("a.txt", b"a")
    world.run()
    world.write("b.txt", b"b")
    world.run()
    victim = seals(world.vault, SCHOOL)[-1].with_suffix("").with_suffix(ending)
    damage(victim, how)
    verified = world.verify(full=False)
    assert verified.exit_code == ExitCode.DIFFERENCE
    assert [Path(finding.name).name for finding in verified.findings] == [victim.name]
    ran = world.run()
    assert ran.seal.state == "complete"
    assert ran.exit_code == ExitCode.DIFFERENCE
    assert same(world.newest(), world.share)


def test_a_removed_seal_shows_in_the_ledger(world: World) -> None:
    world.write("a.txt", b"a")
    world.run()
    world.run()
    tail = world.sealed[-1].to_body()
    seals(world.vault, SCHOOL)[-1].unlink()
    ran = world.run(tail=lambda: tail)
    assert ran.exit_code == ExitCode.DIFFERENCE and "no longer shows" in str(ran.alarms[0])


def test_a_long_run_seals_checkpoints_and_a_killed_one_goes_on(world: World) -> None:
    for number in range(40):
        world.write(f"R{number % 4 + 4}/{number}.jpg", noise(number, 500_000))
    ran = world.run(checkpoint_bytes=5_000_000)
    states = [event.state for event in world.sealed]
    assert states[-1] == "complete" and set(states[:-1]) == {"partial"} and len(states) >= 3
    waiting = [event.waiting for event in world.sealed]
    assert waiting == sorted(waiting, reverse=True) and waiting[-1] == 0
    assert ran.seal.name.sequence == len(states)
    for seal in seals(world.vault, SCHOOL):
        assert not read_snapshot(seal).broken
    assert same(world.newest(), world.share)


def test_what_a_stuck_worker_holds_is_left_when_the_time_to_end_is_over(world: World) -> None:
    for number in range(600):
        world.write(f"R7/{number:03}.jpg", noise(number, 1000))
    stop = Stop(finish_seconds=3)

    def children() -> list[str]:
        return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()

    # servers of other tests may run beside the workers
    others = set(children())

    def freeze_one_and_ask() -> None:
        done = world.state.backup(f"{SCHOOL}-a8d79a09")
        while not any(path.stat().st_size for path in done.glob("*-0.rows")):
            time.sleep(0.02)
        while len(workers := [child for child in children() if child not in others]) > 2:
            time.sleep(0.02)
        os.kill(int(workers[1]), signal.SIGSTOP)
        stop.ask()

    asking = threading.Thread(target=freeze_one_and_ask)
    asking.start()
    ran = world.run(stop=stop, bandwidth=400_000)
    asking.join()
    assert ran.exit_code == ExitCode.INTERRUPTED and ran.seal.state == "partial"
    read = world.newest()
    assert not read.broken and 0 < len(read.files) < 600
    assert read.files.items() <= tree_of(world.share).files.items()
    assert ran.seal.counts.waiting == 600 - len(read.files)
    assert world.run().exit_code == ExitCode.DONE and same(world.newest(), world.share)


def test_a_checkpoint_of_an_encrypted_share_is_suspect_too(world: World) -> None:
    for number in range(300):
        world.write(f"{number:03}.doc", b"text %d " % number * 2000)
    world.run()
    for number in range(300):
        world.write(f"{number:03}.doc", noise(number, 14_000), 1_700_000_500)
    world.run(checkpoint_bytes=400_000)
    assert len(world.sealed) > 2 and {event.state for event in world.sealed[2:]} == {"suspect"}


def test_unchanged_files_are_read_again_in_rotation_and_a_silent_change_is_found(world: World) -> None:
    for number in range(200):
        world.write(f"{number:03}.txt", b"%03d" % number)
    (world.root / "board" / "kdx.yml").open("a", encoding="utf-8").write("backup: {reread_days: 4}\n")
    world.run()
    path = world.share / "123.txt"
    facts = path.stat()
    with path.open("r+b") as file:
        file.write(b"XXX")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    found = [world.run() for _night in range(4)]
    assert [silent for ran in found for silent in ran.silent] == ["123.txt"]
    rotations = [ran.seal.rotation for ran in found]
    assert [rotation.next for rotation in rotations if rotation] == [1024, 2048, 3072, 0]
    assert same(world.newest(), world.share)


def test_a_missing_marker_makes_a_snapshot_suspect(world: World) -> None:
    (world.root / "board" / "kdx.yml").open("a", encoding="utf-8").write("backup: {marker: .kdx-share}\n")
    world.write("a.txt", b"a")
    assert world.run().seal.reasons == ("marker",)
    world.write(".kdx-share", b"")
    assert [world.run().seal.state for _night in range(2)] == ["complete", "complete"]


def test_a_preview_reads_and_stores_nothing(world: World) -> None:
    world.write("a.txt", b"a")
    [job] = open_jobs(world.board, world.state, world.board.school(SCHOOL).shares, world.keys)
    assert preview(job, world.clock).new == 1
    assert world.objects() == set() and not seals(world.vault, SCHOOL)


def test_a_vault_of_another_board_or_format_is_refused(world: World) -> None:
    other = replace(world.board, name="別の教育委員会")
    with pytest.raises(VaultForeign) as caught:
        open_vault(other)
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    about = world.vault / "kdx-vault.json"
    about.write_text(about.read_text("utf-8").replace('"format": 1', '"format": 2'), "utf-8")
    with pytest.raises(VaultForeign):
        open_vault(world.board)


def test_a_copy_is_the_same_vault(world: World) -> None:
    make_sample_share(world.share)
    world.run()
    (world.root / "copy").mkdir()
    target = Place(parse_location(str(world.root / "copy")))
    assert copy_vault(open_vault(world.board), target).exit_code == ExitCode.DONE
    assert tree_of(world.root / "copy").files == tree_of(world.vault).files
    world.run()
    assert copy_vault(open_vault(world.board), target).files == 2
    shutil.rmtree(world.vault)
    (world.root / "copy").rename(world.vault)
    assert world.run().seal.name.sequence == 3


def test_the_boards_part_holds_inventory_ledger_and_no_secret(world: World) -> None:
    secret = world.root / "board" / "store.key"
    secret.write_text("not for the vault", "utf-8")
    kdx = world.root / "board" / "kdx.yml"
    target = "targets: {cloud: {url: 's3://b/x', access_key: 'env:A', secret_key: 'file:store.key'}}\n"
    kdx.write_text(kdx.read_text("utf-8") + target, "utf-8")
    with open_ledger(world.state, actor="t", request_id="r", clock=world.clock) as ledger:
        world.write("a.txt", b"a")
        world.run()
        ledger.append(world.sealed[0])
        job = board_job(world.board, world.state, world.root / "board", ledger)
        ran = back_up(job, world.clock, processes=1, record=ledger.append)
    assert ran.seal.state == "complete"
    [seal] = (world.vault / "board").glob("*.seal")
    read = read_snapshot(seal)
    assert {b"inventory/hosts.yml", b"inventory/kdx.yml", b"ledger.sqlite3"} <= read.files.keys()
    assert b"inventory/store.key" not in read.files
    staged = world.state.root / "backups" / "board.staged" / "ledger.sqlite3"
    with sqlite3.connect(staged) as copy:
        assert copy.execute("select count(*) from events").fetchone() == (1,)


def test_two_snapshots_of_one_predecessor_are_both_listed_and_told(world: World) -> None:
    world.write("a.txt", b"a")
    world.run()
    shutil.copytree(world.vault, world.root / "other")
    world.write("b.txt", b"b")
    world.run()
    # another machine ran at the same time: its seal names the same predecessor
    shutil.move(world.vault, world.root / "first")
    shutil.move(world.root / "other", world.vault)
    world.run()
    shutil.copytree(world.root / "first", world.vault, dirs_exist_ok=True)
    keys = signing.load_public_keys(world.keys)
    [found] = snapshots_of(open_vault(world.board), world.board.school(SCHOOL).shares, keys)
    assert len(found.stored) == 3 and len(found.forked) == 2 and not found.faults
    for seal in seals(world.vault, SCHOOL):
        assert not read_snapshot(seal).broken


def test_a_snapshot_dated_in_the_future_counts_no_longer_than_the_store_says(world: World) -> None:
    world.write("a.txt", b"a")
    real = datetime.now(UTC)
    world.now = real + timedelta(days=30)
    world.run()
    world.now = real + timedelta(hours=31)
    keys = signing.load_public_keys(world.keys)
    shares = world.board.school(SCHOOL).shares
    [status] = status_of(open_vault(world.board), shares, keys, world.board.backup, world.now)
    assert status.standing.is_broken and status.exit_code == ExitCode.DIFFERENCE
    assert "sealed at" in str(status.faults[0])
    ran = world.run()
    assert ran.exit_code == ExitCode.DIFFERENCE and ran.seal.name.sequence == 2


def test_a_vault_inside_the_share_is_refused(world: World) -> None:
    board = world.root / "board" / "kdx.yml"
    board.write_text(board.read_text("utf-8").replace(str(world.vault), str(world.share / "vault")), "utf-8")
    begin(world.board, world.state, world.keys, "machine", world.now)
    with pytest.raises(VaultInside) as caught:
        world.run()
    assert caught.value.exit_code == ExitCode.CONFIGURATION


def test_a_vault_that_is_unmounted_before_the_run_is_not_begun_anew(world: World) -> None:
    world.write("a.txt", b"a")
    [job] = open_jobs(world.board, world.state, world.board.school(SCHOOL).shares, world.keys)
    world.vault.rename(world.root / "unmounted")
    world.vault.mkdir()
    with pytest.raises(VaultUnmade):
        back_up(job, world.clock, processes=1, record=world.sealed.append)
    assert not list(world.vault.iterdir())
