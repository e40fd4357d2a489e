"""One object, one request, through boto3 with its payload signed: a body that was altered on its way is refused.

Up to 64 MiB go in one PUT, so that the tag the store answers with is the MD5 of the whole and can be compared. No
Content-MD5 is sent (see writer); where the tag is something else, the object is read back.
"""

import hashlib
import io
from collections.abc import Callable
from typing import Any

from kdx.errors import DifferenceFound
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceSilent
from kdx.remotes.s3.requests import Requests, tag


class NotLocked(DifferenceFound):
    """What was just stored in a vault that must be locked is not."""

    message = N_("{name} was stored in {place} and is not locked, though the address says lock=required.")
    advice = N_("Nothing there is protected. See what the store does with: kdx backup try-store")


SENDING_BYTES = 512 << 10
"""A body is asked for 128 KiB at a time when it is sent (urllib3), and for 1 MiB when it is signed (botocore)."""


def put_once(requests: Requests, key: str, path: str, data: bytes, pace: Callable[[int], None] | None) -> None:
    """Send one object that must not be there yet. Conflict where the store says that it is."""
    store = requests.store

    def send() -> str:
        given: dict[str, Any] = {} if store.refuses_overwrite is False else {"IfNoneMatch": "*"}
        body = _PacedBody(data, pace) if pace else data
        return str(store.boto.put_object(Bucket=store.bucket.host, Key=key, Body=body, **given)["ETag"])

    answered = tag(requests.patiently(path, send))
    if store.is_locked:
        _see_its_lock(requests, key, path)
    if answered == hashlib.md5(data, usedforsecurity=False).hexdigest():
        return
    if b"".join(requests.get(key, path)[1]) != data:
        why = translate(N_("{path} came to hold other bytes than were sent")).format(path=path)
        raise PlaceSilent(place=store.bucket, why=why)


def _see_its_lock(requests: Requests, key: str, path: str) -> None:
    """Raise NotLocked where the newest version of an object is not locked: to ask for a lock is not to have one."""
    store = requests.store
    found = requests.patiently(path, lambda: store.boto.head_object(Bucket=store.bucket.host, Key=key))
    if not found.get("ObjectLockMode") or not found.get("ObjectLockRetainUntilDate"):
        raise NotLocked(name=path, place=store.bucket)


class _PacedBody(io.BytesIO):
    """A body that waits before each piece is sent, and not while it is signed."""

    def __init__(self, data: bytes, pace: Callable[[int], None]) -> None:
        super().__init__(data)
        self._pace = pace

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if size is not None and 0 < size <= SENDING_BYTES:
            self._pace(len(data))
        return data
