"""Send large objects in parts, several at once, and go on with the parts that a killed or cut run has sent.

What an unfinished upload needs to be known again is noted in a folder of this machine; the parts themselves are asked
from the store, and one counts only where the store's MD5 of it is that of the bytes read now. Sends no MD5.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.remotes.interface import NotFound, PlaceRefused, PlaceSilent, ReadFailed
from kdx.remotes.s3.requests import Requests, tag

PARTS_AT_ONCE = 2
"""Per object; many objects are under way at once, each part is held in memory."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload in parts that is under way."""

    place: Mapping[str, str]
    """Bucket, key and the upload's id, as every request names them."""
    sent: Mapping[int, str]
    """Number and tag of the parts that the store has already."""


class Notes:
    """Remembers unfinished uploads in a folder, or nothing where there is none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, key: str) -> dict[str, Any]:
        """Return what was noted about a key; empty where nothing was, or where it cannot be read."""
        with suppress(OSError, ValueError):
            noted = json.loads(self._path(key).read_text("utf-8")) if self._folder else {}
            if isinstance(noted, dict):
                return noted
        return {}

    def keep(self, key: str, noted: Mapping[str, Any]) -> None:
        """Note an upload that has begun."""
        if self._folder:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(key)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(noted), "utf-8")
            unfinished.replace(path)

    def forget(self, key: str) -> None:
        """Drop the note about a key."""
        if self._folder:
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        assert self._folder
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def send_in_parts(
    requests: Requests, key: str, path: str, chunks: Iterable[bytes], part: int, headers: dict[str, str], notes: Notes
) -> None:
    """Send one object in parts of `part` bytes. What interrupts it, but for a file that changed, leaves it to go on."""
    upload = _go_on(requests, key, path, part, headers, notes) or _begin(requests, key, path, part, headers, notes)
    try:
        parts = _send(requests, upload, path, cut_into(part, chunks))
        _complete(requests, upload, path, parts)
    except ReadFailed:
        notes.forget(key)
        _abort(requests, upload.place)
        raise
    except BaseException:
        if not notes.find(key):
            _abort(requests, upload.place)
        raise
    notes.forget(key)


def cut_into(size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of `size`, the last one shorter."""
    piece = bytearray()
    for chunk in chunks:
        piece += chunk
        while len(piece) >= size:
            yield bytes(piece[:size])
            del piece[:size]
    if piece:
        yield bytes(piece)


def _begin(
    requests: Requests, key: str, path: str, part: int, headers: dict[str, str], notes: Notes
) -> Upload:
    bucket = requests.store.bucket.host
    create = requests.store.boto.create_multipart_upload
    begun = requests.patiently(path, lambda: create(Bucket=bucket, Key=key, Metadata=headers))
    notes.keep(key, {"upload": begun["UploadId"], "part": part, "headers": headers})
    return Upload({"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}, {})


def _go_on(
    requests: Requests, key: str, path: str, part: int, headers: dict[str, str], notes: Notes
) -> Upload | None:
    """Return the upload an earlier run began for the very same file; None where there is none any more."""
    noted = notes.find(key)
    if not noted:
        return None
    place = {"Bucket": requests.store.bucket.host, "Key": key, "UploadId": str(noted.get("upload"))}
    if (noted.get("part"), noted.get("headers")) != (part, headers):
        # of an earlier version of the file, whose time and digest the object would carry
        notes.forget(key)
        _abort(requests, place)
        return None
    pages = requests.store.boto.get_paginator("list_parts")
    try:
        listed = requests.patiently(path, lambda: [row for page in pages.paginate(**place) for row in page["Parts"]])
    except (NotFound, PlaceRefused, KeyError):
        # the store has dropped it, or cannot list parts
        notes.forget(key)
        return None
    return Upload(place, {row["PartNumber"]: tag(row["ETag"]) for row in listed})


def _send(requests: Requests, upload: Upload, path: str, pieces: Iterable[bytes]) -> list[dict[str, Any]]:
    """Send what is not there yet, and return number and tag of every part."""
    client, done = requests.store.boto, dict[int, str]()
    under_way: deque[tuple[int, Future[Any]]] = deque()

    def finish_one() -> None:
        number, sending = under_way.popleft()
        done[number] = str(sending.result()["ETag"])

    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        for number, data in enumerate(pieces, 1):
            if number in upload.sent and upload.sent[number] == _md5(data):
                done[number] = upload.sent[number]
                continue
            while len(under_way) >= PARTS_AT_ONCE:
                finish_one()
            send = partial(client.upload_part, **upload.place, PartNumber=number, Body=data)
            under_way.append((number, pool.submit(requests.patiently, path, send)))
        while under_way:
            finish_one()
    return [{"PartNumber": number, "ETag": done[number]} for number in sorted(done)]


def _complete(requests: Requests, upload: Upload, path: str, parts: list[dict[str, Any]]) -> None:
    complete = requests.store.boto.complete_multipart_upload
    try:
        requests.patiently(path, lambda: complete(**upload.place, MultipartUpload={"Parts": parts}))
    except NotFound as error:
        # the answer to an earlier try may have been lost; then the object is there, and write() looks at it closely
        try:
            requests.head(upload.place["Key"], path)
        except NotFound:
            why = translate(N_("it dropped the parts of a file"))
            raise PlaceSilent(place=requests.store.bucket, why=why) from error


def _abort(requests: Requests, place: Mapping[str, str]) -> None:
    """Let the store drop the parts. One that cannot be told keeps them until its own rule removes them."""
    with suppress(KdxError):
        requests.patiently("", lambda: requests.store.boto.abort_multipart_upload(**place))


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
