"""What a folder says of what is in it, as entries. Opens nothing but folders, and those only to see that they open."""

import os
import pwd
import stat
from functools import cache

from kdx.remotes.interface import Entry, Kind
from kdx.remotes.local.faults import reason_of

OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPEN_FOLDER = OPEN_ROOT | os.O_NOFOLLOW
"""How a folder is opened so that it can be listed."""

_new = tuple.__new__


@cache
def owner_name(uid: int) -> str:
    """Return the user's name, the number where nobody knows one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def file_entry(path: str, facts: os.stat_result, digest: bytes | None = None) -> Entry:
    """Return the entry of a regular file."""
    # Entry(...) without its argument handling, at half the cost: this runs twice for every file of a school
    return _new(
        Entry,
        (
            path,
            "file",
            facts.st_size,
            facts.st_mtime_ns,
            digest,
            None,
            "",
            facts.st_mode & 0o7777,
            owner_name(facts.st_uid),
            "",
            str(facts.st_ino),
            "",
        ),
    )


def entry_of(path: str, facts: os.stat_result, name: str, folder: int) -> Entry:
    """Return the entry of anything, `name` being its name in `folder`. OSError."""
    if stat.S_ISREG(facts.st_mode):
        return file_entry(path, facts)
    entry = file_entry(path, facts)._replace(size=0)
    if stat.S_ISLNK(facts.st_mode):
        return entry._replace(kind="link", link=os.readlink(name, dir_fd=folder))
    if not stat.S_ISDIR(facts.st_mode):
        return entry._replace(kind="other", skip="special")
    return entry._replace(kind="directory", skip=_why_closed(name, folder))


def listed(item: "os.DirEntry[str]", prefix: str, folder: int) -> Entry | None:
    """Return the entry of one listed name, None where it vanished since."""
    path = prefix + item.name
    try:
        facts = item.stat(follow_symlinks=False)
        if stat.S_ISREG(facts.st_mode):
            return file_entry(path, facts)
        return entry_of(path, facts, item.name, folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Entry(path, _kind_by_name(item), skip=reason_of(error).value)


def named(item: "os.DirEntry[str]", prefix: str, folder: int) -> Entry | None:
    """The same, but a file is not asked for its size and time."""
    if _kind_by_name(item) == Kind.FILE:
        return _new(Entry, (prefix + item.name, "file", 0, 0, None, None, "", 0, "", "", "", ""))
    return listed(item, prefix, folder)


def _kind_by_name(item: "os.DirEntry[str]") -> str:
    """Return what the folder itself says of a name; FILE where it does not know and the entry cannot be asked."""
    try:
        if item.is_file(follow_symlinks=False):
            return "file"
        return "link" if item.is_symlink() else "directory" if item.is_dir(follow_symlinks=False) else "other"
    except OSError:
        return "file"


def _why_closed(name: str, folder: int) -> str | None:
    """Return the skip of a folder that cannot be listed, None where it can: only opening it tells."""
    try:
        os.close(os.open(name, OPEN_FOLDER, dir_fd=folder))
    except OSError as error:
        return reason_of(error).value
    return None
