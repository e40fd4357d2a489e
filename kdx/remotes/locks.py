"""Locks in a bucket: what every upload gets, what an object really has, and longer ones. Decides nothing.

A lock belongs to a version, not to a name. It is only ever made longer here; what was set is looked at again.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from kdx.errors import GateClosed, Unreachable
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.buckets import Version, store_of
from kdx.remotes.s3.faults import Fault, fault_of
from kdx.remotes.s3.requests import Requests

AT_ONCE = 8
"""Requests under way; more only wait for each other in one Python process."""
AHEAD = 256
_UNKNOWN = frozenset({405, 501})
Given = TypeVar("Given")
Made = TypeVar("Made")


class LocksUnknown(GateClosed):
    """The store does not know what a lock is."""

    message = N_("{place} knows no locks ({why}): nothing there is protected by one.")
    advice = N_("Keep a second copy elsewhere: kdx backup copy. What a store really does, kdx backup try-store sees.")


class RightMissing(Unreachable):
    """The key may do less than this command needs."""

    message = N_("This key may not do what is needed at {place}: the right {right} is missing.")
    advice = N_("Use the key of the right role. See what it may do with: kdx backup try-store --role board")


class Lock(NamedTuple):
    """The lock of one version."""

    mode: str
    """GOVERNANCE or COMPLIANCE; "" where there is none."""
    until: datetime | None


class DefaultLock(NamedTuple):
    """What every upload gets by itself."""

    mode: str
    days: int


def default_lock(place: Place) -> DefaultLock | None:
    """Return what the bucket locks uploads with; None where it does not. LocksUnknown, RightMissing."""
    store = store_of(place)
    try:
        found = store.boto.get_object_lock_configuration(Bucket=store.bucket.host)
    except Exception as error:
        fault = fault_of(error)
        if fault.status == 404 and fault.code != "NoSuchBucket":
            return None
        raise _explained(place, fault, "s3:GetBucketObjectLockConfiguration", error) from error
    rule = found.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    days = int(rule.get("Days") or 0) or 365 * int(rule.get("Years") or 0)
    return DefaultLock(str(rule["Mode"]), days) if days else None


def locks_of(place: Place, versions: Iterable[Version]) -> Iterator[tuple[Version, Lock]]:
    """Yield each version with its lock, in order, many asked for at once. RightMissing, or what the place raises."""
    yield from _side_by_side(lambda version: (version, lock_of(place, version)), versions)


def lock_of(place: Place, version: Version) -> Lock:
    """Return the lock of one version. RightMissing, or what the place raises."""
    store = store_of(place)
    named = {"Bucket": store.bucket.host, "Key": version.key, "VersionId": version.id}
    found = Requests(store).patiently(version.key, lambda: store.boto.head_object(**named))
    lock = Lock(found.get("ObjectLockMode") or "", found.get("ObjectLockRetainUntilDate"))
    return lock if lock.mode and lock.until else _ask_for_retention(place, named)


def _ask_for_retention(place: Place, named: dict[str, str]) -> Lock:
    """Return the lock of a version whose head shows none: to a key without the right to see it, a store shows none."""
    store = store_of(place)
    try:
        found = store.boto.get_object_retention(**named).get("Retention", {})
    except Exception as error:
        fault = fault_of(error)
        if fault.status == 403:
            raise RightMissing(place=place.location, right="s3:GetObjectRetention") from error
        if fault.status is None or fault.transient and fault.status not in _UNKNOWN:
            raise Requests(store).explained(error, named["Key"]) from error
        return Lock("", None)
    return Lock(found.get("Mode") or "", found.get("RetainUntilDate"))


def extend(place: Place, longer: Iterable[tuple[Version, Lock]]) -> Iterator[tuple[Version, Lock]]:
    """Lock versions until the moment given with each, and yield each with the lock it is seen to have then.

    RightMissing or LocksUnknown where the store does not do it at all; one that it refuses comes back as it was.
    """
    yield from _side_by_side(lambda wanted: (wanted[0], _extend(place, *wanted)), longer)


def _extend(place: Place, version: Version, wanted: Lock) -> Lock:
    store = store_of(place)
    named = {"Bucket": store.bucket.host, "Key": version.key, "VersionId": version.id}
    given: Any = {"Mode": wanted.mode, "RetainUntilDate": wanted.until}
    try:
        store.boto.put_object_retention(**named, Retention=given)
    except Exception as error:
        fault = fault_of(error)
        if fault.status in (403, *_UNKNOWN):
            raise _explained(place, fault, "s3:PutObjectRetention", error) from error
        if fault.status is None or fault.transient:
            raise Requests(store).explained(error, version.key) from error
    return lock_of(place, version)


def _explained(place: Place, fault: Fault, right: str, error: Exception) -> Exception:
    if fault.status in _UNKNOWN or fault.code == "InvalidRequest":
        return LocksUnknown(place=place.location, why=f"{fault.status} {fault.code}".strip())
    if fault.status == 403 and fault.code in ("AccessDenied", ""):
        return RightMissing(place=place.location, right=right)
    return Requests(store_of(place)).explained(error, "")


def _side_by_side(work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """Yield what `work` makes of each item, in order, some under way at once, in bounded memory."""
    from collections import deque
    from concurrent.futures import Future

    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
