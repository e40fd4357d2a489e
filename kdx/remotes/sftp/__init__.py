"""Folders on servers that speak SFTP. Follows no link below its root, and asks nobody anything.

Connections are made in connection (host keys in hosts, old servers in old), questions are put in wire, folders listed
in folders, files read in files and written in writer; what a server with a shell does by itself is in shell.
A connection that broke is made once more, for whatever may be asked twice (kept, resumed).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.errors import KdxError
from kdx.remotes.sftp import files, folders, shell
from kdx.remotes.interface import (
    Capabilities,
    Entry,
    Expected,
    Kind,
    Metadata,
    NotFound,
    ReadFailed,
    SkipReason,
    Written,
)
from kdx.remotes.listed import digest_or_skip
from kdx.remotes.sftp.ahead import Ahead
from kdx.remotes.sftp.connection import Connection, Door, Patience
from kdx.remotes.sftp.kept import KeptConnection
from kdx.remotes.sftp.paths import SECOND, Paths, entry_of
from kdx.remotes.sftp.files import SMALL, OpenFile, Whole, bundles, read_small
from kdx.remotes.sftp.resumed import hash_on, read_on
from kdx.remotes.sftp.shell import Abilities
from kdx.remotes.sftp.tree import Tree, look_through
from kdx.remotes.sftp.writer import Writer

PARALLEL = 8
PATIENT = Patience()
HURRIED = Patience(connect=5, answer=10)
QUIET_RETRIES = 2
"""How often digest() begins again when a file changed under it, before it says so."""


class SftpRemote:
    """One folder tree on one server, over one connection. Connects when it is first asked something."""

    def __init__(self, door: Door) -> None:
        self.location = door.location
        self.door = door
        self._paths = Paths(door.location)
        self._writer = Writer(self._paths)
        self._kept = KeptConnection(door)
        self._abilities: Abilities | None = None
        self._looked_at = Entry("", "")
        """The last entry stat() gave: a file that is read right afterwards need not be looked at again."""
        self._ahead = Ahead()

    @property
    def capabilities(self) -> Capabilities:
        """What this server can promise. Connects: whether it has a shell shows only there."""
        hashes = self.abilities.hashing is not None
        return Capabilities(
            # the two names of a link go over the line in OpenSSH's order, which is not the draft's
            links="OpenSSH" in self.server[0],
            directories=True,
            digest_without_transfer=hashes,
            digest_by_store=hashes,
            unicode_names=False,
            parallel=PARALLEL,
            time_step_ns=SECOND,
        )

    @property
    def abilities(self) -> Abilities:
        """What the server can do by itself."""
        if self._abilities is None:
            self._abilities = self._kept.twice(shell.try_shell)
        return self._abilities

    @property
    def server(self) -> tuple[str, str]:
        """What the server calls itself, and its host key."""
        connection = self._kept.get()
        return connection.server, connection.host_key

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield the entries directly inside `folder`, sorted by the bytes of their names."""
        yield from self._kept.twice(lambda connection: folders.list_folder(connection.wire, self._paths, folder))

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """The same as list(): a server tells names and sizes in one answer."""
        return self.list(folder)

    def walk(self) -> Iterator[Entry]:
        """Yield every entry below the root, each folder before what is in it. A server with a shell begins at once."""
        tree = None
        if self._abilities is None or self._abilities.lists:
            self._abilities, tree = self._kept.twice(lambda connection: look_through(connection, self._paths))
        return folders.walk(self._kept.get().wire, self._paths) if tree is None else self._walk_tree(tree)

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now, links unfollowed. "" is the root."""
        whole = self._ahead.take(path, lambda paths: self._kept.twice(partial(self._read_small, paths)))
        if whole is not None:
            self._looked_at = entry_of(path, whole.attributes)
            return self._looked_at
        self._looked_at = self._kept.twice(lambda connection: files.stat(connection.wire, self._paths, path))
        return self._looked_at

    def access(self, folder: str) -> str:
        """Return nothing: SFTP tells mode bits, and those stand in each entry."""
        return ""

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Fetch these files together when the first of them is asked for."""
        self._ahead.expect([path for path, size in files if size <= SMALL])

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file. The last chunk is held back until the file is known not to have changed.

        A line that breaks is taken up again where it broke, as long as each new connection gets further.
        """
        data = self._ahead.data_of(path)
        if data is not None:
            yield from (data[start:],) if data[start:] else ()
            return
        known = self._looked_at.path == path and self._looked_at.kind == Kind.FILE
        if known and self._looked_at.size <= SMALL:
            (found,) = self._kept.twice(lambda connection: read_small(connection.wire, self._paths, [path]))
            if isinstance(found, KdxError):
                raise found
            if found is not None:
                if data := found.data[start:]:
                    yield data
                return
        yield from read_on(self._kept, self._paths, path, start, known)

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256, computed by the server where it can."""
        looked = self.stat(path)
        if looked.kind != Kind.FILE:
            raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="it is no longer a file")
        hashing = self.abilities.hashing
        if hashing is None:
            return self._digest_here(looked)
        reason = SkipReason.CHANGED
        for _attempt in range(1 + QUIET_RETRIES):
            (found,) = hash_on(self._kept, self._paths, hashing, [looked])
            if found.sha256 is not None:
                return found
            reason = SkipReason.CHANGED if found.skip == SkipReason.CHANGED else SkipReason.FAULTY
            if reason == SkipReason.FAULTY:
                # not there, or not to be read: opening it says which
                OpenFile(self._kept.get().wire, self._paths, path).close()
        raise ReadFailed(name=path, reason=reason, detail="")

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files list() just gave, each with its SHA-256 or a skip."""
        hashing = self.abilities.hashing
        if hashing is None:
            yield from self._hash_here(entries)
            return
        for entry in hash_on(self._kept, self._paths, hashing, entries):
            yield entry if entry.sha256 is not None else digest_or_skip(self, entry._replace(skip=None))

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file whole, or nothing (Writer.write). Never tried twice: `chunks` come once."""
        return self._writer.write(self._kept.get().wire, path, chunks, size, metadata, expected)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents."""
        self._kept.twice(lambda connection: self._writer.make_directory(connection.wire, path))

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Make a symbolic link and its parents."""
        self._kept.twice(lambda connection: self._writer.make_link(connection.wire, path, link, expected))

    def delete(self, path: str) -> None:
        """Delete one file or link; an absent one is no error."""
        self._kept.twice(lambda connection: self._writer.delete(connection.wire, path))

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return nothing: a file keeps its time itself, and a server nothing else of ours."""
        return {}

    def close(self) -> None:
        """Hang up."""
        self._kept.close()

    def _walk_tree(self, tree: Tree) -> Iterator[Entry]:
        with closing(tree):
            yield from tree.entries()
            if not tree.whole:
                seen = tree.paths()
                rest = folders.walk(self._kept.get().wire, self._paths)
                yield from (entry for entry in rest if entry.path not in seen)

    def _digest_here(self, looked: Entry) -> Entry:
        """Read a file over the line and hash it here. One that changes is tried again, then ReadFailed(changed)."""
        path = looked.path
        for attempt in range(1 + QUIET_RETRIES):
            digest, size = hashlib.sha256(), 0
            try:
                for chunk in self.read(path):
                    digest.update(chunk)
                    size += len(chunk)
            except ReadFailed as error:
                if error.reason != SkipReason.CHANGED or attempt == QUIET_RETRIES:
                    raise
            before, looked = looked, self.stat(path)
            if (before.size, before.mtime_ns) == (looked.size, looked.mtime_ns) == (size, looked.mtime_ns):
                return looked._replace(sha256=digest.digest())
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")

    def _hash_here(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Read files over the line and hash them here, many small ones at a time."""
        for bundle in bundles(entries):
            paths = [entry.path for entry in bundle]
            found: Sequence[Whole | KdxError | None] = (None,)
            if bundle[0].size <= SMALL:
                found = self._kept.twice(partial(self._read_small, paths))
            for entry, whole in zip(bundle, found, strict=True):
                if isinstance(whole, Whole):
                    digest = hashlib.sha256(whole.data).digest()
                    yield entry_of(entry.path, whole.attributes)._replace(sha256=digest)
                elif isinstance(whole, NotFound):
                    yield entry._replace(skip=SkipReason.VANISHED.value)
                else:
                    # large, or changed just now: once more, by itself
                    yield digest_or_skip(self, entry)

    def _read_small(self, paths: Sequence[str], connection: Connection) -> "Sequence[Whole | KdxError | None]":
        return read_small(connection.wire, self._paths, paths)


def open_sftp(
    location: Location, network: Network, secret: SecretReference | None = None, patience: Patience = PATIENT
) -> SftpRemote:
    """Return a Remote for an sftp address. Connects to nothing yet."""
    return SftpRemote(Door(location, network, secret, patience))
