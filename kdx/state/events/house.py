"""What happens to kdx itself: keys, inventories, commands that failed."""

from dataclasses import dataclass
from typing import ClassVar

from kdx.state.events.event import Event


@dataclass(frozen=True, slots=True)
class KeyMade(Event):
    """A key pair was made."""

    kind: ClassVar[str] = "key.made"
    role: str
    fingerprint: str

    @property
    def subject(self) -> str:
        return self.role


@dataclass(frozen=True, slots=True)
class InventoryCreated(Event):
    """A new inventory folder was written."""

    kind: ClassVar[str] = "inventory.created"
    folder: str
    board: str

    @property
    def subject(self) -> str:
        return self.board


@dataclass(frozen=True, slots=True)
class CommandFailed(Event):
    """A command that acts ended with an error."""

    kind: ClassVar[str] = "command.failed"
    command: str
    exit_code: int
    message: str

    @property
    def subject(self) -> str:
        return self.command
