"""3-2-1-1-0 for each share: copies, media, elsewhere, unchangeable, errors. Pure: evidence in, cells with reasons out.

Nothing is believed that no run, trial or drill has left behind, and what is not known stays unknown: where a store
stands only the board can say, and a disk on the power line of the server is no second place, whatever its address.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from kdx.config.location import Location
from kdx.language import N_

COPY_IS_OLD = timedelta(days=35)
"""A copy that was filled longer ago lacks more than a month of work and does not count."""


class Rule(StrEnum):
    """What is asked for."""

    COPIES = N_("3 copies")
    MEDIA = N_("2 kinds of storage")
    ELSEWHERE = N_("1 elsewhere")
    UNCHANGEABLE = N_("1 that nobody can change")
    ERRORS = N_("0 errors when read back")


class Evidence(NamedTuple):
    """One thing that was seen."""

    what: str
    """An N_() string; {place} stands for `place`."""
    at: datetime | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """How one rule stands."""

    rule: Rule
    holds: bool | None
    """None where it is not known."""
    evidence: tuple[Evidence, ...] = ()
    count: int | None = None
    """Copies, or errors."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One place that holds snapshots of a share, and what is known of it."""

    location: Location
    filled: datetime
    """When the newest good snapshot was begun, or when it was last copied to without a fault."""
    site: str = ""
    """Where it stands, in the board's own words."""
    tried: tuple[bool, datetime] | None = None
    """Whether a lock was seen to hold, and when (kdx backup try-store)."""
    audited: tuple[bool, datetime] | None = None
    """Whether every lock was there at the last look, and when (kdx backup verify --locks)."""


class Check(NamedTuple):
    """One time that something was read back."""

    what: str
    """An N_() string."""
    errors: int
    at: datetime


ORIGINAL = N_("the share itself, read by the last good run")
VAULT, COPY = N_("the vault: {place}"), N_("a copy of it: {place}")
OLD = N_("too old to count: {place}")
SAID = N_("the board says where it stands: {place}")
PROVIDER = N_("a provider's own address: {place}")
NOWHERE = N_("nobody has said where it stands (site: in kdx.yml): {place}")
OBJECTS, SERVER = N_("object storage: {place}"), N_("the school's server")
DISK = N_("a folder; whether on another kind of storage, kdx cannot see: {place}")
HELD, NOT_HELD = N_("a lock was seen to hold: {place}"), N_("a lock did NOT hold when it was tried: {place}")
LACKING = N_("locks are short or missing: {place}")
NO_LOCKS = N_("it has no locks: {place}")
NOT_TRIED = N_("not tried (kdx backup try-store): {place}")
VERIFIED, DRILLED = N_("verification of the vault"), N_("restore drill")
NEVER_READ = N_("nothing was ever read back (kdx drill, kdx backup verify)")


def cells(vault: Kept | None, copies: Sequence[Kept], checks: Iterable[Check], now: datetime) -> list[Cell]:
    """Say how each rule stands for one share. `vault` is None where there is no good snapshot."""
    fresh = [each for each in copies if now - each.filled <= COPY_IS_OLD]
    old = tuple(Evidence(OLD, each.filled, str(each.location)) for each in copies if each not in fresh)
    kept = [*([vault] if vault else ()), *fresh]
    seen = [Evidence(VAULT if each is vault else COPY, each.filled, str(each.location)) for each in kept]
    if vault:
        seen.insert(0, Evidence(ORIGINAL, vault.filled))
    return [
        Cell(Rule.COPIES, len(seen) >= 3, (*seen, *old), len(seen)),
        _media(kept),
        _elsewhere(kept),
        _unchangeable(kept),
        _errors(list(checks)),
    ]


def _media(kept: Sequence[Kept]) -> Cell:
    objects = [each for each in kept if each.location.scheme in ("s3", "rclone")]
    others = [each for each in kept if each not in objects]
    seen = [Evidence(OBJECTS, each.filled, str(each.location)) for each in objects]
    seen += [Evidence(DISK, each.filled, str(each.location)) for each in others]
    holds = True if objects else None if others else False
    return Cell(Rule.MEDIA, holds, (Evidence(SERVER, None), *seen) if seen else ())


def _elsewhere(kept: Sequence[Kept]) -> Cell:
    seen, known = [], False
    for each in kept:
        place = str(each.location)
        if each.site:
            seen.append(Evidence(SAID, each.filled, f"{place} ({each.site})"))
        elif each.location.scheme == "s3" and not each.location.option("endpoint"):
            seen.append(Evidence(PROVIDER, each.filled, place))
        else:
            seen.append(Evidence(NOWHERE, None, place))
            continue
        known = True
    return Cell(Rule.ELSEWHERE, known or (None if kept else False), tuple(seen))


def _unchangeable(kept: Sequence[Kept]) -> Cell:
    seen: list[Evidence] = []
    answers: list[bool | None] = []
    for each in kept:
        place = str(each.location)
        if each.location.scheme != "s3":
            answers.append(False)
            seen.append(Evidence(NO_LOCKS, None, place))
            continue
        if each.tried is None:
            answers.append(None)
            seen.append(Evidence(NOT_TRIED, None, place))
            continue
        holds, at = each.tried
        seen.append(Evidence(HELD if holds else NOT_HELD, at, place))
        if holds and each.audited and not each.audited[0]:
            seen.append(Evidence(LACKING, each.audited[1], place))
            holds = False
        answers.append(holds)
    return Cell(Rule.UNCHANGEABLE, any_of(answers), tuple(seen))


def any_of(answers: Sequence[bool | None]) -> bool | None:
    """Return whether one of them is yes; not known where none is and one is not known."""
    if True in answers:
        return True
    return None if None in answers else False


def _errors(checks: Sequence[Check]) -> Cell:
    if not checks:
        return Cell(Rule.ERRORS, None, (Evidence(NEVER_READ, None),))
    errors = sum(each.errors for each in checks)
    return Cell(Rule.ERRORS, not errors, tuple(Evidence(each.what, each.at) for each in checks), errors)
