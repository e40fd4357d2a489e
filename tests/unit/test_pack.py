"""Packs: what goes in comes out, kdx or no kdx, whatever the memory they are built in held before."""

import hashlib
import io
import random
import tarfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as some

from kdx.backup.format.names import digest_in
from kdx.backup.format.pack import FrameDamaged, Pack, PackBuilder, Unpacker, pack_memory, tar_header

KIB = 1 << 10
NOISE = random.Random(4).randbytes(700 * KIB)
EDGES = (1, 511, 512, 513, 128 * KIB - 1, 128 * KIB, 128 * KIB + 1, 256 * KIB, 256 * KIB + 512)
MEMORY = pack_memory()

size = some.sampled_from(EDGES) | some.integers(1, 300 * KIB)
content = some.builds(lambda start, size: NOISE[start : start + size], some.integers(0, 1000), size) | some.builds(
    lambda size: (b"kyuushoku " * size)[:size], size
)


def keep(builder: PackBuilder, content: bytes) -> tuple[int, int]:
    start = 0
    for view in builder.room(len(content)):
        view[:] = content[start : start + len(view)]
        start += len(view)
    assert start == len(content)
    return builder.keep(hashlib.sha256(content).hexdigest(), len(content))


def whole(pack: Pack) -> bytes:
    data = b"".join(pack.pieces)
    assert len(data) == pack.size
    return data


@settings(max_examples=60, deadline=None)
@given(members=some.lists(some.tuples(content, some.booleans()), min_size=1, max_size=6))
def test_members_come_out_as_they_went_in(members: list[tuple[bytes, bool]]) -> None:
    # the same memory again and again: nothing of an earlier pack may stand in a later one
    builder = PackBuilder(MEMORY)
    places = []
    for each, is_kept in members:
        digest = hashlib.sha256(each).hexdigest()
        places.append(keep(builder, each) if is_kept else builder.add(digest, each))
    pack = builder.finish()
    data = whole(pack)
    assert hashlib.sha256(data).hexdigest() == digest_in(pack.name)
    unpacker = Unpacker()
    for (each, _is_kept), (offset, length) in zip(members, places, strict=True):
        assert unpacker.content_of(data[offset : offset + length], pack.name) == each
    text = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        found = [(member.name, member) for member in tar]
        assert found[-1][0] == "SHA256SUMS"
        for (name, member), (each, _is_kept) in zip(found[:-1], members, strict=True):
            file = tar.extractfile(member)
            assert file is not None and file.read() == each and name == hashlib.sha256(each).hexdigest()


def test_what_was_put_into_room_and_not_kept_leaves_nothing() -> None:
    one, other = PackBuilder(pack_memory()), PackBuilder(pack_memory())
    for view in one.room(100 * KIB):
        view[:] = bytes(len(view))
    assert keep(one, NOISE[:5000]) == keep(other, NOISE[:5000])
    assert whole(one.finish()) == whole(other.finish())


def test_under_another_name_it_holds_the_same() -> None:
    builder = PackBuilder(pack_memory())
    place = keep(builder, NOISE)
    pack = builder.finish()
    again = pack.under_another_name().under_another_name()
    assert len({pack.name, again.name}) == 2
    assert hashlib.sha256(whole(again)).hexdigest() == digest_in(again.name)
    assert Unpacker().content_of(whole(again)[place[0] :][: place[1]], again.name) == NOISE
    # a name that is taken by something damaged is not come to at all
    second = PackBuilder(pack_memory(), frozenset({pack.name}))
    keep(second, NOISE)
    assert second.finish().name == pack.under_another_name().name


@pytest.mark.parametrize("says", [True, False])
def test_a_frame_that_does_not_say_its_size_is_read_too_but_must_be_whole(says: bool) -> None:
    member = tar_header(b"a" * 64, len(NOISE)) + NOISE + bytes(-len(NOISE) % 512)
    frame = zstandard.ZstdCompressor(write_content_size=says).compress(member)
    assert Unpacker().content_of(frame, "p") == NOISE
    for damaged in (frame[: len(frame) // 2], frame[:-1] if says else b"", b"\0" + frame):
        with pytest.raises(FrameDamaged):
            Unpacker().content_of(damaged, "p")


@pytest.mark.parametrize("size", [0, 1, 8 * KIB * KIB - 1])
def test_what_has_room_fits(size: int) -> None:
    builder = PackBuilder(MEMORY)
    count = 0
    while builder.has_room(size) and count < 9000:
        builder.room(size)
        builder.keep("0" * 64, size)
        count += 1
    assert builder.finish().size <= len(MEMORY) and count >= 3
