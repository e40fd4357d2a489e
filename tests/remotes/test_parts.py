"""Large uploads that were cut or killed go on where they were, and never with another file's parts."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.fake_s3 import KEYS, FakeS3, Trouble, serve_fake

from kdx.remotes import Place
from kdx.remotes.digest import PART
from kdx.remotes.interface import Expected, Metadata, ReadFailed, SkipReason

from .conftest import Endpoint, LookIntoBucket, bucket_place

PARTS = 9
DATA = os.urandom(PARTS * PART - 5)
METADATA = Metadata(mtime_ns=1_500_000_000_000_000_000, sha256=hashlib.sha256(DATA).hexdigest(), name="video")


class Cut(Exception):
    """What the source or a signal throws into the middle of an upload."""


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    with serve_fake("schools") as fake:
        yield fake


@pytest.fixture
def endpoint(fake: FakeS3) -> Endpoint:
    return Endpoint(fake.endpoint, *KEYS.values())


def cut_after(parts: int, error: Exception) -> Iterator[bytes]:
    yield from (DATA[start : start + PART] for start in range(0, parts * PART, PART))
    raise error


def interrupt(place: Place, error: Exception) -> None:
    with pytest.raises(type(error)):
        place.open().write("video.mp4", cut_after(6, error), len(DATA), METADATA, Expected.ABSENT)


def go_on(place: Place, metadata: Metadata = METADATA) -> None:
    chunks = (DATA[start : start + 1_000_003] for start in range(0, len(DATA), 1_000_003))
    written = place.open().write("video.mp4", chunks, len(DATA), metadata, Expected.ABSENT)
    assert written.size == len(DATA)


def parts_sent(fake: FakeS3) -> list[str]:
    return [request.query["partNumber"][0] for request in fake.requests if "partNumber" in request.query]


@pytest.mark.parametrize("server", ["rclone_server", "moto_server", "fake_server"])
def test_a_cut_upload_ends_as_the_whole_file_on_every_store(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = bucket_place(request.getfixturevalue(server), monkeypatch)
    place = replace(place, scratch=tmp_path / "uploads")
    interrupt(place, Cut())
    assert look.all() == {}
    go_on(place)
    assert look.all() == {"video.mp4": DATA}
    assert place.open().metadata("video.mp4")["kdx-sha256"] == METADATA.sha256
    assert list((tmp_path / "uploads").iterdir()) == []


def fake_place(endpoint: Endpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Place, LookIntoBucket]:
    place, look = bucket_place(endpoint, monkeypatch)
    return replace(place, scratch=folder / "uploads"), look


def test_only_what_the_store_does_not_have_is_sent_again(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, Cut())
    before = len(parts_sent(fake))
    go_on(place)
    assert sorted(map(int, parts_sent(fake)[before:])) == [7, 8, 9]
    assert look.all() == {"video.mp4": DATA}


def test_a_part_that_is_not_what_the_file_holds_now_is_sent_again(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, Cut())
    (upload,) = fake.uploads.values()
    upload[2] = b"damaged" * 1000
    before = len(parts_sent(fake))
    go_on(place)
    assert sorted(map(int, parts_sent(fake)[before:])) == [2, 7, 8, 9]
    assert look.all() == {"video.mp4": DATA}


def test_a_file_with_another_time_begins_anew_and_the_old_parts_are_dropped(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, Cut())
    (old,) = fake.uploads
    go_on(place, replace(METADATA, mtime_ns=1))
    assert old not in fake.uploads
    assert place.open().metadata("video.mp4")["mtime"] == "0.000000001"


def test_a_file_that_changed_while_it_was_sent_leaves_no_parts(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, ReadFailed(name="video.mp4", reason=SkipReason.CHANGED, detail=""))
    assert fake.uploads == {}
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"upload": 7}'])
def test_a_note_that_is_broken_costs_nothing_but_a_new_beginning(
    note: bytes, fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, Cut())
    (path,) = (tmp_path / "uploads").iterdir()
    path.write_bytes(note)
    go_on(place)
    assert look.all() == {"video.mp4": DATA}


def test_an_upload_the_store_has_dropped_begins_anew(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    interrupt(place, Cut())
    fake.uploads.clear()
    go_on(place)
    assert look.all() == {"video.mp4": DATA}


def test_an_answer_that_was_lost_after_the_last_part_is_no_failure(
    fake: FakeS3, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = fake_place(endpoint, tmp_path, monkeypatch)
    fake.troubles.append(Trouble("lost", method="POST", path="uploadId="))
    go_on(place)
    assert look.all() == {"video.mp4": DATA}
