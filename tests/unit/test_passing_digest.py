"""Digests taken as bytes pass are those of the whole, however the bytes are cut."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from kdx.remotes.digest import MOST_PARTS, PART, SINGLE_UPLOAD, PassingDigest, part_size


def multipart_tag(data: bytes, size: int) -> str:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest() + f"-{len(parts)}"


@given(data=st.binary(max_size=500), cuts=st.lists(st.integers(0, 500)), size=st.integers(1, 64))
def test_digests_do_not_depend_on_how_the_bytes_are_cut(data: bytes, cuts: list[int], size: int) -> None:
    passing = PassingDigest(size)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in zip(edges, edges[1:], strict=False):
        passing.update(data[start:end])
        passing.etags  # asking in between changes nothing
    assert passing.sha256 == hashlib.sha256(data).digest()
    assert passing.etags == {hashlib.md5(data).hexdigest(), multipart_tag(data, size)}


def test_a_single_upload_has_one_tag() -> None:
    passing = PassingDigest(None)
    passing.update(b"abc")
    assert passing.etags == {hashlib.md5(b"abc").hexdigest()}


@given(st.integers(0, 5 << 40))
def test_parts_are_whole_mebibytes_and_never_too_many(size: int) -> None:
    part = part_size(size)
    if size <= SINGLE_UPLOAD:
        assert part is None
        return
    assert part is not None
    assert part >= PART
    assert part % (1 << 20) == 0
    assert -(-size // part) <= MOST_PARTS
    assert part == PART or -(-size // (part - (1 << 20))) > MOST_PARTS


def test_for_a_store_that_answers_no_tag_none_is_computed() -> None:
    passing = PassingDigest(None, tagged=False)
    passing.update(b"abc")
    assert passing.etags == frozenset() and passing.sha256 == hashlib.sha256(b"abc").digest()
