"""What is special to SMB, on a real Samba: what it hides, locks, refuses. Nothing hangs, nothing is lost."""

import hashlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.line import Line, lay_line
from rigs.smbd import PASSWORD, SambaServer, held_open, serve_samba

from kdx.config.location import parse_location
from kdx.config.secret import SecretReference
from kdx.errors import KdxError
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Held,
    Metadata,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    SkipReason,
)
from kdx.remotes.smb import SmbRemote
from kdx.remotes.smb.login import Patience

from .conftest import Rig

QUICK = Patience(connect=3, answer=2)
LARGE = bytes(range(256)) * 4096 * 9 + b"end"


@pytest.fixture(params=["smb"])
def rig(request: pytest.FixtureRequest, rig: Rig) -> Rig:
    """One empty folder of the share."""
    return rig


@pytest.fixture
def folder(rig: Rig) -> Path:
    """The same folder on the server's own disk."""
    root: Path = rig.look.root  # type: ignore[attr-defined]
    return root


def connect(server: SambaServer, *, port: int | None = None, path: str = "", user: str | None = None) -> SmbRemote:
    url = server.url(*filter(None, path.split("/")), port=port, user=user)
    return SmbRemote(parse_location(url), SecretReference("env", "RIG_PASSWORD"), QUICK)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIG_PASSWORD", PASSWORD)


def in_share(server: SambaServer, folder: Path, name: str) -> str:
    return str(folder.relative_to(server.root) / name)


# --- what a server hides ------------------------------------------------------------------------------------------


def test_names_smb_cannot_show_come_as_stand_ins_and_are_read_all_the_same(rig: Rig, folder: Path) -> None:
    for name in ("a:b.txt", "trail.", "sp "):
        (folder / name).write_bytes(name.encode())
    Path(os.fsdecode(os.fsencode(folder) + b"/" + "年度.txt".encode("cp932"))).write_bytes(b"not seen")
    found = {entry.path: entry for entry in rig.remote.list()}
    assert len(found) == 3 and all("~" in name for name in found)
    contents = {b"".join(rig.remote.read(name)) for name in found}
    assert contents == {b"a:b.txt", b"trail.", b"sp "}


def test_a_link_to_its_own_folder_is_a_link_and_no_tree_of_forty_folders(rig: Rig, folder: Path) -> None:
    (folder / "授業/算数").mkdir(parents=True)
    (folder / "授業/算数/a.txt").write_text("x")
    (folder / "授業/自分").symlink_to(".")
    (folder / "授業/算数/上へ").symlink_to("../..")
    found = {entry.path: entry for entry in rig.remote.walk()}
    assert sorted(found) == ["授業", "授業/算数", "授業/算数/a.txt", "授業/算数/上へ", "授業/自分"]
    loops = {name: (found[name].kind, found[name].skip, found[name].link) for name in ("授業/自分", "授業/算数/上へ")}
    assert loops == {"授業/自分": ("link", "symlink", "."), "授業/算数/上へ": ("link", "symlink", "../..")}


