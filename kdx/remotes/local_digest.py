"""Hash many small files of a folder at the least cost: this loop runs once for every file of every school.

Never takes a file for whole that is not what was listed: whatever is unusual goes the careful way, LocalRemote.digest.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from kdx.remotes.interface import Entry
from kdx.remotes.local_folders import Folders

SMALL = 256 << 10
"""Bytes up to which a file is read in one call: a buffer of its own size costs less than a large one."""

_new = tuple.__new__


def digest_listed(
    folders: Folders, flags: int, entries: Iterable[Entry], carefully: Callable[[Entry], Entry]
) -> Iterator[Entry]:
    """Yield each entry with its SHA-256; `carefully` is asked where it is large, changed or cannot be opened so.

    The listing was the first look, so a file costs open, read, stat and close: 7.4 µs against the 10 of digest().
    """
    for entry in entries:
        path, kind, size, mtime_ns, _sha256, _skip, link, mode, owner, acl, file_id, etag = entry
        data = None
        if size <= SMALL:
            folder, _slash, name = path.rpartition("/")
            try:
                descriptor = os.open(name, flags, dir_fd=folders.enter(folder))
                try:
                    data = os.read(descriptor, size + 1)
                    after = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
            except OSError:
                data = None
        if (
            data is not None
            and len(data) == size == after.st_size
            and after.st_mtime_ns == mtime_ns
            and str(after.st_ino) == file_id
        ):
            digest = sha256(data).digest()
            yield _new(Entry, (path, kind, size, mtime_ns, digest, None, link, mode, owner, acl, file_id, etag))
        else:
            yield carefully(entry)
