"""Is the promise kept? Which snapshots count for the recovery point, and how old is what could not be read. Pure."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kdx.backup.format.seal import Seal, State
from kdx.backup.format.unread import Unread
from kdx.remotes.interface import SkipReason

PASSING = (SkipReason.LOCKED, SkipReason.CHANGED)
"""Somebody was at work with the file: its earlier version will do for some days."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a share stands, as far as the vault tells."""

    good_at: datetime | None
    """Start of the newest run that counts."""
    age: timedelta | None
    is_broken: bool
    """Whether the recovery point is older than promised, or there is none."""
    oldest_file: timedelta | None
    """Age of the oldest copy of a file that the last snapshot could not read."""
    is_file_broken: bool
    without_copy: int
    """Entries the last snapshot could not read and no snapshot holds."""


def counts(seal: Seal, state: State, unread: Iterable[Unread], exceptions: Sequence[str]) -> bool:
    """Whether a snapshot counts for the recovery point.

    A partial one does only when everything it came to was read, but for what somebody had open and an earlier snapshot
    holds, what vanished before it was read, and what the board has agreed to leave out.
    """
    if state != State.PARTIAL:
        return state == State.COMPLETE
    if seal.counts.waiting or "recovering" in seal.reasons:
        return False
    return all(_is_excused(row, exceptions) for row in unread)


def _is_excused(row: Unread, exceptions: Sequence[str]) -> bool:
    if row.reason == SkipReason.VANISHED or _is_exception(row, exceptions):
        return True
    return row.reason in PASSING and row.since is not None


def _is_exception(row: Unread, exceptions: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(row.path, pattern) for pattern in exceptions)


def standing(
    good_at: datetime | None, unread: Iterable[Unread], exceptions: Sequence[str], rpo: timedelta, file_rpo: timedelta,
    now: datetime,
) -> Standing:
    """Say how a share stands: `good_at` is the newest snapshot that counts, `unread` what the newest could not read."""
    rows = [row for row in unread if row.reason != SkipReason.VANISHED and not _is_exception(row, exceptions)]
    ages = [now - row.since for row in rows if row.since]
    age = now - good_at if good_at else None
    oldest = max(ages, default=None)
    return Standing(
        good_at=good_at,
        age=age,
        is_broken=age is None or age > rpo,
        oldest_file=oldest,
        is_file_broken=oldest is not None and oldest > file_rpo,
        without_copy=sum(row.since is None for row in rows),
    )
