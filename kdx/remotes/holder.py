"""Who has a locked document open, as the owner file beside it says. Works at every place that can be read."""

from kdx.remotes.interface import NotFound, ReadFailed, Remote
from kdx.remotes.office_owner import holder_in, owner_files_of

MOST_BYTES = 1 << 16
"""Longer than any owner file (165 or 162 bytes)."""


def holder_of(remote: Remote, path: str) -> str:
    """Return the name of the user who has a document open; "" where no owner file tells."""
    folder, slash, name = path.rpartition("/")
    for owner_file in owner_files_of(name):
        try:
            there = remote.stat(folder + slash + owner_file)
            if there.size <= MOST_BYTES and (holder := holder_in(b"".join(remote.read(there.path)))):
                return holder
        except (NotFound, ReadFailed):
            continue
    return ""
