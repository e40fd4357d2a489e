"""An event as the ledger keeps it: how it becomes a row that every database takes, and how a row is read again."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kdx.state.chain import Row

TIME_UNREADABLE = datetime.min.replace(tzinfo=UTC)
"""What an event that was tampered with has for a time, so that it can be listed; verify() names it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the ledger keeps it."""

    id: int
    time: datetime
    actor: str
    request_id: str
    """The same for all events of one command."""
    kind: str
    subject: str
    body: dict[str, Any]
    hash: str


def body_text(body: dict[str, Any]) -> str:
    """Return a body as text that every database takes: bytes of names that are not UTF-8 stay as JSON escapes."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(text: str) -> str:
    """Return a name as text that every database takes: half characters and zero bytes written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def recorded(row: Row) -> Recorded:
    """Return a row as an event. One that was tampered with must still be listed; verify() names it."""
    try:
        body = json.loads(row["body"])
        time = datetime.fromisoformat(row["time"])
    except (TypeError, ValueError):
        body, time = {}, TIME_UNREADABLE
    return Recorded(
        id=row["id"],
        time=time if time.tzinfo else TIME_UNREADABLE,
        actor=row["actor"],
        request_id=row["request_id"],
        kind=row["kind"],
        subject=row["subject"],
        body=body if isinstance(body, dict) else {},
        hash=row["hash"],
    )
