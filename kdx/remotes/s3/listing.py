"""Lists of what lies in a bucket, page by page. Never ends early without an error.

obstore refuses a whole page when one key in it holds a control character or an empty component, and gets U+FFFD for
such a character from servers whose XML cannot hold it; boto3, which asks for names in percent encoding, then goes on
behind the last key that came. What the line cuts goes on there too. An object whose key ends in `/` (other programs
mark folders so) shows as an empty object without the slash.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kdx.language import N_, translate
from kdx.remotes.interface import Entry, Kind, PlaceSilent
from kdx.remotes.s3.requests import Requests, object_entry

PAGE = 1000
OUT_OF_ORDER = N_("its list broke off and is not in the order that would let it go on")


def walk(requests: Requests, prefix: str) -> Iterator[Entry]:
    """Yield every object below `prefix` (empty, or ending in /), its path relative to it."""
    if requests.store.only_boto:
        for page in _boto_pages(requests, prefix, "", ""):
            yield from page
        return
    yield from _Walk(requests, prefix).entries()


def list_folder(requests: Requests, prefix: str) -> Iterator[Entry]:
    """Yield objects and folders directly below `prefix` (empty, or ending in /), sorted by the bytes of their paths."""
    if requests.store.only_boto:
        found = [entry for page in _boto_pages(requests, prefix, "", "/") for entry in page]
        yield from sorted(found, key=lambda entry: entry.path.encode())
        return
    from obstore.exceptions import InvalidPathError

    try:
        found = requests.patiently("", lambda: _with_delimiter(requests, prefix))
    except (InvalidPathError, _NamesUnclear):
        found = [entry for page in _boto_pages(requests, prefix, "", "/") for entry in page]
    yield from sorted(found, key=lambda entry: entry.path.encode())


class _NamesUnclear(Exception):
    """A key came with U+FFFD in it: perhaps its own, perhaps what XML made of a control character."""


class _Walk:
    """A list on its way: which path came last, and whether all came in order so that it can go on behind it."""

    def __init__(self, requests: Requests, prefix: str) -> None:
        self.requests = requests
        self.prefix = prefix
        self.last = ""
        self.in_order = True
        self._pages: Any = None

    def entries(self) -> Iterator[Entry]:
        from obstore.exceptions import InvalidPathError

        try:
            while page := self.requests.patiently("", self._next_page):
                yield from self._noted(_entries(page, self.prefix))
        except (InvalidPathError, _NamesUnclear):
            for entries in _boto_pages(self.requests, self.prefix, self._resume_behind(), ""):
                yield from self._noted(entries)

    def _next_page(self) -> Any:
        """Return the next page, None at the end. After an error the list begins again behind the last key."""
        import obstore

        if self._pages is None:
            behind = self._resume_behind()
            self._pages = obstore.list(
                self.requests.store.reading, self.prefix or None, offset=behind or None, chunk_size=PAGE
            )
        try:
            return next(self._pages, None)
        except BaseException:
            self._pages = None
            raise

    def _resume_behind(self) -> str:
        """Return the key to go on behind, "" at the beginning."""
        if not self.in_order:
            raise PlaceSilent(place=self.requests.store.bucket, why=translate(OUT_OF_ORDER))
        return self.prefix + self.last if self.last else ""

    def _noted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.path == self.last:
                continue
            # Unicode text compares as its UTF-8 bytes do, and a key is always Unicode
            self.in_order = self.in_order and entry.path > self.last
            self.last = entry.path
            yield entry


def _with_delimiter(requests: Requests, prefix: str) -> list[Entry]:
    import obstore

    found = obstore.list_with_delimiter(requests.store.reading, prefix or None)
    if any("\ufffd" in folder for folder in found["common_prefixes"]):
        raise _NamesUnclear
    return [*_entries(found["objects"], prefix), *(_folder(path, prefix) for path in found["common_prefixes"])]


def _boto_pages(requests: Requests, prefix: str, behind: str, delimiter: str) -> Iterator[list[Entry]]:
    """Yield pages through boto3; every page asks for what lies behind the last key, so that each can be tried again."""
    if requests.store.keeps_versions:
        yield from _pages_of_versions(requests, prefix, delimiter)
        return
    bucket = requests.store.bucket.host
    given: dict[str, Any] = {"StartAfter": behind} if behind else {}
    while True:
        page = requests.patiently(
            "",
            lambda: requests.store.boto.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter=delimiter, **given),
        )
        objects = [row for row in page.get("Contents", ()) if row["Key"] != prefix]
        yield [
            object_entry(row["Key"].removeprefix(prefix), row["Size"], row["ETag"], row["LastModified"])
            for row in objects
        ] + [_folder(row["Prefix"].rstrip("/"), prefix) for row in page.get("CommonPrefixes", ())]
        if not page.get("IsTruncated"):
            return
        given = {"ContinuationToken": page["NextContinuationToken"]}


def _pages_of_versions(requests: Requests, prefix: str, delimiter: str) -> Iterator[list[Entry]]:
    """Yield pages of the oldest version of every name, those too that somebody has hidden since."""
    given: dict[str, Any] = {"Bucket": requests.store.bucket.host, "Prefix": prefix, "Delimiter": delimiter}
    last: Any = None
    while True:
        page = requests.patiently("", lambda: requests.store.boto.list_object_versions(**given))
        found = [_folder(row["Prefix"].rstrip("/"), prefix) for row in page.get("CommonPrefixes", ())]
        for row in page.get("Versions", ()):
            # newest first: the oldest of a name is the one before the next name
            if last is not None and last["Key"] != row["Key"]:
                found.append(_oldest(last, prefix))
            last = row if row["Key"] != prefix else last
        if not page.get("IsTruncated"):
            yield [*found, *((_oldest(last, prefix),) if last is not None else ())]
            return
        yield found
        marker = page.get("NextVersionIdMarker")
        given = {**given, "KeyMarker": page["NextKeyMarker"], **({"VersionIdMarker": marker} if marker else {})}


def _oldest(row: Any, prefix: str) -> Entry:
    return object_entry(row["Key"].removeprefix(prefix), row["Size"], row["ETag"], row["LastModified"])


def _entries(page: Sequence[Any], prefix: str) -> Iterator[Entry]:
    """Yield the objects of a page. _NamesUnclear before the first where one of its names cannot be trusted."""
    if any("\ufffd" in meta["path"] for meta in page):
        raise _NamesUnclear
    for meta in page:
        key = meta["path"]
        # the mark of the folder itself comes without its slash
        if key.startswith(prefix):
            yield object_entry(key.removeprefix(prefix), meta["size"], meta["e_tag"], meta["last_modified"])


def _folder(key: str, prefix: str) -> Entry:
    return Entry(path=key.removeprefix(prefix), kind=Kind.DIRECTORY.value)
