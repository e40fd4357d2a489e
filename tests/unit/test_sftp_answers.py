"""What servers answer over SSH, taken apart: whatever it is, it is understood or refused, never guessed."""

import os
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kdx.config.location import parse_location
from kdx.remotes.interface import Entry, Kind, NameRefused, SkipReason
from kdx.remotes.sftp.faults import Refusal
from kdx.remotes.sftp.paths import Paths, parents, seconds
from kdx.remotes.sftp.tree import WHOLE, read_tree
from kdx.remotes.sftp.wire import ATTRS, DATA, HANDLE, NAME, STATUS, Answer, Attributes

NAMES = st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & {0, 47} and name not in (b".", b".."))


@settings(deadline=None)
@given(st.sampled_from([STATUS, HANDLE, DATA, NAME, ATTRS, 7]), st.binary(max_size=200))
@example(NAME, b"\xff\xff\xff\xff")
@example(ATTRS, b"\x80\x00\x00\x00\xff\xff\xff\xff")
@example(STATUS, b"")
def test_an_answer_of_any_bytes_is_understood_or_refused(kind: int, body: bytes) -> None:
    answer = Answer(kind, body)
    for read in (answer.handle, answer.data, answer.attributes, answer.names, answer.good):
        try:
            read()
        except Refusal:
            continue


@settings(deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=20), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))),
    st.booleans(),
)
def test_names_are_taken_as_the_bytes_they_are(rows: list[tuple[bytes, bytes, int, int]], extended: bool) -> None:
    body = len(rows).to_bytes(4)
    for name, line, size, number in rows:
        body += struct.pack(">I", len(name)) + name + struct.pack(">I", len(line)) + line
        body += struct.pack(">IQIIIII", 0x8000000F if extended else 0x0F, size, number, 7, 0o100644, 5, number)
        if extended:
            body += struct.pack(">II2sI3s", 1, 2, b"ab", 3, b"cde")
    assert Answer(NAME, body).names() == [
        (name, Attributes(size, number, 0o100644, number, 5)) for name, _line, size, number in rows
    ]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.sampled_from("fdlxp"), NAMES)), st.integers(1, 99)
)
def test_what_find_prints_comes_back_whatever_the_names(
    rows: list[tuple[list[bytes], str, bytes]], piece: int
) -> None:
    printed, expected = USERS, []
    for parts, kind, target in rows:
        path, link = b"/".join(parts), target if kind == "l" else b""
        printed += record(kind, path, link)
        expected.append((path, kind, link))
    entries, rest = read(printed + WHOLE, piece)
    facts = {
        "f": (Kind.FILE, None, 12), "d": (Kind.DIRECTORY, None, 0), "l": (Kind.LINK, None, 0),
        "x": (Kind.DIRECTORY, SkipReason.DENIED, 0), "p": (Kind.OTHER, SkipReason.SPECIAL, 0),
    }
    assert [
        (os.fsencode(entry.path), entry.kind, entry.skip, os.fsencode(entry.link), entry.size, entry.owner)
        for entry in entries
    ] == [(path, facts[kind][0], facts[kind][1], link, facts[kind][2], "大 野") for path, kind, link in expected]
    assert rest == WHOLE


@given(
    st.lists(NAMES, min_size=1, max_size=4, unique=True),
    st.integers(0, 400),
    st.sampled_from((b"", b"= 1\0\0\0", WHOLE)),
)
def test_what_a_find_that_was_cut_off_left_half_said_is_no_entry(names: list[bytes], cut: int, end: bytes) -> None:
    printed = b"".join(record("l", name, b"target") for name in names)
    entries, rest = read(USERS + printed[:cut] + end, 50)
    assert [os.fsencode(entry.path) for entry in entries] == names[: len(entries)]
    assert {entry.link for entry in entries} <= {"target"}
    assert (rest == WHOLE) == (end == WHOLE and len(printed[:cut]) in boundaries(names))


USERS = "root:0\n大 野:1001\n\0".encode()


def record(kind: str, path: bytes, link: bytes) -> bytes:
    head = {"x": "xd"}.get(kind, kind) + " 12 1700000000.1234567890 644 99 1001"
    return head.encode() + b"\0" + path + b"\0" + link + b"\0"


def boundaries(names: list[bytes]) -> list[int]:
    """After how many bytes a record has just ended."""
    ends = [0]
    for name in names:
        ends.append(ends[-1] + len(record("l", name, b"target")))
    return ends


def read(printed: bytes, piece: int) -> tuple[list[Entry], bytes]:
    """Return the entries of what find printed, taken in small pieces, and what was left over."""
    reading = read_tree(printed[start : start + piece] for start in range(0, len(printed), piece))
    entries = []
    while True:
        try:
            entries.append(next(reading))
        except StopIteration as end:
            return entries, end.value


@pytest.mark.parametrize(
    ("mtime_ns", "whole"),
    [(0, 0), (1_999_999_999, 1), (-1, 0), (10**20, 2**32 - 1)],
)
def test_a_time_becomes_the_second_before_it_within_what_sftp_can_say(mtime_ns: int, whole: int) -> None:
    assert seconds(mtime_ns) == whole


def test_a_path_stays_below_its_root() -> None:
    paths = Paths(parse_location("sftp://fs/srv/共有"))
    assert paths.of("") == "/srv/共有".encode()
    assert paths.of("a/\udc94b") == "/srv/共有/a/".encode() + b"\x94b"
    assert Paths(parse_location("sftp://fs")).of("a") == b"./a"
    for path in ("..", "a/../b", "/etc", "a//b", "a/", ".", "a\0b"):
        with pytest.raises(NameRefused):
            paths.of(path)
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []
