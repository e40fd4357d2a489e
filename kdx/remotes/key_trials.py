"""Find out what a key may really do in a bucket, by doing it to objects of a few bytes of its own. Judges nothing.

What would do harm is tried where it can do none: a name that is not there is deleted, a setting is set to what it is.
A store that says 403 refuses; one that misses the object or the version would have let it go.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.buckets import GOVERNANCE, store_of
from kdx.remotes.s3.faults import fault_of, is_of_the_key
from kdx.remotes.s3.requests import Requests

FOLDER = ".kdx-try"
PROBE = f"{FOLDER}/probe"
"""What a board's key leaves in every school's part, so that a school's key can try to read another's."""
BODY, OTHER = b"kdx tries this key\n", b"kdx tries this key again\n"
ANOTHER_DAY = timedelta(days=1)

LIST = N_("list its own part")
READ = N_("read its own part")
READ_ABOUT = N_("read what the vault is (kdx-vault.json)")
SEE_VERSIONS = N_("see every version of a name")
SEE_LOCKS = N_("see whether the bucket locks every upload")
WRITE = N_("write into its own part")
LOSE = N_("write over what is there, so that the first version is lost")
HIDE = N_("delete a name")
REMOVE = N_("remove a version for good")
EXTEND = N_("set or extend a lock")
SHORTEN = N_("shorten a lock")
LIFT = N_("lift a lock")
LIST_OTHERS = N_("list another part")
READ_OTHERS = N_("read another part")
WRITE_OTHERS = N_("write into another part")
GOVERN = N_("change what the bucket keeps")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a key is tried: prefixes of whole keys, each with a slash behind it."""

    own: str
    """Where it works."""
    other: str
    """Somebody else's part; "" where there is none."""
    about: str
    """The key of kdx-vault.json."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was tried with a key."""

    what: str
    """One of the constants above."""
    may: bool | None
    """None where the store's answer does not tell, or it could not be tried."""
    detail: str = ""


def try_key(place: Place, ground: Ground, now: datetime) -> list[Seen]:
    """Try everything with the key of a place. `now` is the store's time.

    What the place raises where it does not answer or does not know the key at all.
    """
    store = store_of(place)
    trier = _Trier(store.boto, store.bucket.host, ground, now)
    found = []
    for what, action in trier.trials():
        found.append(trier.tried(Requests(store), what, action))
    trier.clear()
    return found


