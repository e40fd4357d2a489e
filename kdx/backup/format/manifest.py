r"""Manifests (FORMAT.md, section 6): rows and their bytes, in order, as streams. Opens no file.

A row on its way through a comparison stays bytes: two million of them are compared in a minute, and most are written
again as they stand. `decode_row` is for whoever acts on one, and refuses what FORMAT.md refuses.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kdx.backup.format.names import is_content
from kdx.errors import DifferenceFound
from kdx.language import N_
from kdx.remotes.interface import Kind

FIELDS = 11
KIND, SHA256, SIZE, MTIME, ACL, FILE_ID, OBJECT, OFFSET, LENGTH, PATH, LINK = range(FIELDS)
NOTHING = b"-"
FILE, DIRECTORY = b"file", b"directory"
PART_ROWS = 8192
"""Rows of a part that is written anew: about half a MiB, so that one changed file costs no more than that."""
ZIP_LEVEL = 1
"""Of gzip. Half of a row are digests, which do not get smaller: level 5 saves 8 per cent for twice the time."""
MOST_ROWS = 1 << 21
"""No part has so many: a file of 16 TiB, all of whose rows stay together."""
LONGEST_ROW = 1 << 18
"""No file system has names and link targets that come near it."""

_ESCAPES = {b"\\": b"\\\\", b"\t": b"\\t", b"\n": b"\\n", b"\r": b"\\r"}
_PLAIN = {escaped: plain for plain, escaped in _ESCAPES.items()}
_TO_ESCAPE = re.compile(rb"[\\\t\n\r]")
_ESCAPED = re.compile(rb"\\(.?)", re.DOTALL)
_NUMBER = re.compile(rb"0|[1-9][0-9]{0,18}")
_TIME = re.compile(rb"(-?)(0|[1-9][0-9]{0,11})\.([0-9]{9})")
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_new = tuple.__new__
"""Makes a NamedTuple without its argument handling, at half the cost: for what is done for every row."""


class ManifestDamaged(DifferenceFound):
    """A manifest cannot be read as one."""

    message = N_("The manifest part {name} cannot be read: {why}.")
    advice = N_("kdx backup verify says what else is damaged; the next backup writes a whole one.")


class RowRefused(ValueError):
    """A row is not what FORMAT.md allows; its text says why."""


class Row(NamedTuple):
    """One row: an entry, or one stored piece of a larger file."""

    kind: str
    sha256: str
    """Hexadecimal, of the whole file; empty for anything else."""
    size: int
    mtime_ns: int
    acl: str
    file_id: str
    object: str
    """Name relative to the unit; empty where nothing is stored."""
    offset: int
    length: int
    path: str
    """As everywhere in kdx: relative, `/`-separated, surrogate-escaped."""
    link: str


def escape(raw: bytes) -> bytes:
    """Return a field as it is written."""
    return _TO_ESCAPE.sub(lambda found: _ESCAPES[found[0]], raw) if _TO_ESCAPE.search(raw) else raw


def unescape(field: bytes) -> bytes:
    """Return what an escaped field says. RowRefused where it is not the one way to write it."""
    if b"\\" not in field:
        return field
    try:
        return _ESCAPED.sub(lambda found: _PLAIN[found[0]], field)
    except KeyError:
        raise RowRefused("an escape that does not exist") from None


def path_field(path: str) -> bytes:
    """Return a path as a manifest writes it."""
    return escape(path.encode("utf-8", "surrogateescape"))


def key_of_field(field: bytes) -> bytes:
    """Return what rows are ordered by, given their path field: component by component, byte by byte."""
    return (unescape(field) if b"\\" in field else field).replace(b"/", b"\0")


def time_field(nanoseconds: int) -> bytes:
    """Return a time as seconds since 1970 with nine digits."""
    if nanoseconds < 0:
        return b"-" + time_field(-nanoseconds)
    return b"%d.%09d" % divmod(nanoseconds, 1_000_000_000)


def encode_row(row: Row) -> bytes:
    """Return a row as bytes, its newline included."""
    text = row.sha256, "", "", row.acl, row.file_id, row.object
    digest, _, _, acl, file_id, place = (escape(each.encode("utf-8", "surrogateescape")) or NOTHING for each in text)
    is_file = row.kind == Kind.FILE
    fields = (
        row.kind.encode("ascii"),
        digest,
        b"%d" % row.size if is_file else NOTHING,
        time_field(row.mtime_ns),
        acl,
        file_id,
        place,
        b"%d" % row.offset if row.object else NOTHING,
        b"%d" % row.length if row.object else NOTHING,
        path_field(row.path),
        path_field(row.link) if row.kind == Kind.LINK else NOTHING,
    )
    return b"\t".join(fields) + b"\n"


def decode_row(line: bytes) -> Row:
    """Given a row with or without its newline, return it as a noun. RowRefused says what is not of its form."""
    fields = line.rstrip(b"\n").split(b"\t")
    if len(fields) != FIELDS or not all(fields):
        raise RowRefused("it has not eleven fields")
    kind = fields[KIND].decode("ascii", "replace")
    if kind not in (Kind.FILE, Kind.DIRECTORY, Kind.LINK):
        raise RowRefused("its kind is unknown")
    path = unescape(fields[PATH])
    if b"\0" in path or not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
        raise RowRefused("its path is not one")
    is_file = kind == Kind.FILE
    digest, size, place, offset, length = _stored(fields) if is_file else _nothing_stored(fields)
    link = unescape(fields[LINK]) if kind == Kind.LINK else b""
    if b"\0" in link or (kind != Kind.LINK and fields[LINK] != NOTHING):
        raise RowRefused("its link is not one")
    return Row(
        kind, digest, size, _nanoseconds(fields[MTIME]), _text(fields[ACL]), _text(fields[FILE_ID]), place, offset,
        length, path.decode("utf-8", "surrogateescape"), link.decode("utf-8", "surrogateescape"),
    )


def _stored(fields: list[bytes]) -> tuple[str, int, str, int, int]:
    """Return digest, size and place of a file's row."""
    if not _DIGEST.fullmatch(fields[SHA256]):
        raise RowRefused("its digest is not one")
    digest, size = fields[SHA256].decode("ascii"), _number(fields[SIZE])
    if fields[OBJECT] == NOTHING:
        if size or fields[OFFSET] != NOTHING or fields[LENGTH] != NOTHING:
            raise RowRefused("it says not where its content lies")
        return digest, size, "", 0, 0
    place = fields[OBJECT].decode("ascii", "replace")
    if not is_content(place):
        raise RowRefused("its object is not one that holds content")
    return digest, size, place, _number(fields[OFFSET]), _number(fields[LENGTH])


