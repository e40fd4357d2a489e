"""Times and rights that a restore puts back, read as the system reads them; never more than there was."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kdx.config.location import parse_location
from kdx.remotes.acl_attribute import attributes_of
from kdx.remotes.interface import Conflict, ReadFailed
from kdx.remotes.local import LocalRemote
from kdx.remotes.local_restore import EXTENDED, OWNER, WINDOWS, LocalRestore
from kdx.remotes.rights import ACCESS, DEFAULT, acl_entries

TIME = 1_700_000_000_123_456_789


@pytest.fixture
def place(tmp_path: Path) -> LocalRestore:
    return LocalRemote(parse_location(str(tmp_path))).restoring()


def put(place: LocalRestore, path: str, rights: str = "", content: bytes = b"content") -> list[str]:
    return place.put(path, iter([content]), len(content), TIME, rights)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_file_gets_its_name_when_it_is_whole_with_its_time_and_mode(place, tmp_path):
    assert put(place, "a/b", "posix:::0604") == []
    assert (tmp_path / "a/b").read_bytes() == b"content"
    assert ((tmp_path / "a/b").stat().st_mtime_ns, mode(tmp_path / "a/b")) == (TIME, 0o604)
    assert os.listdir(tmp_path / "a") == ["b"]


def test_nothing_is_left_of_a_file_that_is_not_what_was_announced(place, tmp_path):
    with pytest.raises(ReadFailed):
        place.put("a", iter([b"short"]), 7, TIME, "")

    def broken():
        yield b"beginning"
        raise ReadFailed(name="a", reason="changed", detail="")

    with pytest.raises(ReadFailed):
        place.put("a", broken(), 99, TIME, "")
    assert os.listdir(tmp_path) == []


def test_nothing_is_written_over_or_through_a_link(place, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "link").symlink_to("outside")
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "dangling").symlink_to("outside/new")
    for path in ("mine", "link", "link/file", "dangling", "mine/file"):
        with pytest.raises(Conflict):
            put(place, path)
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert os.listdir(tmp_path / "outside") == []


def test_without_nameless_files_it_is_the_same(place, tmp_path):
    place._nameless = False
    assert put(place, "a/b", "posix:::0640") == []
    assert ((tmp_path / "a/b").stat().st_mtime_ns, mode(tmp_path / "a/b")) == (TIME, 0o640)
    with pytest.raises(Conflict):
        put(place, "a/b")


def test_set_user_id_never_comes_back_and_a_folder_keeps_its_group_bit(place, tmp_path):
    put(place, "a", "posix:::6755")
    (tmp_path / "folder").mkdir()
    place.put_back("folder", "directory", TIME, "posix:::6775")
    assert (mode(tmp_path / "a"), mode(tmp_path / "folder")) == (0o755, 0o2775)


@pytest.mark.parametrize(
    ("rights", "lost"),
    [
        ("", []), ("posix:::0644", []), ("posix:nobody-of-this-name::0644", [OWNER]), ("sddl:O:BAG:BA", [WINDOWS]),
        ("posix:::9999", [WINDOWS]), ("posix:::0664:u:nobody-of-this-name:rw-,g::r--,m::rw-", [EXTENDED]),
    ],
)
def test_what_could_not_be_put_back_is_said(place, rights, lost):
    assert put(place, "a", rights) == lost


def test_an_acl_comes_back_as_it_was(place, tmp_path):
    entries = "u:root:rwx,u:54321:rw-,g::r--,g:root:r-x,m::rwx"
    default = "d:u::rwx,d:g::r-x,d:g:root:rwx,d:m::rwx,d:o::---"
    (tmp_path / "folder").mkdir()
    assert place.put_back("folder", "directory", TIME, f"posix:::2770:{entries},{default}") == []
    assert ",".join(acl_entries(os.getxattr(tmp_path / "folder", DEFAULT), "d:")) == default
    shown = acl_entries(os.getxattr(tmp_path / "folder", ACCESS), "x:")
    assert shown == [f"x:{one}" for one in ("u::rwx", *entries.split(","), "o::---")]
    assert mode(tmp_path / "folder") == 0o2770


def test_a_group_whose_right_is_not_known_gets_none(place, tmp_path):
    assert put(place, "a", "posix:::0670:u:root:rwx,m::rwx") == [EXTENDED]
    assert "x:g::---" in acl_entries(os.getxattr(tmp_path / "a", ACCESS), "x:")
    assert put(place, "b", "posix:::0670:u:nobody-of-this-name:rwx") == [EXTENDED]
    assert acl_entries(os.getxattr(tmp_path / "b", ACCESS), "x:") == ["x:u::rw-", "x:g::---", "x:m::rwx", "x:o::---"]


@given(some.text(max_size=40), some.integers(0, 0o777))
def test_no_text_of_rights_is_too_odd(text, bits):
    attributes_of(text, bits, lambda name: 1, lambda name: 2)