class _Trier:
    def __init__(self, client: Any, bucket: str, ground: Ground, now: datetime) -> None:
        self._client, self._bucket, self._ground, self._now = client, bucket, ground, now
        self._own = f"{ground.own}{FOLDER}/{secrets.token_hex(8)}"
        self._version = ""
        """Of the object of our own; "" where none could be written."""
        self._lock: dict[str, Any] = {}
        self._left: list[tuple[str, str]] = []
        """(key, version) that were written."""

    def trials(self) -> list[tuple[str, Callable[[], bool | None]]]:
        """Return what is tried, in this order: each may rely on what came before."""
        other = [
            (LIST_OTHERS, lambda: self._done(lambda: self._list(self._ground.other))),
            (READ_OTHERS, lambda: self._read(self._some_key(self._ground.other))),
            (WRITE_OTHERS, lambda: self._done(lambda: self._put(f"{self._ground.other}{PROBE}"))),
        ]
        return [
            (LIST, lambda: self._done(lambda: self._list(self._ground.own))),
            (READ_ABOUT, lambda: self._read(self._ground.about)),
            (WRITE, self._write),
            (READ, lambda: self._read(self._own if self._version else self._some_key(self._ground.own))),
            (SEE_VERSIONS, lambda: self._done(lambda: self._client.list_object_versions(
                Bucket=self._bucket, Prefix=self._ground.own, MaxKeys=1))),
            (SEE_LOCKS, self._see_locks),
            (LOSE, self._lose),
            (HIDE, lambda: self._done(lambda: self._client.delete_object(**self._absent()))),
            (REMOVE, lambda: self._done(lambda: self._client.delete_object(**self._absent(), VersionId="null"))),
            (EXTEND, self._extend),
            (SHORTEN, self._shorten),
            (LIFT, self._lift),
            *(other if self._ground.other else []),
            (GOVERN, self._govern),
        ]

    def tried(self, requests: Requests, what: str, action: Callable[[], bool | None]) -> Seen:
        """Try one thing, and say what the store made of it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return Seen(what, action())
        except (ClientError, BotoCoreError) as error:
            fault = fault_of(error)
            if fault.status is None or is_of_the_key(fault) or fault.code == "NoSuchBucket":
                raise requests.explained(error, "") from error
            if fault.status == 403:
                return Seen(what, False, fault.code)
            # it was let through, and there was nothing there
            let_through = fault.status == 404 and what in (READ, READ_ABOUT, READ_OTHERS, EXTEND, REMOVE)
            return Seen(what, True if let_through else None, fault.code or str(fault.status))

    def _done(self, action: Callable[[], object]) -> bool:
        action()
        return True

    def _list(self, prefix: str) -> object:
        return self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)

    def _read(self, key: str) -> bool:
        self._client.get_object(Bucket=self._bucket, Key=key, Range="bytes=0-0")["Body"].read()
        return True

    def _some_key(self, prefix: str) -> str:
        """Return the key of an object that is there, as far as the key may look; else where a board's key left one."""
        from botocore.exceptions import ClientError

        with suppress(ClientError):
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)
            return str(found["Contents"][0]["Key"]) if found.get("KeyCount") else f"{prefix}{PROBE}"
        return f"{prefix}{PROBE}"

    def _put(self, key: str, body: bytes = BODY, **given: Any) -> str:
        version = str(self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **given).get("VersionId", ""))
        if not key.endswith(PROBE):
            self._left.append((key, version))
        return version

    def _absent(self) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._own}-absent"}

    def _named(self) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._own, "VersionId": self._version}

    def _write(self) -> bool:
        # whoever keeps a key to new names asks for this condition; other stores pass over it
        self._version = self._put(self._own, IfNoneMatch="*")
        self._lock = self._client.head_object(**self._named()) if self._version else {}
        return True

    def _see_locks(self) -> bool:
        self._client.get_object_lock_configuration(Bucket=self._bucket)
        return True

    def _lose(self) -> bool | None:
        from botocore.exceptions import ClientError

        if not self._version:
            # who may not write at all is refused here too
            self._put(self._own)
            return None
        try:
            self._put(self._own, OTHER)
        except ClientError as error:
            if fault_of(error).status in (403, 409, 412):
                return False
            raise
        return bytes(self._client.get_object(**self._named())["Body"].read()) != BODY

    def _extend(self) -> bool:
        given = {"Mode": self._lock.get("ObjectLockMode") or GOVERNANCE, "RetainUntilDate": self._until(ANOTHER_DAY)}
        named = self._named() if self._version else self._absent()
        self._client.put_object_retention(**named, Retention=given)
        return True

    def _until(self, later: timedelta) -> datetime:
        until: datetime = self._lock.get("ObjectLockRetainUntilDate") or self._now
        return max(until, self._now) + later

    def _shorten(self) -> bool | None:
        locked = self._lock.get("ObjectLockMode")
        sooner = self._now + (self._until(timedelta()) - self._now) / 2
        given = {"Mode": locked or GOVERNANCE, "RetainUntilDate": max(sooner, self._now + ANOTHER_DAY)}
        self._client.put_object_retention(**(self._named() if locked else self._absent()), Retention=given)
        return True if locked else None

    def _lift(self) -> bool | None:
        locked = self._lock.get("ObjectLockMode")
        named = self._named() if locked else {**self._absent(), "VersionId": "null"}
        self._client.delete_object(**named, BypassGovernanceRetention=True)
        return True if locked else None

    def _govern(self) -> bool | None:
        # set to what it is already: nothing changes where the key may
        if self._client.get_bucket_versioning(Bucket=self._bucket).get("Status") != "Enabled":
            return None
        self._client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})
        return True

    def clear(self) -> None:
        """Take away what the store lets go."""
        for key, version in self._left:
            try:
                self._client.delete_object(Bucket=self._bucket, Key=key, **({"VersionId": version} if version else {}))
            except Exception as error:
                # what stays behind is a few bytes; it must not hide how a trial came out
                fault_of(error)


def leave_probes(place: Place, parts: list[str]) -> None:
    """Leave a few bytes in each of these parts (whole prefixes), for other keys to try to read. What the place raises.
    """
    store = store_of(place)

    def leave(key: str) -> None:
        if not store.boto.list_objects_v2(Bucket=store.bucket.host, Prefix=key, MaxKeys=1).get("KeyCount"):
            store.boto.put_object(Bucket=store.bucket.host, Key=key, Body=BODY)

    for part in parts:
        Requests(store).patiently(part, partial(leave, f"{part}{PROBE}"))
