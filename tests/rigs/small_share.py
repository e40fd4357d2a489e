"""A small real share with hard names, moved to a folder: what the tests of migration and receipt begin with."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kdx import handover, migration, signing
from kdx.config.location import parse_location
from kdx.config.model import Board, IgnoreRules, School, Server, Share, Target
from kdx.migration import Level, Migration
from kdx.report.receipt import receipt_page
from kdx.state.folder import StateFolder

HARD_NAMES = (
    "令和6年度/01_教務/時間割.xlsx", "$(touch x)", "quo\"te's", "new\nline", "[最終].xlsx", "何？：＊.txt",
    "か\u3099.txt", "が.txt", "trailing ", "a%20b", "back\\slash", "あ" * 85, "Aa", "aA", "esc\x1b[31m", ".hidden",
)


def now() -> datetime:
    return datetime.now(UTC)


def build(share: Path) -> None:
    for number, name in enumerate(HARD_NAMES):
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} ".encode() * 10)
        os.utime(path, ns=(0, 1_700_000_000_123_456_789 + number))
    Path(os.fsdecode(os.fsencode(share) + "/資料.txt".encode("cp932"))).write_bytes(b"cp932")
    (share / "empty file").touch()
    (share / "empty folder").mkdir()
    (share / "Thumbs.db").write_bytes(b"junk")
    (share / "large").write_bytes(os.urandom(9 << 20))
    (share / "link").symlink_to("../elsewhere")


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    build(folder)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def one(tmp_path: Path, share: Path, target: Path) -> Migration:
    return open_one(tmp_path, share, target)


def board_of(one: Migration) -> Board:
    return Board("試験市教育委員会", Path(), (one.school,), (one.target,))


def open_one(tmp_path: Path, share: Path, target: Path) -> Migration:
    shares = (
        Share("es-1", "共有", "es", "fs", parse_location(str(share)), IgnoreRules("1", ("Thumbs.db",))),
    )
    board = Board(
        "試験市教育委員会",
        tmp_path,
        (School("es", "試験小学校", servers=(Server("fs", shares),)),),
        (Target("cloud", parse_location(str(target))),),
    )
    return migration.open_migration(board, StateFolder(tmp_path / "state"), "es", None, None)


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below `root`, read without kdx."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, root)
            if os.path.islink(path):
                found[relative] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                found[relative] = ("folder",)
            else:
                content = Path(path).read_bytes()
                found[relative] = ("file", hashlib.sha256(content).hexdigest(), os.stat(path).st_mtime_ns)
    return found


def moved(target: Path) -> dict[str, tuple[object, ...]]:
    return tree(target / "es" / "共有")


def without_junk(share: Path) -> dict[str, tuple[object, ...]]:
    return {path: what for path, what in tree(share).items() if path != "Thumbs.db"}


@pytest.fixture
def keys(tmp_path: Path, one: Migration) -> Path:
    signing.create_board_key(one.state.keys(), tmp_path / "keys", owner="試験", now=now() - timedelta(days=1))
    return tmp_path / "keys"


def issue(one: Migration, folder: Path, dry_run: bool = False) -> handover.Issued:
    return handover.issue_receipt(
        [one],
        board_of(one),
        one.state,
        folder,
        ledger_head=(7, "ab" * 32),
        now=now(),
        draw=partial(receipt_page, zone=ZoneInfo("Asia/Tokyo")),
        dry_run=dry_run,
    )


@pytest.fixture
def issued(tmp_path: Path, one: Migration, keys: Path) -> Path:
    migration.run(one, now)
    migration.verify(one, Level.CHECKSUM, now)
    issue(one, tmp_path / "receipt")
    return tmp_path / "receipt"
