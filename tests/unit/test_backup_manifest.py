"""Manifest rows survive any name, refuse what FORMAT.md refuses, and stay in one order."""

import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.backup.format.manifest import (
    Held,
    ManifestDamaged,
    Row,
    RowRefused,
    by_path,
    decode_row,
    encode_row,
    lines_in,
    merged,
    overlaid,
    time_field,
    zipped,
)

NAME = st.binary(min_size=1, max_size=20).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")
)
PATH = st.lists(NAME, min_size=1, max_size=4).map(b"/".join)
TIME = st.integers(-(10**18), 4 * 10**18)
DIGEST = st.binary(min_size=32, max_size=32).map(bytes.hex)
SEGMENT = "segments/ab/" + "ab" * 32


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


FILES = st.builds(
    Row, st.just("file"), DIGEST, st.integers(1, 2**40), TIME,
    st.sampled_from(["", "posix:root::0644", "sddl:O:BA\\\t"]), st.sampled_from(["", "12", "-x"]),
    st.just(SEGMENT), st.integers(0, 2**26), st.integers(1, 2**26),
    PATH.map(text), st.just(""),
)
LINKS = st.builds(
    Row, st.just("link"), st.just(""), st.just(0), TIME, st.just(""), st.just(""), st.just(""), st.just(0), st.just(0),
    PATH.map(text), st.binary(min_size=1, max_size=30).filter(lambda raw: b"\0" not in raw).map(text),
)
FOLDERS = st.builds(
    Row, st.just("directory"), st.just(""), st.just(0), TIME, st.just(""), st.just(""), st.just(""), st.just(0),
    st.just(0), PATH.map(text), st.just(""),
)


@given(st.one_of(FILES, LINKS, FOLDERS))
def test_a_row_comes_back_as_it_was_and_keeps_to_its_line(row: Row) -> None:
    line = encode_row(row)
    assert line.endswith(b"\n") and b"\n" not in line[:-1] and b"\r" not in line
    assert line.count(b"\t") == 10 and all(line[:-1].split(b"\t"))
    assert decode_row(line) == row


@given(st.one_of(FILES, LINKS), st.data())
def test_no_changed_byte_makes_the_decoder_fail_in_another_way(row: Row, data: st.DataObject) -> None:
    line = bytearray(encode_row(row)[:-1])
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_row(bytes(line))
    except RowRefused:
        pass


@pytest.mark.parametrize("path", ["../x", "/x", "x/", "a//b", "a/./b", "..", ".", "a/../../x", "a\0b"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    row = Row("file", "0" * 64, 0, 0, "", "", "", 0, 0, "x", "")
    line = encode_row(row).replace(b"\tx\t", b"\t" + path.encode() + b"\t")
    with pytest.raises(RowRefused):
        decode_row(line)


@pytest.mark.parametrize(
    "place",
    ["packs/../../etc/passwd", "manifests/ab/" + "ab" * 32 + ".tsv.gz", "packs/00/" + "ab" * 32 + ".tar.zst", "/etc"],
)
def test_an_object_that_holds_no_content_is_refused(place: str) -> None:
    row = Row("file", "0" * 64, 5, 0, "", "", SEGMENT, 0, 5, "x", "")
    line = encode_row(row).replace(SEGMENT.encode(), place.encode())
    with pytest.raises(RowRefused):
        decode_row(line)


@given(st.sets(PATH, max_size=30))
def test_rows_are_in_the_order_of_components_and_a_wrong_order_is_noticed(paths: set[bytes]) -> None:
    ordered = sorted(paths, key=lambda path: path.split(b"/"))
    lines = [encode_row(Row("file", "0" * 64, 0, 0, "", "", "", 0, 0, text(path), "")) for path in ordered]
    assert [decode_row(held.rows[0]).path for held in by_path(lines)] == list(map(text, ordered))
    if len(lines) > 1:
        with pytest.raises(RowRefused):
            list(by_path(reversed(lines)))


def held(paths: dict[bytes, int]) -> list[Held]:
    ordered = sorted(paths, key=lambda path: path.split(b"/"))
    return list(by_path(encode_row(Row("file", "0" * 64, 0, paths[p], "", "", "", 0, 0, text(p), "")) for p in ordered))


@given(st.dictionaries(PATH, TIME, max_size=20), st.dictionaries(PATH, TIME, max_size=20))
def test_two_manifests_are_walked_side_by_side_as_two_dicts_would_be(
    old: dict[bytes, int], new: dict[bytes, int]
) -> None:
    pairs = {}
    for left, right in merged(held(old), held(new)):
        row = left or right
        assert row is not None
        pairs[decode_row(row.rows[0]).path] = (left is not None, right is not None)
    assert pairs == {text(path): (path in old, path in new) for path in old.keys() | new.keys()}
    over = {decode_row(each.rows[0]).path: decode_row(each.rows[0]).mtime_ns for each in overlaid(held(old), held(new))}
    assert over == {text(path): time for path, time in (old | new).items()}


@given(st.integers(-(10**19), 10**19))
def test_a_time_is_written_as_touch_reads_it(nanoseconds: int) -> None:
    seconds, _point, digits = time_field(nanoseconds).decode().lstrip("-").partition(".")
    assert len(digits) == 9
    assert int(seconds) * 10**9 + int(digits) == abs(nanoseconds)
    assert time_field(nanoseconds).startswith(b"-") == (nanoseconds < 0)


@given(st.lists(st.binary(max_size=50).filter(lambda raw: b"\n" not in raw), max_size=50), st.integers(0, 5))
def test_a_part_is_gzip_that_anybody_reads_and_another_salt_gives_another_name(lines: list[bytes], salt: int) -> None:
    content = b"".join(line + b"\n" for line in lines)
    stored = zipped(content, salt)
    assert gzip.decompress(stored) == content
    assert list(lines_in([stored[:7], stored[7:]], "part")) == content.splitlines(keepends=True) or b"\r" in content
    assert zipped(content, salt) == stored
    assert hashlib.sha256(zipped(content, salt + 1)).digest() != hashlib.sha256(stored).digest()


@given(st.data())
def test_a_flipped_or_cut_part_never_says_something_else(data: st.DataObject) -> None:
    stored = bytearray(zipped(b"row\n" * 200))
    at = data.draw(st.integers(10, len(stored) - 1))
    if data.draw(st.booleans()):
        stored[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del stored[at:]
    try:
        # a bit that gzip does not use changes nothing but the object's name
        assert b"".join(lines_in([bytes(stored)], "part")) == b"row\n" * 200
    except ManifestDamaged:
        pass


def test_a_bomb_is_unfolded_in_small_pieces() -> None:
    bomb = gzip.compress(b"\n" * (64 << 20))
    assert len(bomb) < 100_000
    assert next(lines_in([bomb], "bomb")) == b"\n"
    with pytest.raises(ManifestDamaged):
        list(lines_in([gzip.compress(b"x" * (1 << 22))], "bomb"))
