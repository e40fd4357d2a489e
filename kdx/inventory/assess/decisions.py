"""What people decided about the entries of one share on their way to one target, as data keyed by the source path."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from kdx.inventory.names import readable

ID_DIGITS = 12
LETTER = "k"
"""Before the digits: twelve of them alone a spreadsheet may take for a number and round."""


class Decision(StrEnum):
    """What is to become of an entry; of a folder: of everything below it."""

    RENAME = "rename"
    SKIP = "skip"
    """It stays where it is: left by rule, printed in the receipt."""
    KEEP = "keep"
    """It goes as it is."""
    WAIT = "wait"
    """Not now: it stays open, and the migration incomplete."""


class Decided(NamedTuple):
    """One decision that was accepted."""

    path: str
    decision: str
    name: str
    """The new last component with `rename`, else empty."""
    office: str
    """Who answers for it: an office, never a person's name."""
    reason: str


Decisions = Mapping[str, Decided]
"""By path. Held in memory: people took them one by one."""


def finding_id(share_id: str, profile: str, path: str) -> str:
    """Return the id of an entry's row in a decisions file: it means this entry, on its way to such a target."""
    text = f"{share_id}\0{profile}\0".encode() + path.encode("utf-8", "surrogateescape")
    return LETTER + hashlib.sha256(text).hexdigest()[:ID_DIGITS]


def name_there(path: str, decided: Decided | None) -> str:
    """Return the last component of an entry at a target: as decided, else as it reads."""
    if decided and decided.decision == Decision.RENAME:
        return decided.name
    return readable(path.rpartition("/")[2])
