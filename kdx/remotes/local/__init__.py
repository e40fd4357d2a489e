"""Folders and mounted shares. Never follows a link below its root, never opens a pipe, socket or device.

Read here, written in writer, opened in folders, described in entries, errors explained in faults.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from kdx.config.location import Location
from kdx.remotes.interface import (
    Capabilities,
    Entry,
    Expected,
    Metadata,
    ReadFailed,
    SkipReason,
    Written,
)
from kdx.remotes.listed import digest_or_skip, walk_folders
from kdx.remotes.local.entries import OPEN_FOLDER, OPEN_ROOT, entry_of, file_entry, listed, named
from kdx.remotes.local.faults import reading_failed, root_failed
from kdx.remotes.local.folders import Folders, split
from kdx.remotes.local.hashing import SMALL, digest_listed
from kdx.remotes.local.restore import LocalRestore
from kdx.remotes.local.rights import FolderRights
from kdx.remotes.local.writer import LocalWriter, is_part
from kdx.remotes.whole import Memory, Room, beyond

CAPABILITIES = Capabilities(
    links=True, directories=True, digest_without_transfer=True, unicode_names=False, parallel=4
)
CHUNK = 1 << 20
QUIET_RETRIES = 2
"""How often digest() begins again when a file changed under it, before it says so."""

Describe: TypeAlias = "Callable[[os.DirEntry[str], str, int], Entry | None]"
"""From what a folder holds, the folder's path with its slash, and its descriptor: the entry, None where it is gone."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalRemote:
    """One folder tree. Opens nothing before it is asked."""

    capabilities = CAPABILITIES

    def __init__(self, location: Location) -> None:
        self.location = location
        self._folders = Folders(location)
        self._writer = LocalWriter(self._folders)
        self._flags = _READ | os.O_NOATIME
        self._buffer: bytearray | None = None
        self._rights = FolderRights()

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield the entries directly inside `folder`, sorted by the bytes of their names.

        ReadFailed or NotFound where `folder` itself can no longer be listed; for the root PlaceMissing, PlaceRefused
        or PlaceSilent.
        """
        return self._list(folder, listed)

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """Yield the same entries as list(), files without size and time: nothing is asked about each of them."""
        return self._list(folder, named)

    def _list(self, folder: str, describe: Describe) -> Iterator[Entry]:
        descriptor = self._open_folder(folder)
        try:
            items = self._scan(folder, descriptor)
            self._rights.note(folder, descriptor)
            prefix = f"{folder}/" if folder else ""
            for item in items:
                entry = describe(item, prefix, descriptor)
                if entry is not None:
                    yield entry
        finally:
            os.close(descriptor)

    def walk(self) -> Iterator[Entry]:
        """Yield every entry below the root, each folder before what is in it."""
        return walk_folders(self.stat(""), self.list)

    def access(self, folder: str) -> str:
        """Return the POSIX access list of the folder listed last, "" where its mode says everything."""
        return self._rights.of(folder)

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now, links unfollowed. "" is the root."""
        folder, name = split(path) if path else ("", ".")
        try:
            self._folders.leave()
            descriptor = self._folders.enter(folder)
            facts = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            return entry_of(path, facts, name, descriptor)
        except OSError as error:
            raise reading_failed(error, path, self.location) from error

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Nothing: a folder is near."""

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file. The last chunk is held back until the file is known not to have changed."""
        try:
            descriptor = self._open(path)
        except OSError as error:
            raise reading_failed(error, path, self.location) from error
        try:
            before = _regular(os.fstat(descriptor), path)
            held, offset = b"", start
            while chunk := self._chunk(path, descriptor, offset, before.st_size):
                offset += len(chunk)
                if offset > before.st_size:
                    break
                if held:
                    yield held
                held = chunk
            if offset != max(start, before.st_size) or _changed(before, os.fstat(descriptor)):
                raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
            if held:
                yield held
        finally:
            os.close(descriptor)

    def read_into(self, path: str, room: Room) -> tuple[Entry, Memory | None]:
        """Read a file into the memory that `room` gives for its size; return it as it is now, and that memory.

        For kdx.remotes.whole: one look before, one after, and no name looked up twice. ReadFailed or NotFound.
        """
        try:
            descriptor = self._open(path)
            try:
                before = _regular(os.fstat(descriptor), path)
                memory = left = room(before.st_size)
                if memory is None or left is None:
                    return file_entry(path, before), None
                count = 0
                while count < before.st_size and (more := os.readv(descriptor, left)):
                    count, left = count + more, beyond(left, more)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise reading_failed(error, path, self.location) from error
        if count != before.st_size or _changed(before, after):
            raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
        return file_entry(path, after), memory

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256. A file that changes is tried again, then it is ReadFailed(changed)."""
        try:
            for _attempt in range(1 + QUIET_RETRIES):
                descriptor = self._open(path)
                try:
                    before = os.fstat(descriptor)
                    size = before.st_size
                    if size > SMALL or not stat.S_ISREG(before.st_mode):
                        count, digest = self._digest_large(descriptor, _regular(before, path))
                    else:
                        data = os.read(descriptor, size + 1)
                        count, digest = len(data), hashlib.sha256(data).digest()
                    after = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
                if count == size and not _changed(before, after):
                    return file_entry(path, after, digest)
        except OSError as error:
            raise reading_failed(error, path, self.location) from error
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files list() just gave, each with its SHA-256 or a skip."""
        return digest_listed(self._folders, self._flags, entries, file_entry, lambda entry: digest_or_skip(self, entry))

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file whole, or nothing (LocalWriter.write)."""
        return self._writer.write(path, chunks, size, metadata, expected)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents."""
        self._writer.make_directory(path)

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Make a symbolic link and its parents."""
        self._writer.make_link(path, link, expected)

    def delete(self, path: str) -> None:
        """Delete one file or link; an absent one is no error."""
        self._writer.delete(path)

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return nothing: a file keeps its time itself, and a file system nothing else of ours."""
        return {}

    def restoring(self) -> LocalRestore:
        """From now on write() does not wait for the disk; return what brings files back and waits for all of them.

        For restoring.restore: files that a power cut takes away are not there for the next run, which compares.
        """
        self._writer.flushes_each = False
        return LocalRestore(self._folders)

    def close(self) -> None:
        """Let go of the folder that is kept open."""
        self._folders.leave()
        self._buffer = None

    def _open_folder(self, folder: str) -> int:
        """Open a folder so that it can be listed: that takes less than to reach what is in it."""
        try:
            if not folder:
                return os.open(self.location.path, OPEN_ROOT)
            parent, name = split(folder)
            self._folders.leave()
            return os.open(name, OPEN_FOLDER, dir_fd=self._folders.enter(parent))
        except OSError as error:
            if not folder:
                raise root_failed(error, self.location) from error
            raise reading_failed(error, folder, self.location) from error

    def _scan(self, folder: str, descriptor: int) -> "Sequence[os.DirEntry[str]]":
        try:
            with os.scandir(descriptor) as found:
                return sorted([item for item in found if not is_part(item.name)], key=_bytes_of_name)
        except OSError as error:
            raise reading_failed(error, folder, self.location) from error

    def _open(self, path: str) -> int:
        folder, _slash, name = path.rpartition("/")
        try:
            return self._open_file(name, self._folders.enter(folder))
        except FileNotFoundError:
            # perhaps only the folder that was kept open is no longer the one of that name
            self._folders.leave()
            return self._open_file(name, self._folders.enter(folder))

    def _open_file(self, name: str, folder: int) -> int:
        try:
            return os.open(name, self._flags, dir_fd=folder)
        except PermissionError:
            if not self._flags & os.O_NOATIME:
                raise
            # only owner and root may leave the time of access as it was
            self._flags = _READ
            return os.open(name, self._flags, dir_fd=folder)

    def _chunk(self, path: str, descriptor: int, offset: int, size: int) -> bytes:
        """Read on from `offset`, at most one byte further than `size`."""
        if offset > size:
            return b""
        try:
            return os.pread(descriptor, min(CHUNK, size - offset + 1), offset)
        except OSError as error:
            raise reading_failed(error, path, self.location) from error

    def _digest_large(self, descriptor: int, facts: os.stat_result) -> tuple[int, bytes]:
        if self._buffer is None:
            self._buffer = bytearray(CHUNK)
        view, hasher, total = memoryview(self._buffer), hashlib.sha256(), 0
        while count := os.readv(descriptor, (view,)):
            hasher.update(view[:count])
            total += count
            if total > facts.st_size:
                break
        return total, hasher.digest()


def _regular(facts: os.stat_result, path: str) -> os.stat_result:
    """Return the facts of a regular file. ReadFailed where something else took its place after it was listed."""
    if not stat.S_ISREG(facts.st_mode):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="it is no longer a file")
    return facts


def _changed(before: os.stat_result, after: os.stat_result) -> bool:
    # of one open descriptor: the inode cannot change
    return (
        before.st_mtime_ns != after.st_mtime_ns
        or before.st_size != after.st_size
        or before.st_ctime_ns != after.st_ctime_ns
    )


def _bytes_of_name(item: "os.DirEntry[str]") -> bytes:
    return item.name.encode("utf-8", "surrogateescape")
