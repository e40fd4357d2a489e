"""Write an object once: whole, in one request, and only if the store has been seen to hold these very bytes.

For the vault. Its objects are named by their content, so whatever already has the name and the size is the object.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence

from kdx.remotes.interface import Conflict, Expected, Metadata, PlaceSilent, Remote

CHUNK = 1 << 20
"""In pieces of about this size bytes are handed on: large enough for a disk, small enough to keep a cap."""

Piece = bytes | memoryview
Pace = Callable[[int], None]


def write_once(
    remote: Remote, path: str, pieces: Sequence[Piece], size: int, pace: Pace | None = None, sha256: str = ""
) -> bool:
    """Write `pieces`, `size` bytes together, under a name that is new or already theirs. `sha256` where it is known.

    `pace` is asked before each MiB. False where something of another size has the name: it is left as it is.
    PlaceMissing, PlaceRefused, PlaceSilent, DiskFull; PlaceSilent too where the store holds other bytes than were sent.
    """
    try:
        if remote.location.scheme == "s3":
            from kdx.remotes.s3 import S3Remote

            assert isinstance(remote, S3Remote)
            remote.put_once(path, pieces, sha256 or _sha256(pieces), pace)
        else:
            written = remote.write(path, _chunks(pieces, pace), size, Metadata(time.time_ns()), Expected.ABSENT)
            _check(remote, path, pieces, written.etag)
    except Conflict:
        return remote.stat(path).size == size
    return True


def _sha256(pieces: Sequence[Piece]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _check(remote: Remote, path: str, pieces: Sequence[Piece], etag: str) -> None:
    """Where the place answers with a tag, it must be that of these bytes, or they are read back."""
    if etag and etag != hashlib.md5(b"".join(pieces), usedforsecurity=False).hexdigest():
        if b"".join(remote.read(path)) != b"".join(pieces):
            raise PlaceSilent(place=remote.location, why=f"{path}: the store holds other bytes than were sent")


def _chunks(pieces: Sequence[Piece], pace: Pace | None) -> Iterator[bytes]:
    """Yield the pieces, uncopied; with a pace no more of them at once than it lets pass."""
    for piece in pieces:
        step = CHUNK if pace else len(piece)
        for start in range(0, len(piece), step or 1):
            chunk = memoryview(piece)[start : start + step]
            if pace:
                pace(len(chunk))
            yield chunk  # type: ignore[misc]
