"""What is known about one requirement at one place: the noun that judging yields. Judges nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kdx.language import N_
from kdx.rollout.reason import Reason
from kdx.state.ledger import Recorded


class Outcome(StrEnum):
    """What is known about a requirement."""

    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNDECIDED = "undecided"
    PART = "part"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the ledger proves about one requirement."""

    outcome: Outcome
    reason: Reason
    at: datetime | None = None
    """When it was seen; of several shares, the oldest, because that one is out of date first."""
    latest: datetime | None = None
    """When the last of what it rests on was seen, where that is not `at`."""
    until: datetime | None = None
    """From when on it is out of date."""
    passed_before: bool = False
    """Where it failed: whether it had passed at an earlier time."""
    done: int | None = None
    total: int | None = None
    events: tuple[int, ...] = ()
    by_hand: tuple[int, ...] = ()
    """Those of the events that a person wrote down, not a machine."""


CHECKS = {
    "scan": N_("catalog of every share"),
    "receipt": N_("migration receipt"),
    "drill": N_("restore drill"),
    "snapshot": N_("snapshot in the vault"),
    "cutover": N_("cutover to the new place"),
}


def moment(record: Recorded, field: str) -> datetime:
    """Return a time of an event's body; when it was recorded, where that cannot be read."""
    try:
        found = datetime.fromisoformat(record.body[field])
    except (KeyError, TypeError, ValueError):
        return record.time
    return found if found.tzinfo else record.time
