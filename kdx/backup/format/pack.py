"""Packs (FORMAT.md, section 4): a tar whose members are zstd frames of their own. In memory; opens no file.

A pack is at most 64 MiB, so it is built whole before anybody else sees it: it has its name, the SHA-256 of its bytes,
before the first byte is sent.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kdx.backup.format.names import MIB, PACK_BYTES, PACKS, SEGMENT_BYTES, object_name
from kdx.errors import DifferenceFound
from kdx.language import N_, _

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

Piece = bytes | memoryview
"""What lies in the memory of a file that was read is not copied again on its way into a pack."""
BLOCK = 512
LEVEL = 3
"""zstd's own default: office documents at 200 MB/s a core, within some per cent of what higher levels save."""
WORTH = 0.97
"""What does not get smaller than this is kept raw: it is read back without being computed."""
SUMS = b"SHA256SUMS"
LARGEST_FRAME = SEGMENT_BYTES + 2 * BLOCK
"""What one member may unfold to, whoever wrote it. SHA256SUMS of the fullest pack is smaller too."""

_RAW_BLOCK = 128 << 10
_TAIL_ROOM = 1 * MIB
"""Left free for SHA256SUMS: 8,192 members, far more than 64 MiB of anything but empty frames."""
_MOST_MEMBERS = 8000
_STATIC = b"0000644\0" b"0000000\0" b"0000000\0"
_AFTER = b"0" + bytes(100) + b"ustar\00000" + bytes(247)


class FrameDamaged(DifferenceFound):
    """A member of a pack is not what the manifest says."""

    message = N_("A part of the pack {name} is damaged: {why}.")
    advice = N_("kdx backup verify --full says what else is damaged; the next backup stores it anew from the source.")


@dataclass(frozen=True, slots=True)
class Pack:
    """A finished pack, not yet stored."""

    name: str
    """In its unit."""
    pieces: Sequence[Piece]
    size: int
    """Bytes of all pieces."""
    members: Sequence[bytes]
    salt: int = 0
    """How often another name was needed."""

    def under_another_name(self) -> "Pack":
        """Return the same pack with other bytes at its end: for when damaged bytes have its name."""
        return _closed(self.pieces[:-1], self.members, self.salt + 1)


def tar_header(name: bytes, size: int, mtime: int = 0) -> bytes:
    """Return the ustar header of a regular file."""
    start = name.ljust(100, b"\0") + _STATIC + b"%011o\0" % size + b"%011o\0" % mtime
    checksum = sum(start) + sum(_AFTER) + 8 * 32
    return start + b"%06o\0 " % checksum + _AFTER


def _member(name: bytes, content: bytes, mtime: int = 0) -> bytes:
    """Return a tar member: header, content, padding."""
    return b"".join((tar_header(name, len(content), mtime), content, bytes(-len(content) % BLOCK)))


def raw_frame(name: bytes, content: bytes) -> list[Piece]:
    """Return a member as a zstd frame that holds its bytes as they are (RFC 8878, raw blocks), content uncopied."""
    padding = -len(content) % BLOCK
    size = BLOCK + len(content) + padding
    pieces: list[Piece] = [
        b"\x28\xb5\x2f\xfd\xa0" + size.to_bytes(4, "little") + _block(BLOCK, not content),
        tar_header(name, len(content)),
    ]
    view = memoryview(content)
    for start in range(0, len(content), _RAW_BLOCK):
        block = view[start : start + _RAW_BLOCK]
        is_last = start + len(block) == len(content) and not padding
        pieces += (_block(len(block), is_last), block)
    if padding:
        pieces.append(_block(padding, True) + bytes(padding))
    return pieces


def _block(size: int, is_last: bool) -> bytes:
    return (size << 3 | is_last).to_bytes(3, "little")


@cache
def _compressor() -> "ZstdCompressor":
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)


def frame_of(name: bytes, content: bytes, raw: bool) -> list[Piece]:
    """Return a member as one frame, in pieces; compressed unless `raw` or it gets no smaller."""
    if not raw:
        frame = _compressor().compress(_member(name, content))
        if len(frame) < len(content) * WORTH or len(content) < BLOCK:
            return [frame]
    return raw_frame(name, content)


class PackBuilder:
    """A pack while it is filled. One per worker; holds no content twice."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._taken = taken
        """Names of objects that are there and damaged: no pack may come to have one of them."""
        self._pieces: list[Piece] = []
        self._members: list[bytes] = []
        self._hash = hashlib.sha256()
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._members)

    def has_room(self, size: int) -> bool:
        """Whether content of `size` bytes still fits, even if nothing of it can be compressed."""
        needed = size + size // 1024 + 4 * BLOCK
        return len(self._members) < _MOST_MEMBERS and self.size + needed + _TAIL_ROOM <= PACK_BYTES

    def add(self, digest: str, content: bytes, raw: bool) -> tuple[int, int]:
        """Add content under its SHA-256 and return offset and length of its frame."""
        name = digest.encode("ascii")
        offset = self.size
        for piece in frame_of(name, content, raw):
            self._hash.update(piece)
            self._pieces.append(piece)
            self.size += len(piece)
        self._members.append(name)
        return offset, self.size - offset

    def finish(self) -> Pack:
        """Close the pack with its SHA256SUMS, under a name that no damaged object has."""
        pack = _closed(self._pieces, self._members, 0, self._hash)
        while pack.name in self._taken:
            pack = pack.under_another_name()
        return pack


def _closed(
    pieces: Sequence[Piece], members: Sequence[bytes], salt: int, so_far: "hashlib._Hash | None" = None
) -> Pack:
    """Return a pack of these frames. The salt stands where tar has the time of SHA256SUMS."""
    sums = b"".join(b"%s  %s\n" % (name, name) for name in members)
    tail = _compressor().compress(_member(SUMS, sums, salt) + bytes(2 * BLOCK))
    whole = so_far.copy() if so_far else hashlib.sha256(b"".join(pieces))
    whole.update(tail)
    size = sum(map(len, pieces)) + len(tail)
    return Pack(object_name(PACKS, whole.hexdigest()), (*pieces, tail), size, members, salt)


class Unpacker:
    """Takes members out of packs. One per thread."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._unfolded_size = zstandard.frame_content_size
        self._decompressor = zstandard.ZstdDecompressor()

    def content_of(self, frame: Piece, name: str) -> memoryview:
        """Given the stored frame of a member, return its content. FrameDamaged names the pack."""
        try:
            if self._unfolded_size(frame) > LARGEST_FRAME:
                raise FrameDamaged(name=name, why=_("it unfolds to more than it may"))
            data = self._decompressor.decompress(frame, max_output_size=LARGEST_FRAME)
            size = int(data[124:135], 8)
        except (self._error, ValueError) as error:
            raise FrameDamaged(name=name, why=str(error)) from error
        content = memoryview(data)[BLOCK : BLOCK + size]
        if len(content) != size or data[257:262] != b"ustar":
            raise FrameDamaged(name=name, why=_("it is not a member of a tar archive"))
        return content
