"""What lies at the target when the teachers are let in, and what changed there since: for the way back.

Content counts where the store tells it by a tag, else size and time. What the teachers made at the new place stays
there; this list says what somebody must look at before the old server is the only place again.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from kdx.inventory.catalog.difference import Change
from kdx.migration import Migration, destination_entries
from kdx.remotes.interface import Entry, Kind
from kdx.transfer.merge import merge
from kdx.transfer.records import digest_of
from kdx.transfer.rows import KNOWN, Known


class Changed(NamedTuple):
    """One file or link at the target that is not what it was. Bytes; None on the side where it is not."""

    change: Change
    target: str
    size_before: int | None
    size_now: int | None


def baseline_of(migration: Migration) -> Path:
    """Return where the list is kept of what lay at the target when the teachers were let in."""
    return migration.records.folder / "cutover.parquet"


def keep_baseline(migration: Migration, now: datetime) -> str:
    """List the target and keep that; return the SHA-256 of the list, hexadecimal."""
    path = baseline_of(migration)
    with migration.locked():
        KNOWN.write(path, map(_known, destination_entries(migration)), {"listed": now.isoformat()})
    return digest_of(path)


def changes_since(migration: Migration) -> list[Changed]:
    """Return what is not as it was at the cutover, in order of name; nothing where there was no cutover."""
    path, scratch = baseline_of(migration), migration.records.folder / "present.scratch.parquet"
    if not path.exists():
        return []
    with migration.locked():
        present = KNOWN.sort(map(_known, destination_entries(migration)), scratch)
        return list(compare(KNOWN.read(path), present))


def compare(before: Iterable[Known], now: Iterable[Known]) -> Iterator[Changed]:
    """Given two lists of a target, sorted by name, yield what differs. Folders alone are no difference."""
    for old, new in merge(before, now, attrgetter("target"), attrgetter("target")):
        old = None if old is not None and old.kind == Kind.DIRECTORY else old
        new = None if new is not None and new.kind == Kind.DIRECTORY else new
        if old is None and new is not None:
            yield Changed(Change.ADDED, new.target, None, new.size)
        elif old is not None and new is None:
            yield Changed(Change.REMOVED, old.target, old.size, None)
        elif old is not None and new is not None and _differ(old, new):
            yield Changed(Change.CHANGED, new.target, old.size, new.size)


def _differ(old: Known, new: Known) -> bool:
    if (old.kind, old.size, old.link) != (new.kind, new.size, new.link):
        return True
    if old.etag and new.etag:
        return old.etag != new.etag
    return old.kind == Kind.FILE and old.mtime_ns != new.mtime_ns


def _known(entry: Entry) -> Known:
    return Known(entry.path, entry.size, entry.mtime_ns, entry.etag, entry.kind, entry.link)
