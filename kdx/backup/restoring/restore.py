"""Bring back files from the vault: choose a snapshot, read what is needed of it once, prove, write, put back.

Never writes over anything, never outside the target. What the vault has lost is listed, and everything else comes back.
A killed restore is resumed by the same command: what is there with the right content is not read again.
"""

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial

from kdx.backup.format.chain import Chain, Stored
from kdx.backup.restoring.admission import admitted
from kdx.backup.restoring.choice import Moment, choose
from kdx.backup.restoring.delivery import Delivered, Lane, deliver, open_target, settle
from kdx.backup.restoring.errands import Errand, errands
from kdx.backup.restoring.restored import NoSnapshot, NotInSnapshot, Restored, Source, TargetNotEmpty, Wish
from kdx.backup.restoring.wanted import NAME_REFUSED, NO_FOLDERS, NO_LINKS, NO_RIGHTS, TAKEN, Fault, Selection, Wanted
from kdx.backup.saving.before import OlderTail
from kdx.errors import KdxError
from kdx.language import N_, _
from kdx.processes import cores
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import Conflict, Expected, Kind, NameRefused, NotFound, PlaceMissing
from kdx.state.folder import StateFolder
from kdx.transfer.crew import work_through
from kdx.transfer.hands import work_in_processes
from kdx.transfer.limit import Limiter, SharedLimiter
from kdx.transfer.pace import Pace

BEYOND_CORES = 4
"""So many processes more than cores write to a disk of this machine: each waits for it after every file."""


def pick(source: Source, at: Moment | None) -> tuple[Stored, list[KdxError]]:
    """Return the snapshot to restore from, and what is wrong with the seals that were looked at. NoSnapshot."""
    with closing(source.vault.unit(source.school)) as unit:
        chain = Chain(unit, source.share, source.keys)
        alarms: list[KdxError] = []
        if source.tail and source.tail not in set(map(str, chain.all_names)):
            alarms.append(OlderTail(snapshot=source.tail, share=source.name))
        chosen = choose(chain.newest_first(), at)
        alarms += chain.faults.values()
        if chosen is None:
            if alarms:
                raise alarms[0]
            known = [f"{stored.seal.name} ({_(stored.state)})" for stored in chain.newest_first()]
            first = known[0].partition(" ")[0] if known else "-"
            raise NoSnapshot(share=source.name, known=", ".join(known[:5]) or "-", first=first)
        return chosen, alarms


def restore(
    source: Source,
    chosen: Stored,
    alarms: Sequence[KdxError],
    target: Place,
    wish: Wish,
    state: StateFolder,
    clock: Callable[[], datetime],
    progress: Progress = SILENT,
) -> Restored:
    """Write what `wish` names of a snapshot to `target`. NotInSnapshot, TargetNotEmpty, or what a place raises."""
    with state.lock(f"restore-{source.share}"):
        started = clock()
        _see_that_it_is_there(source, chosen, wish.selection)
        if not (wish.beside or wish.dry_run):
            folder_made(target)
        work = _Work(source, chosen, target, wish, state)
        resumed = False if wish.dry_run else work.prepare()
        try:
            progress.start(N_("Restoring"), None if wish.selection.is_part else chosen.seal.counts.bytes, "bytes")
            work.carry_out(resumed, progress)
        finally:
            progress.done()
        return work.result(tuple(alarms), started, clock())


def _see_that_it_is_there(source: Source, chosen: Stored, selection: Selection) -> None:
    """Raise NotInSnapshot where something that was asked for is not in the snapshot: before anything is written."""
    if not selection.asked:
        return
    with closing(source.vault.unit(source.school)) as unit:
        for entry in admitted(unit, chosen.seal, []):
            if selection.target_of(entry.path) is not None and not selection.missing:
                return
    path = selection.missing[0]
    # as the telephone says it: S:\\R8\\...
    name = path.replace("\\", "/").rpartition("/")[2]
    raise NotInSnapshot(path=path, snapshot=chosen.seal.name, school=source.school, name=shlex.quote(name))


