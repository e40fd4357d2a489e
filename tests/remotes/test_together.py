"""Small files together, held against everything that is reached through rclone: the promises of write() and read()."""

from hashlib import sha256

import pytest

from kdx.remotes.interface import Expected, Metadata
from kdx.remotes.rclone.together import MOST_FILES
from kdx.remotes.together import Outgoing, Together

from .conftest import THROUGH_RCLONE, Rig, marked
from .test_contract import NAMES

MOMENT = 1_500_000_000_000_000_000
HARD = ("command", "brackets", "full width", "composed", "decomposed", "255 bytes", "percent", "hash", "tilde")

pytestmark = pytest.mark.parametrize("rig", [*map(marked, THROUGH_RCLONE)], indirect=True)


def outgoing(rig: Rig, *paths: str) -> list[Outgoing]:
    return [Outgoing(rig.name(path), path.encode() * number, Metadata(MOMENT)) for number, path in enumerate(paths)]


def send(rig: Rig, files: list[Outgoing], expected: Expected = Expected.NEW) -> set[str]:
    assert isinstance(rig.remote, Together)
    return set(rig.remote.write_together(files, expected))


def test_all_arrive_whole_under_their_own_names_and_times_and_are_read_back(rig: Rig) -> None:
    hard = HARD[1:] if "smb" in rig.kind else HARD
    files = outgoing(rig, *(f"年度/学級 {case}/{NAMES[case]}" for case in hard), "一番上.txt")
    assert send(rig, files) == {file.path for file in files}
    assert rig.look.all() == {file.path: file.data for file in files}
    assert {rig.remote.stat(file.path).mtime_ns for file in files} == {MOMENT}
    assert isinstance(rig.remote, Together)
    digests = rig.remote.digests_together([(file.path, len(file.data)) for file in files] + [("ない.txt", 1)])
    assert digests == {file.path: sha256(file.data).digest() for file in files}


@pytest.mark.parametrize("expected", [Expected.ABSENT, Expected.ANY])
def test_what_lies_there_stays_and_the_others_arrive(rig: Rig, expected: Expected) -> None:
    rig.look.put("組/先生.txt", b"the teacher's")
    files = outgoing(rig, "組/先生.txt", *(f"組/{number}.txt" for number in range(MOST_FILES - 1)))
    arrived = send(rig, files, expected)
    assert rig.look.all()["組/先生.txt"] == b"the teacher's"
    assert arrived == ({file.path for file in files[1:]} if expected == Expected.ABSENT else set())


def test_a_name_that_cannot_be_stored_or_leads_out_is_left_to_be_refused_by_itself(rig: Rig) -> None:
    files = outgoing(rig, "../out.txt", "a/./b.txt", "長" * 86, "良い.txt")
    assert send(rig, files) == {"良い.txt"} or rig.kind in ("rclone:s3", "rclone:smb")
    assert set(rig.look.all()) <= {"良い.txt", "長" * 86}
