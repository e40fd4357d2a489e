"""What lies on a share, summed up: by 年度, folder, type, age, owner. Pure: entries in, groups out, in one pass.

What is ignored by pattern does not belong to the share's content and is counted only by `ignored`. A file that could
not be read counts with its name and size: it is there.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from kdx.inventory.file_type import file_type
from kdx.inventory.fiscal_year import fiscal_year_of_moment, fiscal_year_of_path
from kdx.inventory.ignore import ignore_matcher
from kdx.inventory.names import is_stand_in, is_unicode, readable
from kdx.language import N_
from kdx.remotes.interface import NOT_READ, Entry, SkipReason

LARGEST = 100
AGES = (
    (timedelta(days=365), N_("under 1 year")),
    (timedelta(days=3 * 365), N_("1 to 3 years")),
    (timedelta(days=5 * 365), N_("3 to 5 years")),
    (timedelta(days=10 * 365), N_("5 to 10 years")),
)
OLDER = N_("over 10 years")
FUTURE = N_("in the future (a wrong clock)")
UNKNOWN_AGE = N_("not known")
NOT_UTF8 = N_("not UTF-8")
STAND_IN = N_("short stand-in name")
"""Over SMB a name that Windows forbids appears as `A4WTMA~A.TXT`; what it really is stands on the server only."""
TOP = N_("(directly in the share)")

Key = tuple[object, ...]


@dataclass(slots=True)
class Group:
    """The files that have one key in common. Bytes; `newest` is the last change in nanoseconds, 0 where unknown."""

    key: Key
    files: int = 0
    bytes: int = 0
    newest: int = 0


def content(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the files that make up a share: everything but what is left by pattern."""
    return (entry for entry in entries if entry.kind == "file" and entry.skip != "ignored")


def group_files(entries: Iterable[Entry], key_of: Callable[[Entry], Key]) -> list[Group]:
    """Given a share's entries, return its files in groups of one key, the heaviest first."""
    groups: dict[Key, Group] = {}
    for entry in content(entries):
        key = key_of(entry)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(key)
        group.files += 1
        group.bytes += entry.size
        group.newest = max(group.newest, entry.mtime_ns)
    return sorted(groups.values(), key=lambda group: (-group.bytes, -group.files, str(group.key)))


def by_fiscal_year(zone: tzinfo) -> Callable[[Entry], Key]:
    """Return the key (fiscal year, whether the name says so): without a year in its path a file goes by last change."""

    def key(entry: Entry) -> Key:
        year = fiscal_year_of_path(readable(entry.path))
        if year is not None:
            return year, True
        return (fiscal_year_of_moment(moment_of(entry.mtime_ns), zone) if entry.mtime_ns > 0 else None), False

    return key


def by_folder(entry: Entry) -> Key:
    """Return the key (topmost folder), empty for files that lie in none."""
    folder, slash, _rest = entry.path.partition("/")
    return (folder if slash else "",)


def by_type(entry: Entry) -> Key:
    """Return the key (type, ending)."""
    return file_type(entry.path.rpartition("/")[2])


def by_age(now: datetime) -> Callable[[Entry], Key]:
    """Return the key (rank, age since the last change)."""
    limits = [(int((now - age).timestamp() * 1e9), rank, name) for rank, (age, name) in enumerate(AGES, 1)]
    present = int(now.timestamp() * 1e9)

    def key(entry: Entry) -> Key:
        if entry.mtime_ns <= 0:
            return len(AGES) + 2, UNKNOWN_AGE
        if entry.mtime_ns > present:
            return 0, FUTURE
        for limit, rank, name in limits:
            if entry.mtime_ns > limit:
                return rank, name
        return len(AGES) + 1, OLDER

    return key


def by_owner(entry: Entry) -> Key:
    """Return the key (owner), empty where the place does not say."""
    return (entry.owner,)


def moment_of(mtime_ns: int) -> datetime:
    """Return nanoseconds since 1970 as an aware moment; the first or last there is where a clock was absurd."""
    try:
        return datetime.fromtimestamp(mtime_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC) if mtime_ns > 0 else datetime.min.replace(tzinfo=UTC)


def largest(entries: Iterable[Entry], most: int = LARGEST) -> list[Entry]:
    """Return the largest files, the largest first."""
    return heapq.nlargest(most, content(entries), key=lambda entry: entry.size)


def unread(entries: Iterable[Entry]) -> list[Entry]:
    """Return what was seen but could not be read."""
    return [entry for entry in entries if entry.skip in NOT_READ]


def odd_names(entries: Iterable[Entry]) -> list[Entry]:
    """Return what has a last name that is not UTF-8 or a stand-in for one that SMB cannot show; what only lies in such
    a folder is not repeated."""
    return [entry for entry in entries if odd_name(entry.path.rpartition("/")[2])]


def odd_name(name: str) -> str | None:
    """Return what is odd about a name, None where nothing is."""
    if not is_unicode(name):
        return NOT_UTF8
    return STAND_IN if is_stand_in(name) else None


def ignored(entries: Iterable[Entry], patterns: Iterable[str]) -> list[Group]:
    """Return what is left by pattern: the key is (pattern,); one that no longer stands in the rules is empty."""
    pattern_of = ignore_matcher(tuple(patterns))
    groups: dict[Key, Group] = {}
    for entry in entries:
        if entry.skip == SkipReason.IGNORED:
            key = (pattern_of(entry.path.rpartition("/")[2]) or "",)
            group = groups.setdefault(key, Group(key))
            group.files += 1
            group.bytes += entry.size
    return sorted(groups.values(), key=lambda group: str(group.key))
