"""How far a long work has come, without knowing who looks. Silent by default; no terminal here."""

from typing import Protocol


class Progress(Protocol):
    """What the core tells about a long work. Calls come from one thread."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """A work begins: `unit` is "entries" or "bytes", `total` in that unit, None where unknown."""

    def advance(self, amount: int) -> None:
        """`amount` more is done; negative when something must be done again."""

    def done(self) -> None:
        """The work ended, well or not."""


class Silent:
    """Nobody looks."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Say nothing."""

    def advance(self, amount: int) -> None:
        """Say nothing."""

    def done(self) -> None:
        """Say nothing."""


SILENT = Silent()
