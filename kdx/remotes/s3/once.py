"""One object, one request, through boto3 with its payload signed: a body that was altered on its way is refused.

Up to 64 MiB go in one PUT, so that the tag the store answers with is the MD5 of the whole and can be compared. No
Content-MD5 is sent (see writer); where the tag is something else, the object is read back.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from kdx.errors import DifferenceFound
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceSilent
from kdx.remotes.s3.body import Body, Piece
from kdx.remotes.s3.requests import Requests, tag


class NotLocked(DifferenceFound):
    """What was just stored in a vault that must be locked is not."""

    message = N_("{name} was stored in {place} and is not locked, though the address says lock=required.")
    advice = N_("Nothing there is protected. See what the store does with: kdx backup try-store")


def put_once(
    requests: Requests, key: str, path: str, pieces: Sequence[Piece], sha256: str, pace: Callable[[int], None] | None
) -> None:
    """Send one object, whose SHA-256 is known, that must not be there yet. Conflict where the store says that it is."""
    store = requests.store

    def send() -> str:
        given: dict[str, Any] = {} if store.refuses_overwrite is False else {"IfNoneMatch": "*"}
        body = Body(pieces, sha256, pace)
        return str(store.boto.put_object(Bucket=store.bucket.host, Key=key, Body=body, **given)["ETag"])

    answered = tag(requests.patiently(path, send))
    if store.is_locked:
        _see_its_lock(requests, key, path)
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    if answered != digest.hexdigest() and b"".join(requests.get(key, path)[1]) != b"".join(pieces):
        why = translate(N_("{path} came to hold other bytes than were sent")).format(path=path)
        raise PlaceSilent(place=store.bucket, why=why)


def _see_its_lock(requests: Requests, key: str, path: str) -> None:
    """Raise NotLocked where the newest version of an object is not locked: to ask for a lock is not to have one."""
    store = requests.store
    found = requests.patiently(path, lambda: store.boto.head_object(Bucket=store.bucket.host, Key=key))
    if not found.get("ObjectLockMode") or not found.get("ObjectLockRetainUntilDate"):
        raise NotLocked(name=path, place=store.bucket)