def _nothing_stored(fields: list[bytes]) -> tuple[str, int, str, int, int]:
    if any(fields[number] != NOTHING for number in (SHA256, SIZE, FILE_ID, OBJECT, OFFSET, LENGTH)):
        raise RowRefused("it has content without being a file")
    return "", 0, "", 0, 0


def _number(field: bytes) -> int:
    if not _NUMBER.fullmatch(field):
        raise RowRefused("a number is not one")
    return int(field)


def _nanoseconds(field: bytes) -> int:
    found = _TIME.fullmatch(field)
    if not found:
        raise RowRefused("its time is not one")
    return (-1 if found[1] else 1) * (int(found[2]) * 1_000_000_000 + int(found[3]))


def _text(field: bytes) -> str:
    return "" if field == NOTHING else unescape(field).decode("utf-8", "surrogateescape")


def lines_in(chunks: Iterable[bytes], name: str, most: int | None = None) -> Iterator[bytes]:
    """Given the stored bytes of a part, yield its rows, each with its newline. ManifestDamaged, `name` saying which.

    `most` rows it may have, as the seal says: a few bytes can unfold to any number of them.
    """
    rest = b""
    count = 0
    for text in _unzipped(chunks, name):
        lines = (rest + text).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_ROW:
            raise ManifestDamaged(name=name, why=N_("a row has no end"))
        count += len(lines)
        if most is not None and count > most:
            raise ManifestDamaged(name=name, why=N_("it has more rows than its seal says"))
        for line in lines:
            yield line + b"\n"
    if rest:
        raise ManifestDamaged(name=name, why=N_("its last row is cut"))


