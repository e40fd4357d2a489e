"""What may leave the vault, and when. Pure: what lies there, what is needed, what is marked in; names out.

An object goes in two steps: it is marked when no snapshot needs it, and removed at least 14 days later by the store's
clock if still none does. A run treats what is marked as absent, so that nothing new comes to rely on it in between.
"""

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from typing import NamedTuple

YOUNG = timedelta(days=2)
"""What was stored so lately may belong to a run that has not sealed yet: it seals each hour."""
WAIT = timedelta(days=14)


class Mark(NamedTuple):
    """A list of objects that will be removed."""

    file: str
    since: datetime
    """When it was written: by its own word or the store's, whichever is later."""
    objects: frozenset[str]

    def is_ripe(self, now: datetime) -> bool:
        """Whether what it names may be removed, given the store's time."""
        return now - self.since >= WAIT


def to_mark(stored: Mapping[str, datetime], needed: Set[str], marks: Iterable[Mark], now: datetime) -> list[str]:
    """Given the objects that are there, and since when, return those nobody needs and no mark names yet."""
    marked = frozenset[str]().union(*(mark.objects for mark in marks))
    return sorted(
        name for name, when in stored.items() if name not in needed and name not in marked and now - when >= YOUNG
    )


def to_remove(mark: Mark, there: Set[str], needed: Set[str], now: datetime) -> list[str]:
    """Return what of a mark may be removed now: nothing before its time, and nothing that is needed after all."""
    return sorted((mark.objects & there) - needed) if mark.is_ripe(now) else []


def is_spent(mark: Mark, there: Set[str], needed: Set[str], now: datetime) -> bool:
    """Whether a mark has nothing left to say: its time is over, and of what it names only needed objects are there."""
    return mark.is_ripe(now) and not (mark.objects & there) - needed
