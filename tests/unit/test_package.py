"""Two versions of an Office file: whether what they carry is the same, and files made to harm whoever looks."""

import io
import os
import random
import struct
import tracemalloc
import zipfile
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.office import changed, members, packed, promoted, workbook

from kdx.transfer import package
from kdx.transfer.package import MOST_AT_ONCE, MOST_UNPACKED, NO_PACKAGE_LEFT, Compared, Stand, compare

BOOK = workbook()
SHEET = "xl/worksheets/sheet1.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
ENTITY = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'


def held(sent: bytes, there: bytes) -> Compared:
    return compare(io.BytesIO(sent), io.BytesIO(there))


def test_what_sharepoint_adds_to_a_workbook_is_aside_and_the_content_the_same():
    there = promoted(BOOK)
    assert there != BOOK
    kept = [name for name in members(BOOK) if not name.startswith("docProps/")]
    assert held(BOOK, there) == (Stand.SAME, f"the {len(kept)} members that carry content are the same")


def test_packing_anew_in_another_order_and_without_compression_changes_no_content():
    parts = members(BOOK)
    other = packed({name: parts[name] for name in reversed(parts)}, zipfile.ZIP_STORED)
    assert held(BOOK, other).stand is Stand.SAME


def test_lists_may_say_the_same_otherwise():
    def otherwise(parts):
        types = parts["[Content_Types].xml"]
        parts["[Content_Types].xml"] = types.replace(
            b"</Types>", b'<Default Extension="png" ContentType="image/png"/></Types>'
        ).replace(b"/xl/workbook.xml", b"/XL/Workbook.xml")
        parts[RELATIONS] = parts[RELATIONS].replace(b"><Relationship ", b">\n  <Relationship ")
        # a part that had no list of its own gets one, for properties only
        parts["xl/worksheets/_rels/sheet1.xml.rels"] = (
            b'<Relationships><Relationship Id="a" Target="/customXml/item1.xml"/></Relationships>'
        )
        parts["xl/"] = b""

    assert held(BOOK, changed(BOOK, otherwise)).stand is Stand.SAME


def set_sheet(parts):
    parts[SHEET] = parts[SHEET].replace("<v>7</v>".encode(), b"<v>9</v>")


def lead_elsewhere(parts):
    parts[RELATIONS] = parts[RELATIONS].replace(
        b"</Relationships>", b'<Relationship Id="x" Target="../customXml/../xl/evil.xml"/></Relationships>'
    )


def lead_outside(parts):
    parts[RELATIONS] = parts[RELATIONS].replace(
        b"</Relationships>",
        b'<Relationship Id="x" Target="../customXml/a" TargetMode="External"/></Relationships>',
    )


def name_another_type(parts):
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"worksheet+xml", b"macrosheet+xml")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (set_sheet, f"differs in {SHEET}"),
        (lambda parts: parts.pop(SHEET), f"{SHEET} is missing at the target"),
        (lambda parts: parts.update({"xl/vbaProject.bin": b"x"}), "xl/vbaProject.bin was added at the target"),
        (lambda parts: parts.update({"docprops.xml": b"x"}), "docprops.xml was added at the target"),
        (lead_elsewhere, f"differs in {RELATIONS}"),
        (lead_outside, f"differs in {RELATIONS}"),
        (name_another_type, "differs in [Content_Types].xml"),
        (lambda parts: parts.update({RELATIONS: b"<Relationships>"}), f"differs in {RELATIONS}"),
        (lambda parts: parts.update({RELATIONS: ENTITY}), f"differs in {RELATIONS}"),
        (lambda parts: parts.update({SHEET: b""}), f"differs in {SHEET}"),
        (lambda parts: parts.update({"a" * 500: b""}), f"{'a' * 80}… was added at the target"),
    ],
)
def test_a_difference_in_content_is_named(change, why):
    assert held(BOOK, changed(BOOK, change)) == (Stand.OTHER, why)