class _Work:
    """One restore under way: what it has done so far."""

    def __init__(self, source: Source, chosen: Stored, target: Place, wish: Wish, state: StateFolder) -> None:
        self.source, self.chosen, self.target, self.wish = source, chosen, target, wish
        self.scratch = state.restore(source.share)
        self.done: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.folders: list[Wanted] = []
        self.links: list[Wanted] = []

    def prepare(self) -> bool:
        """Return whether something may be there already. TargetNotEmpty where it must not."""
        wish = self.wish
        facts = self.target.location, self.chosen.seal.name, wish.beside, *wish.selection.asked
        text = "\n".join(map(str, facts))
        begun = self.scratch / hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        with closing(self.target.open()) as remote:
            try:
                first = next(iter(remote.list()), None)
            except PlaceMissing:
                # a prefix of a bucket is there when something is in it
                if remote.capabilities.directories:
                    raise
                first = None
        if first and not (wish.selection.asked or wish.beside or begun.exists()):
            raise TargetNotEmpty(place=self.target.location, first=first.path)
        begun.touch()
        return first is not None

    def carry_out(self, resumed: bool, progress: Progress) -> None:
        """Do everything: folders as they come, then files, links, and at last the folders' own times and rights."""
        limiter = Limiter(self.wish.bandwidth)
        with closing(self._lane(limiter, resumed, lambda count: None)) as lane:
            files = self._files(lane)
            if self.wish.dry_run:
                for wanted in files:
                    self.done.update(files=1, bytes=wanted.size)
                return
            results = self._delivered(errands(files, self.scratch), lane, limiter, resumed, progress)
            for result in results:
                self.done.update(files=result.files, bytes=result.bytes, present=result.present)
                self.faults += result.faults
                self.lost.update(result.lost)
            self._links(lane)
            for folder in reversed(self.folders):
                settle(folder, lane)
            if lane.rights:
                lane.rights.flush()
            self.lost.update(lane.lost)
            self._count_what_has_no_place(lane)

    def _delivered(
        self, todo: Iterator[Errand], lane: Lane, limiter: Limiter, resumed: bool, progress: Progress
    ) -> Iterator[Delivered]:
        """Carry out errands: by processes where all is on this machine's disks, by threads over a line."""
        if lane.rights is not None and self.source.vault.place.location.scheme == "file":
            return work_in_processes(
                todo,
                open_lane=partial(self._lane, SharedLimiter(self.wish.bandwidth), resumed),
                work=_deliver_all,
                processes=cores() + BEYOND_CORES,
                progress=progress,
            )
        return work_through(
            todo,
            open_lane=partial(self._lane, limiter, resumed),
            work=_deliver_all,
            weight=lambda errand: errand.weight,
            pace=Pace(lane.target.capabilities.parallel),
            progress=progress,
        )

    def _lane(self, limiter: Limiter, resumed: bool, step: Callable[[int], None]) -> Lane:
        target = self.target.open()
        unit = self.source.vault.unit(self.source.school)
        return Lane(unit, target, open_target(target), limiter, step, resumed)

    def _files(self, lane: Lane) -> Iterator[Wanted]:
        """Yield the files that are wanted; make folders on the way, remember links."""
        for entry in admitted(lane.unit, self.chosen.seal, self.faults):
            where = self.wish.selection.where(entry)
            if where is None:
                continue
            wanted = entry._replace(target=where)
            if wanted.kind == Kind.FILE:
                yield wanted
            elif wanted.kind == Kind.LINK:
                self.links.append(wanted)
            elif self._make_folder(wanted, lane):
                self.folders.append(wanted)

    def _make_folder(self, wanted: Wanted, lane: Lane) -> bool:
        if self.wish.dry_run or not lane.target.capabilities.directories:
            return True
        try:
            lane.target.make_directory(wanted.target)
        except NameRefused as error:
            self.faults.append(Fault(wanted.path, NAME_REFUSED, str(error)))
        except Conflict:
            self.faults.append(Fault(wanted.path, TAKEN))
        else:
            return True
        return False

    def _links(self, lane: Lane) -> None:
        if not lane.target.capabilities.links:
            return
        made = []
        for wanted in self.links:
            try:
                lane.target.make_link(wanted.target, wanted.link, Expected.ABSENT)
            except NameRefused as error:
                self.faults.append(Fault(wanted.path, NAME_REFUSED, str(error)))
                continue
            except Conflict:
                if not _is_link(wanted, lane):
                    self.faults.append(Fault(wanted.path, TAKEN))
                    continue
            settle(wanted, lane)
            made.append(wanted)
        self.links = made

    def _count_what_has_no_place(self, lane: Lane) -> None:
        can = lane.target.capabilities
        entries = self.done["files"] + self.done["present"]
        for lacks, what, count in (
            (not can.links, NO_LINKS, len(self.links)),
            (not can.directories, NO_FOLDERS, len(self.folders)),
            (lane.rights is None, NO_RIGHTS, entries),
        ):
            if lacks and count:
                self.lost[what] = count
        self.links = self.links if can.links else []
        self.folders = self.folders if can.directories else []

    def result(self, alarms: tuple[KdxError, ...], started: datetime, ended: datetime) -> Restored:
        """Return what was done."""
        return Restored(
            self.source, self.chosen, self.target, self.wish.selection.asked, self.done["files"], self.done["bytes"],
            self.done["present"], len(self.folders), len(self.links), tuple(self.faults), dict(self.lost), alarms,
            started, ended, self.wish.dry_run,
        )


def _deliver_all(some: Sequence[Errand], lane: Lane) -> Iterator[Delivered]:
    return (deliver(errand, lane) for errand in some)


def _is_link(wanted: Wanted, lane: Lane) -> bool:
    try:
        return lane.target.stat(wanted.target).link == wanted.link
    except (NotFound, KdxError):
        return False


def folder_made(place: Place) -> None:
    """Make the last folder of a local address, where its parent is there.

    Not its parents: a disk that is not mounted must not be filled in its place.
    """
    if place.location.scheme == "file" and place.location.path != "/":
        parent, _slash, name = place.location.path.rpartition("/")
        above = replace(place, location=replace(place.location, path=parent or "/"))
        with closing(above.open()) as remote:
            remote.make_directory(name)
