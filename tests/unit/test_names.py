"""Names as bytes and as text: nothing is lost, and what a person reads is valid Unicode."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.inventory.names import is_unicode, join_path, readable, split_path

PATHS = st.binary(min_size=1, max_size=60).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))


@given(PATHS)
def test_every_name_comes_back_as_the_bytes_it_was(path: str) -> None:
    text, raw = split_path(path)
    assert join_path(text, bytes.fromhex(raw) if raw else None) == path
    assert (raw is None) == is_unicode(path)


@given(PATHS)
def test_what_a_person_reads_is_valid_unicode_with_the_same_folders(path: str) -> None:
    shown = readable(path)
    shown.encode("utf-8")
    assert shown.count("/") == path.count("/")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("運動会.doc".encode(), "運動会.doc"),
        ("運動会.doc".encode("cp932"), "運動会.doc"),
        ("令和６年度/".encode() + "名簿.xls".encode("cp932"), "令和６年度/名簿.xls"),
        (b"\xff\xfe", "\\xff\\xfe"),
    ],
)
def test_a_name_of_an_old_server_is_read_as_what_it_was(raw: bytes, shown: str) -> None:
    assert readable(os.fsdecode(raw)) == shown
