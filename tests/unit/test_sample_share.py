"""The shares that the demo, the tests and the bench are made of."""

import os
from collections.abc import Callable
from pathlib import Path

import sample_share
from sample_board import BOARD, SCHOOL, write_board

from kdx.config import load_board


def test_the_same_call_makes_the_same_share(tmp_path: Path, tree: Callable[[Path], dict[bytes, str]]) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        count = sample_share.make_sample_share(tmp_path / name)
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    assert one == two
    assert len(one) == count == 496


def test_the_sample_share_holds_every_kind_of_hard_name(
    tmp_path: Path, tree: Callable[[Path], dict[bytes, str]]
) -> None:
    sample_share.make_sample_share(tmp_path)
    names = {os.path.basename(path) for path in tree(tmp_path)}
    assert {os.fsencode(name) for name in sample_share.HARD_FILES} <= names
    assert sample_share.CP932_NAME in names
    assert {os.fsencode(name) for name in sample_share.IGNORED_NAMES} <= names
    assert max(map(len, names)) == 255
    assert sum(path.is_symlink() for path in tmp_path.iterdir()) == len(sample_share.LINKS)
    assert not list((tmp_path / sample_share.EMPTY_FOLDERS[1]).iterdir())


def test_bench_shares_have_the_shape_they_promise() -> None:
    school = list(sample_share.school_shaped(20_000))
    photos = sum(sample.size for sample in school if sample.path.endswith((".jpg", ".mp4")))
    total = sum(sample.size for sample in school)
    assert 1.9e9 < total < 2.3e9
    assert 0.7 < photos / total < 0.9
    assert len({sample.path for sample in school}) == 20_000
    assert max(sample.size for sample in sample_share.tiny(1000)) < 2048
    assert len({sample.path for sample in sample_share.entries(2500)}) == 2500


def test_the_sample_board_is_one_that_loads(tmp_path: Path) -> None:
    write_board(tmp_path, {"共有": tmp_path / "a \"b\""}, {"cloud": "s3://b/p?endpoint=http://127.0.0.1:9000"})
    board = load_board(tmp_path)
    assert board.name == BOARD
    assert board.share(SCHOOL).location.path == str(tmp_path / "a \"b\"")
    assert board.target().location.host == "b"
