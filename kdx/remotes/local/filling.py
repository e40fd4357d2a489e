"""Fill new files, large ones past the page cache: what a backup or a restore writes is not read again soon.

The cache would cost a copy of every byte, and push out of memory what the machine works with. Where a file system
refuses (tmpfs, some mounts), the bytes go through the cache as ever.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterable

DIRECT_FROM = 128 << 10
"""Bytes of a file from which the way past the cache is the cheaper one (ext4, measured)."""
BUFFER_BYTES = 1 << 20
ALIGNED = 4096
"""What a disk takes past the cache begins and ends at multiples of this, in memory and in the file."""


class Filler:
    """Fills one file after the other. One instance per thread: it has a buffer of its own."""

    def __init__(self) -> None:
        self._memory: mmap.mmap | None = None

    def fill(self, descriptor: int, chunks: Iterable[bytes | memoryview], size: int) -> int:
        """Write `chunks`, expected to be `size` bytes, to the start of an empty file; return how many they were."""
        if size < DIRECT_FROM or not _leave_cache(descriptor):
            return sum(_write(descriptor, chunk) for chunk in chunks)
        if self._memory is None:
            # a mapping begins at a page
            self._memory = mmap.mmap(-1, BUFFER_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with memoryview(self._memory) as buffer:
            return _fill_past_cache(descriptor, chunks, buffer)


def _fill_past_cache(descriptor: int, chunks: Iterable[bytes | memoryview], buffer: memoryview) -> int:
    written = held = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        if not held:
            count = _write_as_it_lies(descriptor, rest[: len(rest) - len(rest) % ALIGNED])
            written, rest = written + count, rest[count:]
        while rest:
            taken = rest[: BUFFER_BYTES - held]
            buffer[held : held + len(taken)] = taken
            held, rest = held + len(taken), rest[len(taken) :]
            if held == BUFFER_BYTES:
                _write(descriptor, buffer)
                written, held = written + held, 0
    whole = held - held % ALIGNED
    _write(descriptor, buffer[:whole])
    if whole < held:
        _enter_cache(descriptor)
        _write(descriptor, buffer[whole:held])
    return written + held


def _write_as_it_lies(descriptor: int, data: memoryview) -> int:
    """Write what begins at a page without a copy; return how many bytes, none where no disk takes it as it lies."""
    count = 0
    while count < len(data):
        try:
            more = os.write(descriptor, data[count:])
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            break
        count += more
        if more % ALIGNED:
            break
    return count


def _write(descriptor: int, data: bytes | memoryview) -> int:
    """Write all of `data` where the file stands; return how many bytes."""
    rest = memoryview(data)
    while rest:
        try:
            count = os.write(descriptor, rest)
        except OSError as error:
            # a disk with larger blocks than ours
            if error.errno != errno.EINVAL or not _enter_cache(descriptor):
                raise
            continue
        rest = rest[count:]
        if count % ALIGNED and rest:
            _enter_cache(descriptor)
    return len(data)


def _leave_cache(descriptor: int) -> bool:
    """Ask for the way past the page cache. Return whether the file system has one."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_DIRECT)
    except OSError:
        return False
    return True


def _enter_cache(descriptor: int) -> bool:
    """Write through the page cache from now on. Return whether that is a change."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~os.O_DIRECT)
    return bool(flags & os.O_DIRECT)
