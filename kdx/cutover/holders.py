"""Which documents somebody has open, and who: owner files found by a look at the names, read for the holder's name.

A crash leaves owner files behind, and a read-only share keeps them: only a fresh one says that somebody is at work.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kdx.cutover.freeze import NAME
from kdx.errors import KdxError
from kdx.inventory.catalog.catalog import Catalog
from kdx.inventory.open_files import OpenFile, open_files
from kdx.remotes import Place
from kdx.remotes.interface import Remote
from kdx.remotes.office_owner import holder_in
from kdx.transfer.rows import Rows

FRESH = timedelta(hours=24)
"""An owner file that was last written longer ago was left behind; nobody works on one document for so long."""
MOST_BYTES = 4096
"""An owner file has 165 bytes; one of Access up to 16 KB, which names computers and not people."""


class Held(NamedTuple):
    """One document that somebody may have open."""

    path: str
    """Of the document; of the owner file where no document beside it fits."""
    owner_file: str
    holder: str
    """As Office wrote it down; empty where it says nothing."""
    since_ns: int
    """When the owner file was written."""

    def is_fresh(self, now: datetime) -> bool:
        """Whether somebody is probably at work. A time ahead of ours counts: the server's clock may run fast."""
        return self.since_ns / 1e9 > (now - FRESH).timestamp()

    @property
    def since(self) -> datetime:
        """When the owner file was written."""
        return datetime.fromtimestamp(self.since_ns // 1_000_000_000, UTC)


HELD = Rows(Held)


def held_documents(catalog: Catalog, place: Place) -> list[Held]:
    """Return the documents that were open when the catalog was written, in order of path."""
    found = [one for one in open_files(catalog.entries) if not one.owner_file.path.endswith(NAME)]
    if not found:
        return []
    with closing(place.open()) as remote:
        return sorted(_held(found, remote))


def _held(found: Iterable[OpenFile], remote: Remote) -> Iterator[Held]:
    for one in found:
        holder = _holder(one, remote)
        for path in one.documents or (one.owner_file.path,):
            yield Held(path, one.owner_file.path, holder, one.owner_file.mtime_ns)


def _holder(one: OpenFile, remote: Remote) -> str:
    if one.owner_file.size > MOST_BYTES:
        return ""
    try:
        return holder_in(b"".join(remote.read(one.owner_file.path)))
    except KdxError:
        # it went away with its document, or may not be read: that somebody is there is known all the same
        return ""
