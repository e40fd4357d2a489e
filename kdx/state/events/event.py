"""What happened, as versioned nouns: the one contract between scan, migration and whatever reads the ledger later.

An event only ever grows: a new field gets a default, a changed meaning gets a new version. `subject` is what the newest
event of a kind is asked for: a share's id for a scan, `SHARE-ID@ADDRESS` for what happens between a share and a target,
`SCHOOL-ID@ADDRESS` for a receipt (one speaks of several shares). Who reads takes the fields it knows from the body, and
nothing from a version it does not know; the ledger itself needs to understand no event to keep, list and verify it.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Subclasses name their kind and their subject."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    @property
    def subject(self) -> str:
        """What it happened to."""
        raise NotImplementedError

    def to_body(self) -> dict[str, Any]:
        """Return the fields as JSON values, with the event's version; times in UTC."""
        return {"version": self.version, **{field.name: _json(getattr(self, field.name)) for field in fields(self)}}


def _json(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"a time without a time zone: {value}")
    return value.astimezone(UTC).isoformat()
