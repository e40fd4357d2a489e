"""Folders of an SFTP server, many at a time. Never enters a link; a folder that is closed is an entry that says so.

One folder takes two round trips: it is opened, then read to its end. Many folders together take the same two.
"""

from collections.abc import Callable, Iterator, Sequence

from kdx.config.location import Location
from kdx.errors import KdxError
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, SkipReason
from kdx.remotes.local.writer import is_part
from kdx.remotes.sftp.faults import Refusal, reading_failed
from kdx.remotes.sftp.paths import Paths, by_bytes, entry_of, is_folder, text
from kdx.remotes.sftp.wire import CLOSE, END, LSTAT, OPENDIR, READDIR, READLINK, STAT, Attributes, Wire, question

TOGETHER = 32
"""So many folders of a walk are asked about at once."""
FIRST_PAGES, MOST_PAGES = 2, 64
"""Requests for more names of a folder that are under way: a small folder needs two, OpenSSH gives 100 names each."""


def list_folder(wire: Wire, paths: Paths, folder: str) -> list[Entry]:
    """Return the entries directly in a folder, by the bytes of their names. ReadFailed, NotFound, and for the root
    PlaceMissing or PlaceRefused."""
    entries = _list(wire, paths, folder)
    inside = [number for number, entry in enumerate(entries) if entry.kind == Kind.DIRECTORY]
    for number, why in zip(inside, _closed(wire, paths, [entries[number].path for number in inside]), strict=True):
        entries[number] = entries[number]._replace(skip=why)
    return entries


def walk(wire: Wire, paths: Paths) -> Iterator[Entry]:
    """Yield every entry below the root, each folder before what is in it."""
    waiting: list[Entry] = []
    for entry in _list(wire, paths, ""):
        if entry.kind == Kind.DIRECTORY:
            waiting.append(entry)
        else:
            yield entry
    while waiting:
        some = waiting[-TOGETHER:]
        del waiting[-TOGETHER:]
        for folder, found in zip(some, _folders(wire, paths, [entry.path for entry in some]), strict=True):
            if isinstance(found, ReadFailed):
                yield folder._replace(skip=found.reason.value)
            elif isinstance(found, NotFound):
                yield folder._replace(skip=SkipReason.VANISHED.value)
            elif isinstance(found, KdxError):
                raise found
            else:
                yield folder
                for entry in found:
                    if entry.kind == Kind.DIRECTORY:
                        waiting.append(entry)
                    else:
                        yield entry


def _list(wire: Wire, paths: Paths, folder: str) -> list[Entry]:
    (found,) = _folders(wire, paths, [folder])
    if isinstance(found, KdxError):
        raise found
    return found


def _closed(wire: Wire, paths: Paths, folders: Sequence[str]) -> list[str | None]:
    """Return for each folder why it cannot be listed, None where it can: only opening it tells."""
    found: list[str | None] = []
    for folder, number in zip(folders, wire.send(question(OPENDIR, paths.of(name)) for name in folders), strict=True):
        try:
            wire.tell(question(CLOSE, wire.hear(number).handle()))
            found.append(None)
        except Refusal as refusal:
            found.append(_skip(refusal, folder, wire.location))
    return found


def _skip(refusal: Refusal, path: str, location: Location) -> str:
    failed = reading_failed(refusal, path, location)
    return failed.reason.value if isinstance(failed, ReadFailed) else SkipReason.VANISHED.value


def _folders(wire: Wire, paths: Paths, folders: Sequence[str]) -> list[list[Entry] | KdxError]:
    """Return what lies in each folder, or why that cannot be told. Two round trips for all where they are small."""
    names = [paths.of(folder) for folder in folders]
    # only the root may be a link: its address is the administrator's own
    looks = wire.send(question(LSTAT if folder else STAT, name) for folder, name in zip(folders, names, strict=True))
    opens = wire.send(question(OPENDIR, name) for name in names)
    answers = [(wire.hear(look), wire.hear(opened)) for look, opened in zip(looks, opens, strict=True)]
    found: list[list[Entry] | KdxError] = []
    handles: list[bytes | None] = []
    for folder, (look, opened) in zip(folders, answers, strict=True):
        try:
            handle = opened.handle()
        except Refusal as refusal:
            found.append(reading_failed(refusal, folder, wire.location))
            handles.append(None)
            continue
        handles.append(handle)
        found.append(_no_folder(look.attributes, folder, wire.location) or [])
    open_ones = [(number, handle) for number, handle in enumerate(handles) if handle is not None]
    asked = [list(wire.send([question(READDIR, handle)] * FIRST_PAGES)) for _number, handle in open_ones]
    for (number, handle), pages in zip(open_ones, asked, strict=True):
        try:
            inside = _read_to_end(wire, handle, pages)
            if isinstance(found[number], list):
                found[number] = _entries(wire, paths, folders[number], inside)
        except Refusal as refusal:
            found[number] = reading_failed(refusal, folders[number], wire.location)
    wire.tell(*(question(CLOSE, handle) for _number, handle in open_ones))
    return found


def _no_folder(look: Callable[[], Attributes], folder: str, location: Location) -> KdxError | None:
    """Return why what was opened as a folder must not be read: a link took its place after it was listed."""
    try:
        if is_folder(look()):
            return None
    except Refusal as refusal:
        return reading_failed(refusal, folder, location)
    return ReadFailed(name=folder, reason=SkipReason.CHANGED, detail="")


def _read_to_end(wire: Wire, handle: bytes, asked: list[int]) -> list[tuple[bytes, Attributes]]:
    """Return all names of an opened folder; ever more questions are under way while it goes on."""
    found: list[tuple[bytes, Attributes]] = []
    more = FIRST_PAGES
    while asked:
        answer = wire.hear(asked.pop(0))
        if answer.status() == END:
            wire.forget(asked)
            return found
        try:
            found += answer.names()
        except Refusal:
            wire.forget(asked)
            raise
        if len(asked) < more // 2 or not asked:
            more = min(2 * more, MOST_PAGES)
            asked += wire.send([question(READDIR, handle)] * (more - len(asked)))
    return found


def _entries(wire: Wire, paths: Paths, folder: str, names: list[tuple[bytes, Attributes]]) -> list[Entry]:
    prefix = f"{folder}/" if folder else ""
    entries = [
        entry_of(prefix + text(name), attributes)
        for name, attributes in names
        if name not in (b".", b"..") and not (name.startswith(b".kdx-") and is_part(text(name)))
    ]
    entries.sort(key=by_bytes)
    links = [number for number, entry in enumerate(entries) if entry.kind == Kind.LINK]
    asked = wire.send(question(READLINK, paths.of(entries[number].path)) for number in links)
    for number, question_number in zip(links, asked, strict=True):
        try:
            entries[number] = entries[number]._replace(link=text(wire.hear(question_number).names()[0][0]))
        except Refusal as refusal:
            entries[number] = entries[number]._replace(skip=_skip(refusal, entries[number].path, wire.location))
    return entries
