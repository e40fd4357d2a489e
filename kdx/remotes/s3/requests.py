"""One bucket as a set of requests: each is tried again while that may help, and fails as a KdxError. Keeps nothing.

Keys are whole (prefix and path). obstore carries them; boto3 those with control characters, which obstore refuses.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from kdx.language import N_, translate
from kdx.remotes.interface import Conflict, Entry, Kind, NotFound, PlaceSilent, ReadFailed, SkipReason
from kdx.remotes.s3.faults import Fault, explain, fault_of
from kdx.remotes.s3.store import Store

if TYPE_CHECKING:
    from obstore import GetResult

CHUNK = 1 << 20
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries."""
MOST_STUCK = 5
"""How often in a row an answer may end without a single byte."""
BREAKS_OFF = N_("{name} breaks off at the same place again and again")

Answer = TypeVar("Answer")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def needs_boto(key: str) -> bool:
    """Whether obstore refuses this key."""
    return _CONTROL.search(key) is not None


def tag(raw: str | None) -> str:
    """Return a store's tag without the quotes that some send and some do not."""
    return (raw or "").strip('"')


class Requests:
    """Requests to one bucket."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def patiently(self, name: str, action: Callable[[], Answer]) -> Answer:
        """Return what `action` returns; try again while the fault is transient. `name` is the entry, "" the bucket."""
        end, pause = time.monotonic() + self.store.patience.again, FIRST_PAUSE
        while True:
            try:
                answer = action()
            except Exception as error:
                if not is_of_a_library(error):
                    raise
                if not fault_of(error).transient or time.monotonic() + pause > end:
                    raise self.explained(error, name) from error
            else:
                self.store.was_seen = True
                return answer
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def explained(self, error: Exception, name: str) -> Exception:
        """Return what to raise for an error of a library; asks the store again where it does not say enough."""
        fault = fault_of(error)
        if fault.status in (409, 412):
            return Conflict(name=name)
        refusal = fault.status in (400, 401, 403)
        bare_refusal = refusal and (not fault.code or (fault.status != 400 and fault.store_time is None))
        unsure_of_bucket = fault.status == 404 and not fault.code and not self.store.was_seen
        if bare_refusal or unsure_of_bucket:
            fault = self._ask_again(fault)
        return explain(fault, self.store.bucket, name, datetime.now(UTC))

    def head(self, key: str, name: str) -> Entry:
        """Return size, tag and time of an object. NotFound."""
        return self.patiently(name, lambda: self._head(key, name)[0])

    def metadata(self, key: str, name: str) -> Mapping[str, str]:
        """Return the metadata of an object, keys in small letters. NotFound."""
        return self.patiently(name, lambda: self._head(key, name)[1])

    def get(self, key: str, name: str, start: int = 0) -> tuple[Entry, Iterator[bytes]]:
        """Return an object and its bytes from `start`. NotFound; ReadFailed(changed) where it changes meanwhile."""
        if start and start >= (entry := self.head(key, name)).size:
            return entry, iter(())
        entry, chunks = self.patiently(name, lambda: self._get(key, name, start, ""))
        return entry, self._continued(entry, chunks, key, start)

    def delete(self, key: str, name: str) -> None:
        """Delete an object; an absent one is no error."""

        def remove() -> None:
            if self.store.only_boto or needs_boto(key):
                self.store.boto.delete_object(Bucket=self.store.bucket.host, Key=key)
                return
            import obstore

            obstore.delete(self.store.writing, key)

        try:
            self.patiently(name, remove)
        except NotFound:
            return

    def _head(self, key: str, name: str) -> tuple[Entry, Mapping[str, str]]:
        if self.store.only_boto or needs_boto(key):
            found = self.store.boto.head_object(Bucket=self.store.bucket.host, Key=key, **self._oldest(key, name))
            entry = object_entry(name, found["ContentLength"], found["ETag"], found["LastModified"])
            return entry, {name.lower(): value for name, value in found["Metadata"].items()}
        import obstore

        got = obstore.get(self.store.reading, key, options={"head": True})
        return _entry_of(got, name), {str(key).lower(): str(value) for key, value in got.attributes.items()}

    def _oldest(self, key: str, name: str) -> dict[str, str]:
        """Return which version to ask for: where versions are kept only the first one ever written counts. NotFound."""
        if not self.store.keeps_versions:
            return {}
        given, oldest = {"Bucket": self.store.bucket.host, "Prefix": key}, ""
        while True:
            page = self.store.boto.list_object_versions(**given)
            rows = [row["VersionId"] for row in page.get("Versions", ()) if row["Key"] == key]
            oldest = rows[-1] if rows else oldest
            # versions of one name come newest first, and names in order
            if not page.get("IsTruncated") or page["NextKeyMarker"] != key:
                break
            given = {**given, "KeyMarker": key, "VersionIdMarker": page["NextVersionIdMarker"]}
        if not oldest:
            raise NotFound(name=name)
        return {"VersionId": oldest}

    def _get(self, key: str, name: str, start: int, if_match: str) -> tuple[Entry, Iterator[bytes]]:
        if start or self.store.only_boto or needs_boto(key):
            return self._get_range(key, name, start, if_match)
        import obstore

        got = obstore.get(self.store.reading, key)
        entry = _entry_of(got, name)
        if entry.size <= CHUNK:
            return entry, iter((bytes(got.bytes()),))
        return entry, map(bytes, got.stream(min_chunk_size=CHUNK))

    def _get_range(self, key: str, name: str, start: int, if_match: str) -> tuple[Entry, Iterator[bytes]]:
        """Through boto3: some servers (rclone serve s3) answer a range in a way that obstore does not take."""
        given: dict[str, Any] = {"IfMatch": f'"{if_match}"'} if if_match else {}
        if start:
            given["Range"] = f"bytes={start}-"
        given.update(self._oldest(key, key))
        got = self.store.boto.get_object(Bucket=self.store.bucket.host, Key=key, **given)
        size = got["ContentLength"] + start
        return object_entry(name, size, got["ETag"], got["LastModified"]), got["Body"].iter_chunks(CHUNK)

    def _continued(self, entry: Entry, chunks: Iterator[bytes], key: str, start: int) -> Iterator[bytes]:
        """Yield the chunks; where they end early, ask for the rest of the same object, whatever the reason was."""
        offset, size, etag, stuck = start, entry.size, entry.etag, 0
        while True:
            before = offset
            try:
                for chunk in chunks:
                    offset += len(chunk)
                    yield chunk
            except Exception as error:
                if not is_of_a_library(error):
                    raise
            if offset >= size:
                return
            stuck = 0 if offset > before else stuck + 1
            if stuck > MOST_STUCK:
                raise PlaceSilent(place=self.store.bucket, why=translate(BREAKS_OFF).format(name=entry.path))
            time.sleep(stuck * FIRST_PAUSE)
            try:
                again, chunks = self.patiently(entry.path, partial(self._get, key, entry.path, offset, etag))
            except (Conflict, NotFound):
                again = None
            if again is None or (again.etag, again.size) != (etag, size):
                raise ReadFailed(name=entry.path, reason=SkipReason.CHANGED, detail="")

    def _ask_again(self, first: Fault) -> Fault:
        """Ask for a list of one key: its answer has a code and a date where the answer to a HEAD has neither."""
        try:
            self.store.boto.list_objects_v2(Bucket=self.store.bucket.host, MaxKeys=1)
        except Exception as error:
            if not is_of_a_library(error):
                raise
            return fault_of(error)
        self.store.was_seen = True
        return first


def object_entry(name: str, size: int, etag: str | None, modified: datetime) -> Entry:
    """Return an object as an entry."""
    moment = int(modified.timestamp()) * 1_000_000_000 + modified.microsecond * 1000
    return Entry(path=name, kind=Kind.FILE.value, size=size, mtime_ns=moment, etag=tag(etag))


def _entry_of(got: "GetResult", name: str) -> Entry:
    meta = got.meta
    return object_entry(name, meta["size"], meta["e_tag"], meta["last_modified"])


def is_of_a_library(error: BaseException) -> bool:
    """Whether an error comes from obstore, botocore or the line, and not from kdx or its caller."""
    # an invalid path is no fault of a request: listing then asks in another way
    if type(error).__name__ == "InvalidPathError":
        return False
    return isinstance(error, OSError) or type(error).__module__.startswith(("obstore", "botocore", "urllib3", "boto3"))
