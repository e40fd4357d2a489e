"""Which part of a share a drill brings back. Pure: what was read when and how large it is, in; the turns to take, out.

Everything a snapshot holds belongs by a hash to one of 4096 turns, for ever the same: small files with the pack they
lie in, so that a pack is read once and whole, others by their own content. Those whose last good drill is longest ago
come first. Nothing is left to chance: after one rotation every byte has been brought back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

TURNS = 4096
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What is remembered of the drills of one share in one vault."""

    vault: str
    read: Mapping[int, datetime] = field(default_factory=dict)
    """Turn -> when it last came back as it was."""
    spent: tuple[tuple[datetime, int], ...] = ()
    """When so many bytes were read back."""

    def after(self, turns: Sequence[int], size: int, when: datetime, *, passed: bool) -> "Drilled":
        """Return what is remembered after a drill. One that failed costs its bytes, and its turns stay due."""
        read = {**self.read, **dict.fromkeys(turns, when)} if passed else self.read
        recent = tuple(one for one in self.spent if one[0] > when - timedelta(days=14))
        return replace(self, read=read, spent=(*recent, (when, size)))

    @property
    def last(self) -> datetime:
        """When something was read back at all; NEVER where nothing was."""
        return max((when for when, _size in self.spent), default=NEVER)

    def spent_since(self, moment: datetime) -> int:
        """Return how many bytes were read back since then."""
        return sum(size for when, size in self.spent if when >= moment)

    def oldest(self, turns: Sequence[int]) -> datetime | None:
        """Return when the one of these turns that waits longest was read; None where one never was, or none is."""
        if not turns or any(turn not in self.read for turn in turns):
            return None
        return min(self.read[turn] for turn in turns)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a drill takes."""

    turns: tuple[int, ...]
    bytes: int
    too_large: tuple[int, ...]
    """Turns that are larger than a whole week's budget: no drill but a whole one reads them."""


def turn_of(sha256: str) -> int:
    """Return the turn that content or a pack with this SHA-256 belongs to."""
    return int(sha256[:8], 16) % TURNS


def week_of(now: datetime, zone: tzinfo) -> datetime:
    """Return when the week began: Monday 00:00 of the board's time zone."""
    local = now.astimezone(zone)
    return datetime.combine(local.date() - timedelta(days=local.weekday()), time(), zone)


def choose_turns(sizes: Sequence[int], read: Mapping[int, datetime], left: int, week: int) -> Choice:
    """Given the bytes of each turn, return those to take: never read first, then the longest ago.

    Not more than `left` bytes of a budget of `week`. One that does not fit any more ends the choice, so that small ones
    do not overtake it for ever.
    """
    held = [turn for turn, size in enumerate(sizes) if size]
    fitting = [turn for turn in held if sizes[turn] <= week]
    taken, total = [], 0
    for turn in sorted(fitting, key=lambda turn: read.get(turn, NEVER)):
        if total + sizes[turn] > left:
            break
        taken.append(turn)
        total += sizes[turn]
    return Choice(tuple(taken), total, tuple(turn for turn in held if sizes[turn] > week))
