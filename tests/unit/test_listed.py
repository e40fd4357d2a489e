"""Hashing over a line that has a cap: every byte waits its turn, in order, and a large file piece by piece."""

from dataclasses import replace
from pathlib import Path

from kdx.config.location import parse_location
from kdx.remotes.interface import Capabilities
from kdx.remotes.listed import AT_ONCE, digest_each, digest_paced
from kdx.remotes.local import LocalRemote


class Far(LocalRemote):
    """A folder whose bytes come over a line."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, digest_without_transfer=False)


def test_every_byte_waits_its_turn_and_a_large_file_piece_by_piece(tmp_path: Path) -> None:
    sizes = {"a": 10, "b": 3 * AT_ONCE, "c": 20, "d": 0, "e": 2 * AT_ONCE, "f": 30}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(name.encode() * size)
    far, taken = Far(parse_location(str(tmp_path))), []
    entries = [*far.list()]
    (tmp_path / "c").unlink()
    found = list(digest_paced(far, entries, taken.append))
    assert found == list(digest_each(far, entries))
    assert [entry.skip for entry in found] == [None, None, "vanished", None, None, None]
    assert sum(taken) == sum(sizes.values()) - 20 and max(taken) <= AT_ONCE


def test_where_the_place_hashes_by_itself_nothing_waits(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    near, taken = LocalRemote(parse_location(str(tmp_path))), []
    assert [entry.path for entry in digest_paced(near, near.list(), taken.append)] == ["a"] and not taken
