"""Packs (FORMAT.md, section 4): a tar whose members are zstd frames of their own. In memory; opens no file.

A pack is small enough to be built whole before anybody else sees it: it has its name, the SHA-256 of its bytes,
before the first byte is sent. It is built in memory that is used again: memory that is new has to be cleared first.
"""

import hashlib
import mmap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kdx.backup.format.names import MIB, PACK_BYTES, PACKS, SEGMENT_BYTES, object_name
from kdx.errors import DifferenceFound
from kdx.language import N_, _

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

Piece = bytes | memoryview
BLOCK = 512
LEVEL = 3
"""zstd's own default: office documents at 200 MB/s a core, within some per cent of what higher levels save."""
WORTH = 0.97
"""What does not get smaller than this is kept raw: it is read back without being computed."""
SUMS = b"SHA256SUMS"
LARGEST_FRAME = SEGMENT_BYTES + 2 * BLOCK
"""What one member may unfold to, whoever wrote it. SHA256SUMS of the fullest pack is smaller too."""

FULL_BYTES = PACK_BYTES // 2
"""A pack is closed before it has more bytes than this, though it may have twice as many: each worker holds two of them
in memory, and at twice this size to clear that memory took a twelfth of a run's processor time."""

_RAW_BLOCK = 128 << 10
_PAGE = 4096
_TAIL_ROOM = 1 * MIB
"""Left free for SHA256SUMS: 8,192 members, far more than 64 MiB of anything but empty frames."""
_MOST_MEMBERS = 8000
_STATIC = b"0000644\0" b"0000000\0" b"0000000\0"
_AFTER = b"0" + bytes(100) + b"ustar\00000" + bytes(247)
_SUM = sum(_STATIC) + sum(_AFTER) + 8 * 32
"""Of the bytes that are the same in every header, its own checksum taken as spaces."""


class FrameDamaged(DifferenceFound):
    """A member of a pack is not what the manifest says."""

    message = N_("A part of the pack {name} is damaged: {why}.")
    advice = N_("kdx backup verify --full says what else is damaged; the next backup stores it anew from the source.")


@dataclass(frozen=True, slots=True)
class Pack:
    """A finished pack, not yet stored. Its bytes lie in the memory it was built in."""

    name: str
    """In its unit."""
    pieces: tuple[Piece, Piece]
    """The frames of its members, and that of SHA256SUMS."""
    members: Sequence[bytes]
    salt: int = 0
    """How often another name was needed."""

    @property
    def size(self) -> int:
        """Bytes of both pieces."""
        return sum(map(len, self.pieces))

    def under_another_name(self) -> "Pack":
        """Return the same pack with other bytes at its end: for when damaged bytes have its name."""
        frames, _sums = self.pieces
        return _closed(frames, self.members, self.salt + 1, hashlib.sha256(frames))


def tar_header(name: bytes, size: int, mtime: int = 0) -> bytes:
    """Return the ustar header of a regular file."""
    numbers = b"%011o\0%011o\0" % (size, mtime)
    checksum = sum(name) + sum(numbers) + _SUM
    return name.ljust(100, b"\0") + _STATIC + numbers + b"%06o\0 " % checksum + _AFTER


def _member(name: bytes, content: Piece, mtime: int = 0) -> bytes:
    """Return a tar member: header, content, padding."""
    return b"".join((tar_header(name, len(content), mtime), content, bytes(-len(content) % BLOCK)))


def _head_of_raw(name: bytes, size: int) -> bytes:
    """Return how a frame begins that holds a member as it is (RFC 8878, raw blocks): up to its first content block."""
    whole = BLOCK + size + -size % BLOCK
    return b"\x28\xb5\x2f\xfd\xa0" + whole.to_bytes(4, "little") + _block(BLOCK, not size) + tar_header(name, size)


def _block(size: int, is_last: bool) -> bytes:
    return (size << 3 | is_last).to_bytes(3, "little")


_HEAD = len(_head_of_raw(b"", 0))


@cache
def _compressor() -> "ZstdCompressor":
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)


