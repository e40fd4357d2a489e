"""Who may open which folder: texts of rights in, differences out."""

import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx.inventory.access import Change, Rights, differing_folders, folders_of, mode_text, rights_of
from kdx.inventory.rights import RightsJournal, read_rights, rights_id
from kdx.remotes.interface import Entry
from kdx.remotes.office_owner import holder_in, owner_files_of
from kdx.remotes.local.rights import short_text
from kdx.remotes.smb.security import sddl

TEACHERS, HEAD = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
ALL = f"O:BAG:BAD:AI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;{TEACHERS})(A;OICI;FA;;;{HEAD})"
HEAD_ONLY = f"O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{HEAD})"
SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"


def test_a_folder_only_the_head_may_open_is_narrower_and_says_who_lost_it() -> None:
    folders = [("校長室", HEAD_ONLY), ("校長室/人事", HEAD_ONLY), ("教務", ALL)]
    (found,) = differing_folders(folders, ALL)
    assert (found.folder, found.change, found.lost) == ("校長室", Change.NARROWER, {TEACHERS})
    assert found.rights.open == {SYSTEM, ADMINISTRATORS, HEAD}


def test_a_folder_inside_a_narrow_one_that_opens_again_is_wider() -> None:
    found = list(differing_folders([("a", HEAD_ONLY), ("a/b", ALL)], ALL))
    assert [(one.folder, one.change) for one in found] == [("a", Change.NARROWER), ("a/b", Change.WIDER)]


def test_other_people_are_different_and_an_unknown_text_is_passed_over() -> None:
    others = ALL.replace(TEACHERS, "S-1-5-21-9")
    found = list(differing_folders([("a", others), ("b", ""), ("b/c", HEAD_ONLY), ("d", "no text at all")], ALL))
    assert [(one.folder, one.change) for one in found] == [("a", Change.DIFFERENT), ("b/c", Change.NARROWER)]


def test_whoever_is_among_everyone_has_lost_nothing() -> None:
    everyone = "O:BAD:(A;;FA;;;WD)"
    found = list(differing_folders([("a", everyone)], "O:BAD:(A;;FA;;;WD)(A;;FA;;;S-1-5-21-7)"))
    assert found == []


@pytest.mark.parametrize(
    ("text", "opens", "changes"),
    [
        ("D:(A;;FR;;;WD)", {"S-1-1-0"}, set()),
        ("D:(A;;0x1200a9;;;BU)", {"S-1-5-32-545"}, set()),
        ("D:(A;OICIIO;FA;;;CO)(A;;GR;;;AU)", {"S-1-5-11"}, set()),
        ("D:(D;;FA;;;S-1-5-21-5)(A;;FA;;;S-1-5-21-5)", set(), set()),
        ("D:(D;;FW;;;WD)(A;;FA;;;AU)", {"S-1-5-11"}, set()),
        ("D:PAI", set(), set()),
        ("O:BAD:NO_ACCESS_CONTROL", {"S-1-1-0"}, {"S-1-1-0"}),
        ("user::rwx,group::r-x,other::---", {"owner", "group"}, {"owner"}),
        ("user::rwx,user:田中:rwx,group::rwx,mask::r-x,other::--x", {"owner", "user:田中", "group"}, {"owner"}),
        ("user::rwx,group::r--,other::r-x,default:other::rwx", {"owner", "S-1-1-0"}, {"owner"}),
    ],
)
def test_rights_are_read_from_their_text(text: str, opens: set[str], changes: set[str]) -> None:
    assert rights_of(text) == Rights(frozenset(opens), frozenset(changes))


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=60) | st.just("D:(A;;") | st.just("D:(A;;FA;;;)"))
def test_no_text_of_rights_breaks_the_look(text: str) -> None:
    assert rights_of(text) is None or rights_of(text)


def test_the_mode_counts_where_there_is_no_list() -> None:
    folders = [Entry("a", "directory", mode=0o755), Entry("a/b", "directory", mode=0o700), Entry("c", "file", mode=1)]
    (found,) = differing_folders(folders_of(folders, {}), mode_text(0o755))
    assert (found.folder, found.change, found.lost) == ("a/b", Change.NARROWER, {"group", "S-1-1-0"})


