"""Write objects: whole or not at all, each with its time, digest and name beside it. Never sends an MD5.

transfer/verify takes a tag that equals the MD5 of the bytes for the store's own work; that holds only because no
Content-MD5 is ever sent from here.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from kdx.remotes.digest import part_size
from kdx.remotes.interface import (
    Conflict,
    Entry,
    Expected,
    Metadata,
    NameRefused,
    NotFound,
    PlaceSilent,
    ReadFailed,
    SkipReason,
    Written,
)
from kdx.remotes.s3.parts import PARTS_AT_ONCE, Notes, send_in_parts
from kdx.remotes.s3.requests import Requests, is_of_a_library, needs_boto, tag

GOES_ON_ABOVE = 64 << 20
"""Bytes above which an upload that was cut or killed goes on where it was; less is sent again from the start."""
TRIED_WITH = 64 << 10
"""Bytes of the largest object that is sent twice to see whether the store honours If-None-Match."""


def write(
    requests: Requests,
    key: str,
    path: str,
    chunks: Iterable[bytes],
    size: int,
    metadata: Metadata,
    expected: Expected,
    notes: Notes,
) -> Written:
    """Write one object of `size` bytes. See S3Remote.write for what it promises."""
    exact, part = _exactly(chunks, size, path), part_size(size)
    if part is None:
        data = b"".join(exact)
        return _put(requests, key, path, data, metadata, expected)
    if expected == Expected.ABSENT and _there(requests, key, path):
        raise Conflict(name=path)
    if size > GOES_ON_ABOVE or needs_boto(key):
        send_in_parts(requests, key, path, exact, part, _headers(metadata), notes)
    else:
        _multipart(requests, key, path, exact, part, _headers(metadata))
    # the answer to a multipart upload may hold another tag than the list will (rclone serve s3), so it is asked for
    stored = requests.head(key, path)
    if stored.size != size:
        raise PlaceSilent(place=requests.store.bucket, why=f"{path}: {stored.size} != {size} bytes")
    return Written(etag=stored.etag, size=size)


def format_mtime(nanoseconds: int) -> str:
    """Return a time as rclone writes it: seconds since 1970, a point and the rest without trailing zeros."""
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    text = f"{seconds}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nanoseconds < 0 else text


def _put(requests: Requests, key: str, path: str, data: bytes, metadata: Metadata, expected: Expected) -> Written:
    headers = _headers(metadata)
    if expected == Expected.ANY:
        return Written(_send(requests, key, path, data, headers, new=False), len(data))
    store = requests.store
    if expected == Expected.ABSENT and not store.refuses_overwrite and (there := _there(requests, key, path)):
        return _ours(requests, key, path, there, data)
    try:
        answer = _send(requests, key, path, data, headers, new=store.refuses_overwrite is not False)
    except NameRefused:
        raise
    except Conflict:
        return _ours(requests, key, path, requests.head(key, path), data)
    if store.refuses_overwrite is None and len(data) <= TRIED_WITH:
        store.refuses_overwrite = _refuses_overwrite(requests, key, path, data, headers)
    return Written(answer, len(data))


def _send(requests: Requests, key: str, path: str, data: bytes, headers: dict[str, str], new: bool) -> str:
    """Send one object and return its tag. Conflict where `new` and something is there."""

    def send() -> str | None:
        if needs_boto(key):
            given: dict[str, Any] = {"IfNoneMatch": "*"} if new else {}
            bucket = requests.store.bucket.host
            sent = requests.store.boto.put_object(Bucket=bucket, Key=key, Body=data, Metadata=headers, **given)
            return str(sent["ETag"])
        import obstore

        mode: Literal["create", "overwrite"] = "create" if new else "overwrite"
        return obstore.put(
            requests.store.writing, key, data, attributes=headers, mode=mode, use_multipart=False
        )["e_tag"]

    return tag(requests.patiently(path, send))


def _refuses_overwrite(requests: Requests, key: str, path: str, data: bytes, headers: dict[str, str]) -> bool:
    """Send the same small object once more as a new one: a store that takes it ignores If-None-Match."""
    try:
        _send(requests, key, path, data, headers, new=True)
    except Conflict:
        return True
    return False


def _ours(requests: Requests, key: str, path: str, there: Entry, data: bytes) -> Written:
    """Take the object that is there for our own where it holds the same bytes: an answer may have been lost."""
    same = there.size == len(data) and (
        there.etag == hashlib.md5(data, usedforsecurity=False).hexdigest()
        or b"".join(requests.get(key, path)[1]) == data
    )
    if not same:
        raise Conflict(name=path)
    return Written(there.etag, there.size)


def _there(requests: Requests, key: str, path: str) -> Entry | None:
    try:
        return requests.head(key, path)
    except NotFound:
        return None


def _multipart(
    requests: Requests, key: str, path: str, chunks: Iterator[bytes], part: int, headers: dict[str, str]
) -> None:
    """Send a large object in parts. obstore aborts the upload when a chunk cannot be had."""
    import obstore

    failed: list[BaseException] = []

    def watched() -> Iterator[bytes]:
        try:
            yield from chunks
        except BaseException as error:
            failed.append(error)
            raise

    try:
        obstore.put(
            requests.store.writing,
            key,
            watched(),
            attributes=headers,
            use_multipart=True,
            chunk_size=part,
            max_concurrency=PARTS_AT_ONCE,
        )
    except Exception as error:
        if failed:
            raise failed[0] from None
        if not is_of_a_library(error):
            raise
        raise requests.explained(error, path) from error


def _exactly(chunks: Iterable[bytes], size: int, path: str) -> Iterator[bytes]:
    """Hand on the chunks. ReadFailed(changed), before the end is reached, where they are not `size` bytes."""
    count = 0
    for chunk in chunks:
        count += len(chunk)
        if count > size:
            break
        yield chunk
    if count != size:
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")


def _headers(metadata: Metadata) -> dict[str, str]:
    headers = {"mtime": format_mtime(metadata.mtime_ns)}
    if metadata.sha256:
        headers["kdx-sha256"] = metadata.sha256
    if metadata.name:
        headers["kdx-name"] = metadata.name
    return headers
