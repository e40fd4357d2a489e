"""Hash many small files of one folder at the least cost: this loop runs once for every file of every school.

Whatever is unusual (large, changed meanwhile, not to be opened so) goes the careful way, LocalRemote.digest.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from kdx.remotes.interface import Entry
from kdx.remotes.local.folders import Folders

SMALL = 256 << 10
"""Bytes up to which a file is read in one call: a buffer of its own size costs less than a large one."""


def digest_listed(
    folders: Folders,
    flags: int,
    entries: Iterable[Entry],
    entry_of: Callable[[str, os.stat_result, bytes], Entry],
    carefully: Callable[[Entry], Entry],
) -> Iterator[Entry]:
    """Yield each entry as it is now with its SHA-256: open, stat, read, stat, close, 9 µs a file."""
    for entry in entries:
        path = entry.path
        folder, _slash, name = path.rpartition("/")
        data = None
        try:
            descriptor = os.open(name, flags, dir_fd=folders.enter(folder))
            try:
                before = os.fstat(descriptor)
                size = before.st_size
                if size <= SMALL and stat.S_ISREG(before.st_mode):
                    data = os.read(descriptor, size + 1)
                    after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            data = None
        if (
            data is not None
            and len(data) == size == after.st_size
            and before.st_mtime_ns == after.st_mtime_ns
            and before.st_ctime_ns == after.st_ctime_ns
        ):
            yield entry_of(path, after, sha256(data).digest())
        else:
            yield carefully(entry)
