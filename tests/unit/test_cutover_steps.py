"""A cutover of a real folder: rehearsed, frozen, moved, decided, taken back; killed between any two steps."""

import itertools
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from rigs.small_share import moved, now, one, share, target, tree, without_junk

from kdx.cutover import places
from kdx.cutover.course import Stage, fold
from kdx.cutover.freeze import NAME, Canary, CanaryFolderUnfit, try_to_write
from kdx.cutover.holders import held_documents
from kdx.cutover.judgement import Facts, judge
from kdx.cutover.links import Leads, links, new_place
from kdx.cutover.places import NeverSeen
from kdx.cutover.steps import AlreadyDone, NotCutOver, StillReadOnly, Work, move_for_good, rehearse, roll_back
from kdx.inventory.overview import last_catalog
from kdx.migration import Migration, TargetTaken, run
from kdx.remotes.interface import Kind, PlaceRefused
from kdx.state.events.event import Event
from kdx.state.ledger import Recorded

__all__ = ["one", "share", "target"]


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class Ledger:
    """What was recorded, and a moment at which the power goes."""

    def __init__(self, killed_after: int | None = None) -> None:
        self.events: list[Recorded] = []
        self.left = killed_after

    def record(self, event: Event) -> None:
        if self.left == 0:
            raise Interrupted
        self.left = None if self.left is None else self.left - 1
        number = len(self.events) + 1
        self.events.append(Recorded(number, now(), "a", "r", event.kind, event.subject, event.to_body(), ""))


def work_on(one: Migration, ledger: Ledger, canary: str | None = None) -> Work:
    return Work(
        one, now, lambda: fold(ledger.events), lambda course: Facts(course, timedelta(hours=7)), ledger.record,
        canary=canary,
    )


def prepared(one: Migration, share: Path) -> Ledger:
    """Return the ledger after two good rehearsals."""
    ledger = Ledger()
    rehearse(work_on(one, ledger))
    (share / "新しい.txt").write_text("x", "utf-8")
    assert rehearse(work_on(one, ledger)).go
    return ledger


def test_a_rehearsal_measures_what_a_day_changed(one: Migration, share: Path) -> None:
    ledger = prepared(one, share)
    first, second = fold(ledger.events).rehearsals
    assert first.since is None and first.changed > 20
    assert second.since == first.started and (second.changed, second.changed_bytes) == (1, 1)


def test_a_share_that_stood_still_is_moved_proven_and_let_go(one: Migration, share: Path, target: Path) -> None:
    ledger = prepared(one, share)
    (share / "最後.txt").write_text("x", "utf-8")
    decision = move_for_good(work_on(one, ledger))
    assert decision.go and decision.final
    assert moved(target) == without_junk(share)
    with pytest.raises(AlreadyDone):
        move_for_good(work_on(one, ledger))
    with pytest.raises(AlreadyDone):
        rehearse(work_on(one, ledger))


def test_a_share_that_takes_a_write_is_not_frozen_and_nothing_is_moved(
    one: Migration, share: Path, target: Path
) -> None:
    ledger = prepared(one, share)
    (share / "印").mkdir()
    (share / "最後.txt").write_text("x", "utf-8")
    before = moved(target)
    decision = move_for_good(work_on(one, ledger, canary="印"))
    assert not decision.go and "frozen" in decision.against
    assert moved(target) == before
    assert (share / "印" / NAME).exists()


