"""Locks and versions of what a vault needs: compared with what was asked for, and made longer by the board's key.

Works from seals and reference lists alone: who audits or locks needs no manifest and no name of a file. A lock that is
there is never made shorter; one that was asked for and is not there is named.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from kdx.backup.format.chain import Chain, Keys, shares_in
from kdx.backup.format.names import ABOUT, ACCEPTED, BOARD, PRUNED, REFERENCES, SEAL
from kdx.backup.format.vault import Unit, Vault
from kdx.errors import DifferenceFound, ExitCode, GateClosed, KdxError, gravest
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.buckets import COMPLIANCE, Version, by_name, hidden_in, versions
from kdx.remotes.key_trials import FOLDER
from kdx.remotes.locks import DefaultLock, Lock, default_lock, extend, locks_of
from kdx.state.events.saving import LocksAudited


class Wrong(StrEnum):
    """What can be wrong with one name."""

    SHORT = N_("less than half of its lock remains")
    UNLOCKED = N_("not locked")
    MISSING = N_("missing")
    HIDDEN = N_("written over or deleted by somebody; the first version is kept and read")
    REFUSED = N_("the store did not make its lock longer")


class NoLock(GateClosed):
    """Nobody has asked the bucket for locks."""

    message = N_("The bucket of {place} locks nothing: nothing there is protected.")
    advice = N_("If the board wants locks: kdx backup init --lock governance. Without, keep a second copy elsewhere.")


class LockWeaker(DifferenceFound):
    """The bucket gives uploads less than was asked of it."""

    message = N_("The bucket of {place} was told to lock every upload ({asked}); now it is: {now}.")
    advice = N_("Somebody changed it. Find out who, then set it again: kdx backup init --lock governance --irrevocable")


def longer(until: datetime | None, now: datetime, term: timedelta) -> datetime | None:
    """Given until when a lock holds, return until when it must be made to hold; None where at least half remains.

    Never an earlier moment than the one given: less than half of the term is less than all of it.
    """
    if until is not None and until - now >= term / 2:
        return None
    return now + term


@dataclass(frozen=True, slots=True)
class Found:
    """One name with which something is wrong."""

    school: str
    what: Wrong
    name: str
    """Relative to the vault."""
    until: datetime | None = None


@dataclass(slots=True)
class Audited:
    """What came of looking at one school's part of a vault."""

    school: str
    place: str
    lock: DefaultLock
    """What is asked for."""
    looked_at: int = 0
    extended: int = 0
    findings: list[Found] = field(default_factory=list)
    faults: list[KdxError] = field(default_factory=list)
    """Seals and lists that do not hold: what they need is not known."""
    first_end: datetime | None = None
    """When the first of the locks ends."""

    @property
    def exit_code(self) -> ExitCode:
        """5 where anything is not as it was asked for."""
        own = ExitCode.DIFFERENCE if self.findings else ExitCode.DONE
        return gravest((own, *(fault.exit_code for fault in self.faults)))

    @property
    def locked_until(self) -> datetime | None:
        """Until when everything that is needed is locked; None where something is not."""
        whole = not any(each.what in (Wrong.UNLOCKED, Wrong.MISSING) for each in self.findings) and not self.faults
        return self.first_end if whole else None

    def event(self, vault: Vault) -> LocksAudited:
        """Return what the ledger keeps of it."""
        names = {wrong: wrong.name.lower() for wrong in Wrong}
        counts = {names[wrong]: sum(each.what == wrong for each in self.findings) for wrong in Wrong}
        return LocksAudited(
            self.school, vault.about.id, self.place, self.looked_at, self.extended,
            {name: count for name, count in counts.items() if count}, self.locked_until, int(self.exit_code),
        )


def lock_asked_for(place: Place, asked: DefaultLock | None) -> tuple[DefaultLock, list[KdxError]]:
    """Return what uploads are to be locked with, and what is wrong with the bucket. NoLock, LocksUnknown, RightMissing.

    `asked` is what the ledger knows was asked of it; without, the bucket's word is taken.
    """
    there = default_lock(place)
    if asked is None:
        if there is None:
            raise NoLock(place=place.location)
        return there, []
    if there is None or there.days < asked.days or (asked.mode == COMPLIANCE != there.mode):
        return asked, [LockWeaker(place=place.location, asked=_words(asked), now=_words(there) if there else "-")]
    return there, []


def _words(lock: DefaultLock) -> str:
    return f"{lock.mode} {lock.days}"


