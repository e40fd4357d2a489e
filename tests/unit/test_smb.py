"""What SMB servers say, read without a server: names, entries, statuses. No bytes break anything."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.config.location import parse_location
from kdx.errors import DiskFull, KdxError
from kdx.remotes.smb import messages
from kdx.remotes.interface import (
    Conflict,
    Held,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    SkipReason,
)
from kdx.remotes.smb.entries import entries_in, kind_of
from kdx.remotes.smb.faults import entering_failed, reading_failed, writing_failed
from kdx.remotes.smb.names import on_server, why_refused

PLACE = parse_location("smb://user@server/share")
FILETIME_2017 = 131_444_736_001_234_567


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["何？：＊～.txt", "~$名簿.docx", ".htaccess", "a b", "CONTENTS", "COM10", "長" * 255, "𠮷" * 127]
)
def test_a_name_windows_can_hold_is_taken_as_it_is(name: str) -> None:
    assert why_refused(name) == ""
    assert on_server("", f"学校/{name}") == f"学校\\{name}"
    assert on_server("base/sub", name) == f"base\\sub\\{name}"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a.", "a ", "a:b", "a*", "a?", 'a"', "a<", "a>", "a|", "a\\b", "a\x1f", "a\0", "CON", "con.txt",
     "Aux", "LPT1.", "com³.x", "CONIN$", "𠮷" * 128, "\udc89^"],
)
def test_a_name_windows_cannot_hold_is_refused_with_a_reason(name: str) -> None:
    assert why_refused(name)
    with pytest.raises(NameRefused):
        on_server("", f"学校/{name}")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_what_goes_to_the_server_is_never_another_name(path: str) -> None:
    try:
        there = on_server("b", path)
    except NameRefused:
        return
    assert there.split("\\") == ["b", *(path.split("/") if path else [])]
    assert there.encode("utf-16-le").decode("utf-16-le") == there


# --- entries ------------------------------------------------------------------------------------------------------


def row(name: bytes, *, size: int = 5, attributes: int = 0x80, tag: int = 0, file_id: int = 7) -> bytes:
    return (
        struct.pack("<qqqqqqIII", 1, 1, FILETIME_2017, 1, size, 0, attributes, len(name), tag).rjust(68, b"\0")
        + bytes(28) + struct.pack("<Q", file_id) + name
    )


def folder(*rows: bytes) -> bytes:
    padded = [one.ljust(-(-len(one) // 8) * 8, b"\0") for one in rows]
    steps = [len(one) for one in padded[:-1]] + [0]
    return b"".join(struct.pack("<I", step) + one[4:] for step, one in zip(steps, padded, strict=True))


def test_a_folder_is_read_entry_by_entry_without_unfinished_files() -> None:
    names = ["名簿.xlsx", "a", ".kdx-0123456789abcdef.part"]
    found = list(entries_in(folder(*(row(name.encode("utf-16-le")) for name in names))))
    assert [one.name for one in found] == names[:2]
    entry = found[0].entry
    assert (entry.kind, entry.size, entry.mtime_ns, entry.file_id) == ("file", 5, 1_500_000_000_123_456_700, "7")


@pytest.mark.parametrize("name", [b"\x00\xd8", "a/b".encode("utf-16-le"), b"\x00\x00", b"\x41"])
def test_a_name_that_no_path_can_hold_is_seen_and_not_walked(name: bytes) -> None:
    (found,) = entries_in(folder(row(name, attributes=0x10)))
    assert (found.entry.kind, found.entry.skip) == ("directory", "faulty")
    assert "/" not in found.name and found.name.encode("utf-8")


@pytest.mark.parametrize(
    ("attributes", "tag", "kind", "skip"),
    [
        (0x80, 0, "file", None), (0x10, 0, "directory", None),
        (0x410, 0xA000000C, "link", "symlink"), (0x400, 0xA000000C, "link", "symlink"),
        (0x410, 0xA0000003, "link", "symlink"), (0x410, 0x8000000A, "link", "symlink"),
        (0x400, 0x80000013, "file", None), (0x400, 0x80000017, "file", None), (0x410, 0x9000001A, "directory", None),
        (0x400, 0x80000023, "other", "special"),
    ],
)  # fmt: skip
def test_links_are_left_and_stored_forms_are_files(attributes: int, tag: int, kind: str, skip: str | None) -> None:
    assert kind_of(attributes, tag) == (kind, skip)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_answer_breaks_the_reading(noise: bytes) -> None:
    for listed in entries_in(noise):
        assert listed.name.encode("utf-8") is not None
    for take in (messages.opened, messages.closed, messages.data_read, messages.data_answered,
                 messages.count_written):
        take(noise)


@settings(deadline=None)
@given(st.integers(-(2**62), 2**62))
def test_a_time_is_kept_to_a_tenth_of_a_microsecond(mtime_ns: int) -> None:
    there = messages.filetime(mtime_ns)
    assert there >= 1
    if mtime_ns > -11_644_473_600 * 10**9:
        assert messages.mtime_ns(there) == mtime_ns // 100 * 100


# --- statuses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "reason"),
    [(0xC0000043, SkipReason.LOCKED), (0xC0000054, SkipReason.LOCKED), (0xC0000056, SkipReason.LOCKED),
     (0xC0000022, SkipReason.DENIED), (0xC00000BA, SkipReason.CHANGED), (0xC0000257, SkipReason.LINK),
     (0xC0000001, SkipReason.FAULTY)],
)
def test_what_keeps_a_file_from_being_read_is_told_apart(status: int, reason: SkipReason) -> None:
    error = reading_failed(status, "a", PLACE)
    assert isinstance(error, ReadFailed) and error.reason == reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (reading_failed(0xC0000034, "a", PLACE), NotFound), (reading_failed(0xC0000103, "a", PLACE), NotFound),
        (reading_failed(0xC0000034, "", PLACE), PlaceMissing), (reading_failed(0xC00000CC, "a", PLACE), PlaceMissing),
        (reading_failed(0xC0000022, "", PLACE), PlaceRefused), (reading_failed(0xC000009A, "a", PLACE), PlaceSilent),
        (writing_failed(0xC000007F, "a", PLACE), DiskFull), (writing_failed(0xC0000044, "a", PLACE), DiskFull),
        (writing_failed(0xC0000035, "a", PLACE), Conflict), (writing_failed(0xC0000043, "a", PLACE), Held),
        (writing_failed(0xC0000033, "a", PLACE), NameRefused), (writing_failed(0xC0000022, "a", PLACE), PlaceRefused),
        (writing_failed(0xC00000A2, "a", PLACE), PlaceRefused), (writing_failed(0xC0000001, "a", PLACE), PlaceSilent),
        (entering_failed(0xC000006D, PLACE), PlaceRefused), (entering_failed(0xC0000071, PLACE), PlaceRefused),
        (entering_failed(0xC00000CC, PLACE), PlaceMissing), (entering_failed(0xC0000022, PLACE), PlaceRefused),
        (entering_failed(0xC0000205, PLACE), PlaceSilent), (entering_failed(0xC0009999, PLACE), PlaceRefused),
    ],
)  # fmt: skip
def test_every_status_becomes_what_it_means(error: KdxError, kind: type[KdxError]) -> None:
    assert type(error) is kind
    assert str(error)


@pytest.mark.parametrize(
    ("status", "said"),
    [(0xC000006D, "password is wrong"), (0xC0000071, "has expired"), (0xC0000224, "must be changed"),
     (0xC0000072, "disabled"), (0xC0000234, "locked out"), (0xC0000418, "NTLM")],
)
def test_why_nobody_may_log_in_is_said(status: int, said: str) -> None:
    assert said in str(entering_failed(status, PLACE))
