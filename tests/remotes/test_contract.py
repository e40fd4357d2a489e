"""What kdx/remotes/interface.py promises, held against every Remote on every server we can run."""

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kdx.errors import KdxError
from kdx.remotes.digest import PassingDigest, part_size
from kdx.remotes.interface import (
    Conflict,
    Entry,
    Expected,
    Kind,
    Metadata,
    NameRefused,
    NotFound,
    PlaceMissing,
    ReadFailed,
    SkipReason,
    Written,
)

from .conftest import Rig

METADATA = Metadata(mtime_ns=1_500_000_000_123_456_789, sha256="ab" * 32, name="%E5%90%8D")
LARGE = bytes(range(256)) * 4096 * 17 + b"the last part is short"

NAMES = {
    "command": "$(touch x)/`reboot`;rm -rf *.txt",
    "quotes": "'a' \"b\".txt",
    "newline": "new\nline.txt",
    "brackets": "[最終]第2版.xlsx",
    "full width": "何？：＊～.txt",
    "composed": unicodedata.normalize("NFC", "ガイド.txt"),
    "decomposed": unicodedata.normalize("NFD", "ガイド.txt"),
    "trailing space": "space .txt ",
    "255 bytes": "長" * 85,
    "capitals": "README.txt",
    "small": "readme.txt",
    "percent": "a%20b.txt",
    "hash": "#1 #2.txt",
    "backslash": "a\\b.txt",
    "plus and question": "a+b?c=d&e.txt",
    "escape": "\x1b[31mred.txt",
    "rare kanji": "葛󠄀飾区 𠮷野家.txt",
    "dots": "...txt...",
    "tilde": "~$本日の記録.docx",
}
CANNOT = {
    ("moto", "newline"),
    *((kind, case) for kind in ("smb", "rclone:smb") for case in (
        "command", "quotes", "newline", "trailing space", "backslash", "plus and question", "escape", "dots",
    )),
    *(("rclone:webdav", case) for case in ("newline", "escape")),
}
"""What a server itself cannot hold under this name; kdx must say so, and write nothing under any other."""
TAKES_FOR_ONE = {"smb", "rclone:smb"}
"""Servers for which names that differ only in capitals are one name."""


def write(rig: Rig, path: str, data: bytes, expected: Expected = Expected.ABSENT) -> Written:
    return rig.remote.write(path, in_chunks(data), len(data), METADATA, expected)


def in_chunks(data: bytes, size: int = 1_000_003) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def files(rig: Rig) -> dict[str, Entry]:
    return {entry.path: entry for entry in rig.remote.walk() if entry.kind == Kind.FILE}


@pytest.mark.parametrize("case", NAMES)
def test_a_hostile_name_arrives_exactly_and_is_read_back(rig: Rig, case: str) -> None:
    name, data = f"学校/{NAMES[case]}", f"内容 {case}".encode()
    if (rig.kind, case) in CANNOT:
        with pytest.raises(KdxError):
            write(rig, name, data)
        assert rig.look.all() == {}
        return
    write(rig, name, data)
    assert rig.look.all() == {name: data}
    assert files(rig)[name].size == len(data)
    assert b"".join(rig.remote.read(name)) == data
    assert rig.remote.digest(name).sha256 == hashlib.sha256(data).digest()
    assert rig.remote.stat(name).size == len(data)
    listed = [entry.path for entry in rig.remote.list(name.rpartition("/")[0])]
    assert listed == [name]


def test_twins_that_differ_in_case_or_composition_are_two_files(rig: Rig) -> None:
    twins = ["composed", "decomposed", "capitals", "small"]
    if rig.kind in TAKES_FOR_ONE:
        twins.remove("small")
    for case in twins:
        write(rig, NAMES[case], case.encode())
    if rig.kind in TAKES_FOR_ONE:
        for expected in Expected:
            with pytest.raises(Conflict):
                write(rig, NAMES["small"], b"small", expected)
    assert rig.look.all() == {NAMES[case]: case.encode() for case in twins}


