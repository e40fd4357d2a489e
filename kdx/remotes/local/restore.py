"""Bring files back into a local folder tree, with their times and rights. Never through a link, never over anything.

A file gets its name when it is whole and all is put back, as in writer: a kill leaves nothing. The disk is waited for
once, at the end: whoever restores after a power cut compares what is there. Rights come from a vault, so they are
as hostile as whoever wrote it: set-user-id bits are never given back to a file.
"""

import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from kdx.remotes.local.acl import ACCESS, DEFAULT, Attributes, attributes_of
from kdx.remotes.interface import Expected, Kind, ReadFailed, SkipReason
from kdx.remotes.local.faults import writing
from kdx.remotes.local.filling import Filler
from kdx.remotes.local.folders import Folders, split
from kdx.remotes.local.writer import by_descriptor, publish, unfinished

_POSIX = re.compile(r"posix:([^:]*):([^:]*):([0-7]{4})(?::(.+))?", re.DOTALL)
_FILE_BITS, _FOLDER_BITS = 0o777, 0o3777

OWNER, MODE, TIME, EXTENDED, WINDOWS = "owner", "mode", "time", "extended", "windows"
"""What could not be put back."""


class LocalRestore:
    """Puts back what a folder tree can hold. One instance per thread."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._filler = Filler()

    def put(self, path: str, chunks: Iterable[bytes | memoryview], size: int, mtime_ns: int, rights: str) -> list[str]:
        """Write a new file with its time and rights (`posix:…`, `sddl:…`, empty); return what could not be put back.

        Raises what LocalWriter.write() raises, Conflict where something has its name; nothing is left then.
        """
        parent, name = split(path)
        with writing(path, self._folders.location):
            folder = self._parent(parent)
            with unfinished(folder) as (descriptor, part):
                if self._filler.fill(descriptor, chunks, size) != size:
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                lost = _give_rights(descriptor, Kind.FILE, rights)
                if not _give_time(descriptor, mtime_ns):
                    lost.append(TIME)
                publish(part or by_descriptor(descriptor), name, Expected.ABSENT, folder)
                return lost

    def _parent(self, parent: str) -> int:
        """Return the open folder of this name, made where it is not there; most files lie beside the one before."""
        try:
            return self._folders.enter(parent)
        except FileNotFoundError:
            with self._folders.make(parent):
                pass
            return self._folders.enter(parent)

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


def _give_time(descriptor: int, mtime_ns: int) -> bool:
    with suppress(OSError, OverflowError):
        os.utime(by_descriptor(descriptor), ns=(mtime_ns, mtime_ns))
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
        os.chmod(by_descriptor(descriptor), bits)
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
                os.setxattr(by_descriptor(descriptor), name, value)
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
        os.chown(by_descriptor(descriptor), user, team)
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
