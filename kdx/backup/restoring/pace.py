"""How long it would take to bring a share back, from what drills and restores of it reached. Pure; nothing is invented.

A pace is of this vault, this share and this machine; where none was measured there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kdx.state.events.saving import DrillFinished, RestoreFinished
from kdx.state.ledger import Recorded

ENOUGH = 16 << 20
"""Bytes from which on a restore tells how fast it goes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What bringing back reached."""

    bytes_per_second: float
    measured: datetime

    def seconds(self, size: int) -> float:
        """Return how long so many bytes would take: extrapolated, never promised."""
        return size / self.bytes_per_second


def paces(events: Iterable[Recorded], vault: str) -> dict[str, Pace]:
    """Return the newest pace of each share id in this vault."""
    found: dict[str, Pace] = {}
    for event in sorted(events, key=lambda event: event.id):
        rate = _rate(event.kind, event.body)
        if event.body.get("vault") == vault and rate > 0:
            found[str(event.body.get("share_id"))] = Pace(rate, event.time)
    return found


def _rate(kind: str, body: Mapping[str, Any]) -> float:
    """Return bytes per second; 0 where the event tells none."""
    try:
        if kind == DrillFinished.kind:
            return float(body.get("bytes_per_second", 0))
        if kind == RestoreFinished.kind and body["bytes"] >= ENOUGH:
            seconds = datetime.fromisoformat(body["ended"]) - datetime.fromisoformat(body["started"])
            return float(body["bytes"] / seconds.total_seconds())
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        pass
    return 0.0
