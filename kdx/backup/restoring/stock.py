"""How much each turn of a drill holds of a snapshot: to be read from the vault, and to come back."""

from collections.abc import Container
from contextlib import closing
from dataclasses import dataclass

from kdx.backup.format.chain import Stored
from kdx.backup.format.names import digest_in
from kdx.backup.restoring.admission import admitted
from kdx.backup.restoring.errands import is_small
from kdx.backup.restoring.restored import Source
from kdx.backup.restoring.turns import TURNS, Choice, Drilled, choose_turns, turn_of
from kdx.backup.restoring.wanted import Wanted
from kdx.remotes.interface import Kind


@dataclass(frozen=True, slots=True)
class Stock:
    """How much each turn of a snapshot holds."""

    stored: list[int]
    """Bytes to be read from the vault, at least 1 where there is a file."""
    sizes: list[int]
    """Bytes that come back."""
    files: list[int]

    @property
    def held(self) -> list[int]:
        """The turns that hold anything."""
        return [turn for turn, size in enumerate(self.stored) if size]

    def choose(self, drilled: Drilled, whole: bool, left: int, week_bytes: int) -> Choice:
        """Return what is to be read."""
        if whole:
            return Choice(tuple(self.held), sum(self.stored), ())
        return choose_turns(self.stored, drilled.read, left, week_bytes)

    def restored(self, choice: Choice) -> int:
        """Return how many bytes come back."""
        return sum(self.sizes[turn] for turn in choice.turns)

    def part(self, read: Container[int]) -> float:
        """Return which part of it belongs to turns that were read."""
        return sum(size for turn, size in enumerate(self.stored) if turn in read) / (sum(self.stored) or 1)


def take_stock(source: Source, stored: Stored) -> Stock:
    stock = Stock([0] * TURNS, [0] * TURNS, [0] * TURNS)
    with closing(source.vault.unit(source.school)) as unit:
        # what is wrong with a row, the restore says
        for entry in admitted(unit, stored.seal, []):
            if entry.kind == Kind.FILE:
                turn = turn_of_entry(entry)
                stock.stored[turn] += max(1, sum(piece.length for piece in entry.pieces))
                stock.sizes[turn] += entry.size
                stock.files[turn] += 1
    return stock


def turn_of_entry(entry: Wanted) -> int:
    """Return the turn a file belongs to: small ones go with their pack, so that each pack is read once."""
    return turn_of(digest_in(entry.pieces[0].object) if is_small(entry) else entry.sha256)
