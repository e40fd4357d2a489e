"""What makes the events of a ledger one chain: the hash of each, and what does not fit. Pure: opens nothing.

The hash of an event is the SHA-256, hexadecimal, of one compact JSON array in UTF-8: id, time, actor, request_id,
kind, subject, body (its text, as one string) and prev_hash, the hash of the event before it (64 zeros for the first).
So every column is covered, and anybody can recompute it:

    sqlite3 ledger.sqlite3 "SELECT json_array(id, time, actor, request_id, kind, subject, body, prev_hash)
                            FROM events WHERE id = 7" | tr -d '\\n' | sha256sum

The chain shows every change within the ledger. It cannot show that all of it was written anew; but receipts name the
head of the ledger they were issued over, and they lie elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kdx.language import N_

FIELDS = ("id", "time", "actor", "request_id", "kind", "subject", "body", "prev_hash")
"""What the hash of an event is over, in this order."""
NOTHING = "0" * 64
"""What the first event has for the hash before it."""

Row = Mapping[Any, Any]
Subject = tuple[str, str]
"""Kind and subject."""

CHANGED = N_("the event was changed")
MISSING = N_("events were removed before this one")
LINK_BROKEN = N_("this event or the one before it was replaced")
ADDED = N_("the event was added from outside")
CUT = N_("events were removed at the end")
HEAD_DIFFERS = N_("the head of the ledger is not its last event")
FOLD_DIFFERS = N_("the present state is not what the events say")
CLOCK_BACK = N_("the clock was set back before this event")


class Fault(NamedTuple):
    """Something that does not fit, or is worth knowing."""

    event: int
    what: str
    """An N_() string."""
    detail: str = ""
    """Which events, or which kind and subject."""


class Head(NamedTuple):
    """Where the chain ends."""

    id: int
    hash: str


def hash_of(row: Row) -> str:
    """Return the hash of an event, hexadecimal. Never fails: a value that cannot be right gives a hash that is not."""
    canonical = json.dumps([row[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def chain_faults(rows: Iterable[Row], head: Head | None) -> Iterator[Fault]:
    """Given all events in the order of their ids, and where the ledger says it ends, yield what does not fit.

    What is CLOCK_BACK is no fault: clocks are set back.
    """
    last, time = Head(0, NOTHING), ""
    for row in rows:
        number = row["id"]
        if not isinstance(number, int) or number < 1 or (head and number > head.id):
            yield Fault(_number(number), ADDED)
            continue
        if number > last.id + 1:
            yield Fault(number, MISSING, _span(last.id + 1, number - 1))
        elif row["prev_hash"] != last.hash:
            yield Fault(number, LINK_BROKEN)
        if hash_of(row) != row["hash"]:
            yield Fault(number, CHANGED)
        elif row["time"] < time:
            yield Fault(number, CLOCK_BACK)
        last, time = Head(number, row["hash"]), str(row["time"])
    if head is None:
        yield Fault(last.id, HEAD_DIFFERS)
    elif last.id < head.id:
        yield Fault(head.id, CUT, _span(last.id + 1, head.id))
    elif last.hash != head.hash:
        yield Fault(head.id, HEAD_DIFFERS)


def fold_faults(fold: Mapping[Subject, int], present: Iterable[tuple[Subject, int]]) -> Iterator[Fault]:
    """Given the newest event of each subject and what the projection says it is, yield where they differ."""
    left = dict(fold)
    for subject, event in present:
        if left.pop(subject, None) != event:
            yield Fault(_number(fold.get(subject, event)), FOLD_DIFFERS, _named(subject))
    for subject, event in left.items():
        yield Fault(_number(event), FOLD_DIFFERS, _named(subject))


def _number(value: object) -> int:
    """Return an id as a number; 0 where somebody wrote something else."""
    return value if isinstance(value, int) else 0


def _span(first: int, last: int) -> str:
    return f"#{first}" if first == last else f"#{first}-#{last}"


def _named(subject: Subject) -> str:
    return " ".join(map(str, subject))
