"""How long a restore would take is said from what was measured, and from nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kdx.backup.restoring.pace import paces
from kdx.state.ledger import Recorded

NOON = datetime(2026, 11, 25, 3, tzinfo=UTC)
MIB = 1 << 20


def event(id: int, kind: str, share: str = "a-1", vault: str = "v", **body: Any) -> Recorded:
    when, told = NOON + timedelta(days=id), {"share_id": share, "vault": vault, **body}
    return Recorded(id, when, "x", "r", kind, share, told, "")


def restore(id: int, size: int, seconds: int, **more: Any) -> Recorded:
    times = {"started": NOON.isoformat(), "ended": (NOON + timedelta(seconds=seconds)).isoformat()}
    return event(id, "restore.finished", bytes=size, **times, **more)


def test_the_newest_measure_of_a_share_in_this_vault_counts() -> None:
    found = paces([restore(3, 64 * MIB, 32), event(2, "drill.finished", bytes_per_second=5 * MIB)], "v")
    assert found["a-1"].bytes_per_second == 2 * MIB and found["a-1"].measured == NOON + timedelta(days=3)
    assert found["a-1"].seconds(10 * MIB) == 5


@pytest.mark.parametrize("other", [
    event(1, "drill.finished", bytes_per_second=0), event(1, "drill.finished"), restore(1, 1000, 1),
    restore(1, 64 * MIB, 0), restore(1, 64 * MIB, -5), event(1, "drill.finished", vault="other", bytes_per_second=9),
    event(1, "restore.finished", bytes="x"), event(1, "snapshot.sealed", bytes_per_second=9),
])
def test_what_tells_no_pace_is_no_measure(other: Recorded) -> None:
    assert paces([other], "v") == {}
