"""What the vault's store is made to do, and what it was seen to do. Says "protected" only of what was tried."""

from dataclasses import dataclass
from datetime import datetime

from kdx.backup.prune import time_at_place
from kdx.backup.vault import place_of_vault
from kdx.config.model import Board
from kdx.errors import ExitCode, GateClosed, UsageMistake
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.buckets import Promise
from kdx.remotes.buckets import prepare as prepare_bucket
from kdx.remotes.trials import PROTECTING, Trial
from kdx.remotes.trials import try_store as try_bucket
from kdx.state.events.saving import StoreTried

USUAL_DAYS = 35


class LockIsForEver(GateClosed):
    """Nobody has said yes to what cannot be undone."""

    message = N_("Nothing was changed at {place}: versions and lock can never be switched off again.")
    advice = N_("If that is what the board wants, write --irrevocable.")


class TermNotNamed(UsageMistake):
    """A lock that nobody can lift needs its term typed out."""

    message = N_("A lock of the kind compliance can be lifted by nobody, the owner of the account included.")
    advice = N_("Write its term: --lock compliance --days 35")


class NoBucket(UsageMistake):
    """A folder has no locks."""

    message = N_("{place} is no bucket: it has no locks to be prepared or tried.")
    advice = N_("A folder is protected by who may write to it, and by a copy somewhere else: kdx backup copy")


def prepare(board: Board, lock: str, days: int | None, irrevocable: bool) -> list[Promise]:
    """Prepare the vault's bucket. NoBucket, TermNotNamed, LockIsForEver, or what the place raises."""
    place = place_of_vault(board)
    _see_that_it_is_a_bucket(place)
    if lock == "compliance" and days is None:
        raise TermNotNamed()
    if not irrevocable:
        raise LockIsForEver(place=place.location)
    return prepare_bucket(place, lock.upper(), days or USUAL_DAYS)


def _see_that_it_is_a_bucket(place: Place) -> None:
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
    _see_that_it_is_a_bucket(place)
    return Tried(place, tuple(try_bucket(place, time_at_place(place, now))), now)
