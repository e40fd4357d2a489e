"""Folders and mounted shares: what only a file system can do to whoever reads or writes it."""

import errno
import hashlib
import multiprocessing
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.errors import DiskFull, KdxError
from kdx.remotes import Place
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Metadata,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    Remote,
    SkipReason,
)
from kdx.remotes.local import CHUNK
from kdx.remotes.local.entries import owner_name
from kdx.remotes.local.faults import reading_failed, root_failed, writing_failed

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "share"
    path.mkdir()
    return path


@pytest.fixture
def remote(root: Path) -> Iterator[Remote]:
    remote = Place(parse_location(str(root))).open()
    yield remote
    remote.close()


@pytest.fixture
def only_named_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the kernel answer as it does on file systems where every file has a name (CIFS, NFS, FAT)."""
    monkeypatch.setattr("kdx.remotes.local.writer._CREATE_NAMELESS", os.O_WRONLY)


def shown(remote: Remote) -> dict[str, tuple[str, str | None]]:
    return {entry.path: (entry.kind, entry.skip) for entry in remote.walk()}


def as_nobody(work: Callable[[], None]) -> None:
    """Run `work` in a process without rights; its assertions count."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_links_are_seen_and_never_followed(root: Path, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    (root / "loop").symlink_to(".")
    (root / "out").symlink_to(tmp_path)
    (root / "file").symlink_to(tmp_path / "secret")
    (root / "broken").symlink_to(b"\xff nowhere")
    assert shown(remote) == {name: ("link", None) for name in ("loop", "out", "file", "broken")}
    assert os.fsencode(remote.stat("broken").link) == b"\xff nowhere"
    for path in ("file", "out/secret", "loop/file"):
        with pytest.raises((NotFound, ReadFailed)):
            remote.digest(path)
        with pytest.raises((NotFound, ReadFailed)):
            list(remote.read(path))


