"""Write into an SMB share: whole files or none. Never replaces what it must not, never under another name.

A file grows as `.kdx-<random>.part` beside its final name, gets its time, is flushed, and is renamed in one step by the
server. Servers take `readme.txt` for `README.txt`: what is there under other capitals, file or folder, is a conflict.
"""

import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.remotes.smb import faults, messages
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Held,
    Kind,
    Metadata,
    NameRefused,
    NotFound,
    PlaceSilent,
    ReadFailed,
    SkipReason,
    Written,
)
from kdx.remotes.local.writer import is_part
from kdx.remotes.smb.line import Line, Sent
from kdx.remotes.smb.entries import Listed, entries_in
from kdx.remotes.smb.faults import Broken, Refused
from kdx.remotes.smb.messages import (
    ANSWER,
    CREATE,
    DELETE,
    DELETE_ON_CLOSE,
    FILE_ONLY,
    FOLDER_ONLY,
    IS_FOLDER,
    IS_ORDINARY,
    LIST_FOLDER,
    NOT_THROUGH_LINKS,
    READ_ATTRIBUTES,
    WRITE_ATTRIBUTES,
    WRITE_DATA,
)
from kdx.remotes.smb.names import on_server

WINDOW = 6
"""Writes of up to 1 MiB under way at once."""
FOLDERS_KNOWN = 1000
PART_KEPT = 24 * 3600 * 10_000_000
"""Steps of 100 ns after which the next writer in a folder removes what a kill left there, by the server's clock."""
_WRITE = WRITE_DATA | READ_ATTRIBUTES | WRITE_ATTRIBUTES | DELETE