def test_each_text_is_kept_once_whoever_writes_it(tmp_path: Path) -> None:
    journals = [tmp_path / f"{number}.ndjson" for number in range(2)]
    ids = set()
    for path in journals:
        rights = RightsJournal(path)
        ids |= {rights.note("a", ALL), rights.note("b", ALL)}
        assert rights.note("c", "") == ""
        rights.note("", HEAD_ONLY)
        rights.flush()
    assert ids == {rights_id(ALL)}
    assert read_rights(journals) == {rights_id(ALL): ALL, rights_id(HEAD_ONLY): HEAD_ONLY, "": HEAD_ONLY}
    assert all(path.read_text().count(TEACHERS) == 1 for path in journals)


# --- from bytes to text -------------------------------------------------------------------------------------------


def sid(text: str) -> bytes:
    _s, revision, authority, *numbers = text.split("-")
    return struct.pack(">BBHI", int(revision), len(numbers), 0, int(authority)) + b"".join(
        struct.pack("<I", int(number)) for number in numbers
    )


def descriptor(control: int, *entries: tuple[int, int, int, str]) -> bytes:
    rows = b"".join(
        struct.pack("<BBHI", kind, flags, 8 + len(sid(account)), mask) + sid(account)
        for kind, flags, mask, account in entries
    )
    owner = sid("S-1-5-32-544")
    start = 20 + len(owner)
    head = struct.pack("<BBHIIII", 1, 0, 0x8000 | control, 20, 0, 0, start)
    return head + owner + struct.pack("<BBHHH", 2, 0, 8 + len(rows), len(entries), 0) + rows


def test_a_security_descriptor_reads_as_sddl() -> None:
    data = descriptor(0x1404, (0, 3, 0x1F01FF, "S-1-5-18"), (1, 0x13, 0x120089, HEAD), (0, 0x0B, 0x1301BF, "S-1-1-0"))
    assert sddl(data) == f"O:BAD:PAI(A;OICI;FA;;;SY)(D;OICIID;FR;;;{HEAD})(A;OICIIO;0x1301bf;;;WD)"


def test_no_list_lets_everybody_in_and_an_empty_one_nobody() -> None:
    missing = struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 0)
    assert rights_of("O:BA" + sddl(missing)) == Rights(frozenset({"S-1-1-0"}), frozenset({"S-1-1-0"}))
    assert rights_of(sddl(descriptor(4))) == Rights(frozenset(), frozenset())


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 120))
def test_no_bytes_break_the_reading_of_a_descriptor(noise: bytes, cut: int) -> None:
    assert isinstance(sddl(noise), str)
    assert isinstance(sddl(descriptor(4, (0, 3, 0x1F01FF, HEAD))[:cut] + noise), str)
    assert isinstance(short_text(noise), str)
    assert isinstance(holder_in(noise), str)


def test_a_posix_list_reads_as_getfacl_writes_it() -> None:
    rows = [(1, 7, 0xFFFFFFFF), (2, 5, os.getuid()), (4, 5, 0xFFFFFFFF), (0x10, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)
    name = subprocess.run(["id", "-un"], capture_output=True, check=True, encoding="utf-8").stdout.strip()
    assert short_text(data) == f"user::rwx,user:{name}:r-x,group::r-x,mask::r-x,other::---"
    assert short_text(data, "default:").startswith("default:user::rwx,default:user:")


@pytest.mark.parametrize(
    ("document", "owner_file"),
    [("成績処理.xlsx", "~$成績処理.xlsx"), ("通知.docx", "~$通知.docx"), ("令和6年度通知表.docx", "~$6年度通知表.docx")],
)
def test_the_owner_file_of_a_document_is_where_office_puts_it(document: str, owner_file: str) -> None:
    assert owner_files_of(document) == (owner_file,)
    assert owner_files_of(owner_file) == owner_files_of("写真.jpg") == ()


@pytest.mark.parametrize("start", [54, 55])
def test_the_holder_is_read_from_either_kind_of_owner_file(start: int) -> None:
    data = b"\x04ab".ljust(start) + b"\x04\0" + "田中先生".encode("utf-16-le") + b"\0" * 50
    assert holder_in(data) == "田中先生"
    assert holder_in(data[: start + 5]) == ""
