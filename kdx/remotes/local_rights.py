"""Put times and rights back where a restore has written: a local folder tree. Never through a link.

Rights come from a vault, so they are as hostile as whoever wrote it: set-user-id bits are never given back to a file.
"""

import grp
import os
import pwd
import re
import stat
from contextlib import suppress
from functools import cache

from kdx.remotes.interface import Kind
from kdx.remotes.local_folders import Folders, split

_POSIX = re.compile(r"posix:([^:]*):([^:]*):([0-7]{4})(?::(.+))?", re.DOTALL)
_FILE_BITS, _FOLDER_BITS = 0o777, 0o3777

OWNER, MODE, TIME, EXTENDED, WINDOWS = "owner", "mode", "time", "extended", "windows"
"""What could not be put back."""


class LocalRights:
    """Puts back what a folder tree can hold. One instance per thread."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def put_back(self, path: str, kind: str, mtime_ns: int, rights: str) -> list[str]:
        """Give an entry its time and rights (`posix:…`, `sddl:…` or empty); return what could not be put back."""
        parent, name = split(path)
        try:
            folder = self._folders.enter(parent)
            lost = [] if kind == Kind.LINK else _give_rights(name, folder, kind, rights)
        except OSError:
            return [MODE, TIME]
        try:
            # last: what came before may have changed it
            os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=folder, follow_symlinks=False)
        except (OSError, OverflowError):
            lost.append(TIME)
        return lost

    def flush(self) -> None:
        """Wait until everything that was written is on the disk."""
        os.sync()


def _give_rights(name: str, folder: int, kind: str, rights: str) -> list[str]:
    found = _POSIX.fullmatch(rights)
    if not found:
        return [WINDOWS] if rights else []
    owner, group, mode, entries = found.groups()
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        facts = os.fstat(descriptor)
        if not (stat.S_ISREG(facts.st_mode) or (kind == Kind.DIRECTORY and stat.S_ISDIR(facts.st_mode))):
            raise OSError
        lost = [] if _give_owner(name, folder, facts, owner, group) else [OWNER]
        bits = int(mode, 8) & (_FOLDER_BITS if kind == Kind.DIRECTORY else _FILE_BITS)
        try:
            # through /proc, because no call takes a descriptor that was opened without any right
            os.chmod(f"/proc/self/fd/{descriptor}", bits)
        except OSError:
            lost.append(MODE)
        return [*lost, EXTENDED] if entries else lost
    finally:
        os.close(descriptor)


def _give_owner(name: str, folder: int, facts: os.stat_result, owner: str, group: str) -> bool:
    user, team = _user(owner), _group(group)
    if (owner and user < 0) or (group and team < 0):
        return False
    if (user in (-1, facts.st_uid)) and (team in (-1, facts.st_gid)):
        return True
    with suppress(OSError):
        os.chown(name, user, team, dir_fd=folder, follow_symlinks=False)
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
    if name.isascii() and name.isdigit():
        return min(int(name), 0x7FFFFFFF)
    with suppress(KeyError, ValueError):
        return grp.getgrnam(name).gr_gid if name else -1
    return -1