def test_a_name_that_is_not_unicode_arrives_or_is_refused_as_a_name(rig: Rig) -> None:
    name = os.fsdecode("年度.txt".encode("cp932"))
    if rig.remote.capabilities.unicode_names:
        with pytest.raises(NameRefused):
            write(rig, name, b"x")
        assert rig.look.all() == {}
    else:
        write(rig, name, b"x")
        assert rig.look.all() == {name: b"x"}
        assert list(files(rig)) == [name]


def test_an_empty_file_is_a_file(rig: Rig) -> None:
    write(rig, "空.txt", b"")
    assert rig.look.all() == {"空.txt": b""}
    assert list(rig.remote.read("空.txt")) in ([], [b""])
    assert rig.remote.digest("空.txt").sha256 == hashlib.sha256().digest()


@pytest.mark.parametrize("name", ["動画.mp4", "line\tbreak.mp4"])
def test_a_large_file_arrives_whole(rig: Rig, name: str) -> None:
    name = rig.name(name)
    written = write(rig, name, LARGE)
    assert written.size == len(LARGE)
    assert rig.look.all() == {name: LARGE}
    assert rig.remote.digest(name).sha256 == hashlib.sha256(LARGE).digest()
    assert files(rig)[name].etag == written.etag == rig.remote.stat(name).etag


