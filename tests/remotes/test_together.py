"""Small files together, held against everything that is reached through rclone: the promises of write() and read()."""

import time
from hashlib import sha256
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.remotes import Place
from kdx.remotes.interface import Expected, Kind, Metadata
from kdx.remotes.rclone.together import MOST_FILES
from kdx.remotes.together import Outgoing, Together
from kdx.transfer.copy import FRESH_SECONDS, copy
from kdx.transfer.limit import Limiter
from kdx.transfer.plan import Action
from kdx.transfer.rows import Done, Failed, Item

from tests.rigs.cloud import serve_webdav, webdav, write_config
from tests.rigs.trouble import CUT, serve_trouble

from .conftest import THROUGH_RCLONE, Rig, marked
from .test_contract import NAMES

MOMENT = 1_500_000_000_000_000_000
HARD = ("command", "brackets", "full width", "composed", "decomposed", "255 bytes", "percent", "hash", "tilde")

everywhere = pytest.mark.parametrize("rig", [*map(marked, THROUGH_RCLONE)], indirect=True)


def outgoing(rig: Rig, *paths: str) -> list[Outgoing]:
    return [Outgoing(rig.name(path), path.encode() * number, Metadata(MOMENT)) for number, path in enumerate(paths)]


def send(rig: Rig, files: list[Outgoing], expected: Expected = Expected.NEW) -> set[str]:
    assert isinstance(rig.remote, Together)
    return set(rig.remote.write_together(files, expected))


@everywhere
def test_all_arrive_whole_under_their_own_names_and_times_and_are_read_back(rig: Rig) -> None:
    hard = HARD[1:] if "smb" in rig.kind else HARD
    files = outgoing(rig, *(f"年度/学級 {case}/{NAMES[case]}" for case in hard), "一番上.txt")
    assert send(rig, files) == {file.path for file in files}
    assert rig.look.all() == {file.path: file.data for file in files}
    assert {rig.remote.stat(file.path).mtime_ns for file in files} == {MOMENT}
    assert isinstance(rig.remote, Together)
    digests = rig.remote.digests_together([(file.path, len(file.data)) for file in files] + [("ない.txt", 1)])
    assert digests == {file.path: sha256(file.data).digest() for file in files}


@everywhere
@pytest.mark.parametrize("expected", [Expected.ABSENT, Expected.ANY])
def test_what_lies_there_stays_and_the_others_arrive(rig: Rig, expected: Expected) -> None:
    rig.look.put("組/先生.txt", b"the teacher's")
    files = outgoing(rig, "組/先生.txt", *(f"組/{number}.txt" for number in range(MOST_FILES - 1)))
    arrived = send(rig, files, expected)
    assert rig.look.all()["組/先生.txt"] == b"the teacher's"
    assert arrived == ({file.path for file in files[1:]} if expected == Expected.ABSENT else set())


@everywhere
def test_a_name_that_cannot_be_stored_or_leads_out_is_left_to_be_refused_by_itself(rig: Rig) -> None:
    files = outgoing(rig, "../out.txt", "a/./b.txt", "長" * 86, "良い.txt")
    assert send(rig, files) == {"良い.txt"} or rig.kind in ("rclone:s3", "rclone:smb")
    assert set(rig.look.all()) <= {"良い.txt", "長" * 86}


def test_a_piece_that_a_request_left_is_completed_and_a_teachers_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share, disk = tmp_path / "share", tmp_path / "disk"
    for folder in (share, disk / "moved"):
        folder.mkdir(parents=True)
    for name in ("a.txt", "torn.txt", "teacher.txt", "z.txt"):
        (share / name).write_text(name * 9, "utf-8")
    (disk / "moved" / "teacher.txt").write_text("the teacher's", "utf-8")
    puts = iter([CUT, 403])

    def trouble(method: str, path: str, before: int) -> int:
        torn = path.endswith("torn.txt")
        # the piece stays, because nobody can remove it either
        return next(puts, 0) if torn and method == "PUT" else 403 if torn and method == "DELETE" else 0

    with serve_webdav(disk) as address, serve_trouble(address) as proxy:
        proxy.trouble = trouble
        monkeypatch.setenv("RCLONE_CONFIG", str(write_config(tmp_path / "rclone.conf", {"cloud": webdav(proxy.url)})))
        results = {result.path: result for result in copy(
            map(_item, sorted(share.iterdir())), Place(parse_location(str(share))),
            Place(parse_location("rclone:cloud:moved"), scratch=tmp_path / "notes"),
            parallel=8, together=MOST_FILES, listed=time.monotonic() - 2 * FRESH_SECONDS, limiter=Limiter(None),
        )}
        assert proxy.asked["PUT", "/moved/torn.txt"] == 3
    assert isinstance(results.pop("teacher.txt"), Failed)
    assert (disk / "moved" / "teacher.txt").read_text("utf-8") == "the teacher's"
    for path, result in results.items():
        data = (share / path).read_bytes()
        assert isinstance(result, Done) and result.sha256 == sha256(data).digest()
        assert (disk / "moved" / path).read_bytes() == data
    assert not list((tmp_path / "notes").iterdir())


def _item(path: Path) -> Item:
    there = path.stat()
    return Item(
        path.name, path.name, Kind.FILE, there.st_size, there.st_mtime_ns, None, "", Action.SEND, "", None, 0, 0, "", 0
    )
