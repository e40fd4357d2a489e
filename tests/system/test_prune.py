"""Pruning real vaults: what any snapshot needs stays, whatever happens meanwhile. The reader is not kdx."""

import os
import shutil
import threading
from datetime import timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sample_board import SCHOOL

from kdx import signing
from kdx.backup.format.note import MarkNote, PrunedNote
from kdx.backup.format.seal import link_of
from kdx.backup.format.vault import open_vault
from kdx.backup.keeping.prune import Pruned, Terms, prune
from kdx.backup.keeping.status import snapshots_of
from kdx.backup.saving.sealing import VaultChanged
from kdx.config.model import Keep
from kdx.errors import ExitCode
from kdx.remotes.local import LocalRemote
from tests.rigs.vault_reader import read_snapshot, seals, tree_of
from tests.system import test_backup_runs
from tests.system.test_backup_runs import MIB, World, noise, same

pytestmark = pytest.mark.system
world = test_backup_runs.world

LEAST = Keep(days=1, weeks=0, months=0, years=0, minimum=2)
MARKING, REMOVING = timedelta(days=3), timedelta(days=18)


def sweep(world: World, after: timedelta, apply: bool = True, keep: Keep = LEAST) -> Pruned:
    terms = Terms(
        keep, ZoneInfo("Asia/Tokyo"), signing.load_public_keys(world.keys),
        signing.load_private_key(world.state.keys()), apply,
    )
    return prune(open_vault(world.board), SCHOOL, terms, world.now + after)


def kept(world: World) -> list[Path]:
    """The seals that are still snapshots."""
    return [seal for seal in seals(world.vault, SCHOOL) if not seal.with_suffix(".pruned").exists()]


def all_whole(world: World) -> bool:
    unit = world.vault / "schools" / SCHOOL
    found = [read_snapshot(seal) for seal in kept(world)]
    return all(not read.broken and all((unit / name).exists() for name in read.objects) for read in found)


@pytest.fixture
def aged(world: World) -> World:
    """Six nights; what only the first ones held is large and small."""
    for number in range(80):
        world.write(f"令和8年度/{number}.txt", noise(1000 + number, 5000))
    world.write("film.mp4", noise(1, 17 * MIB))
    for number in range(5):
        world.write(f"令和7年度/{number}.txt", noise(number, 5000))
    world.run()
    (world.share / "film.mp4").unlink()
    shutil.rmtree(world.share / "令和7年度")
    for night in range(5):
        world.write(f"令和8年度/night {night}", noise(100 + night, 90_000))
        assert world.run().seal.state == "complete"
    return world


def test_without_apply_nothing_changes_and_with_it_only_what_no_snapshot_needs_goes_14_days_later(aged: World) -> None:
    before = tree_of(aged.vault).files
    plan = sweep(aged, MARKING, apply=False)
    assert (len(plan.gone), plan.removed, tree_of(aged.vault).files == before) == (4, 0, True)
    done = sweep(aged, MARKING)
    assert (done.gone, done.marked, done.marked > 0, done.removed) == (plan.gone, plan.marked, True, 0)
    objects = aged.objects()
    early = sweep(aged, MARKING + timedelta(days=13, hours=23))
    assert (early.removed, early.waiting, early.marked, aged.objects()) == (0, done.marked, 0, objects)
    late = sweep(aged, REMOVING)
    assert (late.removed, len(objects - aged.objects())) == (done.marked, done.marked)
    assert len(seals(aged.vault, SCHOOL)) == 6 and len(kept(aged)) == 2
    assert all_whole(aged) and same(aged.newest(), aged.share)
    assert not list(aged.vault.rglob("*.mark"))
    assert aged.verify().findings == []
    again = sweep(aged, REMOVING)
    assert (again.gone, again.marked, again.removed) == ([], 0, 0)


def test_what_was_stored_two_days_ago_or_later_is_nobodys_to_mark(aged: World) -> None:
    assert sweep(aged, timedelta(days=1)).marked == 0


def test_content_that_comes_back_after_it_was_marked_is_stored_anew(aged: World) -> None:
    sweep(aged, MARKING)
    aged.write("令和8年度/film.mp4", noise(1, 17 * MIB))
    aged.write("令和8年度/again.txt", noise(3, 5000))
    assert aged.run().seal.state == "complete"
    assert sweep(aged, REMOVING).removed > 0
    assert all_whole(aged) and same(aged.newest(), aged.share)


def test_a_run_under_way_while_objects_are_marked_does_not_seal_what_relies_on_them(aged: World) -> None:
    sweep(aged, timedelta(hours=1))
    aged.write("令和6年度/film.mp4", noise(1, 17 * MIB))
    for number in range(40):
        aged.write(f"令和8年度/more/{number}", noise(500 + number, 60_000))
    marked = count()

    def mark(_event: object) -> None:
        # the first checkpoint has come to the newest year only
        if not next(marked):
            assert sweep(aged, MARKING).marked > 0

    with pytest.raises(VaultChanged):
        aged.run(record=mark, checkpoint_bytes=1)
    assert aged.run().exit_code == ExitCode.DONE
    assert sweep(aged, REMOVING).removed > 0
    assert all_whole(aged) and same(aged.newest(), aged.share)


