"""Rules on what is inside Office files, for a look that somebody asked for: it reads their content.

Encrypted files are told by their first bytes. Links of workbooks to other places stand in small parts of the archive;
of larger workbooks than MOST nothing is said but that.
"""

import html
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from kdx.inventory.assess.finding import Rule, Severity
from kdx.language import N_
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
ZIP = b"PK\x03\x04"
PACKAGES = (".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".pptm")
"""Archives by their nature: one that begins as OLE holds an EncryptedPackage instead."""
BOOKS = (".xlsx", ".xlsm")
MOST = 64 << 20
"""Bytes of a workbook up to which it is read whole."""
MOST_OF_A_PART = 1 << 20
"""Bytes of one list of links: a larger one is not believed."""
MOST_PARTS = 200
LINKS_SHOWN = 3
_PART = re.compile(r"xl/externalLinks/_rels/[^/]+\.rels")
_TARGET = re.compile(r'Target="([^"]*)"')

ENCRYPTED = Rule("encrypted", Severity.NOTE, N_("an encrypted Office file: without its password nobody can open it"))
LINKS = Rule("outside-links", Severity.NOTE, N_("a workbook that takes values from another place; the link will break"))
RULES = (ENCRYPTED, LINKS)


class Inside(NamedTuple):
    """One thing found inside one file."""

    rule: Rule
    path: str
    detail: str


def look_inside(entries: Iterable[Entry], remote: Remote, take: Callable[[int], None]) -> Iterator[Inside]:
    """Yield what is found inside the Office files among `entries`. A file that cannot be read is passed over: the scan
    has told of it. `take` is told of every byte that came over the line, and may wait."""
    for entry in entries:
        name = entry.path.lower()
        if entry.kind == Kind.FILE and entry.skip is None and entry.size and name.endswith(PACKAGES):
            try:
                yield from _look(entry, _paced(remote.read(entry.path), take), name.endswith(BOOKS))
            except (NotFound, ReadFailed):
                continue


def _look(entry: Entry, chunks: Iterator[bytes], is_book: bool) -> Iterator[Inside]:
    head = next(chunks, b"")
    if head.startswith(OLE):
        yield Inside(ENCRYPTED, entry.path, "EncryptedPackage")
    elif is_book and head.startswith(ZIP) and entry.size <= MOST:
        found = links_of(b"".join((head, *chunks)))
        if found:
            more = f" … {len(found):,}" if len(found) > LINKS_SHOWN else ""
            yield Inside(LINKS, entry.path, " | ".join(found[:LINKS_SHOWN]) + more)


def _paced(chunks: Iterator[bytes], take: Callable[[int], None]) -> Iterator[bytes]:
    for chunk in chunks:
        take(len(chunk))
        yield chunk


def links_in(entry: Entry, remote: Remote, take: Callable[[int], None]) -> list[str]:
    """Return where the links of one workbook lead. ReadFailed or NotFound where it cannot be read."""
    if not 0 < entry.size <= MOST:
        return []
    chunks = _paced(remote.read(entry.path), take)
    head = next(chunks, b"")
    return links_of(b"".join((head, *chunks))) if head.startswith(ZIP) else []


def links_of(book: bytes) -> list[str]:
    """Return where a workbook's external links lead, each once; nothing where it is no archive after all."""
    found: dict[str, None] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(book)) as archive:
            parts = [part for part in archive.infolist() if _PART.fullmatch(part.filename)]
            for part in parts[:MOST_PARTS]:
                if part.file_size <= MOST_OF_A_PART:
                    text = archive.read(part).decode("utf-8", "replace")
                    found.update((unquote(html.unescape(link)), None) for link in _TARGET.findall(text))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
        pass
    return list(found)
