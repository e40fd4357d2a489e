"""Filling new files: the same bytes whichever way they take, and a disk that refuses the way past the cache."""

import errno
import fcntl
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kdx.remotes.local.filling import ALIGNED, BUFFER_BYTES, DIRECT_FROM, Filler

LONGEST = 3 * BUFFER_BYTES + 1
EDGES = (0, 1, DIRECT_FROM - 1, DIRECT_FROM, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + ALIGNED, LONGEST)
NOISE = random.Random(1).randbytes(LONGEST)


def cut(content: bytes, pieces: list[int]) -> Iterator[bytes | memoryview]:
    start = 0
    for size in pieces:
        yield memoryview(content)[start : start + size]
        start += size
    yield content[start:]


def filled(folder: Path, chunks: Iterator[bytes | memoryview], size: int, filler: Filler) -> tuple[int, bytes]:
    path = folder / "file"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        count = filler.fill(descriptor, chunks, size)
    finally:
        os.close(descriptor)
    return count, path.read_bytes()


@settings(max_examples=40, deadline=None)
@given(
    size=some.sampled_from(EDGES) | some.integers(0, 2 * BUFFER_BYTES),
    pieces=some.lists(some.integers(0, BUFFER_BYTES + 5), max_size=6),
)
def test_bytes_come_out_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, size: int, pieces: list[int]) -> None:
    content = NOISE[:size]
    folder = tmp_path_factory.getbasetemp()
    # twice with one filler: nothing of the first file may stand in the second
    filler = Filler()
    filled(folder, iter([NOISE]), len(NOISE), filler)
    assert filled(folder, cut(content, pieces), size, filler) == (size, content)


@pytest.mark.parametrize("expected", [DIRECT_FROM, 1])
def test_more_or_less_than_expected_is_counted(tmp_path: Path, expected: int) -> None:
    content = NOISE[: DIRECT_FROM + 7]
    assert filled(tmp_path, iter([content]), expected, Filler()) == (len(content), content)


def test_a_disk_that_refuses_every_write_past_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with blocks of 16 KiB takes O_DIRECT and refuses our writes: no such disk is to be had here."""
    write = os.write

    def refusing(descriptor: int, data: memoryview) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refusing)
    content = NOISE[: BUFFER_BYTES + 5]
    assert filled(tmp_path, iter([content]), len(content), Filler()) == (len(content), content)


def test_a_write_cut_short_in_the_middle_of_a_block_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: max(1, len(data) // 3 & ~511)]))
    content = NOISE[: BUFFER_BYTES + 5]
    assert filled(tmp_path, iter([content]), len(content), Filler()) == (len(content), content)
