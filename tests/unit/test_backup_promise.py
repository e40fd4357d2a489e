"""Which snapshots count for the recovery point, one line a case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kdx.backup.format.names import SnapshotName
from kdx.backup.format.promise import counts, standing
from kdx.backup.format.seal import Counts, Seal, State
from kdx.backup.format.unread import Unread

NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)
DAY = timedelta(days=1)
SEAL = Seal(
    "v", "s", "h", "t", SnapshotName(NOW, 1), None, NOW, State.COMPLETE, (), Counts(), None, None, "", "", ()
)
WAITING = replace(SEAL, counts=Counts(waiting=1))
RECOVERING = replace(SEAL, reasons=("recovering",))
LOCKED = Unread("file", "locked", NOW - DAY, "a/会議.docx")


@pytest.mark.parametrize(
    ("seal", "state", "unread", "counts_for_it"),
    [
        (SEAL, State.COMPLETE, [], True),
        (SEAL, State.SUSPECT, [], False),
        (SEAL, State.PARTIAL, [LOCKED], True),
        (SEAL, State.PARTIAL, [LOCKED, LOCKED._replace(reason="changed")], True),
        (SEAL, State.PARTIAL, [LOCKED._replace(since=None)], False),
        (SEAL, State.PARTIAL, [LOCKED._replace(reason="denied")], False),
        (SEAL, State.PARTIAL, [LOCKED._replace(reason="faulty")], False),
        (SEAL, State.PARTIAL, [LOCKED._replace(reason="vanished", since=None)], True),
        (SEAL, State.PARTIAL, [LOCKED._replace(reason="denied", path="機密/x")], True),
        (WAITING, State.PARTIAL, [], False),
        (RECOVERING, State.PARTIAL, [], False),
    ],
)
def test_what_counts(seal: Seal, state: State, unread: list[Unread], counts_for_it: bool) -> None:
    assert counts(seal, state, unread, ["機密/*"]) is counts_for_it


@pytest.mark.parametrize(
    ("hours", "broken"), [(0, False), (30, False), (30.01, True), (None, True)]
)
def test_the_promise_breaks_after_so_many_hours_or_without_any_good_run(hours: float | None, broken: bool) -> None:
    good_at = None if hours is None else NOW - timedelta(hours=hours)
    assert standing(good_at, [], (), timedelta(hours=30), 7 * DAY, NOW).is_broken is broken


def test_each_file_that_could_not_be_read_has_an_age_of_its_own() -> None:
    unread = [LOCKED, LOCKED._replace(since=NOW - 8 * DAY), LOCKED._replace(since=None)]
    found = standing(NOW, unread, (), timedelta(hours=30), 7 * DAY, NOW)
    assert (found.oldest_file, found.is_file_broken, found.without_copy) == (8 * DAY, True, 1)
