"""A share moved to a folder, with real files: what is sent, what is left alone, what stops a run."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rigs.small_share import moved, now, one, open_one, share, target, without_junk

from kdx import migration
from kdx.errors import ExitCode
from kdx.inventory.guard import SourceShrunk
from kdx.migration import Level, Migration, TargetTaken, Undecided
from kdx.remotes.interface import PlaceMissing
from kdx.remotes.local import LocalRemote
from kdx.transfer.limit import Limiter
from kdx.transfer.plan import Action
from kdx.transfer.rows import DONE
from kdx.transfer.verify import Outcome

__all__ = ["one", "share", "target"]


def test_a_share_arrives_whole_with_every_hard_name_and_is_proven(one, share, target):
    ran = migration.run(one, now)
    assert ran.exit_code == ExitCode.DONE
    assert moved(target) == without_junk(share)
    verdict = migration.verify(one, Level.CHECKSUM, now)
    assert verdict.exit_code == ExitCode.DONE
    assert verdict.tally.count(Outcome.RULE) == 1
    assert set(verdict.tally.entries) == {Outcome.PROVEN, Outcome.RULE}


def test_a_second_run_moves_nothing_and_a_delta_run_only_what_changed(one, share, target):
    migration.run(one, now)
    assert migration.run(one, now).sent.entries == {}
    (share / "large").write_bytes(b"small now")
    (share / "new").write_bytes(b"new")
    ran = migration.run(one, now)
    assert ran.planned.tally.count(Action.REPLACE) == 1
    assert ran.sent.count("file") == 2
    assert moved(target) == without_junk(share)


def test_what_is_gone_from_the_source_stays_at_the_target_and_is_listed(one, share, target):
    migration.run(one, now)
    before = moved(target)
    (share / "large").unlink()
    ran = migration.run(one, now)
    assert ran.planned.tally.count(Action.EXTRA) == 1
    assert moved(target) == before
    assert migration.verify(one, Level.READBACK, now).tally.count(Outcome.EXTRA) == 1


def test_a_stranger_at_the_target_stops_the_run_before_anything_is_sent(one, target):
    place = target / "es" / "共有" / "large"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"somebody else's")
    with pytest.raises(TargetTaken) as stopped:
        migration.run(one, now)
    assert stopped.value.exit_code == ExitCode.GATE
    assert moved(target).keys() == {"large"}
    assert place.read_bytes() == b"somebody else's"


def test_the_same_bytes_at_the_target_are_taken_for_what_they_are_and_not_sent(one, share, target):
    place = target / "es" / "共有" / "large"
    place.parent.mkdir(parents=True)
    place.write_bytes((share / "large").read_bytes())
    inode = place.stat().st_ino
    assert migration.run(one, now).exit_code == ExitCode.DONE
    assert place.stat().st_ino == inode
    assert migration.verify(one, Level.CHECKSUM, now).exit_code == ExitCode.DONE


def test_what_somebody_changed_at_the_target_is_never_replaced(one, share, target):
    migration.run(one, now)
    place = target / "es" / "共有" / "large"
    place.write_bytes(b"edited at the target")
    (share / "large").write_bytes(b"edited at the source too")
    with pytest.raises(TargetTaken):
        migration.run(one, now)
    assert place.read_bytes() == b"edited at the target"


def damage(place: Path, change: Callable[[Path], object]) -> None:
    stamp = place.stat()
    change(place)
    if place.exists():
        os.utime(place, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda place: place.write_bytes(b"X" + place.read_bytes()[1:]), Outcome.DIFFERENT),
        (lambda place: place.write_bytes(b"short"), Outcome.DIFFERENT),
        (lambda place: place.unlink(), Outcome.MISSING),
    ],
)
@pytest.mark.parametrize("level", [Level.CHECKSUM, Level.READBACK])
def test_a_flipped_cut_or_missing_file_is_found(one, target, change, outcome, level):
    migration.run(one, now)
    damage(target / "es" / "共有" / "large", change)
    verdict = migration.verify(one, level, now)
    assert verdict.exit_code == ExitCode.DIFFERENCE
    assert verdict.tally.count(outcome) == 1
    assert [row.path for row in one.records.checked(outcome)] == ["large"]


def test_a_flipped_byte_is_sent_again_by_nobody_and_a_missing_file_by_the_next_run(one, share, target):
    migration.run(one, now)
    (target / "es" / "共有" / "large").unlink()
    assert migration.run(one, now).sent.count("file") == 1
    assert moved(target) == without_junk(share)


def test_an_empty_share_after_a_full_one_stops_with_the_gate_code(one, share, target):
    migration.run(one, now)
    before = moved(target)
    for path in sorted(share.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in map(os.fsdecode, os.listdir(os.fsencode(share))):
        (share / path).unlink()
    with pytest.raises(SourceShrunk) as stopped:
        migration.run(one, now)
    assert stopped.value.exit_code == ExitCode.GATE
    assert moved(target) == before


def test_a_target_that_is_not_there_is_never_made(one, share, target):
    target.rmdir()
    with pytest.raises(PlaceMissing) as stopped:
        migration.run(one, now)
    assert stopped.value.exit_code == ExitCode.UNREACHABLE
    assert not target.exists()


def test_a_record_survives_being_cut_at_any_byte(one, share, target):
    migration.run(one, now)
    journal = one.records.done.with_suffix(".journal")
    lines = b"".join(
        b'{"seq":%d,"path":"x%d","path_raw":null,"target":"x%d","target_raw":null,"kind":"file","size":1,"mtime_ns":1,'
        b'"sha256":"00","etags":"","etag":"","link":"","link_raw":null}\n' % (number, number, number)
        for number in range(3)
    )
    journal.write_bytes(lines[:-20])
    known = len(list_done(one))
    one.records.gather()
    assert len(list_done(one)) == known + 2


def list_done(one: Migration) -> list[object]:
    return list(DONE.read(one.records.done))


def test_blocked_names_stop_the_run_with_the_gate_code(tmp_path, share, monkeypatch):
    # two names that read the same are blocked at a target that wants Unicode; a folder takes both as they are
    (share / "資料.txt").write_bytes(b"utf-8")
    target = tmp_path / "unicode"
    target.mkdir()
    monkeypatch.setattr(LocalRemote, "capabilities", replace(LocalRemote.capabilities, unicode_names=True))
    with pytest.raises(Undecided) as stopped:
        migration.run(open_one(tmp_path, share, target), now)
    assert stopped.value.exit_code == ExitCode.GATE
    assert moved(target) == {}


def test_the_names_of_school_and_share_count_towards_the_longest_name(tmp_path, share, target, monkeypatch):
    class Narrow(LocalRemote):
        """A folder that holds names of 20 bytes, its own location among them from the target on."""

        def __init__(self, location):
            super().__init__(location)
            room = 40 - len(os.fsencode(location.path)) + len(os.fsencode(target))
            self.capabilities = replace(LocalRemote.capabilities, name_bytes=room)

    monkeypatch.setattr("kdx.remotes.local.LocalRemote", Narrow)
    (share / ("n" * 35)).touch()
    planned = migration.plan(open_one(tmp_path, share, target), now)
    # 40 - len("/es/共有") = 30 bytes are left for a path
    blocked = {item.path for item in open_one(tmp_path, share, target).records.planned(Action.BLOCKED)}
    assert "n" * 35 in blocked
    assert planned.exit_code == ExitCode.GATE


def test_small_files_wait_for_the_line_before_they_are_read_not_after(one, share, monkeypatch):
    (share / "large").unlink()
    waited, read_too_soon = [], []
    read = LocalRemote.read

    class Told(Limiter):
        def take(self, count: int) -> None:
            waited.append(count)

    def told(remote, path, *, start=0):
        data = b"".join(read(remote, path, start=start))
        seen.append(len(data))
        if sum(seen) > sum(waited):
            read_too_soon.append(path)
        return iter([data])

    seen: list[int] = []
    monkeypatch.setattr(migration, "Limiter", Told)
    monkeypatch.setattr(LocalRemote, "read", told)
    assert migration.run(one, now, 1000).exit_code == ExitCode.DONE
    assert sum(seen) > 100 and read_too_soon == []
