"""What is special about servers that speak SFTP: names, shells, links, parts, files that change.

Servers that refuse, stall and break are in test_sftp_faults.
"""

import getpass
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.sshd import Sshd, serve_ssh

from kdx.config.location import parse_location
from kdx.remotes.interface import Conflict, Entry, Expected, Kind, Metadata, NotFound, ReadFailed, SkipReason
from kdx.remotes.sftp import SftpRemote
from kdx.remotes.sftp.commands import BY_ANY, BY_GNU
from kdx.remotes.sftp.shell import Abilities

from .conftest import server_place
from .test_contract import NAMES

KINDS = ("sftp", "sftp_plain", "sftp_busybox")
CAN = {"sftp": Abilities(True, BY_GNU), "sftp_plain": Abilities(), "sftp_busybox": Abilities(False, BY_ANY)}
CP932 = os.fsdecode("年度_資料.txt".encode("cp932"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "共有 $(touch x) 'a' \"b\""
    folder.mkdir()
    return folder


@contextmanager
def connected(server: Sshd, root: Path) -> Iterator[SftpRemote]:
    remote = server_place(server, root).open()
    assert isinstance(remote, SftpRemote)
    with closing(remote):
        yield remote


@pytest.fixture(params=KINDS)
def remote(request: pytest.FixtureRequest, root: Path) -> Iterator[SftpRemote]:
    """The same folder on each kind of server."""
    with connected(request.getfixturevalue(f"{request.param}_server"), root) as remote:
        yield remote


@pytest.fixture
def shell(sftp_server: Sshd, root: Path) -> Iterator[SftpRemote]:
    """A folder on a server with a shell."""
    with connected(sftp_server, root) as remote:
        yield remote


@pytest.fixture
def plain(sftp_plain_server: Sshd, root: Path) -> Iterator[SftpRemote]:
    """A folder on a server without one."""
    with connected(sftp_plain_server, root) as remote:
        yield remote


def fill(root: Path) -> dict[str, bytes]:
    """Write a file of every hard name, two folders deep, and return paths and contents."""
    files = {}
    for number, name in enumerate((*NAMES.values(), CP932, "-rf", "( -delete )", "= 1", "x", "f 1 2 3")):
        for path in (name, f"{name}.d/{name}") if len(os.fsencode(name)) < 250 else (name,):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(f"{number} {path!r}".encode())
            os.utime(root / path, ns=(0, 1_700_000_000_123_456_789 + number * 10**9))
            files[path] = (root / path).read_bytes()
    (root / "空").mkdir()
    (root / "link").symlink_to("../何処か\n")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe")
    return files


def write(remote: SftpRemote, path: str, data: bytes, expected: Expected = Expected.ABSENT) -> None:
    remote.write(path, [data], len(data), Metadata(1_500_000_000_000_000_000), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_server_can_do_by_itself_is_found_out(request: pytest.FixtureRequest, kind: str, root: Path) -> None:
    with connected(request.getfixturevalue(f"{kind}_server"), root) as remote:
        assert remote.abilities == CAN[kind]
        assert remote.capabilities.digest_by_store == (kind != "sftp_plain")


def test_hard_names_are_listed_and_hashed_exactly_and_none_is_run(remote: SftpRemote, root: Path) -> None:
    files = fill(root)
    entries = list(remote.walk())
    assert len({entry.path for entry in entries}) == len(entries)
    found = {entry.path: entry for entry in entries if entry.kind == Kind.FILE}
    assert {path: entry.size for path, entry in found.items()} == {path: len(data) for path, data in files.items()}
    for path, entry in found.items():
        facts = os.stat(root / path)
        assert (entry.mtime_ns, entry.mode) == (int(facts.st_mtime) * 10**9, facts.st_mode & 0o7777)
        assert entry.owner in (getpass.getuser(), str(os.getuid()))
    hashed = {entry.path: (entry.sha256, entry.skip) for entry in remote.digest_listed(found.values())}
    assert hashed == {path: (hashlib.sha256(data).digest(), None) for path, data in files.items()}
    assert {path: (root / path).read_bytes() for path in files} == files
    assert not (root / "x").is_symlink() and not Path("x").exists()


def test_links_loops_and_pipes_are_seen_and_not_entered(remote: SftpRemote, root: Path) -> None:
    fill(root)
    entries = {entry.path: entry for entry in remote.walk()}
    assert (entries["link"].kind, entries["link"].link) == ("link", "../何処か\n")
    assert (entries["loop"].kind, entries["loop"].link) == ("link", ".")
    assert (entries["pipe"].kind, entries["pipe"].skip) == ("other", "special")
    assert not [path for path in entries if path.startswith(("loop/", "link/"))]
    assert entries["空"].kind == "directory"
    assert {entry.path: entry for entry in remote.list()}["link"].link == "../何処か\n"


def test_a_walk_gives_every_folder_before_what_is_in_it(remote: SftpRemote, root: Path) -> None:
    for number in range(40):
        (root / f"{number % 4}/{number % 5}/深い").mkdir(parents=True, exist_ok=True)
        (root / f"{number % 4}/{number % 5}/深い/{number}").touch()
    seen = {""}
    for entry in remote.walk():
        assert entry.path.rpartition("/")[0] in seen
        seen.add(entry.path)
    assert len(seen) == 1 + 4 + 20 + 20 + 40


@pytest.mark.parametrize("name", ["list", "walk"])
def test_a_name_in_cp932_does_not_cost_its_folder(remote: SftpRemote, root: Path, name: str) -> None:
    for file in (CP932, "before.txt", "後.txt"):
        (root / file).write_text(file, errors="surrogateescape")
    assert sorted(entry.path for entry in getattr(remote, name)()) == sorted((CP932, "before.txt", "後.txt"))
    assert b"".join(remote.read(CP932)) == os.fsencode(CP932)


def test_twenty_thousand_entries_in_one_folder_are_listed(remote: SftpRemote, root: Path) -> None:
    names = [f"児童 {number:05}.txt" for number in range(20_000)]
    for name in names:
        (root / name).touch()
    assert [entry.path for entry in remote.list()] == names
    assert sorted(entry.path for entry in remote.walk()) == names


def test_a_shell_that_sees_other_folders_than_sftp_is_not_used(tmp_path: Path, root: Path) -> None:
    with serve_ssh(tmp_path / "ssh", subsystem=f"sftp internal-sftp -d {tmp_path}") as server:
        with connected(server, root) as remote:
            fill(root)
            assert remote.abilities == Abilities()
            assert len(list(remote.walk())) > 40


def test_what_a_login_script_says_is_not_taken_for_an_answer(tmp_path: Path, root: Path) -> None:
    files = fill(root)
    with serve_ssh(tmp_path / "ssh") as server, connected(server, root) as remote:
        (tmp_path / "ssh/.bashrc").write_text("echo Welcome to your NAS; printf 'f 1\\0./x\\0= 0\\0\\0\\0'\n")
        assert server.ssh("true").stdout.startswith(b"Welcome")
        assert remote.abilities == CAN["sftp"]
        assert {entry.path for entry in remote.walk() if entry.kind == Kind.FILE} == set(files)


def test_an_answer_without_its_end_is_not_believed(shell: SftpRemote, root: Path, tmp_path: Path) -> None:
    """A find that fails half way: what it saw is not the share."""
    files = fill(root)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "find").write_text('#!/bin/sh\n[ "$2" != -mindepth ] && exec /usr/bin/find "$@"\n'
                                   "/usr/bin/find \"$@\" | head -c 3000\nexit 1\n")
    (programs / "find").chmod(0o755)
    with serve_ssh(tmp_path / "ssh", path=f"{programs}:/usr/bin:/bin") as server, connected(server, root) as remote:
        assert remote.abilities.lists
        assert {entry.path for entry in remote.walk() if entry.kind == Kind.FILE} == set(files)


def test_a_file_that_grows_while_the_server_hashes_it_is_changed(shell: SftpRemote, root: Path) -> None:
    (root / "before").write_bytes(b"quiet")
    (root / "grows").write_bytes(os.urandom(32 << 20))
    (root / "later").write_bytes(b"quiet too")
    with growing(root / "grows"):
        with pytest.raises(ReadFailed) as raised:
            shell.digest("grows")
        entries = list(shell.digest_listed(list(shell.list())))
    assert raised.value.reason == SkipReason.CHANGED
    assert [(entry.path, entry.skip, entry.sha256 is None) for entry in entries] == [
        ("before", None, False), ("grows", SkipReason.CHANGED, True), ("later", None, False),
    ]


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Append to a file without a pause."""
    stop = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written again"])
def test_a_file_that_changes_while_it_is_read_is_never_taken_for_whole(
    remote: SftpRemote, root: Path, change: str
) -> None:
    (root / "a").write_bytes(bytes(5 << 20))
    os.utime(root / "a", (1_700_000_000, 1_700_000_000))
    chunks = remote.read("a")
    got = len(next(chunks))
    with (root / "a").open("r+b") as file:
        if change == "shrinks":
            file.truncate(1 << 20)
        else:
            file.seek(0, 2 if change == "grows" else 0)
            file.write(b"more")
    with pytest.raises(ReadFailed) as raised:
        for chunk in chunks:
            got += len(chunk)
    assert raised.value.reason == SkipReason.CHANGED
    assert got < 5 << 20


def test_a_link_or_pipe_that_took_the_place_of_a_file_is_not_opened(remote: SftpRemote, root: Path) -> None:
    for name in ("link", "pipe", "folder", "gone"):
        (root / name).write_bytes(b"x")
    listed = list(remote.list())
    for name in ("link", "pipe", "folder", "gone"):
        (root / name).unlink()
    (root / "link").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(ReadFailed):
            list(remote.read(name))
        with pytest.raises(ReadFailed):
            remote.digest(name)
    with pytest.raises(NotFound):
        list(remote.read("gone"))
    not_opened = [entry for entry in listed if entry.path != "pipe"] + [
        entry for entry in listed if entry.path == "pipe" and remote.abilities.hashing
    ]
    hashed = {entry.path: entry.skip for entry in remote.digest_listed(not_opened)}
    assert hashed.pop("gone") == SkipReason.VANISHED
    assert set(hashed.values()) <= {SkipReason.CHANGED, SkipReason.FAULTY}


@pytest.mark.parametrize("size", [10, 2 << 20])
def test_a_link_that_takes_the_place_of_a_file_just_looked_at_is_not_read(
    remote: SftpRemote, root: Path, tmp_path: Path, size: int
) -> None:
    (tmp_path / "secret").write_bytes(bytes(size))
    (root / "a").write_bytes(bytes(size))
    assert remote.stat("a").kind == Kind.FILE
    (root / "a").unlink()
    (root / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(ReadFailed) as raised:
        list(remote.read("a"))
    assert raised.value.reason == SkipReason.CHANGED


def test_small_files_are_hashed_many_at_a_time_and_large_ones_between_them(remote: SftpRemote, root: Path) -> None:
    contents = {}
    for number in range(150):
        data = os.urandom(3 << 20 if number % 50 == 0 else 200 * number)
        (root / f"{number:03}").write_bytes(data)
        contents[f"{number:03}"] = hashlib.sha256(data).digest()
    listed = [*remote.list()]
    listed.insert(70, Entry("never there", "file"))
    hashed = list(remote.digest_listed(iter(listed)))
    assert [entry.path for entry in hashed] == [entry.path for entry in listed]
    assert {entry.path: entry.sha256 for entry in hashed if entry.sha256} == contents
    assert hashed[70].skip == SkipReason.VANISHED


def test_the_second_of_two_writers_of_one_name_is_refused(remote: SftpRemote, root: Path) -> None:
    def meanwhile() -> Iterator[bytes]:
        (root / "a").write_bytes(b"theirs")
        yield b"ours"

    with pytest.raises(Conflict):
        remote.write("a", meanwhile(), 4, Metadata(0), Expected.NEW)
    assert sorted(root.iterdir()) == [root / "a"]
    assert (root / "a").read_bytes() == b"theirs"


def test_nothing_is_written_through_a_link(remote: SftpRemote, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    for path in ("folder/a", "folder/deeper/a", "file", "file/below"):
        with pytest.raises(Conflict):
            write(remote, path, b"x")
    with pytest.raises(Conflict):
        remote.make_directory("folder")
    with pytest.raises(Conflict):
        remote.make_link("folder/link", "x", Expected.ABSENT)
    assert list(outside.iterdir()) == []
    write(remote, "file", b"x", Expected.ANY)
    assert (root / "file").read_bytes() == b"x" and not (root / "file").is_symlink()
    assert list(outside.iterdir()) == []


def test_what_a_killed_writer_left_is_not_listed_and_goes_after_a_day(remote: SftpRemote, root: Path) -> None:
    old, fresh = root / f".kdx-{'0' * 16}.part", root / f".kdx-{'1' * 16}.part"
    for part in (old, fresh):
        part.write_bytes(b"half")
    (root / ".kdx-notes.txt").write_bytes(b"a person's own")
    os.utime(old, (1_600_000_000, 1_600_000_000))
    assert [entry.path for entry in remote.walk()] == [entry.path for entry in remote.list()] == [".kdx-notes.txt"]
    write(remote, "a", b"x")
    # a later question is answered after the clean-up
    remote.stat("a")
    assert sorted(path.name for path in root.iterdir()) == [".kdx-" + "1" * 16 + ".part", ".kdx-notes.txt", "a"]


def test_a_part_that_has_its_files_old_time_already_is_not_taken_for_an_old_one(
    remote: SftpRemote, root: Path
) -> None:
    """Another lane sweeps the folder between the part's getting its time and its name."""
    began, long_ago = int(time.time()), 1_500_000_000
    remote.write("a", [b"a"], 1, Metadata(mtime_ns=long_ago * 10**9), Expected.ABSENT)
    kept = (root / "a").stat()
    assert kept.st_mtime == long_ago and began <= kept.st_atime <= time.time()
    finished = root / f".kdx-{'2' * 16}.part"
    finished.write_bytes(b"whole")
    os.utime(finished, (kept.st_atime, kept.st_mtime))
    with closing(type(remote)(remote.door)) as another:
        another.write("b", [b"b"], 1, Metadata(mtime_ns=0), Expected.ABSENT)
    assert finished.exists()


def test_an_address_without_a_path_is_the_folder_where_the_user_is_let_in(tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.mkdir()
    (start / "a.txt").write_text("x")
    with serve_ssh(tmp_path / "ssh", f"ForceCommand internal-sftp -d {start}") as server:
        place = server_place(server, Path("/"))
        with closing(replace(place, location=parse_location(server.url())).open()) as remote:
            assert [entry.path for entry in remote.walk()] == ["a.txt"]
            assert b"".join(remote.read("a.txt")) == b"x"
            remote.write("b/c.txt", [b"y"], 1, Metadata(0), Expected.ABSENT)
    assert (start / "b/c.txt").read_bytes() == b"y"


def test_the_root_itself_may_be_a_link(remote: SftpRemote, root: Path) -> None:
    (root / "real/inside").mkdir(parents=True)
    (root / "real/inside/a").write_bytes(b"x")
    (root / "door").symlink_to("real")
    location = remote.location.child("door")
    with closing(SftpRemote(replace(remote.door, location=location))) as through:
        assert sorted(entry.path for entry in through.walk()) == ["inside", "inside/a"]
        assert [entry.path for entry in through.list()] == ["inside"]
        assert through.digest("inside/a").sha256 == hashlib.sha256(b"x").digest()
