"""Find out what a store really does, by doing it: small objects under a name of their own, and what came of each.

A lock that was asked for is not a lock that is, and a checksum that was sent is not one that was checked. Nothing a
store says about itself counts here, only what it did. Objects the store does not let go stay behind, of a few bytes.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.buckets import GOVERNANCE, store_of
from kdx.remotes.s3.faults import fault_of
from kdx.remotes.s3.requests import Requests

FOLDER = ".kdx-try"
LOCKED_FOR = timedelta(minutes=10)
NAMES = ("locked", "plain", "md5", "sha", "altered", "once")
BODY, OTHER = b"kdx tries this store\n", b"kdx tries this store again\n"

LOCK_SHOWN = N_("a lock that was asked for is there")
LOCK_HOLDS = N_("a locked version cannot be deleted")
LOCK_KEEPS = N_("a lock cannot be shortened")
ORIGINAL = N_("the original stays readable under what was written over it")
DEFAULT_LOCK = N_("an upload without a word about locks is locked all the same")
VERSIONS = N_("versions are listed")
MD5_CHECKED = N_("a wrong MD5 is refused")
SHA256_CHECKED = N_("a wrong SHA-256 is refused")
BODY_SIGNED = N_("a body altered on its way is refused")
CONDITION = N_("an upload that must not write over anything is refused where something is")

PROTECTING = (LOCK_SHOWN, LOCK_HOLDS, LOCK_KEEPS, ORIGINAL)
"""Without all of these nothing in the bucket is protected, whatever it says."""
YES, NO = N_("yes"), N_("NO")


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried."""

    what: str
    """One of the constants above."""
    holds: bool
    detail: str = ""
    """What the store answered, where that tells more."""


def try_store(place: Place, now: datetime) -> list[Trial]:
    """Try everything a vault relies on. `now` is the store's time. What the place raises when it does not answer."""
    store = store_of(place)
    Requests(store).patiently("", lambda: store.boto.list_objects_v2(Bucket=store.bucket.host, MaxKeys=1))
    prefix = "/".join(filter(None, (place.location.path, FOLDER, secrets.token_hex(8))))
    trier = _Trier(store.boto, store.bucket.host, prefix, now + LOCKED_FOR)
    # who may not write at all is refused everything, and would be told that the store checks everything
    Requests(store).patiently(FOLDER, lambda: trier.put("plain"))
    try:
        return [trier.trial(what, action) for what, action in trier.trials()]
    finally:
        trier.clear()


class _Trier:
    def __init__(self, client: Any, bucket: str, prefix: str, until: datetime) -> None:
        self._client, self._bucket, self._prefix, self._until = client, bucket, prefix, until
        self._first = ""
        """The locked version."""

    def trials(self) -> list[tuple[str, Callable[[], bool]]]:
        """Return what is tried, in this order: each may rely on what came before."""
        return [
            (LOCK_SHOWN, self._lock_is_shown),
            (LOCK_HOLDS, self._lock_holds),
            (LOCK_KEEPS, lambda: self._refused(self._shorten)),
            (ORIGINAL, self._original_stays),
            (VERSIONS, self._versions_are_listed),
            (DEFAULT_LOCK, self._default_lock),
            (MD5_CHECKED, lambda: self._refused(lambda: self.put("md5", ContentMD5=_md5(OTHER)))),
            (SHA256_CHECKED, lambda: self._refused(lambda: self.put("sha", ChecksumSHA256=_sha256(OTHER)))),
            (BODY_SIGNED, lambda: self._refused(self._altered)),
            (CONDITION, lambda: self._refused(self._put_twice)),
        ]

    def trial(self, what: str, action: Callable[[], bool]) -> Trial:
        """Try one thing; a store that cannot do it answers with an error."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return Trial(what, action())
        except (ClientError, BotoCoreError) as error:
            fault = fault_of(error)
            return Trial(what, False, fault.code or type(error).__name__)

    def put(self, name: str, body: bytes = BODY, **given: Any) -> Any:
        """Upload a small object."""
        return self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}/{name}", Body=body, **given)

    def _named(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}/{name}"}

    def _refused(self, action: Callable[[], object]) -> bool:
        """Whether the store says no, and not that it does not understand."""
        from botocore.exceptions import ClientError

        try:
            action()
        except ClientError as error:
            if fault_of(error).status in (400, 403, 409, 412):
                return True
            raise
        return False

    def _lock_is_shown(self) -> bool:
        lock: dict[str, Any] = {"ObjectLockMode": GOVERNANCE, "ObjectLockRetainUntilDate": self._until}
        self._first = self.put("locked", ContentMD5=_md5(BODY), **lock).get("VersionId", "")
        found = self._client.head_object(**self._named("locked"))
        shown = found.get("ObjectLockRetainUntilDate")
        long_enough = bool(shown) and shown >= self._until - timedelta(seconds=2)
        return bool(self._first and found.get("ObjectLockMode")) and long_enough

    def _lock_holds(self) -> bool:
        if not self._first:
            return False
        refused = self._refused(lambda: self._client.delete_object(**self._named("locked"), VersionId=self._first))
        return refused and self._read("locked", self._first) == BODY

    def _shorten(self) -> None:
        sooner = {"Mode": GOVERNANCE, "RetainUntilDate": self._until - LOCKED_FOR / 2}
        self._client.put_object_retention(**self._named("locked"), VersionId=self._first, Retention=sooner)

    def _original_stays(self) -> bool:
        self.put("locked", OTHER)
        return bool(self._first) and self._read("locked", self._first) == BODY

    def _read(self, name: str, version: str) -> bytes:
        return bytes(self._client.get_object(**self._named(name), VersionId=version)["Body"].read())

    def _versions_are_listed(self) -> bool:
        found = self._client.list_object_versions(Bucket=self._bucket, Prefix=f"{self._prefix}/locked")
        return len(found.get("Versions", ())) > 1

    def _default_lock(self) -> bool:
        return bool(self._client.head_object(**self._named("plain")).get("ObjectLockMode"))

    def _altered(self) -> None:
        def alter(request: Any, **_given: Any) -> None:
            request.body = OTHER[: len(BODY)][::-1]

        self._client.meta.events.register("before-send.s3.PutObject", alter)
        try:
            self.put("altered")
        finally:
            self._client.meta.events.unregister("before-send.s3.PutObject", alter)

    def _put_twice(self) -> None:
        self.put("once")
        self.put("once", OTHER, IfNoneMatch="*")

    def clear(self) -> None:
        """Take away what the store lets go, without leaving a delete marker behind."""
        names: list[dict[str, str]] = [{"Key": f"{self._prefix}/{name}"} for name in NAMES]
        try:
            found = self._client.list_object_versions(Bucket=self._bucket, Prefix=f"{self._prefix}/")
            names = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in found.get("Versions", ())]
        except Exception as error:
            # a store without versions: by name then
            fault_of(error)
        for name in names:
            try:
                self._client.delete_object(Bucket=self._bucket, **name)
            except Exception as error:
                # what stays behind is a few bytes; it must not hide how a trial came out
                fault_of(error)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
