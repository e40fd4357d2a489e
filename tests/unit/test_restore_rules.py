"""What a restore decides before it writes: which snapshot, which entries, under which names, in which order."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kdx.backup.format.chain import Stored
from kdx.backup.format.manifest import Row, encode_row, zipped
from kdx.backup.format.names import SnapshotName
from kdx.backup.format.seal import Counts, Link, Part, Seal, State
from kdx.backup.format.vault import ObjectMissing
from kdx.backup.restoring.admission import admitted
from kdx.backup.restoring.choice import choose
from kdx.backup.restoring.errands import GAP_BYTES, errands, sorted_lines
from kdx.backup.restoring.wanted import PART_LOST, Fault, Piece, Selection, Wanted, beside, folded
from kdx.cli.restore import parse_moment

TOKYO = ZoneInfo("Asia/Tokyo")
PACK = "packs/ab/" + "ab" * 32 + ".tar.zst"
DIGEST = "cd" * 32


def stored(day: int, state: State = State.COMPLETE, waiting: int = 0, seen: int | None = None) -> Stored:
    name = SnapshotName(datetime(2026, 11, day, 13, tzinfo=UTC), day)
    counts = Counts(0, 0, 0, 0, 0, 0, 0, 0, waiting, 0, 0)
    seal = Seal("v", "es", "s", "共有", name, None, name.started, state, (), counts, None, None, "", "", ())
    return Stored(seal, Link(name, ""), datetime(2026, 11, seen or day, 13, tzinfo=UTC))


def at(day: int) -> datetime:
    return datetime(2026, 11, day, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("snapshots", "moment", "chosen"),
    [
        ([stored(3), stored(2), stored(1)], None, 3),
        ([stored(3), stored(2), stored(1)], at(2), 2),
        ([stored(3), stored(2)], at(1), None),
        ([stored(3, State.SUSPECT), stored(2)], None, 2),
        ([stored(3, State.PARTIAL), stored(2)], None, 3),
        ([stored(3, State.PARTIAL, waiting=5), stored(2)], None, 2),
        ([stored(3, State.SUSPECT), stored(2)], stored(3).seal.name, 3),
        ([stored(3, State.PARTIAL, waiting=5), stored(2)], stored(3).seal.name, 3),
        ([stored(28, seen=4), stored(2)], at(5), 28),
        ([stored(2, seen=9)], at(5), 2),
        ([], None, None),
    ],
    ids=[
        "the newest", "the newest until then", "nothing so early", "no suspect one", "a partial one that came to all",
        "no checkpoint", "a suspect one by its name", "a checkpoint by its name", "as old as the store says",
        "copied to this store later", "nothing",
    ],
)
def test_the_newest_good_snapshot_is_chosen_and_any_by_its_name(snapshots, moment, chosen):
    found = choose(snapshots, moment)
    assert (found.seal.name.sequence if found else None) == chosen


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-17", datetime(2026, 11, 17, 14, 59, 59, 999999, UTC)),
        ("R8.11.17", datetime(2026, 11, 17, 14, 59, 59, 999999, UTC)),
        ("令和8年11月17日", datetime(2026, 11, 17, 14, 59, 59, 999999, UTC)),
        ("2026-11-17T22:00", datetime(2026, 11, 17, 13, tzinfo=UTC)),
        ("2026-11-17 22:00", datetime(2026, 11, 17, 13, tzinfo=UTC)),
        ("2026-11-17T13:00:00+00:00", datetime(2026, 11, 17, 13, tzinfo=UTC)),
        ("20261117T130000Z-000012", SnapshotName(datetime(2026, 11, 17, 13, tzinfo=UTC), 12)),
    ],
)
def test_a_moment_is_a_day_in_the_boards_time_zone_a_time_or_a_snapshot(text, moment):
    assert parse_moment(text, TOKYO) == moment


WHEN = datetime(2026, 11, 17, 22, 0, tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("asked", "path", "target"),
    [
        ("名簿.xlsx", "名簿.xlsx", "名簿_復元_20261117-2200.xlsx"),
        ("a/b.tar.gz", "a/b.tar.gz", "a/b.tar_復元_20261117-2200.gz"),
        ("a/.hidden", "a/.hidden", "a/.hidden_復元_20261117-2200"),
        ("a/無題", "a/無題", "a/無題_復元_20261117-2200"),
        ("4.1_教務", "4.1_教務/a/b.txt", "4.1_教務_復元_20261117-2200/a/b.txt"),
        ("a/folder", "a/folder/b.txt", "a/folder_復元_20261117-2200/b.txt"),
        ("./a/", "a/b", "a_復元_20261117-2200/b"),
        ("が", "か\u3099", "か\u3099_復元_20261117-2200"),
        (None, "a/b", "復元_20261117-2200/a/b"),
    ],
)
def test_beside_means_a_name_of_its_own_in_the_same_folder(asked, path, target):
    assert Selection([asked] if asked else [], beside(WHEN)).target_of(path) == target


@given(some.text(some.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_a_name_beside_is_never_the_old_one_and_never_too_long(name):
    if name in (".", "..") or len(name.encode()) > 255:
        return
    target = Selection([name], beside(WHEN)).target_of(name)
    if target is None:
        # a name of blanks and dots that cleaning took for nothing
        return
    assert target != name and "/" not in target
    assert len(target.encode()) <= 255


def test_a_folder_takes_what_is_in_it_and_not_what_only_begins_like_it():
    selection = Selection(["a/b", "c"])
    assert [path for path in ("a", "a/b", "a/b/c", "a/bc", "c", "cc") if selection.target_of(path)] == [
        "a/b", "a/b/c", "c"
    ]
    assert selection.missing == []
    assert Selection(["a/b", "c"]).missing == ["a/b", "c"]


def test_a_search_does_not_mind_widths_cases_and_how_a_mac_writes_kana():
    assert folded("４月ＡＢＣか\u3099") == folded("4月abcが")


class Unit:
    """A unit of a vault that holds the parts of one manifest in memory."""

    def __init__(self, parts: Sequence[bytes | None]) -> None:
        self.parts = {str(number): part for number, part in enumerate(parts)}

    def fetch(self, name: str) -> bytes:
        part = self.parts[name]
        if part is None:
            raise ObjectMissing(name=name)
        return zipped(part)


def admit(*parts: Sequence[Row] | None) -> tuple[list[Wanted], list[Fault]]:
    return admit_texts(*(None if rows is None else b"".join(map(encode_row, rows)) for rows in parts))


def admit_texts(*texts: bytes | None, more: int = 0) -> tuple[list[Wanted], list[Fault]]:
    """`more` rows are in each part than its seal says."""
    unit = Unit(texts)
    parts = [Part(name, (text or b"").count(b"\n") - more, 0) for name, text in unit.parts.items()]
    seal = SimpleNamespace(parts=parts)
    faults: list[Fault] = []
    return list(admitted(unit, seal, faults)), faults


def row(path: str, kind: str = "file", size: int = 5, place: str = PACK, offset: int = 0) -> Row:
    if kind != "file":
        return Row(kind, "", 0, 0, "", "", "", 0, 0, path, "target" if kind == "link" else "")
    return Row(kind, DIGEST, size, 0, "", "", place, offset, 9, path, "")


def test_rows_of_a_larger_file_become_one_entry_and_missing_pieces_are_a_fault():
    size = (16 << 20) + 1
    whole = [row("a", size=size, offset=number) for number in range(3)]
    found, faults = admit([*whole, row("b")])
    assert [(one.path, len(one.pieces)) for one in found] == [("a", 3), ("b", 1)]
    assert not faults
    found, faults = admit([*whole[:2], row("b")])
    assert [one.path for one in found] == ["b"]
    assert [fault.path for fault in faults] == ["a"]
    found, faults = admit([*whole, row("a", size=size, offset=7), row("b")])
    assert [(one.path, len(one.pieces)) for one in found] == [("a", 3), ("b", 1)]
    assert [fault.path for fault in faults] == ["a"]


def test_after_a_lost_part_folders_nobody_named_are_folders_and_a_link_stays_none():
    found, faults = admit([row("a", "directory")], None, [row("b/c/d"), row("b/e"), row("f/g")])
    assert [one.path for one in found] == ["a", "b/c/d", "b/e"]
    assert [fault.path for fault in faults] == ["1", "f/g"]
    found, faults = admit([row("a", "link")], None, [row("a/b"), row("c/d")])
    assert [one.path for one in found] == ["a", "c/d"]


def test_a_part_with_more_rows_than_its_seal_says_is_named_and_the_next_one_counts():
    one, other = (b"".join(map(encode_row, [row(f"{part}{n}", "directory") for n in range(3)])) for part in "ab")
    found, faults = admit_texts(one, other, more=1)
    assert [(fault.path, fault.why) for fault in faults] == [("0", PART_LOST), ("1", PART_LOST)]
    found, faults = admit_texts(one, other)
    assert len(found) == 6 and not faults


def test_of_a_part_full_of_nonsense_only_some_rows_are_named_and_the_next_part_counts():
    found, faults = admit_texts(b"\n" * 100_000, encode_row(row("a")))
    assert [one.path for one in found] == ["a"]
    assert len(faults) < 2000 and faults[-1].path == "0" and faults[-1].why == PART_LOST


names = some.sampled_from(["a", "b", "..", ".", "", "a\\x", "c"])
paths = some.lists(names, min_size=1, max_size=4).map("/".join)
rows = some.builds(row, paths, some.sampled_from(["file", "directory", "link"]))


@given(some.lists(rows, max_size=30), some.booleans())
def test_whatever_a_manifest_says_no_path_leads_out_through_a_link_or_to_the_same_name_twice(listed, in_order):
    if in_order:
        listed = sorted(listed, key=lambda one: one.path.split("/"))
    found, faults = admit(listed)
    kinds: dict[str, str] = {}
    for one in found:
        parts = one.path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert one.path not in kinds
        assert all(kinds.get("/".join(parts[:depth])) == "directory" for depth in range(1, len(parts)))
        kinds[one.path] = one.kind
    assert len(found) + len(faults) == len(listed)


def small(path: str, offset: int, pack: str = PACK) -> Wanted:
    return Wanted("file", path, DIGEST, 5, -7, "posix:a:b:0644", "", (Piece(pack, offset, 100),), f"to/{path}")


def test_each_stretch_of_a_pack_is_one_errand_whatever_the_order_of_the_files(tmp_path):
    other = PACK.replace("ab", "aa")
    far = 200 + GAP_BYTES + 1
    hard = os.fsdecode(b"\xff new\nline\ttab\\")
    files = [small("d", far), small("b", 100), small("z", 0, other), small("a", 0), small(hard, 100)]
    large = Wanted("file", "large", DIGEST, 20 << 20, pieces=(Piece("segments/x", 0, 1),) * 3)
    found = [errand.files for errand in errands([large, *files, Wanted("file", "empty", DIGEST)], tmp_path)]
    assert [sorted(one.path for one in errand) for errand in found] == [
        ["z"], sorted(["a", "b", hard]), ["d"], ["large"], ["empty"]
    ]
    assert {one for errand in found for one in errand} >= set(files)


@given(some.lists(some.binary(max_size=8).filter(lambda line: b"\n" not in line).map(lambda line: line + b"\n")))
def test_lines_come_out_sorted_when_they_do_not_fit_into_memory(lines):
    import tempfile
    from pathlib import Path
    from unittest import mock

    with tempfile.TemporaryDirectory() as folder, mock.patch("kdx.backup.restoring.errands.CHUNK_LINES", 3):
        assert list(sorted_lines(lines, Path(folder))) == sorted(lines)
        assert not list(Path(folder).iterdir())
