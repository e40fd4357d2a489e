"""Govern a bucket: prepare it for a vault, look at what it promises, take away old versions. Moves no content.

The only place that sets versioning, locks, lifecycle and public access. A lock protects versions, not names: a plain
upload under a locked name succeeds and hides the original, so whoever reads a locked vault asks for the oldest version.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import PlaceRefused
from kdx.remotes.s3.faults import fault_of
from kdx.remotes.s3.requests import Requests
from kdx.remotes.s3.store import Store, open_store

GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"
DONE, REFUSED = N_("set"), N_("not set: the store refused or does not know it")
VERSIONING = N_("versions are kept (for ever: it cannot be switched off any more)")
LOCK = N_("every upload is locked")
LIFECYCLE = N_("what was hidden or broken off is cleared away")
PUBLIC = N_("nobody outside may read")
ENCRYPTION = N_("the store encrypts what it holds")
HIDDEN_DAYS, BROKEN_DAYS = 90, 7


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing a bucket was asked for, and what came of it."""

    what: str
    """An N_() string, as is `outcome`."""
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one name; `is_marker` where it only says that the name is deleted."""

    key: str
    id: str
    modified: datetime
    is_marker: bool
    etag: str = ""


def store_of(place: Place) -> Store:
    """Return the connections to the bucket of an s3 place."""
    from kdx.remotes.s3 import PATIENT

    return open_store(place.location, place.network, place.access_key, place.secret_key, PATIENT, True)


def prepare(place: Place, mode: str, days: int) -> list[Promise]:
    """Make a bucket fit for a vault, and say what was set. It is made where it is not there.

    Lock and versioning cannot be taken back. PlaceRefused where the bucket cannot be made.
    """
    store = store_of(place)
    client, bucket = store.boto, store.bucket.host
    _make(store)
    rule: dict[str, Any] = {"DefaultRetention": {"Mode": mode, "Days": days}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    rules = [
        {
            "ID": "kdx", "Status": "Enabled", "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": HIDDEN_DAYS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": BROKEN_DAYS},
        }
    ]
    # not BlockPublicAcls: with it Ceph RGW 16 refuses every upload (tried); a public ACL that is ignored does no harm
    closed = dict.fromkeys(("IgnorePublicAcls", "RestrictPublicBuckets"), True)
    if not store.bucket.option("endpoint"):
        # Ceph RGW 16 takes every policy for a public one and would refuse those of kdx.backup.keeping.roles (tried)
        closed["BlockPublicPolicy"] = True
    encrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    asked: list[tuple[str, Callable[[], object]]] = [
        (VERSIONING, lambda: client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})),
        (LOCK, lambda: client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)),
        (LIFECYCLE, lambda: client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": rules})),
        (PUBLIC, lambda: client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)),
        (ENCRYPTION, lambda: client.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration=encrypted)),
    ]
    return [_asked(what, action) for what, action in asked]


def _make(store: Store) -> None:
    client, bucket = store.boto, store.bucket.host
    try:
        client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True, **_where(store))
    except Exception as error:
        fault = fault_of(error)
        if fault.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise Requests(store).explained(error, "") from error


def _where(store: Store) -> dict[str, Any]:
    """Return where a new bucket lies; a store with an address of its own has one place only."""
    region = store.bucket.option("region")
    if not region or region == "us-east-1" or store.bucket.option("endpoint"):
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _asked(what: str, action: Callable[[], object]) -> Promise:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        action()
    except (ClientError, BotoCoreError) as error:
        return Promise(what, REFUSED, fault_of(error).code)
    return Promise(what, DONE)


def is_versioned(place: Place) -> bool:
    """Whether a bucket keeps versions. False for other places, and where the store does not know the question."""
    if place.location.scheme != "s3":
        return False
    return store_of(place).keeps_versions


def versions(place: Place, prefix: str = "") -> Iterator[Version]:
    """Yield every version and delete marker below a place, name by name, the oldest of a name first.

    What the place raises.
    """
    store = store_of(place)
    whole = f"{place.location.path}/{prefix}".lstrip("/")
    given: dict[str, Any] = {"Bucket": store.bucket.host, "Prefix": whole}
    waiting: list[Version] = []
    while True:
        page = Requests(store).patiently("", lambda: store.boto.list_object_versions(**given))
        rows = [_version(row, False) for row in page.get("Versions", ())]
        rows += [_version(row, True) for row in page.get("DeleteMarkers", ())]
        for row in sorted(rows, key=lambda row: row.key):
            if waiting and waiting[0].key != row.key:
                yield from _oldest_first(waiting)
                waiting = []
            waiting.append(row)
        if not page.get("IsTruncated"):
            break
        given = {**given, "KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}
    yield from _oldest_first(waiting)


def _oldest_first(several: list[Version]) -> list[Version]:
    # the store lists the newest first; of two of the same second the one behind is the older
    return sorted(reversed(several), key=lambda one: one.modified)


def _version(row: dict[str, Any], is_marker: bool) -> Version:
    return Version(row["Key"], row["VersionId"], row["LastModified"], is_marker, row.get("ETag", ""))


def by_name(found: Iterable[Version]) -> Iterator[list[Version]]:
    """Yield the versions of each name together, the oldest first."""
    for _key, several in groupby(found, key=lambda version: version.key):
        yield list(several)


def hidden_in(several: list[Version]) -> bool:
    """Whether somebody wrote over or deleted a name since it was first written, given its versions.

    A second version with the tag of the first is an upload whose answer was lost and that was sent again.
    """
    return any(version.is_marker or version.etag != several[0].etag for version in several)


def hidden(place: Place) -> list[str]:
    """Return the names that somebody wrote over or deleted since they were first written."""
    found = [several[0].key for several in by_name(versions(place)) if hidden_in(several)]
    return [key.removeprefix(f"{place.location.path}/") for key in found]


class StillLocked(PlaceRefused):
    """A lock has not run out."""


def remove_versions(place: Place, path: str) -> None:
    """Remove all versions of one object for good. StillLocked; PlaceRefused where the store says no all the same."""
    store = store_of(place)
    key = "/".join(filter(None, (place.location.path, path)))
    for version in list(versions(place, path)):
        if version.key != key:
            continue
        try:
            store.boto.delete_object(Bucket=store.bucket.host, Key=key, VersionId=version.id)
        except Exception as error:
            if fault_of(error).status in (400, 403):
                refusal = StillLocked if _is_locked(store, version) else PlaceRefused
                raise refusal(place=place.location, why=fault_of(error).code) from error
            raise Requests(store).explained(error, path) from error


def _is_locked(store: Store, version: Version) -> bool:
    from botocore.exceptions import ClientError

    named = {"Bucket": store.bucket.host, "Key": version.key, "VersionId": version.id}
    try:
        return bool(store.boto.head_object(**named).get("ObjectLockRetainUntilDate"))
    except ClientError:
        # a marker has no head, and no lock
        return False