def _unzipped(chunks: Iterable[bytes], name: str, most: int = 1 << 20) -> Iterator[bytes]:
    """Yield what is zipped in pieces of at most `most` bytes, however much a few bytes unfold to."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            while chunk:
                if unzip.eof:
                    raise ManifestDamaged(name=name, why=N_("something follows its end"))
                yield unzip.decompress(chunk, most)
                chunk = unzip.unconsumed_tail or unzip.unused_data
    except zlib.error as error:
        raise ManifestDamaged(name=name, why=str(error)) from error
    while not unzip.eof and (text := unzip.decompress(unzip.unconsumed_tail, most)):
        yield text
    if not unzip.eof:
        raise ManifestDamaged(name=name, why=N_("it is cut"))


def zipped(text: bytes, salt: int = 0) -> bytes:
    """Return text as gzip, always the same bytes for the same text; another `salt` gives other bytes.

    The salt is for an object whose own name is taken by damaged bytes. It stands where gzip has a time.
    """
    packer = zlib.compressobj(level=ZIP_LEVEL, wbits=-15)
    body = packer.compress(text) + packer.flush()
    header = b"\x1f\x8b\x08\0" + salt.to_bytes(4, "little") + b"\0\xff"
    return header + body + zlib.crc32(text).to_bytes(4, "little") + (len(text) & 0xFFFFFFFF).to_bytes(4, "little")


class Held(NamedTuple):
    """All rows of one path, as they stand."""

    key: bytes
    rows: tuple[bytes, ...]
    fields: list[bytes]
    """Of the first row."""
    part: int = -1
    """Number of the part they come from, -1 where they come from none."""
    fresh: bool = False
    """Whether they are newer than what that part holds."""


def by_path(lines: Iterable[bytes], part: int = -1) -> Iterator[Held]:
    """Put the rows of each path together. RowRefused where a path is out of order or a row is not one."""
    rows: list[bytes] = []
    fields: list[bytes] = []
    key = path = b""
    for line in lines:
        found = line[:-1].split(b"\t")
        if len(found) != FIELDS:
            raise RowRefused("it has not eleven fields")
        if found[PATH] == path:
            rows.append(line)
            continue
        if rows:
            yield _new(Held, (key, tuple(rows), fields, part, False))
        last, path = key, found[PATH]
        key = path.replace(b"/", b"\0") if b"\\" not in path else key_of_field(path)
        if key <= last:
            raise RowRefused("a path is out of order")
        rows, fields = [line], found
    if rows:
        yield Held(key, tuple(rows), fields, part)


def merged(left: Iterable[Held], right: Iterable[Held]) -> Iterator[tuple[Held | None, Held | None]]:
    """Walk two manifests side by side: pairs of the same path, None where one has no such path. Holds one of each."""
    lefts, rights = iter(left), iter(right)
    here, there = next(lefts, None), next(rights, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.key < there.key):
            yield here, None
            here = next(lefts, None)
        elif here is None or there.key < here.key:
            yield None, there
            there = next(rights, None)
        else:
            yield here, there
            here, there = next(lefts, None), next(rights, None)


def overlaid(below: Iterable[Held], above: Iterable[Held]) -> Iterator[Held]:
    """Return one manifest of two: where both have a path, the rows of `above` count."""
    for old, new in merged(below, above):
        if new is not None:
            yield Held(new.key, new.rows, new.fields, old.part if old else -1, True)
        elif old is not None:
            yield old
