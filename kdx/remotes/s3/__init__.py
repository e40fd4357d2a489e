"""Object stores that speak S3, as a place files live. Takes nothing for proof and deletes nothing by itself.

Connections are in store, single requests in requests, lists in listing, writing in writer and parts, and what an answer
means in faults.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.language import N_, translate
from kdx.remotes.s3 import listing, once, writer
from kdx.remotes.interface import Capabilities, Entry, Expected, Metadata, NameRefused, Written
from kdx.remotes.listed import digest_each
from kdx.remotes.s3.body import Piece
from kdx.remotes.s3.parts import Notes
from kdx.remotes.s3.requests import Requests
from kdx.remotes.s3.store import Patience, Store, open_store

KEY_BYTES = 1024
"""Longest key in UTF-8 bytes (Amazon S3 User Guide, object key names)."""
PARALLEL = 6
PATIENT = Patience()
HURRIED = Patience(connect=5, answer=10, upload=10, again=5)


class S3Remote:
    """One prefix of one bucket. Asks nothing before it is asked."""

    def __init__(self, location: Location, store: Store, scratch: Path | None = None) -> None:
        self.location = location
        self._notes = Notes(scratch)
        self._prefix = f"{location.path}/" if location.path else ""
        self._requests = Requests(store)
        self.capabilities = Capabilities(
            etags=True, name_bytes=KEY_BYTES - len(self._prefix.encode()), parallel=PARALLEL
        )

    def list(self, folder: str = "") -> Iterator[Entry]:
        """Yield objects and folders directly inside `folder`; nothing where no key begins so."""
        inside = f"{folder}/" if folder else ""
        for entry in listing.list_folder(self._requests, f"{self._prefix}{inside}"):
            yield entry._replace(path=inside + entry.path)

    def list_names(self, folder: str = "") -> Iterator[Entry]:
        """The same as list(): a bucket tells names and sizes in one answer."""
        return self.list(folder)

    def walk(self) -> Iterator[Entry]:
        """Yield every object below the root. PlaceMissing where there is no such bucket."""
        return listing.walk(self._requests, self._prefix)

    def access(self, folder: str) -> str:
        """Return nothing: a bucket's rights are not those of its folders."""
        return ""

    def stat(self, path: str) -> Entry:
        """Return size, tag and time of an object (the store's time; the file's own is metadata)."""
        return self._requests.head(self._key(path), path)

    def prepare(self, files: Sequence[tuple[str, int]]) -> None:
        """Nothing: each object is one request, and many are under way at once."""

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of one version of an object, going on after a broken line."""
        yield from self._requests.get(self._key(path), path, start)[1]

    def digest(self, path: str) -> Entry:
        """Return the entry with its SHA-256. Reads every byte: S3 knows the SHA-256 of no object it was not told."""
        entry, chunks = self._requests.get(self._key(path), path)
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
        return entry._replace(sha256=digest.digest())

    def digest_listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield files list() just gave, each with its SHA-256 or a skip."""
        return digest_each(self, entries)

    def write(
        self, path: str, chunks: Iterable[bytes], size: int, metadata: Metadata, expected: Expected
    ) -> Written:
        """Write one object: in one request up to 16 MiB, above that in parts, of which nothing shows before the last.

        Expected.ABSENT and NEW: the store is asked to refuse an existing key (If-None-Match: *). Whether it does is
        tried once with the first small object; where it does not, and for multipart uploads, kdx looks first (ABSENT)
        or relies on the list (NEW), and an object that another program puts there in between is replaced. Where an
        object is there that holds the same bytes it is taken for our own, because the answer to an earlier request
        may have been lost. Above 64 MiB an upload that was cut or killed goes on where it was.

        Conflict; NameRefused; ReadFailed(changed) where `chunks` are not `size` bytes; DiskFull; PlaceMissing,
        PlaceRefused, PlaceSilent. An error of `chunks` passes through.
        """
        key = self._key(path)
        return writer.write(self._requests, key, path, chunks, size, metadata, expected, self._notes)

    def put_once(
        self, path: str, pieces: Sequence[Piece], sha256: str, pace: Callable[[int], None] | None = None
    ) -> None:
        """Write one object of at most 64 MiB in one signed request, and see that the store holds these bytes.

        For kdx.remotes.once. Conflict where it is there already and the store says so.
        """
        once.put_once(self._requests, self._key(path), path, pieces, sha256, pace)

    def make_directory(self, path: str) -> None:
        """Refuse: a bucket has no folders."""
        raise NameRefused(name=path, why=translate(N_("this place has no folders")))

    def make_link(self, path: str, link: str, expected: Expected) -> None:
        """Refuse: a bucket has no links."""
        raise NameRefused(name=path, why=translate(N_("this place has no links")))

    def delete(self, path: str) -> None:
        """Delete one object; an absent one is no error."""
        self._requests.delete(self._key(path), path)

    def metadata(self, path: str) -> Mapping[str, str]:
        """Return what the object carries: mtime, kdx-sha256, kdx-name and whatever others added."""
        return self._requests.metadata(self._key(path), path)

    def close(self) -> None:
        """Nothing: connections belong to all threads of the process."""

    def _key(self, path: str) -> str:
        """Return the whole key of a path. NameRefused where no such key can be."""
        key = self._prefix + path
        try:
            length = len(key.encode())
        except UnicodeEncodeError as error:
            raise NameRefused(name=path, why=translate(N_("it is not Unicode"))) from error
        if length > KEY_BYTES:
            raise NameRefused(name=path, why=translate(N_("the name is too long")))
        if not {"", ".", ".."}.isdisjoint(path.split("/")):
            raise NameRefused(name=path, why=translate(N_("it is not a name")))
        return key


def open_s3(
    location: Location,
    network: Network,
    access_key: SecretReference | None = None,
    secret_key: SecretReference | None = None,
    patience: Patience = PATIENT,
    scratch: Path | None = None,
    only_boto: bool = False,
) -> S3Remote:
    """Return a Remote for an s3 address. Keys by reference, else the ordinary AWS sources. Asks nothing yet.

    `scratch` is a folder for notes on unfinished uploads; without one a killed upload begins anew.
    """
    store = open_store(location, network, access_key, secret_key, patience, only_boto)
    return S3Remote(location, store, scratch)