def test_a_sweep_killed_anywhere_is_finished_by_the_next_and_loses_nothing(aged: World, monkeypatch, tmp_path) -> None:
    original = tmp_path / "original"
    shutil.copytree(aged.vault, original)

    def all_sweeps() -> None:
        sweep(aged, MARKING)
        sweep(aged, REMOVING)

    def killed_at(moment: int) -> bool:
        left = iter(range(moment))

        def mortal(name: str):
            plain = getattr(LocalRemote, name)

            def act(self: LocalRemote, *given: object):
                if next(left, None) is None:
                    raise KeyboardInterrupt
                return plain(self, *given)

            return act

        with monkeypatch.context() as patched:
            for name in ("write", "delete"):
                patched.setattr(LocalRemote, name, mortal(name))
            try:
                all_sweeps()
            except KeyboardInterrupt:
                return True
        return False

    all_sweeps()
    expected, moments = aged.objects(), 0
    assert expected
    for moments in count():
        shutil.rmtree(aged.vault)
        shutil.copytree(original, aged.vault)
        if not killed_at(moments):
            break
        assert all_whole(aged)
        all_sweeps()
        assert all_whole(aged) and aged.objects() == expected
    assert moments > 8


def test_two_sweeps_at_once_do_what_one_does(aged: World) -> None:
    for after in (MARKING, REMOVING):
        threads = [threading.Thread(target=sweep, args=(aged, after)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all_whole(aged)
    sweep(aged, REMOVING + timedelta(days=30))
    assert not list(aged.vault.rglob("*.mark"))
    assert all_whole(aged) and same(aged.newest(), aged.share) and len(kept(aged)) == 2


def spoil_seal(world: World) -> Path:
    path = seals(world.vault, SCHOOL)[-1]
    path.write_bytes(path.read_bytes().replace(b"entries: ", b"entries: 1"))
    return path


def spoil_list(world: World) -> Path:
    path = seals(world.vault, SCHOOL)[-1].with_suffix(".refs.gz")
    path.write_bytes(b"")
    return path


def thief(world: World) -> signing.SigningKey:
    """What is on the machine that backs up: it may seal, and nothing else."""
    return signing.load_private_key(world.state.keys(), "machine")


def false_pruned(world: World) -> Path:
    seal = seals(world.vault, SCHOOL)[-1]
    import hashlib

    link = link_of(f"{seal.stem} {hashlib.sha256(seal.read_bytes()).hexdigest()}")
    note = PrunedNote(open_vault(world.board).about.id, SCHOOL, seal.parent.name, link, world.now)
    path = seal.with_suffix(".pruned")
    path.write_bytes(note.text(thief(world)))
    return path


def false_mark(world: World, role: str = "machine") -> Path:
    needed = tuple(sorted(read_snapshot(seals(world.vault, SCHOOL)[-1]).objects))
    note = MarkNote(open_vault(world.board).about.id, SCHOOL, world.now, needed)
    path = world.vault / "schools" / SCHOOL / "marks" / "20250101T000000Z.mark"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(note.text(signing.load_private_key(world.state.keys(), role)))
    os.utime(path, (0, 0))
    return path


@pytest.mark.parametrize("spoil", [spoil_seal, spoil_list, false_pruned, false_mark])
def test_where_something_does_not_hold_nothing_is_let_go_marked_or_removed(aged: World, spoil) -> None:
    sweep(aged, MARKING)
    spoil(aged)
    before = tree_of(aged.vault).files
    done = sweep(aged, REMOVING)
    assert done.faults and done.exit_code in (ExitCode.DIFFERENCE, ExitCode.GATE)
    assert tree_of(aged.vault).files == before


def test_a_mark_even_of_the_boards_removes_nothing_that_a_snapshot_needs(aged: World) -> None:
    mark, before = false_mark(aged, "board"), aged.objects()
    done = sweep(aged, REMOVING, keep=Keep())
    assert (done.removed, done.faults, aged.objects() == before) == (0, [], True)
    assert all_whole(aged) and not mark.exists()


def test_a_snapshot_cannot_be_hidden_by_a_note_that_the_machines_key_signed(aged: World) -> None:
    false_pruned(aged)
    newest = seals(aged.vault, SCHOOL)[-1]
    [found] = snapshots_of(
        open_vault(aged.board), aged.board.school(SCHOOL).shares, signing.load_public_keys(aged.keys)
    )
    assert str(found.stored[0].seal.name) == newest.stem
    assert found.faults
    assert aged.run().exit_code == ExitCode.GATE


def test_while_a_suspect_snapshot_waits_for_a_word_nothing_goes(aged: World) -> None:
    shutil.rmtree(aged.share / "令和8年度")
    assert aged.run().seal.state == "suspect"
    done = sweep(aged, REMOVING)
    assert (done.gone, done.faults, len(kept(aged))) == ([], [], 7)


def test_the_command_says_what_would_go_and_only_apply_does_it(aged: World, kdx) -> None:
    with (aged.root / "board" / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write("backup: {keep: {days: 1, weeks: 0, months: 0, years: 0, minimum: 2}}\n")
    variables = {"KDX_INVENTORY": str(aged.root / "board"), "KDX_STATE": str(aged.state.root)}
    dry = kdx("backup", "prune", SCHOOL, env=variables)
    assert (dry.returncode, len(kept(aged))) == (0, 6), dry.stderr
    assert dry.stdout.count("goes") == 4
    done = kdx("backup", "prune", SCHOOL, "--apply", env=variables)
    assert (done.returncode, len(kept(aged))) == (0, 2), done.stderr
