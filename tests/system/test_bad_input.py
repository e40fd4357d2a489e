"""What goes wrong in a school: each gets one sentence, what to do, the documented exit code, and loses nothing."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sample_share
from local_store import LocalStore, serve_s3
from sample_board import SCHOOL, SCHOOL_NAME

from tests.rigs.fake_s3 import KEYS, Trouble, serve_fake
from tests.system.conftest import SHARE, Site, download

pytestmark = pytest.mark.system

MIB = 1 << 20
Result = "subprocess.CompletedProcess[str]"
Tree = Callable[[Path], dict[bytes, str]]


def fill(share: Path, count: int = 30) -> None:
    """Put some ordinary files into a share."""
    sample_share.write_samples(share, sample_share.school_shaped(count, mean=4000), seed=3)


def explains(result: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    """Assert the exit code, that the message holds these words, and that nobody was shown a stack of calls."""
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    for word in words:
        assert word in said, said
    assert "Traceback" not in said
    assert len(result.stderr.strip().splitlines()) >= 2 or code == 3, "a sentence without advice: " + said


# --- the source ---------------------------------------------------------------------------------------------------


def as_a_person_without_rights() -> tuple[str, ...]:
    """Return what to run a command under so that file modes count, even where root runs the tests."""
    if os.geteuid() != 0:
        return ()
    rights = "-dac_override,-dac_read_search"
    return ("setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("report", "-o", "there/report.xlsx"), 2, "there/report.xlsx cannot be written: Permission denied"),
        (("inventory", "list", "-o", "there/a.xlsx"), 2, "there/a.xlsx cannot be written: Permission denied"),
        (("report", "-o", "there"), 12, "Permission denied: report.html"),
    ],
)
def test_a_folder_that_takes_no_file_is_said_in_a_sentence(
    folder_site: Site, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "there").mkdir(mode=0o555)
    placed = [str(tmp_path / word) if word.startswith("there") else word for word in words]
    explains(folder_site.kdx("--lang", "en", *placed, prefix=as_a_person_without_rights()), code, said)
    assert list((tmp_path / "there").iterdir()) == []


def test_an_unreadable_folder_is_listed_and_the_rest_arrives(folder_site: Site, tmp_path: Path, tree: Tree) -> None:
    fill(folder_site.share)
    everything_else = tree(folder_site.share)
    closed = folder_site.share / "校長室"
    closed.mkdir()
    (closed / "内申.txt").write_text("x")
    closed.chmod(0)
    prefix = as_a_person_without_rights()
    result = folder_site.kdx("migrate", "run", SCHOOL, prefix=prefix)
    explains(result, 3, "校長室", "denied")
    closed.chmod(0o700)
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == everything_else


@contextmanager
def busy(change: Callable[[int], None]) -> Iterator[None]:
    """Let somebody work on a file, without a pause, for the length of the block."""
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            change(number)
            number += 1
            time.sleep(0.002)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def test_a_file_that_grows_while_it_is_read_is_reported_and_never_sent_half(
    s3_site: Site, store: LocalStore, tmp_path: Path, tree: Tree
) -> None:
    fill(s3_site.share)
    quiet = tree(s3_site.share)
    growing = s3_site.share / "録画中.mp4"
    growing.write_bytes(bytes(40 * MIB))

    def grow(_number: int) -> None:
        with growing.open("ab") as file:
            file.write(b"more")

    with busy(grow):
        result = s3_site.kdx("migrate", "run", SCHOOL)
    explains(result, 3, "録画中.mp4", "changed")
    assert tree(download(store, tmp_path / "copy") / SHARE) == quiet
    assert s3_site.kdx("migrate", "run", SCHOOL).returncode == 0
    assert tree(download(store, tmp_path / "copy") / SHARE) == tree(s3_site.share)


def test_a_file_that_is_rewritten_in_place_is_reported_and_never_sent_mixed(
    s3_site: Site, store: LocalStore, tmp_path: Path
) -> None:
    rewritten = s3_site.share / "名簿.mdb"
    rewritten.write_bytes(bytes(40 * MIB))

    def rewrite(number: int) -> None:
        with rewritten.open("r+b") as file:
            file.seek(number % 40 * MIB)
            file.write(number.to_bytes(8, "big"))

    with busy(rewrite):
        result = s3_site.kdx("migrate", "run", SCHOOL)
    explains(result, 3, "名簿.mdb", "changed")
    assert not list(download(store, tmp_path).glob(f"{SHARE}/*"))


def test_files_that_come_and_go_are_never_taken_for_arrived(
    s3_site: Site, store: LocalStore, tmp_path: Path, tree: Tree
) -> None:
    fill(s3_site.share, 400)
    quiet = tree(s3_site.share)

    def come_and_go(number: int) -> None:
        path = s3_site.share / f"zz_{number % 50}.tmp"
        if path.exists():
            path.unlink()
        else:
            path.write_text("here for a moment")

    with busy(come_and_go):
        result = s3_site.kdx("migrate", "run", SCHOOL)
    assert result.returncode in (0, 3), result.stderr
    arrived = tree(download(store, tmp_path / "copy") / SHARE)
    assert {path: digest for path, digest in arrived.items() if not path.startswith(b"zz_")} == quiet


def test_an_emptied_share_stops_the_run_before_anything_is_touched(
    folder_site: Site, tmp_path: Path, tree: Tree
) -> None:
    fill(folder_site.share)
    assert folder_site.kdx("migrate", "run", SCHOOL).returncode == 0
    before = tree(tmp_path / "target")
    for item in folder_site.share.iterdir():
        shutil.rmtree(item)
    for words in (("inventory", "scan", SCHOOL), ("migrate", "run", SCHOOL), ("migrate", "plan", SCHOOL)):
        explains(folder_site.kdx(*words), 4, "mounted")
    assert tree(tmp_path / "target") == before


def test_a_half_mounted_share_stops_the_run(folder_site: Site) -> None:
    fill(folder_site.share, 200)
    assert folder_site.kdx("inventory", "scan", SCHOOL).returncode == 0
    for year in sorted(folder_site.share.iterdir())[1:]:
        shutil.rmtree(year)
    explains(folder_site.kdx("inventory", "scan", SCHOOL), 4, "mounted")


def test_a_share_that_is_a_file_is_refused(folder_site: Site) -> None:
    folder_site.share.rmdir()
    folder_site.share.write_text("not a folder")
    explains(folder_site.kdx("inventory", "scan", SCHOOL), 12, str(folder_site.share))


def test_a_share_that_is_not_there_is_refused(folder_site: Site) -> None:
    folder_site.share.rmdir()
    explains(folder_site.kdx("migrate", "run", SCHOOL), 12, str(folder_site.share))


def test_hostile_names_are_shown_escaped_and_run_nothing(folder_site: Site, tmp_path: Path, tree: Tree) -> None:
    sample_share.make_sample_share(folder_site.share)
    site = replace(folder_site, environment={"HOME": str(tmp_path)})
    for words in (
        ("inventory", "scan", SCHOOL),
        ("inventory", "export", SCHOOL),
        ("inventory", "duplicates", SCHOOL),
        ("migrate", "plan", SCHOOL, "--list"),
        ("migrate", "run", SCHOOL),
        ("migrate", "verify", SCHOOL),
    ):
        result = site.kdx(*words)
        assert result.returncode == 0, (words, result.stderr)
        assert "\x1b" not in result.stdout + result.stderr
        assert "\u202e" not in result.stdout + result.stderr
    ignored = {os.fsencode(f"R6/01_教務/{name}") for name in sample_share.IGNORED_NAMES}
    everything = {path: digest for path, digest in tree(site.share).items() if path not in ignored}
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == everything
    assert not [path for path in (Path.cwd(), tmp_path, site.share) if (path / "x").exists() or (path / "y").exists()]


# --- the target ---------------------------------------------------------------------------------------------------


def test_a_bucket_that_does_not_exist_is_said_so(make_site: Callable[..., Site], store: LocalStore) -> None:
    site = make_site(f"s3://schol/moved?endpoint={store.endpoint}&region=us-east-1", store.keys())
    fill(site.share)
    explains(site.kdx("migrate", "run", SCHOOL), 12, "schol")


def test_wrong_keys_are_said_so(make_site: Callable[..., Site], store: LocalStore) -> None:
    wrong = {**store.keys(), "AWS_SECRET_ACCESS_KEY": "0" * 40}
    site = make_site(f"s3://school/moved?endpoint={store.endpoint}&region=us-east-1", wrong)
    fill(site.share)
    result = site.kdx("migrate", "run", SCHOOL)
    explains(result, 12, "keys")
    assert "0" * 40 not in result.stdout + result.stderr


def test_a_clock_that_is_an_hour_off_is_named(make_site: Callable[..., Site]) -> None:
    with serve_fake("school") as store:
        store.clock_off = timedelta(hours=1)
        store.troubles.append(Trouble("skew", times=1000))
        site = make_site(f"s3://school/moved?endpoint={store.endpoint}&region=us-east-1", KEYS)
        fill(site.share)
        explains(site.kdx("migrate", "run", SCHOOL), 12, "clock")
        assert not store.buckets["school"]


def run_until_something_arrived(site: Site, buckets: Path) -> "subprocess.Popen[str]":
    """Start a run over enough files to be interrupted, and return it while it is at work."""
    sample_share.write_samples(site.share, sample_share.school_shaped(1500, mean=60_000), seed=5)
    running = site.start("migrate", "run", SCHOOL)
    while not any(buckets.rglob("*.jpg")):
        assert running.poll() is None, "the run ended before anything arrived"
        time.sleep(0.02)
    return running


def test_an_endpoint_that_is_away_for_a_moment_is_waited_for(
    make_site: Callable[..., Site], tmp_path: Path, tree: Tree
) -> None:
    buckets = tmp_path / "buckets"
    with serve_s3(buckets, "school") as store:
        site = make_site(f"s3://school/moved?endpoint={store.endpoint}&region=us-east-1", store.keys())
        running = run_until_something_arrived(site, buckets)
    time.sleep(5)
    with serve_s3(buckets, "school", like=store) as store:
        assert running.wait() == 0, running.stderr.read() if running.stderr else ""
        assert site.kdx("migrate", "verify", SCHOOL).returncode == 0
        assert tree(download(store, tmp_path / "copy") / SHARE) == tree(site.share)


@pytest.mark.long
def test_an_endpoint_that_stays_away_costs_one_more_run(
    make_site: Callable[..., Site], tmp_path: Path, tree: Tree
) -> None:
    buckets = tmp_path / "buckets"
    with serve_s3(buckets, "school") as store:
        site = make_site(f"s3://school/moved?endpoint={store.endpoint}&region=us-east-1", store.keys())
        running = run_until_something_arrived(site, buckets)
    assert running.wait() == 12
    with serve_s3(buckets, "school", like=store) as store:
        again = site.kdx("migrate", "run", SCHOOL)
        assert again.returncode == 0, again.stderr
        assert tree(download(store, tmp_path / "copy") / SHARE) == tree(site.share)


@pytest.mark.long
def test_an_endpoint_that_is_not_there_is_said_so(make_site: Callable[..., Site], store: LocalStore) -> None:
    site = make_site("s3://school/moved?endpoint=http://127.0.0.1:9&region=us-east-1", store.keys())
    fill(site.share)
    explains(site.kdx("migrate", "run", SCHOOL), 12, "does not answer", "127.0.0.1:9")


# --- this machine -------------------------------------------------------------------------------------------------


def test_a_full_disk_at_the_state_folder_is_said_so_and_costs_nothing(
    folder_site: Site, tmp_path: Path, tree: Tree
) -> None:
    sample_share.write_samples(folder_site.share, sample_share.tiny(5_000), seed=6)
    small = tmp_path / "small"
    small.mkdir()
    site = replace(folder_site, state=small)
    # a disk of its own that is full after 300 kB, seen by this one process only
    full = "mount -t tmpfs -o size=300k none \"$1\" && shift && exec \"$@\""
    own_mounts = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--user", "--map-root-user")
    result = site.kdx("inventory", "scan", SCHOOL, prefix=(*own_mounts, "sh", "-c", full, "sh", str(small)))
    explains(result, 12, "no space left", str(small))
    source = tree(folder_site.share)
    assert len(source) == 5_000
    assert folder_site.kdx("migrate", "run", SCHOOL).returncode == 0
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == source


def test_of_two_runs_at_once_one_steps_back(s3_site: Site, store: LocalStore, tmp_path: Path, tree: Tree) -> None:
    sample_share.write_samples(s3_site.share, sample_share.school_shaped(1500, mean=40_000), seed=7)
    both = [s3_site.start("migrate", "run", SCHOOL) for _ in range(2)]
    said = {process.wait(): (process.stderr.read() if process.stderr else "") for process in both}
    assert set(said) == {0, 11}
    winner = next(process for process in both if process.returncode == 0)
    assert str(winner.pid) in said[11]
    assert tree(download(store, tmp_path / "copy") / SHARE) == tree(s3_site.share)


# --- what was written ---------------------------------------------------------------------------------------------


def test_a_school_that_does_not_exist_is_offered_its_neighbour(folder_site: Site) -> None:
    explains(folder_site.kdx("migrate", "run", "shiken_ed"), 2, "shiken_ed", SCHOOL)
    assert folder_site.kdx("inventory", "show", SCHOOL_NAME[-4:]).returncode == 0


def test_everything_wrong_in_the_configuration_is_said_at_once(folder_site: Site) -> None:
    hosts = folder_site.board / "hosts.yml"
    hosts.write_text(hosts.read_text("utf-8").replace("school_name:", "school_nmae:"), "utf-8")
    settings = folder_site.board / "kdx.yml"
    settings.write_text(settings.read_text("utf-8") + "tragets: {}\ntime_zone: Asia/Tokio\n", "utf-8")
    result = folder_site.kdx("inventory", "check")
    explains(result, 10, "school_name", "targets", "Asia/Tokyo", "hosts.yml", "kdx.yml")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("board: 試験市\n\tlanguage: ja\n", "tab"),
        ("board: 試験市\nboard: 別の市\n", "board"),
        ("board: [試験市\n", "kdx.yml"),
        ("", "kdx.yml"),
    ],
)
def test_yaml_that_cannot_be_meant_is_refused(folder_site: Site, text: str, word: str) -> None:
    (folder_site.board / "kdx.yml").write_text(text, "utf-8")
    explains(folder_site.kdx("inventory", "list"), 10, word)
