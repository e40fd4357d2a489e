"""What a role's key must be able to do and must not, held against what it was seen to do."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from kdx.backup.keeping.bucket import see_that_it_is_a_bucket
from kdx.backup.keeping.prune import time_at_place
from kdx.backup.keeping.roles import Holder, Role, bucket_policy, holders, parts, user_policy
from kdx.config.location import Location
from kdx.errors import ExitCode, gravest
from kdx.language import N_
from kdx.remotes import key_trials as trials
from kdx.remotes import Place
from kdx.remotes.interface import PlaceRefused
from kdx.remotes.key_trials import Seen
from kdx.state.events.saving import RightsTried

_READS = {trials.LIST, trials.READ, trials.READ_ABOUT, trials.SEE_VERSIONS, trials.SEE_LOCKS}
_ELSEWHERE = {trials.LIST_OTHERS, trials.READ_OTHERS}
MAY: dict[Role, frozenset[str]] = {
    Role.SCHOOL: frozenset(_READS | {trials.WRITE}),
    Role.BOARD: frozenset(
        _READS | _ELSEWHERE | {trials.WRITE, trials.WRITE_OTHERS, trials.REMOVE, trials.EXTEND}
    ),
    Role.AUDITOR: frozenset(_READS | _ELSEWHERE),
}
"""What each role must be able to do; everything else it must not."""


class Judgement(StrEnum):
    """What it means."""

    RIGHT = N_("as it must be")
    TOO_MUCH = N_("TOO MUCH")
    TOO_LITTLE = N_("TOO LITTLE")
    UNKNOWN = N_("not known")


CODES = {
    Judgement.RIGHT: ExitCode.DONE, Judgement.TOO_MUCH: ExitCode.GATE, Judgement.TOO_LITTLE: ExitCode.UNREACHABLE,
    Judgement.UNKNOWN: ExitCode.UNDECIDED,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing that was tried, and whether it came out as it must."""

    seen: Seen
    must: bool

    @property
    def judgement(self) -> Judgement:
        """Whether it is as it must be."""
        if self.seen.may is None:
            return Judgement.UNKNOWN
        if self.seen.may == self.must:
            return Judgement.RIGHT
        return Judgement.TOO_MUCH if self.seen.may else Judgement.TOO_LITTLE


@dataclass(frozen=True, slots=True)
class KeyTried:
    """What the key of one role was seen to do."""

    place: Place
    holder: Holder
    judged: tuple[Judged, ...]
    at: datetime

    @property
    def exit_code(self) -> ExitCode:
        """4 where the key may do too much, 12 too little, 6 where it is not known."""
        return gravest(CODES[each.judgement] for each in self.judged)

    def named(self, judgement: Judgement) -> list[str]:
        """Return what was judged so."""
        return [each.seen.what for each in self.judged if each.judgement == judgement]

    def event(self) -> RightsTried:
        """Return what the ledger keeps of it."""
        return RightsTried(
            str(self.place.location), str(self.holder.role), self.holder.school, self.named(Judgement.TOO_MUCH),
            self.named(Judgement.TOO_LITTLE), self.named(Judgement.UNKNOWN), int(self.exit_code),
        )


def try_holder(place: Place, holder: Holder, schools: Sequence[str], now: datetime) -> KeyTried:
    """Try the key this place is opened with. NoBucket, StoreClockWrong, or what the place raises.

    A board's key first leaves a few bytes in each part, for the others to be tried on.
    """
    see_that_it_is_a_bucket(place)
    there = time_at_place(place, now)
    if holder.role == Role.BOARD:
        # a key that may not is told so by the trial itself
        with suppress(PlaceRefused):
            trials.leave_probes(place, parts(place.location, schools))
    seen = trials.try_key(place, holder.ground(place.location, schools), there)
    return KeyTried(place, holder, tuple(Judged(each, each.what in MAY[holder.role]) for each in seen), now)


@dataclass(frozen=True, slots=True)
class Policy:
    """A document, and whose."""

    file: str
    holder: Holder | None
    """None where it is the bucket's, of everybody."""
    text: str


def policies(vault: Location, schools: Sequence[str]) -> list[Policy]:
    """Return the documents of every role; where the store has an address of its own, that of the bucket too."""
    users = holders(schools)
    found = [Policy(f"{user.name}.json", user, _text(user_policy(vault, user))) for user in users]
    if vault.option("endpoint"):
        found.append(Policy("bucket.json", None, _text(bucket_policy(vault, users))))
    return found


def _text(document: dict[str, object]) -> str:
    return json.dumps(document, indent=1) + "\n"


def write_policies(folder: Path, documents: Sequence[Policy]) -> None:
    """Write them into a folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        (folder / document.file).write_text(document.text, "ascii")
