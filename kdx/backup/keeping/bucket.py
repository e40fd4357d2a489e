"""What the vault's store is made to do, and what it was seen to do. Says "protected" only of what was tried."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from kdx.backup.format.vault import VaultUnmade, open_vault, place_of_vault
from kdx.backup.keeping.prune import time_at_place
from kdx.config.model import Board
from kdx.errors import ExitCode, GateClosed, UsageMistake
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.buckets import COMPLIANCE, LOCK, REFUSED, VERSIONING, Promise
from kdx.remotes.buckets import prepare as prepare_bucket
from kdx.remotes.interface import PlaceMissing
from kdx.remotes.locks import DefaultLock, LocksUnknown, default_lock
from kdx.remotes.trials import PROTECTING, Trial
from kdx.remotes.trials import try_store as try_bucket
from kdx.state.events.saving import BucketPrepared, StoreTried

USUAL_DAYS = 35


class LockIsForEver(GateClosed):
    """Nobody has said yes to what cannot be undone."""

    message = N_("Nothing was changed at {place}: versions and lock can never be switched off again.")
    advice = N_("If that is what the board wants, write --irrevocable.")


class TermNotNamed(UsageMistake):
    """A lock that nobody can lift needs its term typed out."""

    message = N_("A lock of the kind compliance can be lifted by nobody, the owner of the account included.")
    advice = N_("Write its term: --lock compliance --days 35")


class LockWouldWeaken(GateClosed):
    """The bucket locks more than is asked for now."""

    message = N_("The bucket of {place} already locks every upload more strictly ({there}) than was typed ({asked}).")
    advice = N_("Nothing was changed. Write at least as much with --lock and --days; a weaker lock is set by hand.")


class CannotLock(GateClosed):
    """The bucket cannot do what the vault would rely on."""

    message = N_("The bucket of {place} does not lock uploads, and its store refuses to begin with it ({why}).")
    advice = N_(
        "Most stores allow locks only when a bucket is made: write the name of a new bucket in kdx.yml, kdx makes it. "
        "See what the store does with: kdx backup try-store"
    )


class NoBucket(UsageMistake):
    """A folder has no locks."""

    message = N_("{place} is no bucket: it has no locks to be prepared or tried.")
    advice = N_("A folder is protected by who may write to it, and by a copy somewhere else: kdx backup copy")


def prepare(board: Board, lock: str, days: int | None, irrevocable: bool) -> list[Promise]:
    """Prepare the vault's bucket.

    NoBucket, TermNotNamed, LockIsForEver, LockWouldWeaken, VaultForeign, or what the place raises.
    """
    place = place_of_vault(board)
    see_that_it_is_a_bucket(place)
    if lock == "compliance" and days is None:
        raise TermNotNamed()
    if not irrevocable:
        raise LockIsForEver(place=place.location)
    asked = DefaultLock(lock.upper(), days or USUAL_DAYS)
    with suppress(VaultUnmade, PlaceMissing):
        open_vault(board, place)
    with suppress(PlaceMissing, LocksUnknown):
        there = default_lock(place)
        if there and (there.days > asked.days or there.mode == COMPLIANCE != asked.mode):
            words = {"there": f"{there.mode} {there.days}", "asked": f"{asked.mode} {asked.days}"}
            raise LockWouldWeaken(place=place.location, **words)
    return prepare_bucket(place, asked.mode, asked.days)


def prepared_event(place: Place, lock: str, days: int | None, promises: Sequence[Promise]) -> BucketPrepared:
    """Return what the ledger keeps of it: what locks are compared with later."""
    refused = [promise.what for promise in promises if promise.outcome == REFUSED]
    return BucketPrepared(str(place.location), lock.upper(), days or USUAL_DAYS, refused)


def see_that_it_locks(place: Place, promises: Sequence[Promise]) -> None:
    """Raise CannotLock where a bucket does not do what all the rest relies on."""
    for promise in promises:
        if promise.what in (VERSIONING, LOCK) and promise.outcome == REFUSED:
            raise CannotLock(place=place.location, why=promise.detail)


def see_that_it_is_a_bucket(place: Place) -> None:
    """Raise NoBucket where a place is none."""
    if place.location.scheme != "s3":
        raise NoBucket(place=place.location)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a store was seen to do."""

    place: Place
    trials: tuple[Trial, ...]
    at: datetime

    @property
    def protects(self) -> bool:
        """Whether a lock on it holds: all that a lock promises was seen."""
        held = {trial.what for trial in self.trials if trial.holds}
        return held.issuperset(PROTECTING)

    @property
    def exit_code(self) -> ExitCode:
        """4 where nothing in it is protected."""
        return ExitCode.DONE if self.protects else ExitCode.GATE

    def event(self) -> StoreTried:
        """Return what the ledger keeps of it."""
        return StoreTried(
            str(self.place.location),
            self.protects,
            [trial.what for trial in self.trials if trial.holds],
            [trial.what for trial in self.trials if not trial.holds],
        )


def try_vault(place: Place, now: datetime) -> Tried:
    """Try what the store of a vault does. NoBucket, StoreClockWrong, or what the place raises."""
    see_that_it_is_a_bucket(place)
    return Tried(place, tuple(try_bucket(place, time_at_place(place, now))), now)
