"""What every place files live in must promise. No implementation, no library, no decision here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from kdx.config.location import Location
from kdx.errors import ExitCode, KdxError, Unreachable
from kdx.language import N_


class Kind(StrEnum):
    """What an entry is. Sockets, pipes and devices are OTHER: seen, never opened."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"


class SkipReason(StrEnum):
    """Why an entry was seen but not taken. The first group is left by rule, the second was not read."""

    IGNORED = "ignored"
    LINK = "symlink"
    SPECIAL = "special"

    LOCKED = "locked"
    DENIED = "denied"
    VANISHED = "vanished"
    CHANGED = "changed"
    FAULTY = "faulty"
    NO_BYTES = "no-bytes"
    """Made inside a service (Google Docs): it has no bytes of its own, only exports that differ each time."""


LEFT_BY_RULE = frozenset({SkipReason.IGNORED, SkipReason.LINK, SkipReason.SPECIAL})
NOT_READ = frozenset(SkipReason) - LEFT_BY_RULE


CHANGED_AT = "changed "
"""Begins the tag of a file where a store keeps neither a digest nor our time: when the store says it changed."""
ALTERED = "altered "
"""Begins the tag of a file which the store may rewrite after it has arrived: its size and time there."""
BEGUN = "begun "
"""Begins the tag digest() gives a file that this machine began to upload and never finished: maybe a piece of it."""


class Entry(NamedTuple):
    """One entry of a share or store, and one row of a catalog (design 4.3).

    A NamedTuple, not a dataclass: a million of them are made in one scan, at a third of the cost.
    """

    path: str
    """Relative, `/`-separated, surrogate-escaped where the bytes are not UTF-8."""
    kind: str
    size: int = 0
    """Bytes; 0 for anything but files."""
    mtime_ns: int = 0
    sha256: bytes | None = None
    """32 bytes, None where the content was not read."""
    skip: str | None = None
    """A SkipReason, None where it was or can be taken."""
    link: str = ""
    mode: int = 0
    owner: str = ""
    acl: str = ""
    """In a catalog: the id of the text of a folder's rights (inventory/rights), which access() gives."""
    file_id: str = ""
    """What tells this file from another of the same name; empty where the place cannot say."""
    etag: str = ""
    """The store's own tag, without quotes; what it means is decided by transfer/verify."""


class Expected(StrEnum):
    """What a writer expects to find at the name it writes."""

    ABSENT = "absent"
    """Nothing: an object that is there is a conflict."""
    NEW = "new"
    """Nothing, as the caller's own list said a moment ago: a place that cannot refuse is not asked once more."""
    ANY = "any"
    """Whatever is there is ours (the caller has proven that) and may be replaced."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a place can promise."""

    links: bool = False
    """Symbolic links can be stored."""
    directories: bool = False
    """Empty directories exist."""
    etags: bool = False
    """list() and write() give a tag the store computed from the bytes it holds."""
    digest_without_transfer: bool = False
    """digest() moves no file data over a line."""
    digest_by_store: bool = False
    """digest() is computed by the place's own program from the bytes it holds, not by kdx from bytes it read."""
    name_bytes: int = 0
    """Longest name in bytes including the place's own prefix; 0 where only the file system limits it."""
    unicode_names: bool = True
    """Names must be valid Unicode; bytes that are not must be renamed first."""
    parallel: int = 4
    """How many requests at once do well by default."""
    together: int = 0
    """How many small files do well in one request of a place that offers that (Together); 0 where it does not."""
    time_step_ns: int = 1
    """Times are kept to whole steps of so many nanoseconds; what is written becomes the step before it."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an object carries beside its bytes. Information for people and tools, never proof."""

    mtime_ns: int
    sha256: str = ""
    """Hexadecimal; empty where it was not known before the first byte was sent."""
    name: str = ""
    """The original last path component, percent-encoded UTF-8 (or raw bytes)."""


class Written(NamedTuple):
    """What the store answered to a write."""

    etag: str
    size: int


class NotFound(KdxError):
    """The place answered, and the name is not there."""

    exit_code = ExitCode.INCOMPLETE
    message = N_("{name} is not there.")
    advice = N_("Look whether it was moved, renamed or deleted there, then run the same command again.")


class Conflict(KdxError):
    """An object is already there that this writer did not expect."""

    exit_code = ExitCode.GATE
    message = N_("{name} is already there and is not what kdx wrote.")
    advice = N_("Look at it, then move it away by hand or choose another place; kdx never replaces it.")


