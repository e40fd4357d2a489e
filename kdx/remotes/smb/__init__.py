"""Windows shares and NAS units that speak SMB 2 or 3, as a place files live. Locks nothing, follows no link, and takes
no name but the exact one.

What a server does not show over SMB cannot be seen from here: names that Windows forbids appear under 8.3 stand-ins
(`A4WTMA~A.TXT`), names that are not Unicode not at all. The connection is in line and login, requests and
answers in messages, entries in entries, listing in folders, reading in reader, writing in writer, names
in names, access rights in security, and what a status means in faults.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kdx.config.location import Location
from kdx.config.secret import SecretReference
from kdx.language import N_, translate
from kdx.remotes.interface import (
    Capabilities,
    Entry,
    Expected,
    Kind,
    Metadata,
    NameRefused,
    Written,
)
from kdx.remotes.listed import walk_folders
from kdx.remotes.smb.folders import Folders
from kdx.remotes.smb.line import Line, LineFacts
from kdx.remotes.smb.login import Patience
from kdx.remotes.smb.reader import SMALL, Reader
from kdx.remotes.smb.writer import Writer

CAPABILITIES = Capabilities(directories=True, parallel=4, time_step_ns=100)
PATIENT = Patience()
HURRIED = Patience(connect=5, answer=10)


class SmbRemote:
    """One folder of one share. Connects when it is first asked."""

    capabilities = CAPABILITIES

    def __init__(
        self, location: Location, secret: SecretReference | None = None, patience: Patience = PATIENT
    ) -> None:
        self.location = location
        self._line = Line(location, secret, patience)
        self._folders = Folders(self._line)
        self._reader = Reader(self._line)
        self._writer = Writer(self._line)

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield the entries directly inside `folder`, sorted by the bytes of their names, all from one answer.

        Whether a folder in it can be listed shows only when it is. ReadFailed or NotFound where `folder` cannot; for
        the root PlaceMissing, PlaceRefused or PlaceSilent.
        """
        return self._folders.list(folder)

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """The same as list(): a server tells names, sizes and times in one answer."""
        return self._folders.list(folder)

    def walk(self) -> Iterator[Entry]:
        """Yield every entry below the root, each folder before what is in it."""
        return walk_folders(Entry("", Kind.DIRECTORY.value), self._folders.list)

    def access(self, folder: str) -> str:
        """Return who may do what in the folder listed last, as SDDL: list() asks for it in the same round trip.

        Files are not asked: that would be a message for every file (about 0.5 ms each, so that 50,000 files would take
        about 25 s instead of 3; estimated), and their rights come from their folder unless somebody set them by hand.
        """
        return self._folders.rights(folder)

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now. "" is the root."""
        return self._reader.stat(path)

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Begin to fetch small files that will be asked for (stat) and read next, in this order."""
        # one alone gains nothing, and a larger one would come twice
        self._reader.prepare([path for path, size in files if size <= SMALL] if len(files) > 1 else [])

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of a file, while others may work on it. The last chunk waits until it is proven whole."""
        return self._reader.read(path, start)

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256. Reads every byte: no SMB server computes it for us."""
        return self._reader.digest(path)

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files list() just gave, each with its SHA-256 or a skip; several are on their way at once."""
        return self._reader.digest_listed(entries, self)

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one file whole, or nothing (Writer.write)."""
        return self._writer.write(path, chunks, size, metadata, expected)

    def make_directory(self, path: str) -> None:
        """Make a folder and its parents."""
        self._writer.make_directory(path)

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Refuse: links of SMB servers mean something else to every client."""
        raise NameRefused(name=path, why=translate(N_("this place has no links")))

    def delete(self, path: str) -> None:
        """Delete one file; an absent one is no error."""
        self._writer.delete(path)

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return nothing: a file keeps its time itself, and a share nothing else of ours."""
        return {}

    def facts(self) -> LineFacts:
        """Return what was agreed with the server. PlaceMissing, PlaceRefused, PlaceSilent."""
        return self._line.facts

    def close(self) -> None:
        """Log off."""
        self._folders.forget()
        self._line.close()