def test_a_folder_given_to_another_worker_finds_the_loop_as_well(rig: Rig, folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/loop").symlink_to("..")
    other = rig.place.open()
    assert [(entry.kind, entry.link) for entry in other.list("a/b")] == [("link", "..")]
    other.close()


def test_a_folder_seen_twice_that_is_no_loop_stays_a_folder(rig: Rig, folder: Path) -> None:
    (folder / "本").mkdir()
    (folder / "本/a.txt").write_text("x")
    (folder / "写し").symlink_to("本")
    found = {entry.path: entry.kind for entry in rig.remote.walk()}
    assert found == {"本": "directory", "本/a.txt": "file", "写し": "directory", "写し/a.txt": "file"}


def test_a_link_to_another_server_is_a_link(tmp_path: Path) -> None:
    settings, share = {"host msdfs": "yes"}, "  msdfs root = yes\n"
    with serve_samba(tmp_path, settings, share) as server:
        (server.root / "a.txt").write_text("x")
        (server.root / "本庁").symlink_to("msdfs:otherserver\\share")
        remote = connect(server)
        found = {entry.path: (entry.kind, entry.skip) for entry in remote.walk()}
        assert found == {"a.txt": ("file", None), "本庁": ("link", "symlink")}
        assert b"".join(remote.read("a.txt")) == b"x"
        remote.close()


def test_twenty_thousand_entries_in_one_folder_are_all_there(rig: Rig, folder: Path) -> None:
    names = [f"記録{number:05}.txt" for number in range(20_000)]
    for name in names:
        (folder / name).touch()
    assert [entry.path for entry in rig.remote.list()] == names


def test_list_stat_and_disk_agree_on_size_time_and_id(rig: Rig, folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"12345")
    os.utime(folder / "a.txt", ns=(1_600_000_000_123_456_700, 1_600_000_000_123_456_700))
    (listed,) = rig.remote.list()
    assert listed == rig.remote.stat("a.txt")
    assert (listed.size, listed.mtime_ns) == (5, 1_600_000_000_123_456_700)
    assert listed.file_id == str((folder / "a.txt").stat().st_ino)


# --- what somebody else holds -------------------------------------------------------------------------------------


def test_a_locked_file_is_locked_and_not_denied_and_says_who_has_it(
    rig: Rig, folder: Path, smb_server: SambaServer
) -> None:
    (folder / "成績処理.xlsx").write_bytes(b"x")
    (folder / "~$成績処理.xlsx").write_bytes(b"\x04ab\x20\x20".ljust(55) + b"\x04\0" + "田中先生".encode("utf-16-le"))
    with held_open(smb_server, in_share(smb_server, folder, "成績処理.xlsx")):
        with pytest.raises(ReadFailed) as raised:
            list(rig.remote.read("成績処理.xlsx"))
        assert (raised.value.reason, raised.value.values["detail"]) == (SkipReason.LOCKED, "田中先生")
        assert rig.remote.stat("成績処理.xlsx").size == 1
        (entry,) = rig.remote.digest_listed([entry for entry in rig.remote.list() if entry.path == "成績処理.xlsx"])
        assert (entry.skip, entry.sha256, entry.size) == ("locked", None, 1)
    assert b"".join(rig.remote.read("成績処理.xlsx")) == b"x"


def test_a_file_locked_by_range_is_locked(rig: Rig, folder: Path, smb_server: SambaServer) -> None:
    from smbprotocol.open import LockFlags, SMB2LockElement

    (folder / "帳簿.mdb").write_bytes(b"x" * 1000)
    lock = SMB2LockElement()
    lock["offset"], lock["length"] = 100, 10
    lock["flags"] = LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK | LockFlags.SMB2_LOCKFLAG_FAIL_IMMEDIATELY
    with held_open(smb_server, in_share(smb_server, folder, "帳簿.mdb"), 7) as file:
        file.lock([lock])
        with pytest.raises(ReadFailed) as raised:
            list(rig.remote.read("帳簿.mdb"))
    assert raised.value.reason == SkipReason.LOCKED


def test_a_file_a_server_keeps_for_its_reader_is_held_and_stays(rig: Rig, folder: Path) -> None:
    (folder / "月報.xlsx").write_bytes(LARGE)
    reading = rig.remote.read("月報.xlsx")
    next(reading)
    # Windows answers every rename over an open file so, Samba one over a file that the same client has open
    with pytest.raises(Held):
        rig.remote.write("月報.xlsx", [b"new"], 3, Metadata(0), Expected.ANY)
    reading.close()
    assert (folder / "月報.xlsx").stat().st_size == len(LARGE) and os.listdir(folder) == ["月報.xlsx"]
    rig.remote.write("月報.xlsx", [b"new"], 3, Metadata(0), Expected.ANY)
    assert (folder / "月報.xlsx").read_bytes() == b"new"


def test_kdx_lets_others_write_while_it_reads(rig: Rig, folder: Path, smb_server: SambaServer) -> None:
    (folder / "動画.mp4").write_bytes(LARGE)
    reading = rig.remote.read("動画.mp4")
    next(reading)
    with held_open(smb_server, in_share(smb_server, folder, "動画.mp4"), 7) as file:
        file.write(b"changed", 5)
    with pytest.raises(ReadFailed) as raised:
        list(reading)
    assert raised.value.reason == SkipReason.CHANGED


def test_a_file_that_grows_while_it_is_read_is_changed(rig: Rig, folder: Path) -> None:
    (folder / "記録.log").write_bytes(LARGE)
    reading = rig.remote.read("記録.log")
    next(reading)
    with (folder / "記録.log").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ReadFailed) as raised:
        list(reading)
    assert raised.value.reason == SkipReason.CHANGED