class NameRefused(Conflict):
    """The place cannot hold this name, or not a file of this size. The fault of one entry, not of the place."""

    message = N_("{name} cannot be stored there under this name: {why}.")
    advice = N_("Give it another name or choose another place; before a migration kdx assess lists all such names.")


class Held(Conflict):
    """What lies under a name cannot be replaced or removed now: somebody has it open."""

    message = N_("{name} cannot be replaced there: another program has it open, or it is write-protected.")
    advice = N_("Close it there, then run the same command again.")


class ReadFailed(KdxError):
    """An entry could not be read; `reason` says which kind of skip it becomes."""

    exit_code = ExitCode.INCOMPLETE
    message = N_("{name} could not be read ({reason}): {detail}")
    advice = N_(
        "Have it closed where somebody works with it, let this account read it, and run the same command again."
    )

    @property
    def reason(self) -> SkipReason:
        """The SkipReason this failure becomes in a catalog or receipt."""
        return SkipReason(str(self.values["reason"]))


class PlaceMissing(Unreachable):
    """The bucket, folder or share itself does not exist or is not what it should be."""

    message = N_("{place} cannot be used: {why}.")
    advice = N_("Check the address and that the share is mounted or the bucket exists: kdx doctor.")


class PlaceRefused(Unreachable):
    """The place answered and refused us."""

    message = N_("{place} refused us: {why}.")
    advice = N_("Check the user, the keys and the clock of this machine: kdx doctor.")


class PlaceSilent(Unreachable):
    """The place did not answer, or not in time, or not in a way that can be understood."""

    message = N_("{place} does not answer: {why}.")
    advice = N_("Check line and server, then run the same command again; it goes on where it stopped.")


class Remote(Protocol):
    """A place files live. One instance per thread or process; names are relative, `/`-separated, surrogate-escaped.

    Contract, checked for every implementation by tests/remotes/test_contract.py:
    - list() gives every entry directly in a folder, walk() every entry below it, both without following links.
      A folder that cannot be listed is an entry with a skip, never an error and never silently empty.
    - read() is stat, read, stat: if the file changed meanwhile it raises ReadFailed(changed) before its last chunk
      is handed out as final, so that a torn copy is never taken for a whole one.
    - write() is atomic: a reader sees the whole object or none, and an interrupted write leaves nothing listed.
      If iterating `chunks` raises, nothing is written and the error passes through.
    - write() with Expected.ABSENT never replaces an object: it raises Conflict.
    - NotFound means the place answered and the name is absent; anything unclear raises Unreachable.
    """

    location: Location

    @property
    def capabilities(self) -> Capabilities:
        """What this place can promise. A server must be asked, so this may raise Unreachable."""
        ...

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield the entries directly inside `folder` ("" is the root), sorted by the bytes of their names.

        ReadFailed or NotFound, before the first entry, where `folder` was listable and no longer is.
        """
        ...

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """The same as list(), but of files only path and kind need be right: for whoever reads each of them anyway."""
        ...

    def walk(self) -> Iterator[Entry]:
        """Yield every entry below the root, in any order, in bounded memory."""
        ...

    def access(self, folder: str) -> str:
        """Return who may do what in a folder that was just listed: SDDL, or the short text of getfacl(1).

        "" where the place keeps no such list or does not tell; asked right after list(folder) it costs nothing.
        """
        ...

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now. NotFound where it is not there."""
        ...

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Take note that these small files (path, size when last seen) will be asked for and read next, in this order.

        A far place fetches them together, where asking one by one would cost several round trips each; a near one does
        nothing. Whatever was fetched ahead keeps the promise of read().
        """
        ...

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file from offset `start`, in chunks. ReadFailed or NotFound."""
        ...

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256, computed where the bytes lie if the place can. ReadFailed or NotFound."""
        ...

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files that list() or list_names() gave, in that order, each as it is now with its SHA-256 or a skip.

        Raises only what the place itself raises.
        """
        ...

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write `size` bytes as one object. Conflict, PlaceRefused, PlaceSilent or DiskFull."""
        ...

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents where capabilities.directories; twice is once."""
        ...

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Make a symbolic link where capabilities.links; never over something else."""
        ...

    def delete(self, path: str) -> None:
        """Delete one object or file; an absent one is no error. Nothing but a person's order calls this."""
        ...

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return what the object carries beside its bytes; empty where the place keeps nothing."""
        ...

    def close(self) -> None:
        """Let go of connections; the instance is not used afterwards."""
        ...