class Writer:
    """Writes files and folders over one line. One instance per thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._known: OrderedDict[str, None] = OrderedDict()
        self._swept: str | None = None

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file and its parents. Raises what Remote.write() says; whatever it is, nothing is left."""
        target = self._name(path)
        folder, _slash, name = path.rpartition("/")
        with self._explained(path):
            self._enter(folder)
            if expected != Expected.NEW:
                there = self._find(folder, name)
                if there is not None and (expected == Expected.ABSENT or there.name != name):
                    raise Conflict(name=path)
            part = self._name(f"{folder}/{_part_name()}" if folder else _part_name())
            pieces = _pieces(chunks, self._line.largest)
            now = self._publish(path, part, target, pieces, size, metadata, expected == Expected.ANY)
            if self._swept != folder:
                self._sweep(folder, now)
                self._swept = folder
        return Written(etag="", size=size)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents; twice is once. Conflict where something else has one of the names."""
        self._name(path)
        with self._explained(path):
            self._enter(path)

    def delete(self, path: str) -> None:
        """Delete one file; an absent one is no error. Conflict where it is a folder."""
        opening = messages.open_file(self._name(path), DELETE, FILE_ONLY | DELETE_ON_CLOSE | NOT_THROUGH_LINKS)
        status = self._line.ask(opening, messages.close_file())[0].status
        if status and not isinstance(faults.reading_failed(status, path, self._line.location), NotFound):
            raise faults.writing_failed(status, path, self._line.location)

    def _publish(
        self,
        path: str,
        part: str,
        target: str,
        pieces: Iterator[bytes],
        size: int,
        metadata: Metadata,
        replace: bool,
    ) -> int:
        """Write the unfinished file, and give it its name once it is whole and on the server's disk.

        Returns the server's time when it was made. The rename is a message of its own: a server carries out what
        follows a failed write in the same message.
        """
        first, second = next(pieces, b""), next(pieces, None)
        opening = messages.open_file(part, _WRITE, FILE_ONLY, disposition=CREATE, attributes=IS_ORDINARY)
        settling = () if second is not None else self._settling(metadata, messages.RELATED)
        made, *answers = self._line.ask_once(opening, messages.write_file(0, first), *settling)
        facts = messages.opened(made.must())
        done = False
        try:
            for answer in answers:
                answer.must()
            written = len(first)
            if second is not None:
                written += self._fill(facts.file_id, written, second, pieces)
            if written != size:
                raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
            if second is not None:
                for answer in self._line.ask_once(*self._settling(metadata, facts.file_id)):
                    answer.must()
            renaming = messages.rename_file(target, replace, facts.file_id)
            renamed, _closed = self._line.ask_once(renaming, messages.close_file(facts.file_id))
            if replace and renamed.status == faults.ACCESS_DENIED:
                # the unfinished file could be made beside it, so it is this one that Windows keeps for who has it open
                raise Held(name=path)
            renamed.must()
            done = True
        finally:
            if not done:
                self._remove(part, facts.file_id)
        return facts.made

    def _settling(self, metadata: Metadata, handle: bytes) -> tuple[object, object]:
        return messages.set_written(metadata.mtime_ns, handle), messages.flush_file(handle)

    def _fill(self, handle: bytes, offset: int, second: bytes, pieces: Iterator[bytes]) -> int:
        """Send all but the first piece, several under way; return how many bytes that were."""
        under_way: deque[tuple[int, Sent]] = deque()
        start, piece = offset, second
        while piece:
            while len(under_way) >= WINDOW or (under_way and not self._line.room(1 + (len(piece) >> 16))):
                self._taken(under_way)
            under_way.append((len(piece), self._line.send(messages.write_file(offset, piece, handle))))
            offset += len(piece)
            piece = next(pieces, b"")
        while under_way:
            self._taken(under_way)
        return offset - start

    def _taken(self, under_way: "deque[tuple[int, Sent]]") -> None:
        length, sent = under_way.popleft()
        if messages.count_written(self._line.take(sent)[0].must()) != length:
            # a disk that fills up takes a part of what it is given
            raise Refused(faults.DISK_FULL)

    def _remove(self, part: str, handle: bytes | None = None) -> None:
        """Remove an unfinished file, as far as the line allows; what stays is swept a day later."""
        with suppress(KdxError):
            if handle is not None and self._line.is_open:
                self._line.ask_once(messages.close_file(handle))
            opening = messages.open_file(part, DELETE, FILE_ONLY | DELETE_ON_CLOSE)
            self._line.ask(opening, messages.close_file())

    def _enter(self, folder: str) -> None:
        """See that a folder is there under exactly this name, and make it and its parents where they are missing."""
        if not folder or folder in self._known:
            return
        parent, _slash, name = folder.rpartition("/")
        self._enter(parent)
        there = self._find(parent, name)
        if there is None:
            opening = messages.open_file(
                self._name(folder), READ_ATTRIBUTES, FOLDER_ONLY, disposition=CREATE, attributes=IS_FOLDER
            )
            status = self._line.ask(opening, messages.close_file())[0].status
            if status not in (faults.OK, faults.NAME_COLLISION):
                raise Refused(status)
            # another lane may have made it meanwhile, or something else of that name
            there = self._find(parent, name) if status else None
        if there is not None and (there.name != name or there.entry.kind != Kind.DIRECTORY):
            raise Conflict(name=folder)
        self._known[folder] = None
        if len(self._known) > FOLDERS_KNOWN:
            self._known.popitem(last=False)

    def _find(self, folder: str, name: str) -> Listed | None:
        """Return what the server takes for `name` in a folder, perhaps with other capitals. Refused."""
        found = [one for one in self._matching(folder, name) if not is_part(one.name)]
        return found[0] if found else None

    def _matching(self, folder: str, pattern: str) -> list[Listed]:
        opened, answer, _closed = self._line.ask(
            messages.open_file(on_server(self._line.base, folder), LIST_FOLDER, FOLDER_ONLY),
            messages.list_folder(pattern, ANSWER),
            messages.close_file(),
        )
        opened.must()
        if answer.status in (faults.NOT_FOUND_IN_FOLDER, faults.NO_MORE_FILES):
            return []
        return list(entries_in(messages.data_answered(answer.must()), with_parts=True))

    def _sweep(self, folder: str, now: int) -> None:
        """Remove kdx's own parts that no living writer can still be filling."""
        for one in self._matching(folder, ".kdx-*.part"):
            if is_part(one.name) and now - one.changed > PART_KEPT:
                self._remove(self._name(f"{folder}/{one.name}" if folder else one.name))

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """Turn what a server or line says in the block into what it means for the one who writes `path`."""
        try:
            yield
        except Refused as refusal:
            self._known.clear()
            raise faults.writing_failed(refusal.status, path, self._line.location) from None
        except Broken as error:
            raise PlaceSilent(place=self._line.location, why=translate(error.why)) from error

    def _name(self, path: str) -> str:
        if not path:
            raise NameRefused(name=path, why=translate(N_("it is not a name")))
        return on_server(self._line.base, path)


def _part_name() -> str:
    return f".kdx-{secrets.token_hex(8)}.part"


def _pieces(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Yield bytes in pieces of at most `most`, small chunks put together. An error of `chunks` passes through."""
    gathered: list[bytes] = []
    length = 0
    for chunk in chunks:
        for start in range(0, len(chunk), most):
            piece = chunk[start : start + most]
            if length + len(piece) > most:
                yield b"".join(gathered)
                gathered, length = [], 0
            gathered.append(piece)
            length += len(piece)
    if gathered:
        yield b"".join(gathered)
