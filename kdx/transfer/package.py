"""Hold an Office file as it was sent against what a service made of it: are the members that carry content the same?

SharePoint writes the properties of its library into Office files: below customXml/ and docProps/, and into the lists
that name those parts (rclone issue 2599; [MS-OI29500] 2.1.1724). Everything else must be there, byte for byte; that a
file is the same is never proven by this. Either file may be hostile: nothing is unpacked beyond what its directory
declares, and nothing is held in memory but that directory and one list.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from enum import StrEnum
from itertools import zip_longest
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipInfo

from kdx.language import N_, translate

ASIDE = ("docProps/", "customXml/")
"""Where properties stand, which the service keeps in step with its library."""
TYPES = "[Content_Types].xml"
MOST_UNPACKED = 2 << 30
"""Bytes all members of one file may declare: unpacking them takes seconds."""
MOST_AT_ONCE = 1 << 20
"""Bytes of the directory of a file, some ten thousand members; and of one member that lists others."""
MOST_OF_A_NAME = 80
"""Characters of a member's name that are told."""
PIECE = 1 << 16
LOCKED = 0x1 | 0x40
"""Flags of a member that is encrypted (APPNOTE.TXT 4.4.4)."""

SAME = N_("the {count} members that carry content are the same")
OTHER = N_("differs in {member}")
GONE = N_("{member} is missing at the target")
ADDED = N_("{member} was added at the target")
NO_PACKAGE_LEFT = N_("what lies at the target is no Office file of the newer kind any more, or damaged")
SENT_UNCLEAR = N_("not compared, because of the file at the source: {why}")
THERE_UNCLEAR = N_("not compared, because of the file at the target: {why}")
NO_PACKAGE = N_("it is no Office file of the newer kind, or damaged")
UNREADABLE = N_("{member} cannot be read")
ENCRYPTED = N_("{member} is encrypted")
TWICE = N_("{member} stands in it twice")
PACKED_ODDLY = N_("{member} is packed in a way that Office does not use")
TOO_MANY = N_("it lists more members than any Office file")
TOO_LARGE = N_("unpacked it is larger than any Office file")


class Stand(StrEnum):
    """What came of comparing."""

    SAME = "same"
    OTHER = "other"
    UNCLEAR = "unclear"
    """One of the two cannot be looked into: nothing is known."""


class Compared(NamedTuple):
    """What came of comparing, and a sentence for people."""

    stand: Stand
    why: str


class _Unclear(Exception):
    """A file is beyond what is looked into."""


class _Broken(Exception):
    """A file, or a member of it, cannot be read."""

    def __init__(self, file: IO[bytes], why: str) -> None:
        super().__init__(why)
        self.file = file


def compare(sent: IO[bytes], there: IO[bytes]) -> Compared:
    """Given an Office file as it was sent and as the service holds it, open and seekable, compare their content."""
    try:
        before = _Package(sent)
    except (_Broken, _Unclear) as error:
        return _unclear(SENT_UNCLEAR, error)
    try:
        after = _Package(there)
    except _Broken:
        return Compared(Stand.OTHER, translate(NO_PACKAGE_LEFT))
    except _Unclear as error:
        return _unclear(THERE_UNCLEAR, error)
    # lists last: of a member that is missing it says more to name that
    for name in sorted(before.members | after.members, key=lambda name: (_is_list(name), name)):
        try:
            if sentence := _difference(before, after, name):
                return Compared(Stand.OTHER, _about(sentence, name))
        except _Broken as error:
            # what cannot be read at the target is not what was sent; what cannot be read at the source says nothing
            return Compared(Stand.OTHER, _about(OTHER, name)) if error.file is there else _unclear(SENT_UNCLEAR, error)
    return Compared(Stand.SAME, translate(SAME).format(count=f"{len(before.members):,}"))


class _Sparing:
    """A file that gives only so much at once: zipfile reads a directory of any size into memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, all where it is negative; _Unclear where that is too much."""
        data = self._file.read(min(size, MOST_AT_ONCE + 1) if size >= 0 else MOST_AT_ONCE + 1)
        if len(data) > MOST_AT_ONCE:
            raise _Unclear(translate(TOO_MANY))
        return data


