"""Catalogs as tables: what is written is read back, questions are answered right, damage is said."""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdx.config.location import parse_location
from kdx.config.model import IgnoreRules, Share
from kdx.errors import DiskFull, KdxError
from kdx.inventory.catalog.assemble import Known, write_walk
from kdx.inventory.catalog.catalog import Catalog, metadata_of, open_catalog
from kdx.inventory.catalog.difference import Difference
from kdx.inventory.catalog.rows import CATALOG, journal_line
from kdx.inventory.catalog.table import (
    TableDamaged,
    TooLittleMemory,
    begin_engine,
    connect,
    execute,
    journal_source,
    quote,
    read_table,
)
from kdx.inventory.overview import NoSecondCatalog, Shelf, choose_two, find_differences, find_duplicates
from kdx.remotes.interface import Entry
from kdx.state.folder import StateFolder
from kdx.state.journal import Journal

NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)
SHARE = Share("s", "共有", "shiken_es", "fs", parse_location("/srv/share"), IgnoreRules("1", ("Thumbs.db",)))


def write_catalog(folder: Path, name: str, entries: Iterable[Entry], known: Catalog | None = None) -> Catalog:
    """Write entries as a scan of names would, in any order."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / f"{name}.ndjson"
    journal.unlink(missing_ok=True)
    with Journal(journal) as file:
        file.write_lines(map(journal_line, entries))
    with closing(connect(folder)) as database:
        path = folder / f"{name}.parquet"
        write_walk(database, path, [journal], Known(known, (), NOW), metadata_of(SHARE, NOW, NOW).as_text())
    return open_catalog(path)


def file(path: str, content: str | None = "x", *, mtime: int = 1, number: str = "", **more: object) -> Entry:
    """A file whose content is told by one word."""
    digest = content.encode().ljust(32, b".")[:32] if content is not None else None
    return Entry(path, "file", len(content or ""), mtime, digest, file_id=number, **more)  # type: ignore[arg-type]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)
NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"?")))
ENTRIES = st.builds(
    Entry,
    path=NAMES | TEXTS.filter(bool).filter(lambda text: "\ud800" > max(text) or max(text) > "\udfff"),
    kind=st.sampled_from(["file", "directory", "link", "other"]),
    size=st.integers(0, 2**62),
    mtime_ns=st.integers(-(2**62), 2**62),
    sha256=st.none() | st.binary(min_size=32, max_size=32),
    skip=st.none() | st.sampled_from(["ignored", "denied", "changed"]),
    link=st.just("") | NAMES,
    mode=st.integers(0, 0o7777),
    owner=st.sampled_from(["", "先生", 'a"b\\']),
    acl=st.sampled_from(["", "O:BAG:SY\n"]),
    file_id=st.integers(0, 2**64).map(str),
    etag=st.just(""),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRIES, max_size=40, unique_by=lambda entry: os.fsencode(entry.path)))
def test_every_entry_comes_back_as_it_was_in_the_order_of_its_bytes(tmp_path: Path, entries: list[Entry]) -> None:
    back = list(write_catalog(tmp_path, "any", entries).entries())
    assert back == sorted(entries, key=lambda entry: os.fsencode(entry.path))


def test_a_half_line_left_by_a_kill_is_no_row(tmp_path: Path) -> None:
    journal = tmp_path / "j.ndjson"
    journal.write_bytes((journal_line(file("a")) + journal_line(file("b"))[:-9]).encode())
    with closing(connect(tmp_path)) as database:
        rows = database.execute(f"SELECT path FROM ({journal_source(CATALOG, [journal])})").fetchall()
    assert rows == [("a",)]


def test_a_catalog_that_is_cut_or_none_is_said_to_be_damaged(tmp_path: Path) -> None:
    whole = write_catalog(tmp_path, "whole", [file("a")]).path
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-20])
    other = tmp_path / "other.parquet"
    with closing(connect(tmp_path)) as database:
        database.execute(f"COPY (SELECT 1 AS one) TO {quote(str(other))} (FORMAT parquet)")
    for path in (cut, other):
        with pytest.raises(TableDamaged):
            open_catalog(path)
    with pytest.raises(TableDamaged):
        list(read_table(cut, CATALOG))


@pytest.mark.parametrize(
    ("setting", "sentence"), [("temp_directory = ''", TooLittleMemory), ("max_temp_directory_size = '1MB'", DiskFull)]
)
def test_no_memory_and_no_room_to_spill_are_told_apart(
    setting: str, sentence: type[KdxError], tmp_path: Path
) -> None:
    heavy = "SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS name FROM range(2000000) ORDER BY name"
    with closing(begin_engine(tmp_path)) as database:
        for change in ("memory_limit = '30MB'", "threads = 1", setting):
            database.execute(f"SET {change}")
        with pytest.raises(sentence):
            execute(database, heavy, tmp_path)


def test_a_known_hash_counts_only_for_the_very_same_file(tmp_path: Path) -> None:
    known = [
        file("same", "A", number="1"), file("new size", "A", number="2"), file("new time", "A", number="3"),
        file("new id", "A", number="4"), file("no id before", "A"), file("no id now", "A", number="6"),
        file("unread now", "A", number="7"),
    ]
    now = [
        file("same", None, number="1")._replace(size=1),
        file("new size", None, number="2")._replace(size=2),
        file("new time", None, number="3", mtime=2)._replace(size=1),
        file("new id", None, number="5")._replace(size=1),
        file("no id before", None, number="8")._replace(size=1),
        file("no id now", None)._replace(size=1),
        file("unread now", None, number="7", skip="denied")._replace(size=1),
    ]
    last = write_catalog(tmp_path, "last", known)
    found = {entry.path: entry.sha256 is not None for entry in write_catalog(tmp_path, "now", now, last).entries()}
    assert found == {
        "same": True, "new size": False, "new time": False, "new id": False, "no id before": True, "no id now": True,
        "unread now": False,
    }


def test_duplicates_are_files_of_one_content_not_names_of_one_file(tmp_path: Path) -> None:
    one = write_catalog(
        tmp_path / "1", "one",
        [
            file("a", "large", number="1"), file("b", "large", number="2"), file("hard link of b", "large", number="2"),
            file("c", "s", number="3"), file("d", "s", number="4"), file("e", "s", number="5"),
            file("empty 1", "", number="6"), file("empty 2", "", number="7"), file("alone", "other", number="8"),
            file("Thumbs.db", "large", number="9", skip="ignored"), file("unread", None, number="10"),
        ],
    )
    groups, saved, copies = find_duplicates(Shelf((one,)), 10)
    assert (groups, saved) == (2, 5 + 2)
    assert [(copy.group, copy.copies, copy.size, copy.path) for copy in copies] == [
        (1, 2, 5, "a"), (1, 2, 5, "b"), (2, 3, 1, "c"), (2, 3, 1, "d"), (2, 3, 1, "e"),
    ]
    assert {copy.group for copy in find_duplicates(Shelf((one,)), 1)[2]} == {1}
    two = write_catalog(tmp_path / "2", "two", [file("f", "other", number="8")])
    assert find_duplicates(Shelf((one, two)), 10)[:2] == (3, 5 + 2 + 5)


def test_what_changed_is_told_apart_from_what_only_moved(tmp_path: Path) -> None:
    before = write_catalog(
        tmp_path, "before",
        [
            file("same", "A"), file("touched", "A", mtime=1), file("edited", "A"), file("gone", "gone"),
            file("令和6年度/moved", "m"), file("twin 1", "t"), file("twin 2", "t"), file("unhashed", None, mtime=1),
            Entry("link", "link", link="a"), Entry("folder", "directory", mtime_ns=1), file("x.tmp", skip="ignored"),
            file("became link", "A"),
        ],
    )
    now = write_catalog(
        tmp_path, "now",
        [
            file("same", "A"), file("touched", "A", mtime=9), file("edited", "B"), file("new", "n"),
            file("令和7年度/moved", "m"), file("twin 3", "t"), file("unhashed", None, mtime=2),
            Entry("link", "link", link="b"), Entry("folder", "directory", mtime_ns=9),
            Entry("became link", "link", link="same"),
        ],
    )
    found = find_differences(before, now)
    assert found == sorted(found, key=lambda one: os.fsencode(one.path))
    assert set(found) == {
        Difference("changed", "edited", None, 1, 1),
        Difference("removed", "gone", None, 4, None),
        Difference("added", "new", None, None, 1),
        Difference("moved", "令和7年度/moved", "令和6年度/moved", 1, 1),
        Difference("moved", "twin 3", "twin 1", 1, 1),
        Difference("removed", "twin 2", None, 1, None),
        Difference("changed", "unhashed", None, 0, 0),
        Difference("changed", "link", None, 0, 0),
        Difference("changed", "became link", None, 1, 0),
    }
    assert find_differences(now, now) == []


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFolder]:
    folder = StateFolder(tmp_path / "state")
    for name in ("20261101T220000Z", "20261108T220000Z", "20261115T220000Z"):
        write_catalog(folder.catalogs("s"), name, [file("a")])
    yield folder


@pytest.mark.parametrize(
    ("since", "until", "chosen"),
    [
        (None, None, ("08", "15")),
        (datetime(2026, 11, 3, tzinfo=UTC), None, ("01", "15")),
        (None, datetime(2026, 11, 10, tzinfo=UTC), ("01", "08")),
        (datetime(2026, 11, 30, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC), ("08", "15")),
        (datetime(2026, 10, 1, tzinfo=UTC), None, None),
        (None, datetime(2026, 11, 2, tzinfo=UTC), None),
    ],
)
def test_two_scans_are_chosen_by_the_days_that_were_named(
    state: StateFolder, since: datetime | None, until: datetime | None, chosen: tuple[str, str] | None
) -> None:
    if chosen is None:
        with pytest.raises(NoSecondCatalog):
            choose_two(SHARE, state, since, until)
    else:
        assert tuple(found.path.name[6:8] for found in choose_two(SHARE, state, since, until)) == chosen
