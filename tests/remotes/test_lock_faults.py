"""A lock service that does not answer as one, keys without the right to look, and a store that lives on another day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from kdx.backup.keeping.prune import StoreClockWrong, time_at_place
from kdx.config.location import parse_location
from kdx.errors import ExitCode
from kdx.remotes import Place
from kdx.remotes.buckets import Version
from kdx.remotes.locks import Lock, LocksUnknown, RightMissing, default_lock, extend
from tests.rigs.fake_s3 import KEYS, FakeS3, Trouble, serve_fake


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with serve_fake("vault") as running:
        yield running


def place(fake: FakeS3) -> Place:
    return Place(parse_location(f"s3://vault/v?endpoint={fake.endpoint}"), few_large=True)


def answer(fake: FakeS3, method: str, query: str, status: int, code: str) -> None:
    fake.troubles.append(Trouble("status", method, rf"\?.*{query}", times=9, status=status, code=code))


@pytest.mark.parametrize(
    ("status", "code", "error", "exit_code"),
    [
        (501, "NotImplemented", LocksUnknown, ExitCode.GATE), (405, "MethodNotAllowed", LocksUnknown, ExitCode.GATE),
        (403, "AccessDenied", RightMissing, ExitCode.UNREACHABLE),
    ],
)
def test_a_lock_service_that_is_none_and_a_right_that_is_missing_are_told_apart(
    fake: FakeS3, status: int, code: str, error: type[Exception], exit_code: ExitCode
) -> None:
    answer(fake, "GET", "object-lock", status, code)
    with pytest.raises(error) as told:
        default_lock(place(fake))
    assert told.value.exit_code == exit_code  # type: ignore[attr-defined]
    answer(fake, "PUT", "retention", status, code)
    version = Version("v/x", "1", datetime.now(UTC), False)
    with pytest.raises(error):
        list(extend(place(fake), [(version, Lock("GOVERNANCE", datetime.now(UTC)))]))
    assert "s3:" in str(told.value) or str(status) in str(told.value)


def test_a_bucket_that_locks_nothing_is_no_error(fake: FakeS3) -> None:
    answer(fake, "GET", "object-lock", 404, "ObjectLockConfigurationNotFoundError")
    assert default_lock(place(fake)) is None


@pytest.mark.parametrize("off", [timedelta(days=1), timedelta(days=-1)])
def test_a_store_whose_clock_is_a_day_off_is_told_and_nothing_is_decided_by_it(fake: FakeS3, off: timedelta) -> None:
    fake.clock_off = off
    with pytest.raises(StoreClockWrong) as told:
        time_at_place(place(fake), datetime.now(UTC))
    assert told.value.exit_code == ExitCode.DIFFERENCE
    fake.clock_off = timedelta()
    assert abs(time_at_place(place(fake), datetime.now(UTC)) - datetime.now(UTC)) < timedelta(minutes=1)
