"""Let snapshots go that the board's rule does not keep, and in two steps what only they needed. The board's command.

Never removes what any snapshot that holds needs, and nothing at all where a seal, a list or a note does not hold: then
nobody knows what is needed. Seals stay for ever. Killed anywhere, the next one goes on; two at once do the same twice.
"""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from kdx import signing
from kdx.backup.format.chain import Chain, Keys, Stored, shares_in
from kdx.backup.format.names import BOARD, moment_of, stamp
from kdx.backup.format.note import MarkNote, PrunedNote, read_mark
from kdx.backup.format.seal import State, snapshot_time
from kdx.backup.format.vault import Unit, Vault, whole_file
from kdx.backup.keeping.retention import Snapshot, Verdict, decide
from kdx.backup.keeping.sweep import Mark, is_spent, to_mark, to_remove
from kdx.config.model import Keep
from kdx.errors import DifferenceFound, ExitCode, KdxError, gravest
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.buckets import StillLocked, is_versioned, remove_versions
from kdx.remotes.interface import NotFound, PlaceMissing, PlaceRefused, ReadFailed
from kdx.remotes.once import write_once
from kdx.state.events.saving import VaultSwept

CLOCKS_MAY_DIFFER = timedelta(hours=6)
MOST_MARKED = 500_000
"""Objects in one mark, so that it stays below 64 MiB as every file of a vault does."""


class StoreClockWrong(DifferenceFound):
    """The store and this machine disagree about the day."""

    message = N_("At the store it is {store}, here {here}; nothing was marked or removed.")
    advice = N_("Set the clock that is wrong. What may go is decided by the store's clock, and only where it is right.")


