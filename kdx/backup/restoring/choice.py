"""Which snapshot a restore takes. Pure: snapshots in, newest first; the one to take out."""

from collections.abc import Iterable
from datetime import datetime

from kdx.backup.format.chain import Stored
from kdx.backup.format.names import SnapshotName
from kdx.backup.format.seal import State, snapshot_time

Moment = datetime | SnapshotName
"""Until when, or exactly which one, whatever its state."""


def is_good(stored: Stored) -> bool:
    """Whether a whole share may be restored from it without a person asking for it by name.

    A partial one is, where the run came to everything: of what it could not read it holds the last version that was
    read. A checkpoint, which had not come to everything yet, is not; a suspect one only when a person has accepted it.
    """
    return stored.state == State.COMPLETE or (stored.state == State.PARTIAL and not stored.seal.counts.waiting)


def choose(snapshots: Iterable[Stored], at: Moment | None) -> Stored | None:
    """Return the snapshot of this name, else the newest good one until this moment; None where there is none.

    The earlier of the seal's own time and the store's counts, so that a clock that ran ahead hides nothing.
    """
    for stored in snapshots:
        if isinstance(at, SnapshotName):
            if stored.seal.name == at:
                return stored
        elif is_good(stored) and (at is None or snapshot_time(stored.seal, stored.stored) <= at):
            return stored
    return None