@pytest.mark.parametrize("size", [5, 8 << 20, 16 << 20, (16 << 20) + 1, 24 << 20])
def test_the_tag_of_an_honest_store_is_among_those_taken_while_reading(rig: Rig, size: int) -> None:
    data = os.urandom(4096) * (size // 4096) + bytes(size % 4096)
    passing = PassingDigest(part_size(size))
    for chunk in in_chunks(data):
        passing.update(chunk)
    written = write(rig, "記録", data)
    if rig.remote.capabilities.etags:
        assert written.etag in passing.etags
        assert files(rig)["記録"].etag in passing.etags
        assert '"' not in written.etag
    else:
        assert written.etag == files(rig)["記録"].etag == ""
    assert passing.sha256 == hashlib.sha256(data).digest()


def test_what_is_there_is_never_replaced_when_nothing_was_expected(rig: Rig) -> None:
    for count in range(3):
        rig.look.put(f"先客 {count}.txt", b"theirs")
        with pytest.raises(Conflict):
            write(rig, f"先客 {count}.txt", b"our own")
        write(rig, f"新 {count}.txt", b"ours")
    assert rig.look.all()["先客 0.txt"] == rig.look.all()["先客 2.txt"] == b"theirs"


def test_a_large_file_never_replaces_what_is_there(rig: Rig) -> None:
    rig.look.put("先客.mp4", b"theirs")
    with pytest.raises(Conflict):
        write(rig, "先客.mp4", LARGE)
    assert rig.look.all() == {"先客.mp4": b"theirs"}


def test_what_is_ours_may_be_replaced_and_twice_is_once(rig: Rig) -> None:
    write(rig, "版.txt", b"one")
    first = write(rig, "版.txt", b"two", Expected.ANY)
    second = write(rig, "版.txt", b"two", Expected.ANY)
    assert first == second
    assert rig.look.all() == {"版.txt": b"two"}


@pytest.mark.parametrize("name", ["a.bin", "b\tc.bin"])
@pytest.mark.parametrize("data", [b"small" * 10, LARGE], ids=["small", "large"])
def test_a_write_whose_source_fails_leaves_nothing_and_says_why(rig: Rig, data: bytes, name: str) -> None:
    name = rig.name(name)

    def failing() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        raise ReadFailed(name=name, reason=SkipReason.LOCKED, detail="")

    with pytest.raises(ReadFailed) as raised:
        rig.remote.write(name, failing(), len(data), METADATA, Expected.ABSENT)
    assert raised.value.reason == SkipReason.LOCKED
    assert rig.look.all() == {}
    assert list(rig.remote.walk()) == []


@pytest.mark.parametrize("size", [-3, 3])
@pytest.mark.parametrize("data", [b"small" * 10, LARGE], ids=["small", "large"])
def test_a_file_that_grew_or_shrank_on_the_way_is_not_written(rig: Rig, data: bytes, size: int) -> None:
    with pytest.raises(ReadFailed) as raised:
        rig.remote.write("a.bin", in_chunks(data), len(data) + size, METADATA, Expected.ABSENT)
    assert raised.value.reason == SkipReason.CHANGED
    assert rig.look.all() == {}


def test_replacing_is_whole_or_nothing_too(rig: Rig) -> None:
    write(rig, "版.bin", b"before")
    with pytest.raises(ReadFailed):
        rig.remote.write("版.bin", in_chunks(LARGE), len(LARGE) + 1, METADATA, Expected.ANY)
    assert rig.look.all() == {"版.bin": b"before"}


def test_what_is_not_there_is_not_found(rig: Rig) -> None:
    write(rig, "there.txt", b"x")
    for name in ("absent.txt", "absent/folder.txt", "there.txt/below", "tab\tabsent"):
        for ask in (rig.remote.stat, rig.remote.digest, rig.remote.metadata, lambda name: list(rig.remote.read(name))):
            if ask == rig.remote.metadata and not rig.remote.capabilities.etags:
                continue
            with pytest.raises(NotFound):
                ask(name)


def test_deleting_takes_one_object_and_an_absent_one_is_no_error(rig: Rig) -> None:
    for name in ("a/one.txt", "a/two.txt", "a/tab\t.txt"):
        write(rig, rig.name(name), b"x")
    rig.remote.delete("a/one.txt")
    rig.remote.delete(rig.name("a/tab\t.txt"))
    rig.remote.delete("a/one.txt")
    rig.remote.delete("absent/too.txt")
    assert list(rig.look.all()) == ["a/two.txt"]


def test_reading_can_begin_anywhere(rig: Rig) -> None:
    write(rig, "large.bin", LARGE)
    for start in (1, 1 << 20, (8 << 20) + 5, len(LARGE) - 1):
        assert b"".join(rig.remote.read("large.bin", start=start)) == LARGE[start:]
    assert b"".join(rig.remote.read("large.bin", start=len(LARGE))) == b""


def test_files_that_were_announced_are_read_as_any_other(rig: Rig) -> None:
    sizes = [0, 1, 5_000, 100_000, 300_000, *range(40, 70)]
    files = {f"組/{number:02}.txt": os.urandom(size) for number, size in enumerate(sizes)}
    for name, data in files.items():
        write(rig, name, data)
    announced = [(name, len(data)) for name, data in files.items()] + [("組/absent.txt", 3)]
    rig.remote.prepare(announced)
    for name, data in files.items():
        if name != "組/07.txt":
            assert rig.remote.stat(name).size == len(data)
            assert b"".join(rig.remote.read(name)) == data
    with pytest.raises(NotFound):
        rig.remote.stat("組/absent.txt")
    rig.remote.prepare(announced[:20])
    rig.remote.prepare([])
    assert b"".join(rig.remote.read("組/03.txt", start=7)) == files["組/03.txt"][7:]


def test_a_list_shows_only_its_own_folder_in_the_order_of_bytes(rig: Rig) -> None:
    names = ["b.txt", "a-b", "a.txt", "a/inside", "a/deep/er", "Z", "あ/ん", "𠮷", "｡", rig.name("tab\t")]
    for name in names:
        rig.look.put(name, b"x")
    top = [entry.path for entry in rig.remote.list()]
    assert top == sorted({name.partition("/")[0] for name in names}, key=os.fsencode)
    assert [entry.path for entry in rig.remote.list("a")] == ["a/deep", "a/inside"]
    kinds = {entry.path: entry.kind for entry in rig.remote.list("a")}
    assert kinds == {"a/deep": Kind.DIRECTORY, "a/inside": Kind.FILE}


def test_a_walk_over_many_pages_misses_nothing(rig: Rig) -> None:
    names = {f"組{number % 7}/{number:03}{'%' if number % 5 else rig.name('tab' + chr(9))}.txt" for number in range(60)}
    for name in names:
        rig.look.put(name, b"x")
    assert sorted(entry.path for entry in rig.remote.walk() if entry.kind == Kind.FILE) == sorted(names)


def test_a_list_of_nothing_is_empty(rig: Rig) -> None:
    assert list(rig.remote.list()) == []
    assert list(rig.remote.walk()) == []


def test_neighbours_outside_the_root_are_not_seen(rig: Rig) -> None:
    write(rig, "inside.txt", b"x")
    inner = replace(rig.place, location=rig.place.location.child("in")).open()
    if rig.remote.capabilities.directories:
        with pytest.raises(PlaceMissing):
            list(inner.walk())
    else:
        assert list(inner.walk()) == []
    inner.close()


@pytest.mark.parametrize("name", ["../out.txt", "a/../../out.txt", "/abs.txt", "a//b.txt", "a/./b.txt", "", "a/"])
def test_a_path_that_is_none_is_refused(rig: Rig, name: str) -> None:
    with pytest.raises(NameRefused):
        write(rig, name, b"x")
    assert rig.look.all() == {}


def test_a_name_longer_than_the_place_holds_is_refused_as_a_name(rig: Rig) -> None:
    longest = rig.remote.capabilities.name_bytes
    name = "/".join(["深" * 60] * 30)[: longest // 3 + 20] if longest else "長" * 86
    with pytest.raises(NameRefused):
        write(rig, name, b"x")
    assert rig.look.all() == {}


def test_metadata_travels_where_the_place_keeps_it(rig: Rig) -> None:
    write(rig, "a.txt", b"x")
    kept = rig.remote.metadata("a.txt")
    if rig.remote.capabilities.etags:
        assert kept["mtime"] == "1500000000.123456789"
        assert kept["kdx-sha256"] == METADATA.sha256
        assert kept["kdx-name"] == METADATA.name
    else:
        assert kept == {}
        step = rig.remote.capabilities.time_step_ns
        assert rig.remote.stat("a.txt").mtime_ns == METADATA.mtime_ns // step * step


def test_files_that_were_listed_are_hashed_each_or_say_why_not(rig: Rig) -> None:
    for name in ("a", "b", "c"):
        write(rig, name, name.encode())
    listed = [entry for entry in rig.remote.list()]
    rig.remote.delete("b")
    digests = [(entry.path, entry.sha256, entry.skip) for entry in rig.remote.digest_listed(listed)]
    assert digests == [
        ("a", hashlib.sha256(b"a").digest(), None),
        ("b", None, SkipReason.VANISHED),
        ("c", hashlib.sha256(b"c").digest(), None),
    ]


def test_an_empty_folder_exists_only_where_the_place_says_so(rig: Rig) -> None:
    if rig.remote.capabilities.directories:
        rig.remote.make_directory("空/中")
        rig.remote.make_directory("空/中")
        assert [(entry.path, entry.kind) for entry in rig.remote.walk()] == [("空", "directory"), ("空/中", "directory")]
    else:
        with pytest.raises(NameRefused):
            rig.remote.make_directory("空/中")


def test_a_link_exists_only_where_the_place_says_so(rig: Rig) -> None:
    if not rig.remote.capabilities.links:
        with pytest.raises(NameRefused):
            rig.remote.make_link("a", "b", Expected.ABSENT)
        return
    rig.remote.make_link("先/link", "../何処か", Expected.ABSENT)
    rig.remote.make_link("先/link", "../何処か", Expected.ABSENT)
    assert rig.remote.stat("先/link")[:2] == ("先/link", "link")
    assert rig.remote.stat("先/link").link == "../何処か"
    with pytest.raises(Conflict):
        rig.remote.make_link("先/link", "other", Expected.ABSENT)
    rig.remote.make_link("先/link", "other", Expected.ANY)
    assert rig.remote.stat("先/link").link == "other"
    write(rig, "file", b"x")
    with pytest.raises(Conflict):
        rig.remote.make_link("file", "other", Expected.ANY)