def test_what_somebody_changed_while_the_final_run_was_at_work_is_a_no(
    one: Migration, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = prepared(one, share)
    move = Work.move

    def busy(work: Work) -> object:
        done = move(work)
        (share / "まだ書ける.txt").write_text("x", "utf-8")
        return done

    monkeypatch.setattr(Work, "move", busy)
    assert move_for_good(work_on(one, ledger)).against == ["frozen"]
    monkeypatch.undo()
    assert move_for_good(work_on(one, ledger)).go, "nobody writes any more: the same step is simply done again"


def test_a_final_run_killed_between_any_two_steps_is_no_go_until_it_was_done_again(
    one: Migration, share: Path, target: Path
) -> None:
    ledger = prepared(one, share)
    for steps_done in range(5):
        (share / f"最後{steps_done}.txt").write_text("x", "utf-8")
        ledger.left = steps_done
        with pytest.raises(Interrupted):
            move_for_good(work_on(one, ledger))
        course = fold(ledger.events)
        assert course.stage is not Stage.DONE
        assert not judge(Facts(course, timedelta(hours=7)), now()).go or course.stage is Stage.PREPARING or (
            steps_done == 4
        ), "all was recorded but the decision"
    ledger.left = None
    assert move_for_good(work_on(one, ledger)).go
    assert moved(target) == without_junk(share)


def test_a_roll_back_lists_what_changed_there_and_deletes_nothing(one: Migration, share: Path, target: Path) -> None:
    ledger = prepared(one, share)
    with pytest.raises(NotCutOver):
        roll_back(work_on(one, ledger))
    assert move_for_good(work_on(one, ledger)).go
    there = target / "es" / "共有"
    (there / "新任.txt").write_text("new", "utf-8")
    (there / "large").write_bytes(b"shorter")
    (there / "Aa").unlink()
    new_place_before, old_place_before = tree(target), tree(share)
    found = roll_back(work_on(one, ledger))
    assert {(item.change, item.target) for item in found} == {
        ("added", "新任.txt"), ("changed", "large"), ("removed", "Aa")
    }
    assert tree(target) == new_place_before and tree(share) == old_place_before
    assert fold(ledger.events).stage is Stage.ROLLED_BACK
    (share / "large").write_bytes(b"edited at the old server again")
    with pytest.raises(TargetTaken):
        rehearse(work_on(one, ledger))
    assert (there / "large").read_bytes() == b"shorter", "what a teacher wrote is never replaced"


class Refusing:
    """A place that shows folders and takes no write."""

    def stat(self, path: str) -> "Refusing":
        return self

    kind = Kind.DIRECTORY

    def write(self, *arguments: object) -> None:
        raise PlaceRefused(place="fs", why="read-only")

    def close(self) -> None:
        """Nothing is open."""


def test_a_school_cannot_go_back_to_a_share_that_takes_no_write(
    one: Migration, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = prepared(one, share)
    assert move_for_good(work_on(one, ledger)).go
    monkeypatch.setattr("kdx.cutover.steps.try_to_write", lambda *arguments: Canary.REFUSED)
    with pytest.raises(StillReadOnly):
        roll_back(work_on(one, ledger, canary="印"))
    assert fold(ledger.events).stage is Stage.DONE


@pytest.mark.parametrize("folder", ["", "/", ".", "..", "a/../..", "印/..", "ない", "large", "link", r"..\x"])
def test_a_canary_is_never_written_outside_a_folder_of_the_share(one: Migration, share: Path, folder: str) -> None:
    (share / "印").mkdir()
    before = tree(share.parent)
    with pytest.raises(CanaryFolderUnfit):
        try_to_write(one.source, folder, "共有", now())
    assert tree(share.parent) == before


def test_a_canary_is_accepted_or_refused_or_not_asked(one: Migration, share: Path) -> None:
    (share / "印/内").mkdir(parents=True)
    assert try_to_write(one.source, None, "共有", now()) is Canary.NOT_ASKED
    for _ in range(2):
        assert try_to_write(one.source, "印\\内", "共有", now()) is Canary.ACCEPTED
    assert [path.name for path in (share / "印/内").iterdir()] == [NAME]
    refusing = type("Place", (), {"open": lambda self: Refusing()})()
    assert try_to_write(refusing, "印", "共有", now()) is Canary.REFUSED


def test_who_has_a_document_open_is_told_by_name_and_an_old_owner_file_is_not_fresh(
    one: Migration, share: Path
) -> None:
    (share / "成績.xlsx").write_bytes(b"x")
    (share / "~$成績.xlsx").write_bytes(b"\x04ab".ljust(55) + b"\x04\0" + "田中先生".encode("utf-16-le"))
    run(one, now)
    (held,) = held_documents(last_catalog(one.share, one.state), one.source)
    assert (held.path, held.holder) == ("成績.xlsx", "田中先生")
    assert held.is_fresh(now()) and not held.is_fresh(now() + timedelta(hours=25))


def test_an_old_path_is_found_as_a_teacher_writes_it(one: Migration, share: Path) -> None:
    run(one, now)
    for text in (r"\\fs\共有\令和6年度\01_教務\時間割.XLSX", r"S:\令和6年度\01_教務\時間割.xlsx", "令和6年度/01_教務/時間割.xlsx"):
        assert places.place_of(one, places.where(one, text)) == "es/共有/令和6年度/01_教務/時間割.xlsx"
    with pytest.raises(NeverSeen):
        places.where(one, "ない.txt")
    assert [item.target for item in places.renamed(one)] == []


def book(path: Path, *targets: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number, link in zip(itertools.count(1), targets):
            archive.writestr(f"xl/externalLinks/_rels/externalLink{number}.xml.rels", f'<R Target="{link}"/>')


def test_links_in_workbooks_are_listed_old_and_new(one: Migration, share: Path) -> None:
    book(share / "集計.xlsx", r"file:///\\fs\共有\令和6年度\01_教務\時間割.xlsx", r"file:///\\fs\共有\消えた.xlsx",
         r"file:///\\other\x\y.xlsx", r"file:///S:\令和6年度\01_教務\時間割.xlsx", r"file:///T:\他.xlsx", "Aa")
    run(one, now)
    taken: list[int] = []
    found = {link.old: (link.leads, new_place(one, link)) for link in links(
        one, last_catalog(one.share, one.state), one.school.servers[0], taken.append
    )}
    assert sum(taken) >= (share / "集計.xlsx").stat().st_size
    table = "es/共有/令和6年度/01_教務/時間割.xlsx"
    assert found == {
        r"file:///\\fs\共有\令和6年度\01_教務\時間割.xlsx": (Leads.HERE, table),
        r"file:///\\fs\共有\消えた.xlsx": (Leads.GONE, None),
        r"file:///\\other\x\y.xlsx": (Leads.ELSEWHERE, None),
        r"file:///S:\令和6年度\01_教務\時間割.xlsx": (Leads.HERE, table),
        r"file:///T:\他.xlsx": (Leads.ELSEWHERE, None),
        "Aa": (Leads.HERE, "es/共有/Aa"),
    }