def test_a_folder_that_became_a_link_after_it_was_listed_leads_nowhere(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_text("not yours")
    (root / "folder").mkdir()
    (root / "folder/file").write_text("ours")
    remote = Place(parse_location(str(root))).open()
    walk = remote.walk()
    assert next(walk).path == "folder"
    remote.close()
    (root / "folder").rename(tmp_path / "elsewhere")
    (root / "folder").symlink_to(tmp_path / "secret")
    with pytest.raises(NotFound):
        remote.digest("folder/file")
    with pytest.raises(NotFound):
        list(remote.list("folder"))


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (root / "a").write_text("x")
    (tmp_path / "door").symlink_to(root)
    assert list(shown(Place(parse_location(str(tmp_path / "door"))).open())) == ["a"]


def test_pipes_sockets_and_devices_are_seen_and_never_opened(root: Path, remote: Remote) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        assert shown(remote) == {"pipe": ("other", "special"), "socket": ("other", "special")}
    for name in ("pipe", "socket"):
        with pytest.raises(ReadFailed):
            remote.digest(name)
        with pytest.raises(ReadFailed):
            list(remote.read(name))


def test_what_may_not_be_read_is_an_entry_that_says_so(root: Path, remote: Remote) -> None:
    for name in ("closed", "names only", "open"):
        (root / name).mkdir()
        (root / name / "file").write_text("x")
    (root / "open/private").write_text("x")
    (root / "open/private").chmod(0o600)
    (root / "closed").chmod(0)
    (root / "names only").chmod(0o744)
    root.chmod(0o755)
    root.parent.chmod(0o755)

    def look() -> None:
        mine = Place(parse_location(str(root))).open()
        assert shown(mine) == {
            "closed": ("directory", "denied"),
            "names only": ("directory", None),
            "names only/file": ("file", "denied"),
            "open": ("directory", None),
            "open/file": ("file", None),
            "open/private": ("file", None),
        }
        for ask in (mine.digest, lambda path: list(mine.read(path))):
            with pytest.raises(ReadFailed) as raised:
                ask("open/private")
            assert raised.value.reason == SkipReason.DENIED
        assert mine.digest("open/file").sha256 == hashlib.sha256(b"x").digest()
        with pytest.raises(PlaceRefused):
            list(Place(parse_location(str(root / "closed"))).open().list())
        with pytest.raises(PlaceRefused):
            mine.write("new", [b"x"], 1, Metadata(0), Expected.ABSENT)

    for folder in (root.parent, *root.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    as_nobody(look)


@pytest.mark.parametrize("what", ["missing", "file"])
def test_a_root_that_is_no_folder_is_named(what: str, tmp_path: Path) -> None:
    if what == "file":
        (tmp_path / what).write_text("x")
    remote = Place(parse_location(str(tmp_path / what))).open()
    for ask in (
        lambda: list(remote.walk()),
        lambda: list(remote.list()),
        lambda: remote.stat("a"),
        lambda: remote.digest("a"),
        lambda: remote.write("a", [b""], 0, Metadata(0), Expected.ANY),
        lambda: remote.make_directory("a"),
    ):
        with pytest.raises(PlaceMissing, match=what):
            ask()
    assert list(tmp_path.iterdir()) in ([], [tmp_path / what])


def test_a_share_that_is_unmounted_on_the_way_is_no_empty_share(root: Path, remote: Remote) -> None:
    for number in range(3):
        (root / f"{number}").mkdir()
        (root / f"{number}/file").write_text("x")
    walk = remote.walk()
    next(walk)
    root.rename(root.with_name("gone"))
    with pytest.raises(PlaceMissing):
        list(walk)


def test_every_name_linux_can_hold_is_listed_in_the_order_of_its_bytes(root: Path, remote: Remote) -> None:
    every = [bytes([byte]) for byte in range(1, 256) if byte not in b"/."]
    names = [*every, "年度".encode("cp932"), "長".encode() * 85, b"\xf0\x9f\x90\xb6", b"\xed\xb2\x80", b"\xef\xbd\xa1"]
    for name in names:
        with open(os.path.join(os.fsencode(root), name), "wb") as file:
            file.write(name)
    listed = [os.fsencode(entry.path) for entry in remote.list()]
    assert listed == sorted(names)
    for entry in remote.list():
        assert remote.digest(entry.path).sha256 == hashlib.sha256(os.fsencode(entry.path)).digest()


def test_entries_tell_size_time_mode_and_owner(root: Path, remote: Remote) -> None:
    (root / "a").write_bytes(b"12345")
    os.utime(root / "a", ns=(0, 1_500_000_000_123_456_789))
    (root / "a").chmod(0o640)
    (entry,) = remote.list()
    facts = (root / "a").stat()
    assert (entry.size, entry.mtime_ns, entry.mode, entry.file_id) == (5, facts.st_mtime_ns, 0o640, str(facts.st_ino))
    assert entry.owner == pwd.getpwuid(facts.st_uid).pw_name
    assert remote.digest("a") == remote.stat("a")._replace(sha256=hashlib.sha256(b"12345").digest())
    assert owner_name(3_999_999) == "3999999"


def test_reading_leaves_the_time_of_access_as_it_was(root: Path, remote: Remote) -> None:
    (root / "a").write_bytes(b"x")
    os.utime(root / "a", ns=(1, 1))
    remote.digest("a")
    list(remote.read("a"))
    assert (root / "a").stat().st_atime_ns == 1


@pytest.mark.parametrize("how", ["grow", "rewrite", "rewrite and put the time back", "truncate", "touch"])
def test_a_file_that_changes_while_it_is_read_is_never_taken_for_whole(how: str, root: Path, remote: Remote) -> None:
    path = root / "busy.bin"
    path.write_bytes(b"a" * (3 * CHUNK))

    def change() -> None:
        if how == "grow":
            with path.open("ab") as file:
                file.write(b"b")
        elif how == "truncate":
            os.truncate(path, CHUNK)
        elif how == "touch":
            os.utime(path)
        else:
            facts = path.stat()
            with path.open("r+b") as file:
                file.write(b"b")
            if "back" in how:
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    chunks = remote.read("busy.bin")
    got = next(chunks)
    change()
    with pytest.raises(ReadFailed) as raised:
        for chunk in chunks:
            got += chunk
    assert raised.value.reason == SkipReason.CHANGED
    assert len(got) < 3 * CHUNK


def test_a_file_that_never_rests_is_reported_as_changed_and_one_that_rests_again_is_hashed(
    root: Path, remote: Remote
) -> None:
    path = root / "log.bin"
    # large enough that, on a busy machine too, the writer has its turn while it is read
    path.touch()
    os.truncate(path, 128 * CHUNK)
    stop = threading.Event()

    def write_on() -> None:
        with path.open("r+b", buffering=0) as file:
            while not stop.is_set():
                file.seek(0)
                file.write(os.urandom(16))

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        with pytest.raises(ReadFailed) as raised:
            remote.digest("log.bin")
        assert raised.value.reason == SkipReason.CHANGED
    finally:
        stop.set()
        writer.join()
    assert remote.digest("log.bin").sha256 == hashlib.sha256(path.read_bytes()).digest()


def test_a_file_put_in_the_place_of_another_is_the_new_one(root: Path, remote: Remote) -> None:
    (root / "f").mkdir()
    (root / "f/a").write_text("old")
    remote.digest("f/a")
    (root / "f").rename(root / "g")
    (root / "f").mkdir()
    (root / "f/b").write_text("new")
    assert remote.digest("f/b").sha256 == hashlib.sha256(b"new").digest()


def test_nothing_is_written_through_a_link(root: Path, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "door").symlink_to(tmp_path / "outside")
    (root / "target").symlink_to(tmp_path / "outside/new")
    for expected in Expected:
        with pytest.raises(Conflict):
            remote.write("door/file", [b"x"], 1, Metadata(0), expected)
    with pytest.raises(Conflict):
        remote.write("target", [b"x"], 1, Metadata(0), Expected.ABSENT)
    with pytest.raises(Conflict):
        remote.make_directory("door/folder")
    with pytest.raises(Conflict):
        remote.make_link("door/link", "x", Expected.ANY)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_file_where_a_folder_must_be_is_a_conflict(root: Path, remote: Remote) -> None:
    (root / "a").write_text("x")
    (root / "folder").mkdir()
    with pytest.raises(Conflict):
        remote.write("a/b", [b"x"], 1, Metadata(0), Expected.ABSENT)
    for expected in Expected:
        with pytest.raises(Conflict):
            remote.write("folder", [b"x"], 1, Metadata(0), expected)
    assert shown(remote) == {"a": ("file", None), "folder": ("directory", None)}


def test_only_one_of_many_writers_wins_an_absent_name(root: Path) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        mine = Place(parse_location(str(root))).open()
        try:
            mine.write("one", [b"%d" % number * 1000], 1000 * len(str(number)), Metadata(0), Expected.ABSENT)
            outcomes.append("written")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["written"]
    assert len((root / "one").read_bytes()) == 1000


def test_a_target_without_room_says_so_and_keeps_nothing(remote: Remote, root: Path) -> None:
    """A limit of the file size stands in for a full disk where none can be mounted: the same call fails."""

    def write() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        with pytest.raises(KdxError):
            remote.write("large", [b"x" * (2 << 20)], 2 << 20, Metadata(0), Expected.ABSENT)
        assert list(root.iterdir()) == []

    process = multiprocessing.get_context("fork").Process(target=write)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize(
    ("number", "reading", "root_error", "writing"),
    [
        (errno.ENOENT, NotFound, PlaceMissing, PlaceSilent),
        (errno.ENOTDIR, NotFound, PlaceMissing, Conflict),
        (errno.EACCES, SkipReason.DENIED, PlaceRefused, PlaceRefused),
        (errno.EPERM, SkipReason.DENIED, PlaceRefused, PlaceRefused),
        (errno.EBUSY, SkipReason.LOCKED, PlaceSilent, PlaceSilent),
        (errno.ETXTBSY, SkipReason.LOCKED, PlaceSilent, PlaceSilent),
        (errno.ESTALE, SkipReason.VANISHED, PlaceSilent, PlaceSilent),
        (errno.ELOOP, SkipReason.CHANGED, PlaceSilent, Conflict),
        (errno.EIO, SkipReason.FAULTY, PlaceSilent, PlaceSilent),
        (errno.EHOSTDOWN, PlaceSilent, PlaceSilent, PlaceSilent),
        (errno.ENOSPC, SkipReason.FAULTY, PlaceSilent, DiskFull),
        (errno.EDQUOT, SkipReason.FAULTY, PlaceSilent, DiskFull),
        (errno.EROFS, SkipReason.FAULTY, PlaceRefused, PlaceRefused),
    ],
)
def test_every_errno_has_one_meaning(
    number: int, reading: object, root_error: type[KdxError], writing: type[KdxError]
) -> None:
    location = parse_location("/srv/share")
    error = OSError(number, os.strerror(number))
    read = reading_failed(error, "a", location)
    assert (read.reason if isinstance(read, ReadFailed) else type(read)) == reading
    assert type(root_failed(error, location)) is root_error
    assert type(writing_failed(error, "a", location)) is writing


WRITE_UNTIL_KILLED = """
import os, sys, time
from kdx.config.location import parse_location
from kdx.remotes import Place
from kdx.remotes.interface import Expected, Metadata

def slowly():
    while True:
        yield b"x" * 65536
        print("going", flush=True)
        time.sleep(0.01)

if len(sys.argv) > 2:
    import kdx.remotes.local.writer

    kdx.remotes.local.writer._CREATE_NAMELESS = os.O_WRONLY
Place(parse_location(sys.argv[1])).open().write("a/file.bin", slowly(), 1 << 40, Metadata(0), Expected.ABSENT)
"""


def kill_a_writer(root: Path, *more: str) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITE_UNTIL_KILLED, str(root), *more], stdout=subprocess.PIPE)
    assert writer.stdout and writer.stdout.readline() == b"going\n"
    writer.kill()
    writer.wait()
    writer.stdout.close()


