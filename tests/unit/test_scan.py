"""Scans of real folders, in process: what is in the catalog, what is read again, what is refused."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kdx.config.location import Location, parse_location
from kdx.config.model import IgnoreRules, Share
from kdx.errors import Locked
from kdx.inventory.catalog.catalog import all_catalogs, latest_catalog, open_catalog
from kdx.inventory.guard import SourceEmpty, SourceShrunk
from kdx.inventory.scan import scan_share
from kdx.inventory.scanned import ScanResult
from kdx.remotes import Place
from kdx.remotes.interface import Entry, PlaceMissing
from kdx.state.folder import StateFolder

IGNORE = IgnoreRules("1", ("Thumbs.db", "~$*", "$RECYCLE.BIN"))
NOW = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
LONG_AGO = (NOW - timedelta(days=400)).timestamp()

Scan = Callable[..., ScanResult]


def put(root: Path, name: str | bytes, content: bytes = b"x") -> Path:
    """Write a file that was last changed long ago."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(root), os.fsencode(name))))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def share(tmp_path: Path) -> Path:
    root = tmp_path / "share"
    root.mkdir()
    return root


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


@pytest.fixture
def scan(share: Path, state: StateFolder) -> Scan:
    """Scan the share folder; every scan is one hour after the one before."""
    hours = iter(range(1000))

    def run(**options: Any) -> ScanResult:
        location = parse_location(str(share))
        moment = NOW + timedelta(hours=next(hours))
        settings = {"clock": lambda: moment, "processes": 2, **options}
        return scan_share(share_at(location), Place(location), state, **settings)

    return run


def share_at(location: Location) -> Share:
    return Share("shiken_es-share", "共有", "shiken_es", "fs", location, IGNORE)


def entries(result: ScanResult) -> dict[str, Entry]:
    return {entry.path: entry for entry in open_catalog(result.catalog).entries()}


def test_every_entry_is_in_the_catalog_with_its_hash_or_the_reason_why_not(share: Path, scan: Scan) -> None:
    put(share, "令和6年度/教務/時間割.xlsx", b"table")
    put(share, "empty", b"")
    put(share, "Thumbs.db", b"junk")
    put(share, "$RECYCLE.BIN/deep/gone.txt")
    put(share, "large.mov", b"m" * 700_001)
    (share / "link").symlink_to("令和6年度")
    os.mkfifo(share / "pipe")

    result = scan()

    found = entries(result)
    assert {path: (entry.kind, entry.size, entry.skip) for path, entry in found.items()} == {
        "令和6年度": ("directory", 0, None),
        "令和6年度/教務": ("directory", 0, None),
        "令和6年度/教務/時間割.xlsx": ("file", 5, None),
        "empty": ("file", 0, None),
        "Thumbs.db": ("file", 4, "ignored"),
        "$RECYCLE.BIN": ("directory", 0, "ignored"),
        "large.mov": ("file", 700_001, None),
        "link": ("link", 0, "symlink"),
        "pipe": ("other", 0, "special"),
    }
    for path in ("令和6年度/教務/時間割.xlsx", "empty", "large.mov"):
        assert found[path].sha256 == hashlib.sha256((share / path).read_bytes()).digest()
        assert found[path].mtime_ns == (share / path).stat().st_mtime_ns
    assert found["Thumbs.db"].sha256 is None
    assert found["link"].link == "令和6年度"
    assert result.ignored == (("Thumbs.db", 1), ("~$*", 0), ("$RECYCLE.BIN", 1))
    assert (result.entries(), result.hashed, result.left_by_rule, result.not_read) == (9, 3, 4, 0)
    assert result.catalog_sha256 == hashlib.sha256(result.catalog.read_bytes()).hexdigest()


def test_names_of_every_kind_keep_their_bytes_and_their_order(share: Path, scan: Scan) -> None:
    names = [
        "か\u3099.txt", "が.txt", b"\x89^\x93\xae.txt", b"\xff\xfe", "new\nline", "\x1b[31mred", "$(touch x)",
        "quote\"'", "trailing ", "何？.txt", "[最終].xlsx", "back\\slash", "a" * 255, "A", "a", "tab\t", "\u2028", "𠮷",
    ]
    for name in names:
        put(share, name)
    link = os.fsencode(share) + b"/link\xff"
    os.symlink(b"to\xfe/nowhere", link)

    found = list(open_catalog(scan().catalog).entries())

    expected = sorted([os.fsencode(name) for name in names] + [b"link\xff"])
    assert [os.fsencode(entry.path) for entry in found] == expected
    assert all(entry.sha256 == hashlib.sha256(b"x").digest() for entry in found if entry.kind == "file")
    assert [os.fsencode(entry.link) for entry in found if entry.kind == "link"] == [b"to\xfe/nowhere"]
    assert not (share / "x").exists()


