"""What is known of shares without going there: their catalogs, and questions to them. Scans nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from kdx.config.model import School, Server, Share
from kdx.errors import GateClosed
from kdx.inventory.catalog.catalog import (
    Catalog,
    NoCatalog,
    all_catalogs,
    catalog_in,
    catalog_name,
    latest_catalog,
    open_catalog,
)
from kdx.inventory.catalog.difference import Difference, differences
from kdx.inventory.catalog.queries import Content, Copy, Count, content_by_year, count_entries, duplicate_files
from kdx.inventory.catalog.table import connect
from kdx.language import N_
from kdx.remotes.interface import NOT_READ, Entry, Kind
from kdx.state.folder import StateFolder


class NoSecondCatalog(GateClosed):
    """Two catalogs are needed to say what changed, and there is one."""

    message = N_("The share {share} of {school} has only one catalog in that time.")
    advice = N_("Scan it again, or name other days with --from and --to: kdx inventory scan {school}")


@dataclass(frozen=True, slots=True)
class ShareState:
    """A share and what its last catalog says; a server without shares and a school without servers have no share."""

    school: School
    server: Server | None = None
    share: Share | None = None
    catalog: Catalog | None = None
    counts: tuple[Count, ...] = ()

    @property
    def files(self) -> int | None:
        """Number of files, None where it was never scanned."""
        return sum(count.entries for count in self.counts if count.kind == Kind.FILE) if self.catalog else None

    @property
    def bytes(self) -> int | None:
        """Size of all files."""
        return sum(count.bytes for count in self.counts) if self.catalog else None

    @property
    def hashed(self) -> int | None:
        """Number of files whose content is known."""
        return sum(count.hashed for count in self.counts) if self.catalog else None

    @property
    def not_read(self) -> int | None:
        """Number of entries that could not be read."""
        return sum(count.entries for count in self.counts if count.skip in NOT_READ) if self.catalog else None


def share_states(schools: Iterable[School], state: StateFolder) -> list[ShareState]:
    """Return what is known of every share of these schools, in the order of the inventory."""
    found: list[ShareState] = []
    with connect(state.root) as database:
        for school, server, share in _places(schools):
            path = latest_catalog(state.catalogs(share.id)) if share else None
            if path is None:
                found.append(ShareState(school, server, share))
            else:
                counts = tuple(count_entries(database, path))
                found.append(ShareState(school, server, share, catalog_in(database, path), counts))
    return found


def _places(schools: Iterable[School]) -> Iterator[tuple[School, Server | None, Share | None]]:
    for school in schools:
        if not school.servers:
            yield school, None, None
        for server in school.servers:
            if not server.shares:
                yield school, server, None
            yield from ((school, server, share) for share in server.shares)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The last catalogs of one or several shares of a school, read as one."""

    catalogs: tuple[Catalog, ...]

    def named(self) -> list[tuple[str, Catalog]]:
        """Return the catalogs, each with what its paths begin with where there are several: the name of the share, its
        id where two have one name."""
        if len(self.catalogs) == 1:
            return [("", self.catalogs[0])]
        shares = [catalog.metadata for catalog in self.catalogs]
        unique = len({share.share for share in shares}) == len(shares)
        return [(share.share if unique else share.share_id, found) for share, found in zip(shares, self.catalogs)]

    def entries(self) -> Iterator[Entry]:
        """Yield all entries; with several shares each path begins with the name of its share."""
        return chain.from_iterable(_under(name, catalog.entries()) for name, catalog in self.named())

    @property
    def as_of(self) -> datetime:
        """When the oldest of them was written."""
        return min(catalog.metadata.ended for catalog in self.catalogs)

    @property
    def names(self) -> str:
        """File names of the catalogs, for people."""
        return ", ".join(catalog.path.name for catalog in self.catalogs)

    @property
    def patterns(self) -> tuple[str, ...]:
        """All patterns that left something out."""
        return tuple(dict.fromkeys(chain.from_iterable(found.metadata.ignore.patterns for found in self.catalogs)))


def _under(name: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    return (entry._replace(path=f"{name}/{entry.path}") for entry in entries) if name else iter(entries)


def open_shelf(shares: Sequence[Share], state: StateFolder) -> Shelf:
    """Return the last catalogs of these shares. NoCatalog where one was never scanned."""
    return Shelf(tuple(last_catalog(share, state) for share in shares))


def last_catalog(share: Share, state: StateFolder) -> Catalog:
    """Return the last catalog of a share. NoCatalog where it was never scanned."""
    path = latest_catalog(state.catalogs(share.id))
    if path is None:
        raise NoCatalog(share=share.name, school=share.school)
    return open_catalog(path)


def catalogs_until(shares: Iterable[Share], state: StateFolder, moment: datetime) -> dict[str, Catalog]:
    """Return the last catalog up to a time of each share that was scanned by then, by the share's id."""
    found = {share.id: _last_until(all_catalogs(state.catalogs(share.id)), moment) for share in shares}
    return {share: open_catalog(path) for share, path in found.items() if path}


def content_of(catalogs: Iterable[Catalog], state: StateFolder, moment: datetime) -> list[Content]:
    """Return what several catalogs hold, by year and ending; `moment` tells the time zone."""
    tables = [catalog.path for catalog in catalogs]
    with connect(state.root) as database:
        return content_by_year(database, tables, moment.utcoffset() or timedelta())


def find_duplicates(shelf: Shelf, most: int) -> tuple[int, int, list[Copy]]:
    """Return (groups, bytes that could be saved, the files of the `most` groups that waste most)."""
    with connect(shelf.catalogs[0].path.parent) as database:
        return duplicate_files(database, [(name, catalog.path) for name, catalog in shelf.named()], most)


def choose_two(
    share: Share, state: StateFolder, since: datetime | None, until: datetime | None
) -> tuple[Catalog, Catalog]:
    """Return the last catalog up to `since` and the last up to `until`; the last two where no day is named."""
    known = all_catalogs(state.catalogs(share.id))
    if not known:
        raise NoCatalog(share=share.name, school=share.school)
    now = _last_until(known, until)
    before = _last_until([path for path in known if now and path < now], since)
    if now is None or before is None:
        raise NoSecondCatalog(share=share.name, school=share.school)
    return open_catalog(before), open_catalog(now)


def _last_until(catalogs: Sequence[Path], moment: datetime | None) -> Path | None:
    last = catalog_name(moment) if moment else "~"
    return max((path for path in catalogs if path.name <= last), default=None)


def find_differences(before: Catalog, now: Catalog) -> list[Difference]:
    """Return what changed from one catalog to the other, in order of path."""
    with connect(now.path.parent) as database:
        return list(differences(database, before.path, now.path))
