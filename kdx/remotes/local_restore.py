"""Bring files back into a local folder tree, with their times and rights. Never through a link, never over anything.

A file grows without a name (O_TMPFILE) and gets one when it is whole: a kill leaves nothing behind. The disk is waited
for once, at the end: whoever restores after a power cut compares what is there. Rights come from a vault, so they are
as hostile as whoever wrote it: set-user-id bits are never given back to a file.
"""

import errno
import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from kdx.remotes.acl_attribute import ACCESS, DEFAULT, Attributes, attributes_of
from kdx.remotes.interface import Expected, Kind, Metadata, ReadFailed, SkipReason
from kdx.remotes.local_faults import writing
from kdx.remotes.local_folders import Folders, split
from kdx.remotes.local_write import LocalWriter

_POSIX = re.compile(r"posix:([^:]*):([^:]*):([0-7]{4})(?::(.+))?", re.DOTALL)
_FILE_BITS, _FOLDER_BITS = 0o777, 0o3777
_NAMELESS = os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})

OWNER, MODE, TIME, EXTENDED, WINDOWS = "owner", "mode", "time", "extended", "windows"
"""What could not be put back."""


class LocalRestore:
    """Puts back what a folder tree can hold. One instance per thread."""

    def __init__(self, folders: Folders, writer: LocalWriter) -> None:
        self._folders = folders
        self._writer = writer
        self._nameless = True
        """Whether this file system knows files without a name; nobody has seen the contrary yet."""

    def put(self, path: str, chunks: Iterable[bytes], size: int, mtime_ns: int, rights: str) -> list[str]:
        """Write a new file with its time and rights (`posix:…`, `sddl:…` or empty); return what could not be put back.

        Raises what LocalWriter.write() raises. Whatever is raised, nothing is left.
        """
        parent, name = split(path)
        with writing(path, self._folders.location):
            descriptor = self._open_nameless(parent)
            if descriptor is None:
                self._writer.write(path, chunks, size, Metadata(_sane(mtime_ns)), Expected.ABSENT)
                return self.put_back(path, Kind.FILE, mtime_ns, rights)
            try:
                if _fill(descriptor, chunks) != size:
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                lost = _give_rights(descriptor, Kind.FILE, rights)
                if not _give_time(descriptor, mtime_ns):
                    lost.append(TIME)
                folder = self._folders.enter(parent)
                os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=folder, follow_symlinks=True)
                return lost
            finally:
                os.close(descriptor)

    def _open_nameless(self, parent: str) -> int | None:
        """Return a file without a name in this folder; None where the file system or /proc cannot do that."""
        if not self._nameless:
            return None
        try:
            folder = self._folders.enter(parent)
        except FileNotFoundError:
            with self._folders.make(parent):
                pass
            folder = self._folders.enter(parent)
        try:
            return os.open(".", _NAMELESS, 0o666, dir_fd=folder)
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
            self._nameless = False
            return None

    def put_back(self, path: str, kind: str, mtime_ns: int, rights: str) -> list[str]:
        """Give something that is there its time and rights; return what could not be put back."""
        parent, name = split(path)
        try:
            folder = self._folders.enter(parent)
            if kind == Kind.LINK:
                os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=folder, follow_symlinks=False)
                return []
            descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except (OSError, OverflowError):
            return [TIME]
        try:
            wanted = stat.S_IFDIR if kind == Kind.DIRECTORY else stat.S_IFREG
            if stat.S_IFMT(os.fstat(descriptor).st_mode) != wanted:
                return [MODE, TIME]
            lost = _give_rights(descriptor, kind, rights)
            # last: what came before may have changed it
            return lost if _give_time(descriptor, mtime_ns) else [*lost, TIME]
        finally:
            os.close(descriptor)

    def flush(self) -> None:
        """Wait until everything that was written is on the disk."""
        os.sync()


def _fill(descriptor: int, chunks: Iterable[bytes]) -> int:
    written = 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        written += len(chunk)
    return written


def _sane(mtime_ns: int) -> int:
    """Return a time every file system takes; the true one is tried afterwards and its failure told."""
    return mtime_ns if abs(mtime_ns) < 1 << 62 else 0


def _by_descriptor(descriptor: int) -> str:
    # through /proc, because no call takes a descriptor that was opened without any right
    return f"/proc/self/fd/{descriptor}"


def _give_time(descriptor: int, mtime_ns: int) -> bool:
    with suppress(OSError, OverflowError):
        os.utime(_by_descriptor(descriptor), ns=(mtime_ns, mtime_ns))
        return True
    return False


def _give_rights(descriptor: int, kind: str, rights: str) -> list[str]:
    found = _POSIX.fullmatch(rights)
    if not found:
        return [WINDOWS] if rights else []
    owner, group, mode, entries = found.groups()
    lost = [] if _give_owner(descriptor, owner, group) else [OWNER]
    bits = int(mode, 8) & (_FOLDER_BITS if kind == Kind.DIRECTORY else _FILE_BITS)
    attributes = attributes_of(entries, bits, _user, _group) if entries else None
    if attributes and attributes.access:
        # the group's digit is the ACL's mask: without the ACL it would be a right the group never had
        bits &= ~0o070
    try:
        os.chmod(_by_descriptor(descriptor), bits)
    except OSError:
        lost.append(MODE)
    if attributes and not _give_acl(descriptor, attributes):
        lost.append(EXTENDED)
    return lost


def _give_acl(descriptor: int, attributes: Attributes) -> bool:
    """Set what can be set. Return whether it is all there was."""
    try:
        for name, value in ((ACCESS, attributes.access), (DEFAULT, attributes.default)):
            if value:
                os.setxattr(_by_descriptor(descriptor), name, value)
    except OSError:
        return False
    return attributes.is_whole


def _give_owner(descriptor: int, owner: str, group: str) -> bool:
    user, team = _user(owner), _group(group)
    if (owner and user < 0) or (group and team < 0):
        return False
    facts = os.fstat(descriptor)
    if (user in (-1, facts.st_uid)) and (team in (-1, facts.st_gid)):
        return True
    with suppress(OSError):
        os.chown(_by_descriptor(descriptor), user, team)
        return True
    return False


@cache
def _user(name: str) -> int:
    """Return the number of a user here, -1 where there is none. A number is what had no name at the source either."""
    if name.isascii() and name.isdigit():
        return min(int(name), 0x7FFFFFFF)
    with suppress(KeyError, ValueError):
        return pwd.getpwnam(name).pw_uid if name else -1
    return -1


@cache
def _group(name: str) -> int:
    """Return the number of a group here, -1 where there is none."""
    if name.isascii() and name.isdigit():
        return min(int(name), 0x7FFFFFFF)
    with suppress(KeyError, ValueError):
        return grp.getgrnam(name).gr_gid if name else -1
    return -1
