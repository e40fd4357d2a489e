"""Digests of bytes that pass by: SHA-256 for people, and every tag an honest store could answer for them. No I/O.

A store that computes MD5 answers a single upload with the MD5 of the object, and a multipart upload with the MD5 of
the parts' MD5s and their number, or again with the MD5 of the object (rclone serve s3). kdx sends none of these.
"""

import hashlib

SINGLE_UPLOAD = 16 << 20
"""Bytes up to which an object is sent in one request."""
PART = 8 << 20
MOST_PARTS = 10_000
"""Limit of S3 (Amazon S3 User Guide, multipart upload limits)."""


def part_size(size: int) -> int | None:
    """Given an object's size in bytes, return the size of its parts; None where it goes in one request.

    Parts are 8 MiB, and larger by whole MiB where more than 10,000 of them would be needed.
    """
    if size <= SINGLE_UPLOAD:
        return None
    needed = -(-size // MOST_PARTS)
    return max(PART, -(-needed // (1 << 20)) << 20)


class PassingDigest:
    """Takes bytes as they pass, in chunks of any size, and hashes them once. Not for two threads at a time."""

    def __init__(self, part_size: int | None, tagged: bool = True) -> None:
        """Where the store is not `tagged` it answers none of these tags, and none is computed."""
        self._sha256 = hashlib.sha256()
        self._tagged = tagged
        self._md5 = _md5()
        self._part_size = part_size
        self._part = _md5()
        self._room = part_size or 0
        self._parts = b""

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(chunk)
        if not self._tagged:
            return
        self._md5.update(chunk)
        if self._part_size is not None:
            self._fill_parts(memoryview(chunk), self._part_size)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of everything so far."""
        return self._sha256.digest()

    @property
    def etags(self) -> frozenset[str]:
        """All tags (without quotes) that a store could answer which computed MD5 from these bytes."""
        if not self._tagged:
            return frozenset()
        whole = self._md5.hexdigest()
        if self._part_size is None:
            return frozenset({whole})
        unfinished = self._part.digest() if self._room < self._part_size else b""
        parts = self._parts + unfinished
        return frozenset({whole, f"{_md5(parts).hexdigest()}-{len(parts) // 16}"})

    def _fill_parts(self, rest: memoryview, size: int) -> None:
        while rest:
            piece, rest = rest[: self._room], rest[self._room :]
            self._part.update(piece)
            self._room -= len(piece)
            if not self._room:
                self._parts += self._part.digest()
                self._part, self._room = _md5(), size


def _md5(data: bytes = b"") -> "hashlib._Hash":
    # what a store's tag is made of, not a protection: allowed on machines that forbid MD5 for security
    return hashlib.md5(data, usedforsecurity=False)