@dataclass(frozen=True, slots=True)
class Terms:
    """How to audit."""

    lock: DefaultLock
    keys: Keys
    extend: bool = False


def audit(vault: Vault, school: str, terms: Terms, now: datetime, progress: Progress = SILENT) -> Audited:
    """Look at the locks of one school's part of a vault, "-" being the board's. `now` is the store's time.

    With terms.extend those of which less than half remains are made longer. RightMissing, or what the place raises.
    """
    done = Audited(school, str(vault.place.location), terms.lock)
    with closing(vault.unit(school)) as unit:
        needed = _needed(unit, terms.keys, done)
        there = _there(unit, done)
    done.findings += [Found(school, Wrong.MISSING, name) for name in sorted(needed - there.keys())]
    wanted = [there[name] for name in sorted(needed & there.keys())]
    progress.start(N_("Looking at locks"), len(wanted), "entries")
    try:
        short = list(_short(vault.place, wanted, terms, now, done, progress))
        if terms.extend:
            _extend(vault.place, short, now, done)
        else:
            done.findings += [_found(done, vault.place, version, lock) for version, lock in short]
    finally:
        progress.done()
    return done


def _needed(unit: Unit, keys: Keys, done: Audited) -> set[str]:
    """Return everything that must stay, relative to the vault: what snapshots need, and what makes them snapshots."""
    names = {ABOUT}
    for share in [BOARD] if unit.school == "-" else shares_in(unit):
        chain = Chain(unit, share, keys)
        folder = chain.folder
        for stored in chain.newest_first():
            names.add(f"{folder}/{stored.seal.name}{REFERENCES}")
            try:
                names.update(f"{unit.folder}/{name}" for name in chain.references(stored.seal))
            except DifferenceFound as fault:
                done.faults.append(fault)
        names.update(f"{folder}/{file}" for file in chain.files if file.endswith((SEAL, ACCEPTED, PRUNED)))
        done.faults += chain.faults.values()
    return names


def _there(unit: Unit, done: Audited) -> dict[str, Version]:
    """Return the first version of every name of a unit, and note what somebody hid."""
    place = unit.vault.place
    top = f"{place.location.path}/" if place.location.path else ""
    found = {}
    for part in (f"{unit.folder}/", ABOUT):
        for several in by_name(versions(place, part)):
            name = several[0].key.removeprefix(top)
            if f"/{FOLDER}/" in name:
                continue
            if not several[0].is_marker:
                found[name] = several[0]
            if hidden_in(several):
                done.findings.append(Found(unit.school, Wrong.HIDDEN, name))
    return found


def _short(
    place: Place, wanted: Iterable[Version], terms: Terms, now: datetime, done: Audited, progress: Progress
) -> Iterator[tuple[Version, Lock]]:
    """Yield what is locked for too short a time or not at all, with its lock."""
    term = timedelta(days=terms.lock.days)
    for version, lock in locks_of(place, wanted):
        done.looked_at += 1
        progress.advance(1)
        if longer(lock.until, now, term) is None and lock.until:
            done.first_end = min(done.first_end or lock.until, lock.until)
        else:
            yield version, lock


def _extend(place: Place, short: list[tuple[Version, Lock]], now: datetime, done: Audited) -> None:
    until = now + timedelta(days=done.lock.days)
    # a lock that nobody can lift stays one
    wanted = [(version, Lock(lock.mode or done.lock.mode, until)) for version, lock in short]
    for version, lock in extend(place, wanted):
        if lock.until is None or lock.until < until - timedelta(seconds=2):
            done.findings.append(replace(_found(done, place, version, lock), what=Wrong.REFUSED))
            continue
        done.extended += 1
        done.first_end = min(done.first_end or lock.until, lock.until)


def _found(done: Audited, place: Place, version: Version, lock: Lock) -> Found:
    top = f"{place.location.path}/" if place.location.path else ""
    if lock.until:
        done.first_end = min(done.first_end or lock.until, lock.until)
    what = Wrong.SHORT if lock.until else Wrong.UNLOCKED
    return Found(done.school, what, version.key.removeprefix(top), lock.until)


def asked_of(prepared: Mapping[str, object] | None) -> DefaultLock | None:
    """Return what the ledger's newest bucket.prepared says was asked for; None where there is none."""
    return DefaultLock(str(prepared["mode"]), int(str(prepared["days"]))) if prepared else None