@dataclass(slots=True)
class Pruned:
    """What prune did to one school's part of the vault, or would do."""

    school: str
    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)
    """(share id, what becomes of a snapshot of it)."""
    gone: list[tuple[str, str]] = field(default_factory=list)
    """(share id, snapshot) that were let go."""
    marked: int = 0
    marked_bytes: int = 0
    waiting: int = 0
    """Objects whose 14 days are not over."""
    removed: int = 0
    removed_bytes: int = 0
    locked: int = 0
    """Objects whose lock has not run out: they go when it has."""
    refused: int = 0
    """Objects the store did not let go though no lock holds them."""
    faults: list[KdxError] = field(default_factory=list)
    """Why nothing was done, where nothing was."""

    @property
    def acted(self) -> bool:
        """Whether anything became different."""
        return bool(self.gone or self.marked or self.removed or self.refused)

    @property
    def exit_code(self) -> ExitCode:
        """What is wrong with the vault; 3 where the store refused to remove something."""
        own = ExitCode.INCOMPLETE if self.refused else ExitCode.DONE
        return gravest((own, *(fault.exit_code for fault in self.faults)))

    def event(self, vault: Vault) -> VaultSwept:
        """Return what the ledger keeps of it."""
        return VaultSwept(
            self.school, vault.about.id, [f"{share}/{name}" for share, name in self.gone], self.marked,
            self.marked_bytes, self.removed, self.removed_bytes, self.refused, int(self.exit_code),
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """How to prune."""

    keep: Keep
    zone: tzinfo
    keys: Keys
    signer: signing.SigningKey
    """The board's."""
    apply: bool = False


def prune(vault: Vault, school: str, terms: Terms, now: datetime, progress: Progress = SILENT) -> Pruned:
    """Prune one school's part of a vault, "-" being the board's. `now` is the store's time.

    Without terms.apply nothing is written and nothing removed.
    """
    done = Pruned(school)
    with closing(vault.unit(school)) as unit:
        work = _Work(unit, terms, now, done, progress)
        # marks before seals: what was sealed since a mark was written is seen, and what it needs stays
        marks = work.marks()
        chains = work.chains()
        needed = work.needed(chains)
        if done.faults:
            return done
        work.let_go(chains)
        work.sweep(marks, needed)
    return done


class _Judged(NamedTuple):
    """The snapshots of one share, and what becomes of them."""

    chain: Chain
    stored: list[Stored]
    verdicts: list[Verdict]


class _Work:
    """One unit being pruned."""

    def __init__(self, unit: Unit, terms: Terms, now: datetime, done: Pruned, progress: Progress) -> None:
        self._unit, self._terms, self._now, self._done, self._progress = unit, terms, now, done, progress
        self._versioned = is_versioned(unit.vault.place)

    def marks(self) -> list[Mark]:
        """Return all marks that hold; those that do not are faults."""
        found, folder = [], f"{self._unit.folder}/marks"
        try:
            entries = [entry for entry in self._unit.remote.list(folder) if entry.path.endswith(".mark")]
        except (NotFound, PlaceMissing):
            return []
        for entry in entries:
            name = f"marks/{entry.path.rpartition('/')[2]}"
            try:
                data = whole_file(self._unit.remote, entry.path)
                objects = read_mark(data, name, self._terms.keys, self._place)
                written = moment_of(name.removeprefix("marks/").removesuffix(".mark"))
                stored = datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC)
                found.append(Mark(entry.path, max(written, stored), frozenset(objects)))
            except NotFound:
                # another sweep was done with it
                continue
            except (DifferenceFound, ReadFailed, signing.KeyUnlisted) as fault:
                self._done.faults.append(fault)
        return found

    @property
    def _place(self) -> tuple[str, str]:
        return self._unit.vault.about.id, self._unit.school

    def chains(self) -> list[_Judged]:
        """Return each share's snapshots, and what becomes of them."""
        found = []
        unit, terms = self._unit, self._terms
        for share in [BOARD] if unit.school == "-" else shares_in(unit):
            chain = Chain(unit, share, terms.keys)
            stored = list(chain.newest_first())
            self._done.faults += chain.faults.values()
            verdicts = decide(map(_candidate, stored), terms.keep, self._now, terms.zone, unit.school)
            self._done.verdicts += ((share, verdict) for verdict in verdicts)
            found.append(_Judged(chain, stored, verdicts))
        return found

    def needed(self, chains: Sequence[_Judged]) -> frozenset[str]:
        """Return the names of all objects the snapshots that stay need."""
        names: set[str] = set()
        self._progress.start(N_("Reading what is needed"), sum(len(each.stored) for each in chains), "entries")
        try:
            for chain, stored, verdicts in chains:
                staying = {verdict.snapshot.name for verdict in verdicts if verdict.stays}
                for each in stored:
                    self._progress.advance(1)
                    if each.seal.name in staying:
                        names.update(chain.references(each.seal))
                        names.update(part.object for part in each.seal.parts)
        except DifferenceFound as fault:
            self._done.faults.append(fault)
        finally:
            self._progress.done()
        return frozenset(names)

    def let_go(self, chains: Sequence[_Judged]) -> None:
        """Write down which snapshots are none any more."""
        vault, school = self._place
        for chain, stored, verdicts in chains:
            going = {verdict.snapshot.name for verdict in verdicts if not verdict.stays}
            for each in stored:
                if each.seal.name not in going:
                    continue
                self._done.gone.append((chain.place.share, str(each.seal.name)))
                if self._terms.apply:
                    note = PrunedNote(vault, school, chain.place.share, each.link, self._now)
                    chain.put_pruned(each.link, note.text(self._terms.signer))

    def sweep(self, marks: list[Mark], needed: frozenset[str]) -> None:
        """Remove what is ripe, and mark what nobody needs any more."""
        done, stored = self._done, self._unit.stored()
        there, sizes = stored.keys(), {name: entry.size for name, entry in stored.items()}
        for mark in marks:
            ripe = to_remove(mark, there, needed, self._now)
            for name in ripe:
                self._remove(name, sizes[name])
            if not mark.is_ripe(self._now):
                done.waiting += len(mark.objects & there)
            elif self._terms.apply and is_spent(mark, self._unit.stored().keys() if ripe else there, needed, self._now):
                self._forget(mark)
        since = {name: datetime.fromtimestamp(entry.mtime_ns / 1e9, UTC) for name, entry in stored.items()}
        new = to_mark(since, needed, marks, self._now)
        done.marked, done.marked_bytes = len(new), sum(sizes[name] for name in new)
        if new and self._terms.apply:
            for start in range(0, len(new), MOST_MARKED):
                self._put_mark(new[start : start + MOST_MARKED])

    def _remove(self, name: str, size: int) -> None:
        try:
            if self._terms.apply:
                self._delete(f"{self._unit.folder}/{name}")
        except StillLocked:
            self._done.locked += 1
        except PlaceRefused:
            self._done.refused += 1
        else:
            self._done.removed, self._done.removed_bytes = self._done.removed + 1, self._done.removed_bytes + size

    def _delete(self, path: str) -> None:
        """Delete for good: where versions are kept, all of them, or a marker would only hide the object."""
        if self._versioned:
            remove_versions(self._unit.vault.place, path)
        else:
            self._unit.remote.delete(path)

    def _forget(self, mark: Mark) -> None:
        """Remove a mark that has nothing left to say; one that is still locked may stay, it names nothing any more."""
        with suppress(PlaceRefused):
            self._delete(mark.file)

    def _put_mark(self, objects: list[str]) -> None:
        """Write a mark, under the first second that no other one has."""
        for later in range(60):
            at = self._now + timedelta(seconds=later)
            text = MarkNote(*self._place, at, tuple(objects)).text(self._terms.signer)
            path = f"{self._unit.folder}/marks/{stamp(at)}.mark"
            whole = write_once(self._unit.remote, path, [text], len(text))
            # another sweep of the same second may have taken the name
            if whole and b"".join(self._unit.remote.read(path)) == text:
                return


def _candidate(stored: Stored) -> Snapshot:
    return Snapshot(
        stored.seal.name,
        snapshot_time(stored.seal, stored.stored),
        stored.state,
        is_checkpoint=bool(stored.seal.counts.waiting),
        is_decided=stored.state != State.SUSPECT or stored.acceptance is not None,
    )


def time_at_place(place: Place, here: datetime) -> datetime:
    """Return the time at a store. StoreClockWrong where it is not that of this machine, give or take hours."""
    from kdx.remotes.clock import store_time

    there = store_time(place.location, place.network) or here
    if abs(there - here) > CLOCKS_MAY_DIFFER:
        raise StoreClockWrong(store=stamp(there), here=stamp(here))
    return there