def pack_memory() -> memoryview:
    """Return memory to build packs in, one after the other. What a pack needs of it is there from its first use."""
    memory = mmap.mmap(-1, FULL_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(AttributeError, OSError):
        # in pages of 2 MiB, where the system has them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


class PackBuilder:
    """A pack while it is filled, in memory from pack_memory() that nobody else uses until the pack is stored.

    What is kept as it is need not be copied: have it put into room(), then keep() it. add() is for everything else.
    """

    def __init__(self, memory: memoryview, taken: frozenset[str] = frozenset()) -> None:
        self._memory = memory
        self._taken = taken
        """Names of objects that are there and damaged: no pack may come to have one of them."""
        self._members: list[bytes] = []
        self._hash = hashlib.sha256()
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._members)

    def has_room(self, size: int) -> bool:
        """Whether content of `size` bytes still fits, even if nothing of it can be compressed."""
        needed = size + size // 1024 + 4 * BLOCK
        return len(self._members) < _MOST_MEMBERS and self.size + needed + _TAIL_ROOM <= FULL_BYTES

    def room(self, size: int) -> list[memoryview]:
        """Return where `size` bytes of content lie, in order, should they become the next member as they are."""
        start, views = self.size + _HEAD, []
        for done in range(0, size, _RAW_BLOCK):
            start += 3
            length = min(_RAW_BLOCK, size - done)
            views.append(self._memory[start : start + length])
            start += length
        return views

    def keep(self, digest: str, size: int) -> tuple[int, int]:
        """Make the content that was put into room(size) a member; return offset and length of its frame."""
        name, padding = digest.encode("ascii"), -size % BLOCK
        end = self._put(self.size, _head_of_raw(name, size))
        for done in range(0, size, _RAW_BLOCK):
            length = min(_RAW_BLOCK, size - done)
            end = self._put(end, _block(length, done + length == size and not padding)) + length
        if padding:
            end = self._put(end, _block(padding, True) + bytes(padding))
        return self._added(name, end)

    def add(self, digest: str, content: Piece) -> tuple[int, int]:
        """Add content, compressed where it gets smaller by that; return offset and length of its frame."""
        name, size = digest.encode("ascii"), len(content)
        frame = _compressor().compress(_member(name, content))
        if len(frame) < size * WORTH or size < BLOCK:
            return self._added(name, self._put(self.size, frame))
        start = 0
        for view in self.room(size):
            view[:] = content[start : start + len(view)]
            start += len(view)
        return self.keep(digest, size)

    def finish(self) -> Pack:
        """Close the pack with its SHA256SUMS, under a name that no damaged object has."""
        pack = _closed(self._memory[: self.size], self._members, 0, self._hash)
        while pack.name in self._taken:
            pack = pack.under_another_name()
        return pack

    def _put(self, start: int, data: bytes) -> int:
        end = start + len(data)
        self._memory[start:end] = data
        return end

    def _added(self, name: bytes, end: int) -> tuple[int, int]:
        start, self.size = self.size, end
        self._hash.update(self._memory[start:end])
        self._members.append(name)
        return start, end - start


def _closed(frames: memoryview | bytes, members: Sequence[bytes], salt: int, whole: "hashlib._Hash") -> Pack:
    """Return a pack of these frames, whose hash is given. The salt stands where tar has the time of SHA256SUMS."""
    sums = b"".join(b"%s  %s\n" % (name, name) for name in members)
    tail = _compressor().compress(_member(SUMS, sums, salt) + bytes(2 * BLOCK))
    whole.update(tail)
    return Pack(object_name(PACKS, whole.hexdigest()), (frames, tail), members, salt)


class Unpacker:
    """Takes members out of packs, each into the same memory. One per thread."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._unfolded_size = zstandard.frame_content_size
        self._decompressor = zstandard.ZstdDecompressor()
        # content begins at a page, so that a disk takes it from where it lies
        self._memory = memoryview(mmap.mmap(-1, _PAGE + LARGEST_FRAME, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))

    def content_of(self, frame: Piece, name: str) -> memoryview:
        """Given the stored frame of a member, return its content, good until the next call. FrameDamaged."""
        member = self._memory[_PAGE - BLOCK :]
        try:
            unfolded = self._unfolded_size(frame)
            if unfolded > LARGEST_FRAME:
                raise FrameDamaged(name=name, why=_("it unfolds to more than it may"))
            with self._decompressor.stream_reader(frame) as reader:
                count = reader.readinto(member)
                # FORMAT.md has every frame say what it unfolds to; one that does not is read all the same
                is_whole = not reader.read(1) and (unfolded < 0 or count == unfolded)
            size = int(bytes(member[124:135]), 8)
        except (self._error, ValueError) as error:
            raise FrameDamaged(name=name, why=str(error)) from error
        if not is_whole or BLOCK + size > count or bytes(member[257:262]) != b"ustar":
            raise FrameDamaged(name=name, why=_("it is not a member of a tar archive"))
        return member[BLOCK : BLOCK + size]
