"""Write to an SFTP server: whole files or none. Never writes through a link, never replaces what it must not.

A file grows as `.kdx-<random>.part` beside its final name and gets that name when it is whole and, where the server
can say so, on its disk. SFTP cannot sync a folder: after a power cut there the last names may be missing, never torn.
"""

import secrets
import struct
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from kdx.errors import DiskFull
from kdx.language import N_, translate
from kdx.remotes.interface import (
    Conflict,
    Expected,
    Metadata,
    NameRefused,
    ReadFailed,
    SkipReason,
    Written,
)
from kdx.remotes.local.writer import PART_KEPT_NS, is_part
from kdx.remotes.sftp.faults import (
    FAILURE,
    NO_SUCH_FILE,
    UNSUPPORTED,
    LineBroken,
    Refusal,
    reading_failed,
    writing,
)
from kdx.remotes.sftp.paths import SECOND, Paths, check, is_folder, parents, seconds, text
from kdx.remotes.sftp.wire import (
    CLOSE,
    CREATE,
    END,
    EXCLUSIVE,
    EXTENDED_REPLY,
    FOR_WRITING,
    FSYNC,
    LSTAT,
    OPENDIR,
    POSIX_RENAME,
    READDIR,
    READLINK,
    REMOVE,
    RENAME,
    STAT,
    STATVFS,
    SYMLINK,
    Wire,
    extended,
    make_folder,
    open_file,
    question,
    set_times,
    write_at,
)

PIECE = 32 << 10
"""Bytes of one write request: what every server takes."""
IN_FLIGHT = 128
"""Write requests under way: 4 MiB."""