def twice(book):
    raw = io.BytesIO(book)
    with zipfile.ZipFile(raw, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(SHEET, b"<another/>")
    return raw.getvalue()


def in_directory(book, offset, value):
    """The book with bytes of its directory's first record overwritten."""
    at = book.index(b"PK\1\2") + offset
    return book[:at] + value + book[at + len(value):]


def flagged(book):
    return in_directory(book, 8, b"\1\0")


def packed_by(method, book):
    return in_directory(book, 10, struct.pack("<H", method))


def bomb(book):
    return in_directory(book, 24, struct.pack("<I", 0xF0000000))


def crowded(book):
    return packed({f"{number:06}": b"" for number in range(25_000)}, zipfile.ZIP_STORED)


def of_one_long_list(book):
    return changed(book, lambda parts: parts.update({RELATIONS: b" " * (MOST_AT_ONCE + 1)}))


HOSTILE = [
    (twice, f"{SHEET} stands in it twice"),
    (flagged, "is encrypted"),
    (partial(packed_by, zipfile.ZIP_LZMA), "is packed in a way that Office does not use"),
    (partial(packed_by, 9), "is packed in a way that Office does not use"),
    (bomb, "unpacked it is larger than any Office file"),
    (of_one_long_list, "unpacked it is larger than any Office file"),
    (crowded, "it lists more members than any Office file"),
]


@pytest.mark.parametrize(("harm", "why"), HOSTILE)
def test_what_is_beyond_looking_into_is_unclear_on_either_side_and_never_the_same(harm, why):
    bad = harm(BOOK)
    for side, found in (("source", held(bad, BOOK)), ("target", held(BOOK, bad)), ("source", held(bad, bad))):
        assert found.stand is Stand.UNCLEAR
        assert found.why.startswith(f"not compared, because of the file at the {side}: ") and why in found.why


NO_PACKAGES = [b"", b"PK", b"text", b"PK\5\6" + bytes(18), BOOK[:-30], bytes.fromhex("d0cf11e0a1b11ae1") * 99]


@pytest.mark.parametrize("bad", NO_PACKAGES)
def test_what_is_no_package_is_another_file_at_the_target_and_unclear_at_the_source(bad):
    assert held(bad, BOOK).stand is Stand.UNCLEAR
    assert held(bad, bad).stand is Stand.UNCLEAR
    found = held(BOOK, bad)
    assert found == (Stand.OTHER, NO_PACKAGE_LEFT)


def test_a_member_that_is_torn_is_another_at_the_target_and_unclear_where_it_was_so_already():
    parts = packed({"xl/a.bin": os.urandom(300_000)}, zipfile.ZIP_STORED)
    torn = parts[:200_000] + bytes([parts[200_000] ^ 1]) + parts[200_001:]
    assert held(parts, torn) == (Stand.OTHER, "differs in xl/a.bin")
    assert held(torn, torn).stand is Stand.UNCLEAR


def test_an_empty_member_with_a_false_checksum_is_not_the_same():
    parts = packed({"xl/a.bin": b"", "xl/b.bin": b""})
    at = parts.rindex(b"PK\1\2") + 16
    false = parts[:at] + b"\1\2\3\4" + parts[at + 4:]
    assert held(parts, false).stand is not Stand.SAME


def test_a_member_that_unpacks_to_more_than_it_declares_is_read_no_further():
    book = packed({"xl/a.bin": bytes(50 << 20)})
    at = book.index(b"PK\1\2") + 24
    small = book[:at] + struct.pack("<I", 10) + book[at + 4:]
    assert held(book, small) == (Stand.OTHER, "differs in xl/a.bin")
    tracemalloc.start()
    assert held(small, small).stand is Stand.UNCLEAR
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_memory_does_not_grow_with_what_is_in_it():
    large = packed({"xl/media/video.mp4": bytes(100 << 20), **members(BOOK)})
    directory = packed({f"{number:09}" * 20: b"" for number in range(30_000)}, zipfile.ZIP_STORED)
    there = promoted(large)
    files = io.BytesIO(large), io.BytesIO(there)
    tracemalloc.start()
    assert compare(*files).stand is Stand.SAME
    assert compare(io.BytesIO(directory), io.BytesIO(directory)).stand is Stand.UNCLEAR
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_the_sum_of_all_members_counts_also_where_they_lie_one_over_the_other(monkeypatch):
    monkeypatch.setattr(package, "MOST_UNPACKED", 10_000)
    parts = packed({f"xl/{number}": bytes(2000) for number in range(6)})
    assert held(parts, parts).stand is Stand.UNCLEAR
    assert MOST_UNPACKED > 10_000


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(min_value=0), count=st.integers(1, 30), cut=st.booleans())
def test_whatever_happens_to_the_bytes_nothing_crashes_and_nothing_is_called_the_same_that_is_not(seed, count, cut):
    dice = random.Random(seed)
    harmed = bytearray(BOOK)
    for _ in range(count):
        harmed[dice.randrange(len(harmed))] = dice.randrange(256)
    if cut:
        del harmed[dice.randrange(len(harmed)):]
    there, here = held(BOOK, bytes(harmed)), held(bytes(harmed), BOOK)
    if Stand.SAME in (there.stand, here.stand):
        assert contents(bytes(harmed)) == contents(BOOK)


def contents(book):
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/") and not name.endswith(".rels")]
        return {name: archive.read(name) for name in names}
