"""Short conversations with machines that let anybody ask: one file per protocol, sockets and nothing else.

Each asks, and returns what came as plain fields of text; none judges. Nobody waits longer than `within` seconds for all
of a conversation: a machine that drips a byte now and then is as silent as one that says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Raw = Mapping[str, str]
"""What came, field by field: plain text, so that it can be shown, judged and hashed."""


@dataclass(frozen=True, slots=True)
class Address:
    """A port of a machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class NoAnswer(Exception):
    """Nothing came, or nothing that could be understood. Its argument is an N_() sentence."""