def test_a_rescan_reads_only_what_changed(share: Path, scan: Scan) -> None:
    for number in range(50):
        put(share, f"folder/{number}.txt", str(number).encode())
    assert scan().hashed == 50

    put(share, "folder/7.txt", b"other")
    put(share, "new.txt", b"new")
    (share / "folder/8.txt").unlink()
    (share / "folder/9.txt").rename(share / "folder/moved.txt")
    result = scan()

    found = entries(result)
    assert result.hashed == 3
    assert found["folder/7.txt"].sha256 == hashlib.sha256(b"other").digest()
    assert found["folder/moved.txt"].sha256 == hashlib.sha256(b"9").digest()
    assert "folder/8.txt" not in found
    assert scan().hashed == 0
    assert all(entry.sha256 for entry in entries(scan()).values() if entry.kind == "file")


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(share: Path, scan: Scan) -> None:
    put(share, "grades.xlsx", b"AAAA")
    scan()
    put(share, "twin", b"BBBB").rename(share / "grades.xlsx")
    result = scan()
    assert result.hashed == 1
    assert entries(result)["grades.xlsx"].sha256 == hashlib.sha256(b"BBBB").digest()


def test_a_file_that_was_changed_just_before_it_was_read_is_read_again(share: Path, scan: Scan) -> None:
    path = put(share, "busy.txt", b"AAAA")
    just_now = (NOW - timedelta(seconds=1)).timestamp()
    os.utime(path, (just_now, just_now))
    scan()
    path.write_bytes(b"BBBB")
    os.utime(path, (just_now, just_now))
    assert entries(scan())["busy.txt"].sha256 == hashlib.sha256(b"BBBB").digest()


def test_names_only_reads_no_content_and_keeps_what_is_known(share: Path, scan: Scan) -> None:
    put(share, "known.txt", b"known")
    scan()
    put(share, "new.txt", b"new")
    result = scan(read_content=False)
    found = entries(result)
    assert result.hashed == 0
    assert found["known.txt"].sha256 == hashlib.sha256(b"known").digest()
    assert found["new.txt"].sha256 is None
    assert scan().hashed == 1


def test_a_share_that_was_never_hashed_is_hashed_after_a_scan_of_names(share: Path, scan: Scan) -> None:
    put(share, "a", b"a")
    assert entries(scan(read_content=False))["a"].sha256 is None
    assert entries(scan())["a"].sha256 == hashlib.sha256(b"a").digest()


@pytest.mark.parametrize("before", [0, 30])
def test_an_empty_share_is_refused_and_the_last_catalog_stays(
    share: Path, scan: Scan, state: StateFolder, before: int
) -> None:
    files = [put(share, f"{number}.txt") for number in range(before)]
    last = scan().catalog if files else None
    for file in files:
        file.unlink()
    with pytest.raises(SourceEmpty):
        scan()
    assert latest_catalog(state.catalogs("shiken_es-share")) == last
    assert scan(accept_smaller=True).entries() == 0


def test_a_half_mounted_share_is_refused_until_a_person_says_that_it_is_right(share: Path, scan: Scan) -> None:
    for folder in ("a", "b", "c"):
        for number in range(20):
            put(share, f"{folder}/{number}.txt")
    scan()
    for folder in ("b", "c"):
        for number in range(20):
            (share / folder / f"{number}.txt").unlink()
    with pytest.raises(SourceShrunk) as refused:
        scan()
    assert (refused.value.values["before"], refused.value.values["now"]) == (60, 20)
    assert refused.value.exit_code == 4
    result = scan(accept_smaller=True)
    assert (result.entries("file"), result.hashed) == (20, 0)


def test_a_root_that_went_missing_is_refused_as_shrunk_and_as_missing_the_first_time(share: Path, scan: Scan) -> None:
    aside = share.with_name("aside")
    share.rename(aside)
    with pytest.raises(PlaceMissing):
        scan()
    aside.rename(share)
    put(share, "a")
    scan()
    share.rename(aside)
    with pytest.raises(SourceShrunk):
        scan()


def test_a_share_url_that_is_a_file_is_refused(share: Path, scan: Scan) -> None:
    share.rmdir()
    share.write_bytes(b"a file")
    with pytest.raises(PlaceMissing):
        scan()


def test_two_scans_of_one_share_exclude_each_other(share: Path, scan: Scan, state: StateFolder) -> None:
    put(share, "a")
    with state.lock("scan-shiken_es-share"), pytest.raises(Locked):
        scan()
    assert scan().hashed == 1


def test_a_folder_with_very_many_files_and_a_deep_one_are_seen_whole(share: Path, scan: Scan) -> None:
    for number in range(3000):
        put(share, f"flat/{number:05}.txt", str(number).encode())
    put(share, "/".join(["d"] * 60) + "/end.txt", b"end")
    found = entries(scan(processes=3))
    assert len(found) == 1 + 3000 + 61
    assert all(
        found[f"flat/{number:05}.txt"].sha256 == hashlib.sha256(str(number).encode()).digest() for number in range(3000)
    )


def test_two_catalogs_of_one_second_keep_their_order(share: Path, state: StateFolder) -> None:
    put(share, "a")
    location = parse_location(str(share))
    for _ in range(3):
        scan_share(share_at(location), Place(location), state, clock=lambda: NOW, processes=1)
    names = [path.name for path in all_catalogs(state.catalogs("shiken_es-share"))]
    assert names == ["20261123T130000Z.parquet", "20261123T130001Z.parquet", "20261123T130002Z.parquet"]


def test_a_catalog_says_where_it_comes_from(share: Path, scan: Scan) -> None:
    put(share, "a")
    metadata = open_catalog(scan().catalog).metadata
    assert (metadata.school, metadata.share, metadata.share_id) == ("shiken_es", "共有", "shiken_es-share")
    assert (metadata.root, metadata.started, metadata.ignore) == (str(share), NOW, IGNORE)