def test_a_closed_folder_and_a_closed_file_are_denied_and_the_rest_is_seen(open_folder: Path) -> None:
    with serve_samba(open_folder, user="daemon" if os.geteuid() == 0 else "") as server:
        for name in ("校長室", "図書"):
            (server.root / name).mkdir()
            (server.root / name / "a.txt").write_text("x")
        (server.root / "図書/秘.txt").write_text("x")
        for name in ("校長室", "図書/秘.txt"):
            (server.root / name).chmod(0)
        remote = connect(server)
        found = {entry.path: entry.skip for entry in remote.walk()}
        assert found == {"校長室": "denied", "図書": None, "図書/a.txt": None, "図書/秘.txt": None}
        with pytest.raises(ReadFailed) as raised:
            list(remote.read("図書/秘.txt"))
        assert raised.value.reason == SkipReason.DENIED
        remote.close()
        (server.root / "校長室").chmod(0o700)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users of this machine can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# --- what is fetched ahead ----------------------------------------------------------------------------------------


def test_files_fetched_ahead_are_read_as_they_are_and_few_round_trips_are_needed(
    rig: Rig, folder: Path, smb_server: SambaServer
) -> None:
    names = [f"{number:02}.txt" for number in range(40)]
    for name in names:
        (folder / name).write_bytes(name.encode() * (1 if name < "30" else 100_000))
    (folder / "leer").touch()
    wanted = [*names, "leer", "gone", *names[:3]]
    with lay_line(smb_server.port, 0.05) as line, held_open(smb_server, in_share(smb_server, folder, "07.txt")):
        remote = connect(smb_server, port=line.port, path=folder.name)
        assert isinstance(remote, SmbRemote) and remote.stat("")
        began, found = time.monotonic(), {}
        remote.prepare([(name, 6) for name in names[:30]])
        for name in names[:30]:
            try:
                found[name] = (remote.stat(name).size, b"".join(remote.read(name)))
            except ReadFailed as failure:
                found[name] = (0, str(failure.reason).encode())
        assert time.monotonic() - began < 30 * 2 * 0.1, "one after the other takes two round trips each"
        assert found == {name: (6, name.encode()) if name != "07.txt" else (0, b"locked") for name in names[:30]}
        remote.prepare([(name, 6) for name in wanted])
        for name in wanted[30:]:
            if name == "gone":
                with pytest.raises(NotFound):
                    remote.stat(name)
            else:
                assert remote.stat(name).size == (folder / name).stat().st_size
                assert b"".join(remote.read(name)) == (folder / name).read_bytes()
        remote.close()


def test_a_file_that_changed_since_it_was_fetched_ahead_is_never_mixed(rig: Rig, folder: Path) -> None:
    remote = rig.remote
    assert isinstance(remote, SmbRemote)
    for name in ("a", "b"):
        (folder / name).write_bytes(b"before")
    remote.prepare([("a", 6), ("b", 6)])
    entry = remote.stat("a")
    (folder / "a").write_bytes(b"after it was fetched")
    data = b"".join(remote.read("a"))
    assert (entry.size, data) == (6, b"before")
    assert b"".join(remote.read("a")) == b"after it was fetched"
    assert b"".join(remote.read("b", start=2)) == b"fore"


# --- what is never written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CON", "aux.txt", "com1.doc", "NUL.", "a<b", "a>b", "a|b", "a*b", "a:b", "x" * 256])
def test_names_of_devices_and_streams_are_refused(rig: Rig, name: str) -> None:
    with pytest.raises(NameRefused):
        rig.remote.write(f"学校/{name}", [b"x"], 1, Metadata(0), Expected.ABSENT)
    with pytest.raises(NotFound):
        rig.remote.stat(f"学校/{name}")
    assert rig.look.all() == {}


def test_a_folder_of_other_capitals_is_a_conflict_and_not_filled(rig: Rig, folder: Path) -> None:
    (folder / "Docs").mkdir()
    for expected in Expected:
        with pytest.raises(Conflict):
            rig.remote.write("docs/a.txt", [b"x"], 1, Metadata(0), expected)
    with pytest.raises(Conflict):
        rig.remote.make_directory("DOCS")
    assert rig.look.all() == {} and os.listdir(folder) == ["Docs"]


def test_what_a_kill_left_behind_is_not_listed_and_is_removed_after_a_day(
    rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f".kdx-{letter * 16}.part" for letter in "ab"]
    for name in names:
        (folder / name).write_bytes(b"half")
    assert list(rig.remote.walk()) == []
    rig.remote.write("a.txt", [b"x"], 1, Metadata(0), Expected.ABSENT)
    assert sorted(os.listdir(folder)) == [*names, "a.txt"], "a living writer may still be filling them"
    monkeypatch.setattr("kdx.remotes.smb.writer.PART_KEPT", -1)
    fresh = rig.place.open()
    fresh.write("b.txt", [b"x"], 1, Metadata(0), Expected.ABSENT)
    fresh.close()
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt"]