def test_a_killed_writer_leaves_nothing(root: Path) -> None:
    kill_a_writer(root)
    assert list((root / "a").iterdir()) == []


def test_where_every_file_has_a_name_a_killed_writer_leaves_nothing_listed_and_its_rest_goes_when_it_is_a_day_old(
    root: Path, remote: Remote, only_named_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_a_writer(root, "only named files")
    (left,) = (root / "a").iterdir()
    assert shown(remote) == {"a": ("directory", None)}
    (root / "a/.kdx-notes.part").write_text("somebody's own")

    remote.write("a/file.bin", [b"whole"], 5, Metadata(0), Expected.ABSENT)
    assert left.exists(), "a young part may belong to a writer that lives"
    time.sleep(0.05)
    monkeypatch.setattr("kdx.remotes.local.writer.PART_KEPT_NS", 1_000_000)
    Place(parse_location(str(root))).open().write("a/other.bin", [b"whole"], 5, Metadata(0), Expected.ABSENT)
    assert sorted(path.name for path in (root / "a").iterdir()) == [".kdx-notes.part", "file.bin", "other.bin"]


@pytest.mark.parametrize("renameat2", ["works", "missing"])
def test_where_hard_links_are_missing_nothing_is_replaced_either(
    renameat2: str, root: Path, remote: Remote, only_named_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EPERM, "no links on this file system")

    monkeypatch.setattr("os.link", refuse)
    if renameat2 == "missing":
        monkeypatch.setattr("kdx.remotes.local.writer._RENAME_NOREPLACE", 1 << 20)
    remote.write("new", [b"ours"], 4, Metadata(0), Expected.ABSENT)
    (root / "theirs").write_text("theirs")
    with pytest.raises(Conflict):
        remote.write("theirs", [b"ours"], 4, Metadata(0), Expected.ABSENT)
    assert (root / "theirs").read_text() == "theirs"
    assert sorted(path.name for path in root.iterdir()) == ["new", "theirs"]


def test_the_access_list_of_a_folder_reads_as_getfacl_writes_it(root: Path, remote: Remote) -> None:
    closed, plain = root / "校長室", root / "図書"
    for folder in (closed, plain):
        folder.mkdir()
    subprocess.run(["setfacl", "-m", "u:daemon:r-x,g:daemon:rwx,d:u:daemon:r-x", closed], check=True)
    said = subprocess.run(
        ["getfacl", "--omit-header", "--no-effective", closed], check=True, capture_output=True, encoding="utf-8"
    )
    for _entry in remote.list("校長室"):
        pass
    assert remote.access("校長室") == ",".join(said.stdout.split())
    for _entry in remote.list("図書"):
        pass
    assert remote.access("図書") == remote.access("校長室") == ""
