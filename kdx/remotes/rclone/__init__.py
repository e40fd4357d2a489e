"""What rclone reaches (Google Drive, OneDrive and SharePoint, Azure and seventy more), as a place files live.

rclone's success is not proof: what a target holds is listed and compared afterwards, and a digest counts only where the
service computed it (backends). One rclone works for the whole process (engine); what is asked of it about one place is
in root, what it says of files in entries, names in its letters in names, reading in reader, walking in tree, writing
in writer, large files in feed, many small ones in together, what is held in memory for it in held, what was begun in
notes, what a failure means in faults, when a login ends in login, the program itself in program.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.language import N_, translate
from kdx.remotes.interface import (
    ALTERED,
    BEGUN,
    CHANGED_AT,
    Capabilities,
    Entry,
    Expected,
    Kind,
    Metadata,
    NameRefused,
    NotFound,
    PlaceMissing,
    Written,
)
from kdx.remotes.listed import digest_each
from kdx.remotes.rclone import faults
from kdx.remotes.rclone.backends import UNKNOWN, Backend
from kdx.remotes.rclone.engine import HURRIED, PATIENT, Gone, Refused
from kdx.remotes.rclone.entries import check_name, entry_of, in_order
from kdx.remotes.rclone.login import Login
from kdx.remotes.rclone.names import from_rclone
from kdx.remotes.rclone.notes import Notes
from kdx.remotes.rclone.program import (
    OLDEST,
    RcloneMissing,
    RcloneUnusable,
    find_rclone,
    rclone_version,
    usable_rclone,
)
from kdx.remotes.rclone.reader import pieces
from kdx.remotes.rclone.root import Root
from kdx.remotes.rclone.together import MOST_FILES, digests_together
from kdx.remotes.rclone.tree import Found, walk_at_once
from kdx.remotes.rclone.writer import Writer
from kdx.remotes.together import Outgoing

__all__ = [
    "HURRIED", "OLDEST", "PATIENT", "RcloneMissing", "RcloneRemote", "RcloneUnusable", "find_rclone", "rclone_version",
    "usable_rclone",
]


class RcloneRemote:
    """One folder of one remote. Connects when it is first asked."""

    def __init__(
        self, location: Location, network: Network, patience: float = PATIENT, scratch: Path | None = None
    ) -> None:
        """`scratch` is a folder of this machine in which begun uploads are noted."""
        self.location, self._notes = location, Notes(scratch)
        self._root = Root(location, network, patience)

    @cached_property
    def capabilities(self) -> Capabilities:
        """What rclone says of this kind of remote, and what is known about it (backends)."""
        prefix = self.location.path.partition("/")[2]
        name_bytes = self.backend.name_bytes and max(1, self.backend.name_bytes - len(prefix.encode()) - bool(prefix))
        return Capabilities(
            directories=self._root.has_folders,
            etags=self.backend.store_md5,
            name_bytes=name_bytes,
            time_step_ns=1 if self._root.keeps_no_time else max(1, self._root.about["Precision"]),
            parallel=8,
            together=MOST_FILES,
        )

    @property
    def backend(self) -> Backend:
        """What is known about this kind of remote."""
        return self._root.backend

    @property
    def login(self) -> Login:
        """When the login ends, as far as rclone's configuration says."""
        return self._root.login

    @property
    def address(self) -> str:
        """Where the service answers by HTTP, as far as that is known; "" where it is not."""
        return self._root.address

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield the entries directly inside `folder`, sorted by the bytes of their names."""
        try:
            items = self._root.listed(folder)
            if not items and not folder and not self._root.is_there():
                raise PlaceMissing(place=self.location, why=translate(faults.NO_FOLDER))
        except (Refused, Gone) as error:
            if isinstance(error, Refused) and self._root.is_only_empty(error, folder):
                return
            raise faults.reading_failed(error, folder, self.location) from error
        yield from self._entries(items, folder)

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """The same as list()."""
        return self.list(folder)

    def walk(self) -> Iterator[Entry]:
        """Yield every entry below the root, several folders listed at once, each before what is in it."""
        return walk_at_once(self._listed_each)

    def access(self, folder: str) -> str:
        """Return nothing: rclone tells no rights."""
        return ""

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now. "" is the root."""
        if not path:
            next(self.list(), None)
            return Entry("", Kind.DIRECTORY.value)
        self._check(path)
        with self._root.reading(path):
            item = self._root.found(path, files_only=False)
        if item is None:
            raise NotFound(name=path)
        return self._entry(item, path)

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Do nothing: several threads ask at once."""

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file. The last chunk waits until it is proven that the file did not change."""
        yield from self._pieces(path, start)

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256, of the bytes that are read; its tag tells a piece (BEGUN)."""
        digest, pieces = sha256(), self._pieces(path, 0)
        while True:
            try:
                digest.update(next(pieces))
            except StopIteration as end:
                return self._if_whole(end.value)._replace(sha256=digest.digest())

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files that were listed, each with its SHA-256 or a skip."""
        return digest_each(self, entries)

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file whole, or nothing (Writer.write)."""
        written = self._writer.write(path, chunks, size, metadata, expected)
        if not self._tells_by_itself(path):
            return written
        there = self.stat(path)
        return Written(there.etag, there.size)

    def write_together(self, files: Sequence[Outgoing], expected: Expected) -> Mapping[str, Written]:
        """Write small files, and return those that are known to be there whole (together)."""
        written = self._writer.write_together(files, expected)
        asked = [path for path in written if self._tells_by_itself(path)]
        with self._root.reading(""):
            found = zip(asked, self._root.found_each(asked), strict=True) if asked else ()
            tags = {path: self._entry(item, path) for path, item in found if item is not None}
        return {
            path: Written(tags[path].etag, tags[path].size) if path in tags else answer
            for path, answer in written.items() if path in tags or path not in asked
        }

    def digests_together(self, files: Sequence[tuple[str, int]]) -> Mapping[str, bytes]:
        """Return the SHA-256 of the bytes that are read of small files (together)."""
        with self._root.reading(""):
            return digests_together(self._root, files)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents."""
        if not self.capabilities.directories:
            raise NameRefused(name=path, why=translate(N_("this place has no folders")))
        self._writer.make_directory(path)

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Refuse: no service has links that mean the same to everybody."""
        raise NameRefused(name=path, why=translate(N_("this place has no links")))

    def delete(self, path: str) -> None:
        """Delete one file; an absent one is no error."""
        self._writer.delete(path)

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return nothing: what a service keeps beside the bytes differs with each."""
        return {}

    def room(self) -> dict[str, int]:
        """Return the service's room in bytes: total, used, free, trashed; empty where it says nothing."""
        try:
            return {name: int(value) for name, value in self._root.ask("operations/about").items()}
        except Refused as error:
            if (whole := faults.of_place(error, self.location)) is not None:
                raise whole from error
            return {}
        except Gone as error:
            raise faults.reading_failed(error, "", self.location) from error

    def try_writing(self, name: str) -> None:
        """Write a small file of this name in a folder of this name and remove both. Raises what writing raises."""
        path = f"{name}/{name}.txt" if self._root.has_folders else f"{name}.txt"
        data = b"kdx doctor\n"
        if self._root.has_folders:
            self._writer.make_directory(name)
        try:
            self.write(path, [data], len(data), Metadata(time.time_ns()), Expected.ABSENT)
        finally:
            self.delete(path)
            if self._root.has_folders:
                self._writer.remove_folder(name)

    def close(self) -> None:
        """Let go; rclone goes on working for the other places of this process."""

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self._root, self._is_exact if self._root.folds_case else None, self._notes)

    def _is_exact(self, path: str) -> bool:
        """Whether the folder lists a file under exactly this name."""
        return any(entry.path == path for entry in self.list(path.rpartition("/")[0]))

    def _if_whole(self, entry: Entry) -> Entry:
        """Return an entry, with the tag of a piece where its upload was begun here and it is too short."""
        note = self._notes.find(entry.path)
        if note is not None and entry.size < note.size:
            return entry._replace(etag=BEGUN + entry.etag)
        if note is not None:
            self._notes.forget(entry.path)
        return entry

    def _tells_by_itself(self, path: str) -> bool:
        """Whether only the service can say, after a file has arrived, by what a later change of it will show."""
        return self._root.keeps_no_time or self.backend.may_alter(path)

    def _listed_each(self, folders: Sequence[str]) -> Sequence[Found]:
        if list(folders) == [""]:
            return (tuple(self.list()),)
        with self._root.reading(""):
            listed = list(self._root.listed_each(folders))
        return [
            faults.reading_failed(found, folder, self.location) if isinstance(found, Refused)
            else tuple(self._entries(found, folder))
            for folder, found in zip(folders, listed, strict=True)
        ]

    def _entries(self, items: Iterable[Mapping[str, Any]], folder: str) -> Iterable[Entry]:
        prefix = f"{folder}/" if folder else ""
        return in_order(self._entry(item, prefix + from_rclone(item["Name"])) for item in items)

    def _entry(self, item: Mapping[str, Any], path: str) -> Entry:
        if self.backend.store_md5:
            return entry_of(item, path, item.get("Hashes", {}).get("md5", ""))
        if self.backend.may_alter(path):
            return entry_of(item, path, f"{ALTERED}{item['Size']} {item['ModTime']}")
        return entry_of(item, path, f"{CHANGED_AT}{item['ModTime']}" if self._root.keeps_no_time else "")

    def _pieces(self, path: str, start: int) -> Generator[bytes, None, Entry]:
        """Yield a file's bytes and return its entry as it was at the end (reader.pieces)."""
        self._check(path)
        with self._root.reading(path):
            return (yield from pieces(path, start, self._root.opened, self.stat, self.location))

    def _check(self, path: str) -> None:
        """NotFound for a name that no file there can have."""
        try:
            check_name(path, UNKNOWN)
        except NameRefused:
            raise NotFound(name=path) from None