class _Package:
    """An archive and those of its members that carry content or list others, by name."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        try:
            # closing it would only let go of `file`, which is the caller's
            self._archive = zipfile.ZipFile(_Sparing(file))
        except _TORN as error:
            raise _Broken(file, translate(NO_PACKAGE)) from error
        parts = [part for part in self._archive.infolist() if part.file_size or not part.is_dir()]
        _check(parts)
        self.members = {part.filename: part for part in parts if not part.filename.startswith(ASIDE)}
        if not self.members:
            raise _Broken(file, translate(NO_PACKAGE))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of a member in pieces of one size, but the last."""
        try:
            with self._archive.open(self.members[name]) as content:
                while piece := content.read(PIECE):
                    yield piece
        except _TORN as error:
            raise _Broken(self._file, _about(UNREADABLE, name)) from error

    def list(self, name: str) -> Any:
        """Return the lines of a member that lists others, as elements; none where it is not there."""
        # only where a service altered a file
        from defusedxml.ElementTree import ParseError, fromstring

        if name not in self.members:
            return ()
        try:
            return fromstring(b"".join(self.pieces(name)))
        # defusedxml's refusals (a DOCTYPE, an entity) are ValueErrors
        except (ParseError, ValueError) as error:
            raise _Broken(self._file, _about(UNREADABLE, name)) from error


_TORN = (BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError, zlib.error)
"""What zipfile raises over archives that are none, or are torn."""


def _check(parts: list[ZipInfo]) -> None:
    """_Unclear where the members of an archive are beyond what is looked into."""
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise _Unclear(translate(TOO_LARGE))
    seen: set[str] = set()
    for part in parts:
        if part.filename in seen:
            raise _Unclear(_about(TWICE, part.filename))
        if part.flag_bits & LOCKED:
            raise _Unclear(_about(ENCRYPTED, part.filename))
        # the others may ask for any amount of memory; a package has these two (ISO/IEC 29500-2, annex B)
        if part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise _Unclear(_about(PACKED_ODDLY, part.filename))
        if _is_list(part.filename) and part.file_size > MOST_AT_ONCE:
            raise _Unclear(translate(TOO_LARGE))
        seen.add(part.filename)


def _difference(before: _Package, after: _Package, name: str) -> str | None:
    """Return how a member differs, as a sentence about it; None where it does not."""
    if name == TYPES:
        same = _types(before, after) == _types(after, before)
    elif _is_list(name):
        same = _relations(before, name) == _relations(after, name)
    elif name not in after.members:
        return GONE
    elif name not in before.members:
        return ADDED
    else:
        same = before.members[name].file_size == after.members[name].file_size and all(
            one == other for one, other in zip_longest(before.pieces(name), after.pieces(name))
        )
    return None if same else OTHER


def _is_list(name: str) -> bool:
    """Whether a member only lists others: their types, or to which ones a part refers."""
    return name == TYPES or (name.endswith(".rels") and posixpath.basename(posixpath.dirname(name)) == "_rels")


def _types(package: _Package, other: _Package) -> dict[str, str | None]:
    """Return the type of each member that both have (ISO/IEC 29500-2, 10.1.2): names and endings in any case."""
    types = {
        line.get("PartName", line.get("Extension", "")).casefold(): line.get("ContentType")
        for line in package.list(TYPES)
    }
    return {
        name: types.get(f"/{name}".casefold(), types.get(name.rpartition(".")[2].casefold()))
        for name in package.members.keys() & other.members.keys()
    }


def _relations(package: _Package, name: str) -> set[frozenset[tuple[str, str]]]:
    """Return the lines of a list of relations but those that lead to properties."""
    folder = "/" + posixpath.dirname(posixpath.dirname(name))
    return {frozenset(line.items()) for line in package.list(name) if not _leads_aside(line, folder)}


def _leads_aside(line: Any, folder: str) -> bool:
    target = posixpath.normpath(posixpath.join(folder, line.get("Target", "")))
    return line.get("TargetMode") != "External" and target.lstrip("/").startswith(ASIDE)


def _about(sentence: str, member: str) -> str:
    short = member if len(member) <= MOST_OF_A_NAME else f"{member[:MOST_OF_A_NAME]}…"
    return translate(sentence).format(member=short)


def _unclear(sentence: str, error: Exception) -> Compared:
    return Compared(Stand.UNCLEAR, translate(sentence).format(why=error))