# --- servers that refuse, stall, break ----------------------------------------------------------------------------


def refusal(remote: SmbRemote) -> KdxError:
    with pytest.raises(KdxError) as raised:
        list(remote.list())
    said = f"{raised.value} {raised.value.advise()} {raised.value.values}"
    assert PASSWORD not in said and "falsch" not in said
    return raised.value


def test_a_wrong_password_is_said_to_be_wrong(smb_server: SambaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIG_PASSWORD", "falsch")
    error = refusal(connect(smb_server))
    assert isinstance(error, PlaceRefused) and "password is wrong" in str(error)


def test_a_share_or_folder_that_is_not_there_is_missing(smb_server: SambaServer) -> None:
    share = parse_location(f"smb://{smb_server.user}@127.0.0.1:{smb_server.port}/nothing")
    assert isinstance(refusal(SmbRemote(share, SecretReference("env", "RIG_PASSWORD"), QUICK)), PlaceMissing)
    assert isinstance(refusal(connect(smb_server, path="nothing/here")), PlaceMissing)


def test_without_user_or_password_it_says_what_is_missing(smb_server: SambaServer) -> None:
    assert "guest" in str(refusal(connect(smb_server, user="")))
    nobody = SmbRemote(parse_location(smb_server.url()), None, QUICK)
    assert "secret: file:" in str(refusal(nobody))


def test_a_server_that_lets_in_guests_only_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_samba(tmp_path, {"map to guest": "bad user"}, "  guest ok = yes\n") as server:
        error = refusal(connect(server, user="unknown"))
    assert isinstance(error, PlaceRefused) and "guest" in str(error)


def test_an_old_server_is_said_to_speak_only_smb_1(tmp_path: Path) -> None:
    with serve_samba(tmp_path, {"server min protocol": "NT1", "server max protocol": "NT1"}) as server:
        error = refusal(connect(server))
    assert isinstance(error, PlaceRefused) and "SMB 1" in str(error)


def test_no_server_at_all_is_silent(smb_server: SambaServer) -> None:
    with lay_line(smb_server.port) as line:
        port = line.port
    error = refusal(connect(smb_server, port=port))
    assert isinstance(error, PlaceSilent) and "refused" in str(error)


@pytest.mark.parametrize("protocol", ["SMB2_02", "SMB2_10", "SMB3_00", "SMB3_11"])
@pytest.mark.parametrize("encrypt", ["off", "required"])
def test_every_dialect_moves_the_same_bytes(tmp_path: Path, protocol: str, encrypt: str) -> None:
    if protocol.startswith("SMB2") and encrypt == "required":
        encrypt = "if_required"
    settings = {"server max protocol": protocol, "server signing": "mandatory", "server smb encrypt": encrypt}
    with serve_samba(tmp_path, settings) as server:
        remote = connect(server)
        remote.write("動画.mp4", [LARGE], len(LARGE), Metadata(0), Expected.ABSENT)
        assert (server.root / "動画.mp4").read_bytes() == LARGE
        assert b"".join(remote.read("動画.mp4")) == LARGE
        assert [entry.size for entry in remote.list()] == [len(LARGE)]
        facts = remote.facts()
        assert facts.encrypted == (protocol.startswith("SMB3") and encrypt == "required")
        assert facts.dialect == f"SMB {protocol[3]}.{protocol[5]}.{2 if protocol == 'SMB2_02' else protocol[6]}"
        remote.close()


def test_a_small_nas_with_few_credits_and_short_answers_is_served_as_well(tmp_path: Path) -> None:
    sizes = {f"smb2 max {what}": "65536" for what in ("read", "write", "trans")}
    with serve_samba(tmp_path, {**sizes, "smb2 max credits": "12"}) as server:
        for number in range(1500):
            (server.root / f"とても長い名前のファイル{number:05}.txt").write_bytes(b"x")
        remote = connect(server)
        remote.write("動画.mp4", [LARGE], len(LARGE), Metadata(0), Expected.ABSENT)
        assert b"".join(remote.read("動画.mp4")) == LARGE
        assert len(list(remote.list())) == 1501
        listed = [entry for entry in remote.walk() if entry.size == 1]
        assert all(entry.sha256 for entry in remote.digest_listed(listed[:100]))
        remote.close()


@pytest.fixture
def line(smb_server: SambaServer) -> Iterator[Line]:
    with lay_line(smb_server.port) as running:
        yield running


def seconds_until_silent(work: Any) -> float:
    began = time.monotonic()
    with pytest.raises(PlaceSilent):
        work()
    return time.monotonic() - began


def test_a_line_that_stalls_ends_every_request_in_time(
    rig: Rig, folder: Path, smb_server: SambaServer, line: Line
) -> None:
    (folder / "動画.mp4").write_bytes(LARGE)
    remote = connect(smb_server, port=line.port, path=folder.name)
    reading = remote.read("動画.mp4")
    next(reading)
    line.stalled.set()
    assert seconds_until_silent(lambda: list(reading)) < 10
    assert seconds_until_silent(lambda: list(remote.list())) < 10
    chunks = (bytes(1 << 20) for _ in range(200))
    assert seconds_until_silent(lambda: remote.write("a", chunks, 200 << 20, Metadata(0), Expected.NEW)) < 20
    remote.close()
    line.stalled.clear()
    fresh = connect(smb_server, port=line.port, path=folder.name)
    assert hashlib.sha256(b"".join(fresh.read("動画.mp4"))).digest() == hashlib.sha256(LARGE).digest()


def test_a_server_that_stalls_at_log_in_is_silent(smb_server: SambaServer, line: Line) -> None:
    remote = connect(smb_server, port=line.port)
    line.stalled.set()
    assert seconds_until_silent(lambda: list(remote.list())) < 10


def test_a_cut_line_is_opened_again_once_and_reading_goes_on_where_it_was(
    rig: Rig, folder: Path, smb_server: SambaServer, line: Line
) -> None:
    (folder / "動画.mp4").write_bytes(LARGE * 3)
    remote = connect(smb_server, port=line.port, path=folder.name)
    data, cuts = [], [5, 15]
    for count, chunk in enumerate(remote.read("動画.mp4")):
        data.append(chunk)
        if count in cuts:
            line.cut()
    assert b"".join(data) == LARGE * 3
    assert line.received < 1.9 * len(LARGE * 3), "what had arrived was sent again"
    line.cut()
    assert [entry.path for entry in remote.list()] == ["動画.mp4"]
    line.cut()
    assert remote.stat("動画.mp4").size == 3 * len(LARGE)
    remote.close()


def test_a_share_that_goes_away_meanwhile_is_missing_or_silent(tmp_path: Path) -> None:
    with serve_samba(tmp_path) as server:
        for number in range(50):
            (server.root / f"組{number}").mkdir()
        remote = connect(server)
        walking = remote.walk()
        next(walking)
    began = time.monotonic()
    with pytest.raises((PlaceMissing, PlaceSilent)):
        for _entry in walking:
            pass
    assert time.monotonic() - began < 20


def test_a_server_that_breaks_off_while_it_starts_or_stops_is_silent_and_not_old(
    rig: Rig, folder: Path, smb_server: SambaServer, line: Line
) -> None:
    (folder / "a.txt").write_text("x")
    remote = connect(smb_server, port=line.port, path=folder.name)
    assert remote.stat("a.txt").size == 1
    # it takes connections and closes them without a word, as servers do while they start or stop
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        line.to = closed.getsockname()[1]
        line.cut()
        with pytest.raises(PlaceSilent):
            remote.stat("a.txt")
        assert isinstance(refusal(connect(smb_server, port=line.port)), PlaceSilent)
    line.to = smb_server.port
    assert remote.stat("a.txt").size == 1
    remote.close()


def test_two_remotes_in_two_threads_do_not_disturb_each_other(rig: Rig, folder: Path) -> None:
    for number in range(40):
        (folder / f"{number}.bin").write_bytes(os.urandom(3000) * (1 + number * 20))
    wanted = {f"{number}.bin": (folder / f"{number}.bin").read_bytes() for number in range(40)}
    results: list[dict[str, bytes]] = []

    def read_all() -> None:
        remote = rig.place.open()
        results.append({name: b"".join(remote.read(name)) for name in wanted})
        remote.close()

    threads = [threading.Thread(target=read_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [wanted] * 3


def test_rights_of_a_folder_come_with_its_listing(rig: Rig, folder: Path) -> None:
    (folder / "校長室").mkdir(mode=0o700)
    opened, closed = [], []
    for path, texts in (("", opened), ("校長室", closed)):
        for _entry in rig.remote.list(path):
            pass
        texts.append(rig.remote.access(path))
    assert all(text.startswith("O:S-1-") and "D:" in text for text in opened + closed)
    assert "WD)" in opened[0] and "FR;;;WD)" not in closed[0]
    assert rig.remote.access("") == "", "only of the folder listed last"
