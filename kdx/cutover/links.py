"""Links of workbooks to the old server, and where they must point now. Reads every workbook of the share, changes none.

A link to another server, or one that leads out of the share, is listed too: somebody else must see to that.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from typing import NamedTuple

from kdx.config.model import Server
from kdx.cutover.places import endings_of, find, folded, place_of
from kdx.inventory.assess.inside import BOOKS, links_in
from kdx.inventory.catalog.catalog import Catalog
from kdx.migration import Migration
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote
from kdx.transfer.rows import Item

_WEB = re.compile(r"[a-z][a-z0-9+.-]+://(?!/)", re.IGNORECASE)
_FILE = re.compile(r"file:(///|//)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:/")


class Leads(StrEnum):
    """Where a link leads."""

    HERE = "to this share"
    GONE = "not found in this share"
    ELSEWHERE = "to another place"


class Link(NamedTuple):
    """One link of one workbook."""

    book: str
    """Path of the workbook on the old server."""
    old: str
    """As it stands in the workbook."""
    leads: Leads
    item: Item | None
    """What it means, where that was moved with this share."""


def links(migration: Migration, catalog: Catalog, server: Server, take: Callable[[int], None]) -> Iterator[Link]:
    """Yield every outside link of the share's workbooks, in order of path. A workbook that cannot be read is passed
    over: the scan has told of it. `take` is told of every byte that is read."""
    with closing(migration.source.open()) as remote:
        found = [(book, link) for book, written in _written(catalog, remote, take) for link in written]
    names = names_of(server)
    wanted = {(book, link): candidates(link, book, names) for book, link in found}
    known = find(migration, (one for several in wanted.values() for one in several or ()))
    for book, link in found:
        endings = wanted[book, link]
        item = next((known[one] for one in endings or () if one in known), None)
        drive = endings is not None and _DRIVE.match(_plain(link)) is not None
        # which drive letter means this share only its content can tell
        leads = Leads.HERE if item else Leads.ELSEWHERE if endings is None or drive else Leads.GONE
        yield Link(book, link, leads, item)


def names_of(server: Server) -> frozenset[str]:
    """Return the names a server goes by, in small letters: in the inventory, in addresses, in Ansible, short ones too.
    """
    names = {server.name, *(share.location.host for share in server.shares), dict(server.variables).get("ansible_host")}
    whole = {name.lower() for name in names if name}
    return frozenset(whole | {name.partition(".")[0] for name in whole if not name[0].isdigit()})


def candidates(link: str, book: str, servers: frozenset[str]) -> list[str] | None:
    """Given a link and the workbook it stands in, return what it may mean in the share; None: not this server.

    Links are written as `file:///\\\\server\\share\\x.xlsx`, `S:\\x.xlsx`, `/folder/x.xlsx` or from the workbook on.
    """
    if _WEB.match(link) and not _FILE.match(link):
        return None
    plain = _plain(link)
    if plain.startswith("//"):
        host = plain[2:].partition("/")[0].lower()
        return endings_of(plain) if host in servers else None
    if plain.startswith("/") or _DRIVE.match(plain):
        return endings_of(plain)
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(book), plain))
    return None if inside.startswith("..") else [folded(inside)]


def new_place(migration: Migration, link: Link) -> str | None:
    """Return where a link must point now; None where that is not for this migration to say."""
    return place_of(migration, link.item) if link.item else None


def _plain(link: str) -> str:
    text = link.replace("\\", "/")
    file = _FILE.match(text)
    if not file:
        return text
    rest = text[file.end() :]
    # file://server/…, file:////server/… and file://///server/… name a server, file:///S:/… a drive
    if file[1] == "//":
        return f"//{rest}"
    return f"/{rest}" if rest.startswith("/") and not rest.startswith("//") else rest


def _written(catalog: Catalog, remote: Remote, take: Callable[[int], None]) -> Iterator[tuple[str, list[str]]]:
    for entry in catalog.entries():
        if _is_book(entry):
            try:
                yield entry.path, links_in(entry, remote, take)
            except (NotFound, ReadFailed):
                continue


def _is_book(entry: Entry) -> bool:
    return entry.kind == Kind.FILE and entry.skip is None and entry.path.lower().endswith(BOOKS)