class Writer:
    """Writes files, folders and links below one root, on whatever connection it is given. Not for two threads."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._made: str | None = None
        """The folder that was last seen to be one, with all above it."""
        self._swept: str | None = None

    def write(
        self, wire: Wire, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file and its parents (Remote.write). Three round trips for a small one, more in a new folder."""
        folder, name = _split(path)
        part = f"{folder}/{_part()}".lstrip("/")
        with writing(path, wire.location):
            handle = self._begin(wire, path, part, expected)
            try:
                written = self._fill(wire, handle, chunks)
                if written != size:
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                self._publish(wire, handle, part, path, metadata, expected)
            except Refusal as refusal:
                self._give_up(wire, handle, part)
                self._explain_full(wire, refusal)
                raise
            except BaseException:
                self._give_up(wire, handle, part)
                raise
        if self._swept != folder:
            self._sweep(wire, folder)
            self._swept = folder
        return Written(etag="", size=size)

    def make_directory(self, wire: Wire, path: str) -> None:
        """Make a folder and its parents; twice is once. Conflict where a link or a file has one of the names."""
        check(path)
        with writing(path, wire.location):
            self._make_parents(wire, f"{path}/-")

    def make_link(self, wire: Wire, path: str, link: str, expected: Expected) -> None:
        """Make a symbolic link and its parents. Only a link is ever replaced, and only with Expected.ANY."""
        _split(path)
        name, target = self._paths.of(path), link.encode("utf-8", "surrogateescape")
        with writing(path, wire.location):
            self._make_parents(wire, path)
            # OpenSSH takes the two the other way round than the draft says, and all the world follows it
            made, there = wire.ask(question(SYMLINK, target, name), question(READLINK, name))
            if made.status() == UNSUPPORTED:
                raise NameRefused(name=path, why=translate(N_("this place has no links")))
            if made.status() != FAILURE:
                made.good()
                return
            if there.status():
                # what lies there is no link
                raise Conflict(name=path)
            if there.names()[0][0] == target:
                return
            if expected != Expected.ANY:
                raise Conflict(name=path)
            part = self._paths.of(f"{path.rpartition('/')[0]}/{_part()}".lstrip("/"))
            first, second = wire.ask(question(SYMLINK, target, part), extended(POSIX_RENAME, part, name))
            first.good()
            second.good()

    def delete(self, wire: Wire, path: str) -> None:
        """Delete one file or link; an absent one is no error. Conflict where it is a folder."""
        _split(path)
        name = self._paths.of(path)
        with writing(path, wire.location):
            (look,) = wire.ask(question(LSTAT, name))
            if look.status() == NO_SUCH_FILE:
                return
            if is_folder(look.attributes()):
                raise Conflict(name=path)
            (removed,) = wire.ask(question(REMOVE, name))
            if removed.status() != NO_SUCH_FILE:
                removed.good()

    def _begin(self, wire: Wire, path: str, part: str, expected: Expected) -> bytes:
        """Make the parents, look whether the name is free, and open the part."""
        self._make_parents(wire, path)
        look, opened = wire.ask(
            question(LSTAT, self._paths.of(path)),
            open_file(self._paths.of(part), FOR_WRITING | CREATE | EXCLUSIVE),
        )
        try:
            # BAD_MESSAGE where the name is too long
            if look.status() != NO_SUCH_FILE and (is_folder(look.attributes()) or expected != Expected.ANY):
                raise Conflict(name=path)
            if opened.status() == NO_SUCH_FILE:
                self._made = None
                self._require_root(wire)
            return opened.handle()
        except BaseException:
            if not opened.status():
                self._give_up(wire, opened.handle(), part)
            raise

    def _make_parents(self, wire: Wire, path: str) -> None:
        """Make the folders above `path` that are missing. Conflict where one of them is a link or a file.

        The last one is remembered: most files have the folder of the one before.
        """
        folder = path.rpartition("/")[0]
        if folder in ("", self._made):
            return
        above = [self._paths.of(parent) for parent in parents(path)]
        looks = wire.ask(*(question(LSTAT, parent) for parent in above))
        missing = next((place for place, look in enumerate(looks) if look.status() == NO_SUCH_FILE), len(above))
        if not all(is_folder(look.attributes()) for look in looks[:missing]):
            raise Conflict(name=path)
        if missing < len(above):
            wanted = (part for parent in above[missing:] for part in (make_folder(parent), question(LSTAT, parent)))
            answers = wire.ask(*wanted)
            for made, look in zip(answers[::2], answers[1::2], strict=True):
                if look.status():
                    self._require_root(wire)
                    made.good()
                if not is_folder(look.attributes()):
                    raise Conflict(name=path)
        self._made = folder

    def _require_root(self, wire: Wire) -> None:
        (root,) = wire.ask(question(STAT, self._paths.root))
        try:
            root.attributes()
        except Refusal as refusal:
            raise reading_failed(refusal, "", wire.location) from refusal

    def _fill(self, wire: Wire, handle: bytes, chunks: Iterable[bytes]) -> int:
        """Send `chunks` into the part and wait until the server has them, on its disk if it can say so; their size."""
        asked: deque[int] = deque()
        written = 0
        for chunk in chunks:
            view = memoryview(chunk)
            pieces = [bytes(view[start : start + PIECE]) for start in range(0, len(chunk), PIECE)]
            for piece in pieces:
                while len(asked) >= IN_FLIGHT:
                    wire.hear(asked.popleft()).good()
                asked.extend(wire.send([write_at(handle, written, piece)]))
                written += len(piece)
        if FSYNC in wire.extensions:
            asked.extend(wire.send([extended(FSYNC, handle)]))
        for number in asked:
            wire.hear(number).good()
        return written

    def _publish(
        self, wire: Wire, handle: bytes, part: str, path: str, metadata: Metadata, expected: Expected
    ) -> None:
        """Give the whole file its time and its name, in one step that no reader can see the middle of."""
        old, new = self._paths.of(part), self._paths.of(path)
        # RENAME refuses a name that is taken (draft 6.5); OpenSSH does it with link(2), which cannot replace anything
        rename = question(RENAME, old, new)
        if expected == Expected.ANY and POSIX_RENAME in wire.extensions:
            rename = extended(POSIX_RENAME, old, new)
        # read just now, as far as anybody asks: whoever sweeps must not take a part for an old one
        finish = (set_times(handle, int(time.time()), seconds(metadata.mtime_ns)), question(CLOSE, handle))
        if FSYNC in wire.extensions:
            # the bytes are safe, so closing can lose none
            _time, closed, renamed = wire.ask(*finish, rename)
            closed.good()
        else:
            _time, closed = wire.ask(*finish)
            closed.good()
            (renamed,) = wire.ask(rename)
        if renamed.status() == FAILURE:
            self._explain_taken(wire, old, new, path, expected)
        else:
            renamed.good()

    def _explain_taken(self, wire: Wire, old: bytes, new: bytes, path: str, expected: Expected) -> None:
        """A rename was refused: because the name is taken, where it must not be, or where the server cannot replace."""
        (look,) = wire.ask(question(LSTAT, new))
        if look.status():
            raise Refusal(FAILURE, translate(N_("the file could not be given its name")))
        if expected != Expected.ANY or POSIX_RENAME in wire.extensions or is_folder(look.attributes()):
            raise Conflict(name=path)
        aside = new.rpartition(b"/")[0] + b"/" + _part().encode()
        # no one-step replacement here: for a moment there is no file of this name, but never half of one
        moved, placed = wire.ask(question(RENAME, new, aside), question(RENAME, old, new))
        moved.good()
        if placed.status():
            wire.tell(question(RENAME, aside, new))
            placed.good()
        wire.tell(question(REMOVE, aside))

    def _give_up(self, wire: Wire, handle: bytes, part: str) -> None:
        """Leave nothing behind. Where the line is gone, the part stays until a later writer sweeps."""
        with suppress(LineBroken):
            wire.ask(question(CLOSE, handle), question(REMOVE, self._paths.of(part)))

    def _explain_full(self, wire: Wire, refusal: Refusal) -> None:
        """DiskFull where the server has no room left: it says only that it failed."""
        if refusal.code != FAILURE or STATVFS not in wire.extensions:
            return
        with suppress(LineBroken, Refusal, struct.error):
            (answer,) = wire.ask(extended(STATVFS, self._paths.root))
            _block, _fragment, _blocks, _free, available, *_more = struct.unpack_from(
                ">11Q", answer.good(EXTENDED_REPLY)
            )
            if not available:
                raise DiskFull(folder=wire.location) from refusal

    def _sweep(self, wire: Wire, folder: str) -> None:
        """Remove kdx's own parts that no living writer can still be filling: a day old by the server's own clock."""
        name = self._paths.of(folder)
        with suppress(Refusal):
            look, opened = wire.ask(question(STAT, name), question(OPENDIR, name))
            now, handle = look.attributes().mtime or 0, opened.handle()
            while (answer := wire.ask(question(READDIR, handle))[0]).status() != END:
                for found, attributes in answer.names():
                    touched = max(attributes.mtime or now, attributes.atime or 0)
                    old = (now - touched) * SECOND > PART_KEPT_NS
                    if found.startswith(b".kdx-") and is_part(text(found)) and old:
                        wire.tell(question(REMOVE, name + b"/" + found))
            wire.tell(question(CLOSE, handle))


def _part() -> str:
    return f".kdx-{secrets.token_hex(8)}.part"


def _split(path: str) -> tuple[str, str]:
    check(path)
    folder, _slash, name = path.rpartition("/")
    return folder, name
