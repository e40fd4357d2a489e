"""Write into a folder tree: whole files or none. Never writes through a link, never replaces what it must not.

A file grows without a name and gets its own when it is whole and on the disk: a kill leaves nothing. Where the file
system cannot do that (mounted shares, FAT), it grows as `.kdx-<random>.part` beside its final name. What a kill leaves
behind there is never listed, and the next writer in that folder removes it once it is a day old by the file system's
own clock: no living writer leaves its part untouched for so long.
"""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from kdx.remotes.interface import Conflict, Expected, Metadata, ReadFailed, SkipReason, Written
from kdx.remotes.local.faults import writing
from kdx.remotes.local.filling import Filler
from kdx.remotes.local.folders import Folders, split

PART_KEPT_NS = 24 * 3600 * 1_000_000_000

RESERVED_FROM, RESERVED_TO = 1 << 20, 64 << 20
"""Bytes of a file that room is asked for at once: the kernel then writes a pack in half the CPU time (ext4)."""

_PART = re.compile(r"\.kdx-[0-9a-f]{16}\.part")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE_NAMELESS = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_CANNOT_BE_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS})
_CANNOT_LINK = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})
_RENAME_NOREPLACE = 1


def is_part(name: str) -> bool:
    """Whether this is a name of a file that kdx has not finished writing."""
    return name.startswith(".kdx-") and _PART.fullmatch(name) is not None


class LocalWriter:
    """Writes files, folders and links below one root. One instance per thread."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.location = folders.location
        self.flushes_each = True
        """Whether each file is on the disk before write() returns; else whoever writes flushes when all are written."""
        self._filler = Filler()
        self._swept: set[str] = set()

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file and its parents, durably.

        Conflict where something is there that was not expected, or where a parent is a link or a file; NameRefused;
        ReadFailed(changed) where `chunks` are not `size` bytes; DiskFull; PlaceRefused; PlaceSilent. An error of
        `chunks` passes through. Whatever is raised, nothing is left.
        """
        parent, name = split(path)
        with writing(path, self.location), self.folders.make(parent) as folder:
            if expected != Expected.ANY and _exists(name, folder):
                raise Conflict(name=path)
            with unfinished(folder) as (descriptor, part):
                if not part and RESERVED_FROM <= size <= RESERVED_TO:
                    # only here: what cannot hold a nameless file may not know this call, and libc then fills by hand
                    os.posix_fallocate(descriptor, 0, size)
                if self._filler.fill(descriptor, chunks, size) != size:
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                os.utime(descriptor, ns=(metadata.mtime_ns, metadata.mtime_ns))
                if self.flushes_each:
                    os.fsync(descriptor)
                publish(part or by_descriptor(descriptor), name, expected, folder)
            if self.flushes_each:
                _sync(folder)
            if parent not in self._swept:
                _sweep(folder)
                self._swept.add(parent)
        return Written(etag="", size=size)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents; twice is once. Conflict where a link or a file has one of the names."""
        with writing(path, self.location), self.folders.make(path):
            pass

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Make a symbolic link and its parents. Only a link is ever replaced, and only with Expected.ANY."""
        parent, name = split(path)
        with writing(path, self.location), self.folders.make(parent) as folder:
            try:
                os.symlink(link, name, dir_fd=folder)
            except FileExistsError:
                _replace_link(link, name, expected, folder, path)
            _sync(folder)

    def delete(self, path: str) -> None:
        """Delete one file or link; an absent one is no error. Conflict where it is a folder."""
        parent, name = split(path)
        with suppress(FileNotFoundError), writing(path, self.location):
            self.folders.leave()
            try:
                os.unlink(name, dir_fd=self.folders.enter(parent))
            except FileNotFoundError:
                return


@contextmanager
def unfinished(folder: int) -> Iterator[tuple[int, str]]:
    """A new file open for writing, and its name for the time being: "" where it has none. Gone after the block."""
    part = ""
    descriptor = _open_nameless(folder)
    if descriptor is None:
        part = _part_name()
        descriptor = os.open(part, _CREATE, 0o666, dir_fd=folder)
    try:
        yield descriptor, part
    finally:
        os.close(descriptor)
        if part:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)


def _open_nameless(folder: int) -> int | None:
    """Return a new file without a name, None where the file system, or a machine without /proc, cannot have one."""
    if not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(".", _CREATE_NAMELESS, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno not in _CANNOT_BE_NAMELESS:
            raise
        return None


def _part_name() -> str:
    return f".kdx-{secrets.token_hex(8)}.part"


def by_descriptor(descriptor: int) -> str:
    """Return a path to an open file: for giving it a name, and for calls that take no descriptor."""
    return f"/proc/self/fd/{descriptor}"


def publish(unfinished: str, name: str, expected: Expected, folder: int) -> None:
    """Give the whole file its name, in one step that no reader can see the middle of."""
    nameless = unfinished.startswith("/")
    if expected == Expected.ANY:
        part = unfinished
        if nameless:
            # only a rename replaces; a kill between these two calls leaves a part, and nothing longer does
            part = _part_name()
            os.link(unfinished, part, dst_dir_fd=folder, follow_symlinks=True)
        try:
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(part, dir_fd=folder)
            raise
        return
    try:
        os.link(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=nameless)
    except OSError as error:
        if nameless or error.errno not in _CANNOT_LINK:
            raise
        _rename_if_absent(unfinished, name, folder)


def _rename_if_absent(part: str, name: str, folder: int) -> None:
    """For file systems without hard links (FAT, some mounts). Where the kernel cannot refuse to replace either, a
    file that another program puts there between the look and the rename is lost; nothing better exists there.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(folder, os.fsencode(part), folder, os.fsencode(name), _RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number not in _CANNOT_LINK:
        raise OSError(number, os.strerror(number))
    if _exists(name, folder):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)


def _replace_link(link: str, name: str, expected: Expected, folder: int, path: str) -> None:
    is_link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    if is_link and os.readlink(name, dir_fd=folder) == link:
        return
    if not is_link or expected != Expected.ANY:
        raise Conflict(name=path)
    part = _part_name()
    os.symlink(link, part, dir_fd=folder)
    os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _sync(folder: int) -> None:
    """Wait until the folder knows its new name, or a power cut takes the file away again."""
    # a folder that may be written and not read cannot be synced; its file system does it in its own time
    with suppress(PermissionError):
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: int) -> None:
    """Remove kdx's own parts that no living writer can still be filling."""
    with suppress(PermissionError):
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            now = os.fstat(descriptor).st_mtime_ns
            for name in os.listdir(descriptor):
                if is_part(name) and _age(name, descriptor, now) > PART_KEPT_NS:
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=descriptor)
        finally:
            os.close(descriptor)


def _age(name: str, folder: int, now: int) -> int:
    """Return nanoseconds since a part last changed; its ctime, because its mtime is already the source file's."""
    try:
        return now - os.stat(name, dir_fd=folder, follow_symlinks=False).st_ctime_ns
    except FileNotFoundError:
        return 0
