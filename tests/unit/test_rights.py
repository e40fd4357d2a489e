"""POSIX rights as setfacl takes them, read from the attributes as Linux writes them."""

import os
import struct
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.remotes import Place
from kdx.remotes.interface import Entry
from kdx.remotes.rights import acl_entries, rights_of

NOBODY_ELSE = 54321
"""A number no machine has a name for."""


def attribute(*entries: tuple[int, int, int]) -> bytes:
    """What getfacl would show, as Linux keeps it: include/uapi/linux/posix_acl_xattr.h."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


SHARED = attribute(
    (0x01, 6, 0xFFFFFFFF), (0x02, 7, NOBODY_ELSE), (0x04, 4, 0xFFFFFFFF), (0x08, 5, 0), (0x10, 7, 0xFFFFFFFF),
    (0x20, 0, 0xFFFFFFFF),
)


@pytest.mark.parametrize(
    ("raw", "prefix", "entries"),
    [
        (SHARED, "", ["u:54321:rwx", "g:root:r-x", "m::rwx"]),
        (SHARED, "d:", ["d:u::rw-", "d:u:54321:rwx", "d:g::r--", "d:g:root:r-x", "d:m::rwx", "d:o::---"]),
        (b"", "", []),
        (b"\x03\0\0\0" + SHARED[4:], "", []),
        (SHARED[:-3], "", ["u:54321:rwx", "g:root:r-x", "m::rwx"]),
    ],
)
def test_entries_are_written_as_setfacl_takes_them(raw: bytes, prefix: str, entries: list[str]) -> None:
    assert acl_entries(raw, prefix) == entries


def test_owner_mode_and_acl_of_a_folders_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o755)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    os.setxattr(tmp_path / "folder", "system.posix_acl_access", SHARED)
    os.setxattr(tmp_path / "folder", "system.posix_acl_default", SHARED)
    remote = Place(parse_location(str(tmp_path))).open()
    rights = rights_of(remote)
    owner = remote.stat("file").owner
    assert rights(remote.stat("file")) == f"posix:{owner}::0640"
    assert rights(remote.stat("link")).startswith(f"posix:{owner}::0")
    told = rights(remote.stat("folder"))
    assert told.startswith(f"posix:{owner}::0670:u:54321:rwx,g:root:r-x,m::rwx,d:u::rw-,d:u:54321:rwx")


def test_what_a_place_says_itself_stands() -> None:
    rights = rights_of(Place(parse_location("/nowhere")).open())
    assert rights(Entry("a", "file", acl="O:BAG:DU")) == "sddl:O:BAG:DU"
    assert rights(Entry("a", "file", acl="sddl:O:BA")) == "sddl:O:BA"
    assert rights(Entry("a", "file")) == ""
