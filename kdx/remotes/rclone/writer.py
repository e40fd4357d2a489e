"""Write through rclone: whole files or none, never over what must not be replaced, never under another name.

A small file is a piece of memory that rclone opens like a file (held), so that it can send it again where a service
asks for patience, and compares the service's answer with it; many go together. A large one is fetched while it is
read; where a broken upload would leave a piece under the name, it grows as `.kdx-<random>.part` first.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import md5
from typing import TypeVar

from kdx.language import translate
from kdx.remotes.interface import Conflict, Expected, Metadata, NameRefused, ReadFailed, SkipReason, Written
from kdx.remotes.rclone import faults
from kdx.remotes.rclone.engine import Gone, Refused
from kdx.remotes.rclone.entries import check_name
from kdx.remotes.rclone.feed import feed
from kdx.remotes.rclone.held import hold, own_files
from kdx.remotes.rclone.names import to_rclone
from kdx.remotes.rclone.notes import Note, Notes
from kdx.remotes.rclone.root import Root
from kdx.remotes.rclone.together import LENIENT, send_together
from kdx.remotes.together import Outgoing

SMALL = 8 << 20
"""Bytes up to which a file is held in memory while it is sent."""
PAUSES = (0.1, 0.5)
"""Seconds until a file is sent again that something was said to be in the way of."""

Came = TypeVar("Came")
Exact = Callable[[str], bool] | None


class Writer:
    """Writes files and folders below one root."""

    def __init__(self, root: Root, exact: Exact, notes: Notes) -> None:
        """`exact` says whether a folder lists a file under exactly this name.

        Where it is None, names that differ in capitals are different names.
        """
        self._root, self._is_exact, self._notes = root, exact, notes

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file and its parents. Raises what Remote.write() says; whatever it is, nothing is left.

        No service rclone reaches takes a condition with an upload: between the look and the upload somebody else may
        come first.
        """
        check_name(path, self._root.backend)
        with self._explained(path):
            self._look(path, expected)
            if self._root.backend.whole_or_nothing:
                return self._put(path, path, chunks, size, metadata, expected)
            name = path if size <= SMALL else _other_name(path)
            self._forget_part(path)
            with self._notes.kept(path, Note(size, "" if name == path else name)):
                return self._put(path, name, chunks, size, metadata, expected)

    def write_together(self, files: Sequence[Outgoing], expected: Expected) -> Mapping[str, Written]:
        """Write small files, and return those that are known to be there whole (Together.write_together)."""
        ready = [file for file in files if self._goes_with_others(file, expected)]
        if not ready:
            return {}
        whole = set[str]()
        noted = self._notes if not self._root.backend.whole_or_nothing else Notes(None)
        with self._explained(""), noted.shared({file.path: len(file.data) for file in ready}) as settled:
            for altered in (False, True):
                files = [file for file in ready if self._root.backend.may_alter(file.path) is altered]
                if files:
                    sent = send_together(self._root, files, self._must_look(expected), altered)
                    whole |= sent.whole
                    settled |= sent.whole | sent.untouched
        return {file.path: self._written(file.data) for file in ready if file.path in whole}

    def _goes_with_others(self, file: Outgoing, expected: Expected) -> bool:
        """Whether nothing must be asked about a file alone, as of one that is replaced, or was begun before."""
        if expected == Expected.ANY:
            return False
        try:
            check_name(file.path, self._root.backend)
        except NameRefused:
            return False
        return len(file.data) <= SMALL and self._notes.find(file.path) is None

    def _put(
        self, path: str, name: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        if size <= SMALL:
            data = b"".join(_up_to(chunks, size))
            return self._patiently(path, lambda: self._send(path, data, size, metadata, expected))
        return self._stream(path, name, chunks, size, metadata)

    def _forget_part(self, path: str) -> None:
        """Remove what a killed run left of this file under another name."""
        note = self._notes.find(path)
        if note is not None and note.part:
            self.delete(note.part)

    def _look(self, path: str, expected: Expected) -> None:
        """Conflict where something lies under the name that must not be replaced.

        Where the service takes `readme.txt` for `README.txt`, a list of this morning does not tell: it is asked about
        each, and what is ours must be there under exactly this name.
        """
        if not self._must_look(expected):
            return
        if expected == Expected.ANY and (self._is_exact is None or self._is_exact(path)):
            return
        if self._root.found(path) is not None:
            raise Conflict(name=path)

    def _must_look(self, expected: Expected) -> bool:
        return expected != Expected.NEW or self._is_exact is not None

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents; twice is once. Conflict where a file has the name."""
        check_name(path, self._root.backend)
        with self._explained(path):
            self._patiently(
                path, lambda: self._root.engine.call("operations/mkdir", fs=self._root.fs, remote=to_rclone(path))
            )

    def remove_folder(self, path: str) -> None:
        """Remove a folder that is empty; nothing else is removed."""
        check_name(path, self._root.backend)
        with self._explained(path):
            self._root.engine.call("operations/rmdir", fs=self._root.fs, remote=to_rclone(path))

    def delete(self, path: str) -> None:
        """Delete one file; an absent one is no error."""
        check_name(path, self._root.backend)
        try:
            self._root.engine.call("operations/deletefile", fs=self._root.fs, remote=to_rclone(path))
        except (Refused, Gone) as error:
            if isinstance(error, Gone) or not faults.is_absent(error):
                raise faults.writing_failed(error, path, self._root.location) from error

    def _patiently(self, path: str, work: Callable[[], Came]) -> Came:
        """Do something about a name; again where the service says that something is in the way and no file is there.

        WebDAV locks a folder for a moment while another thread makes it.
        """
        for pause in PAUSES:
            try:
                return work()
            except Refused as error:
                if not faults.is_in_the_way(error) or self._root.found(path) is not None:
                    raise
            time.sleep(pause)
        return work()

    def _send(self, path: str, data: bytes, size: int, metadata: Metadata, expected: Expected) -> Written:
        if len(data) != size:
            raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
        number = hold(data, metadata.mtime_ns)
        try:
            self._root.engine.call(
                "operations/copyfile",
                srcFs=own_files(),
                srcRemote=str(number),
                dstFs=self._root.fs,
                dstRemote=to_rclone(path),
                # what is there is known: rclone need not look again, nor ask whether what is ours differs
                _config={"IgnoreTimes" if expected == Expected.ANY else "NoCheckDest": True, **self._lenient(path)},
            )
        finally:
            os.close(number)
        # rclone has compared what the service answered with this very sum, and refuses where they differ
        return self._written(data)

    def _written(self, data: bytes) -> Written:
        tag = md5(data, usedforsecurity=False).hexdigest() if self._root.backend.store_md5 else ""
        return Written(tag, len(data))

    def _lenient(self, path: str) -> dict[str, bool]:
        """Where the service rewrites what it gets, rclone would take that for a broken upload and delete it."""
        return LENIENT if self._root.backend.may_alter(path) else {}

    def _stream(self, path: str, name: str, chunks: Iterable[bytes], size: int, metadata: Metadata) -> Written:
        """Send a large file, under its own name or under another first, `name`."""
        done = False
        try:
            _answer, count = feed(
                chunks, size, metadata.mtime_ns,
                lambda address: self._root.engine.call(
                    "operations/copyurl", fs=self._root.fs, remote=to_rclone(name), url=address
                ),
            )
            if count != size:
                raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
            if name != path:
                self._root.engine.call(
                    "operations/movefile",
                    srcFs=self._root.fs, srcRemote=to_rclone(name), dstFs=self._root.fs, dstRemote=to_rclone(path),
                )
            done = True
        finally:
            if not done and name != path:
                with suppress(Refused, Gone):
                    self._root.engine.call("operations/deletefile", fs=self._root.fs, remote=to_rclone(name))
        there = self._root.found(path)
        if there is None or (there["Size"] != size and not self._root.backend.may_alter(path)):
            raise Refused(500, translate(faults.OTHER_ARRIVED))
        return Written(there.get("Hashes", {}).get("md5", "") if self._root.backend.store_md5 else "", size)

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except (Refused, Gone) as error:
            raise faults.writing_failed(error, path, self._root.location) from error


def _other_name(path: str) -> str:
    folder, slash, _name = path.rpartition("/")
    return f"{folder}{slash}.kdx-{secrets.token_hex(8)}.part"


def _up_to(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield chunks until there are more bytes than were announced: a file that grows must not fill the memory."""
    count = 0
    for chunk in chunks:
        count += len(chunk)
        yield chunk
        if count > size:
            return
