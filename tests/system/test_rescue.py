"""scripts/rescue brings a snapshot back without kdx, whatever is missing or hostile in a vault written by hand."""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rigs.hand_vault import SEGMENT, HandVault, Rows, member, open_hand_vault
from tests.rigs.hard_share import build_hard_share, kept

pytestmark = pytest.mark.system

SHELLS = {"dash": ("dash",), "busybox": ("busybox", "sh")}
Finished = subprocess.CompletedProcess[str]
Rescue = Callable[..., Finished]


@pytest.fixture
def vault(tmp_path: Path) -> HandVault:
    return open_hand_vault(tmp_path / "vault")


@pytest.fixture
def rescue(checkout: Path, vault: HandVault, tmp_path: Path) -> Rescue:
    """Run scripts/rescue on the vault: rescue(seal) -> what it said; what it brought back lies in tmp_path / "back"."""

    def run(seal: Path, shell: tuple[str, ...] = ("dash",), target: str = "back") -> Finished:
        words = [*shell, checkout / "scripts" / "rescue", vault.root, seal, tmp_path / target]
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="surrogateescape",
            timeout=280,
        )

    return run


def small_rows(vault: HandVault, tmp_path: Path, names: tuple[str, ...] = ("a", "b/c", "d", "e")) -> Rows:
    """The rows of a small honest share."""
    share = tmp_path / "small"
    for name in names:
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).write_bytes(name.encode() * 100)
    return vault.rows(share)


def arrived(tmp_path: Path) -> set[bytes]:
    """The files that were brought back."""
    return {path for path, facts in kept(tmp_path / "back").items() if facts[0] == "file"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_hard_name_link_hole_time_and_mode_comes_back_and_twice_is_once(vault, rescue, tmp_path, shell):
    share = build_hard_share(tmp_path / "share")
    seal = vault.seal(vault.rows(share), cut=7)
    for _ in range(2):
        done = rescue(seal, SHELLS[shell])
        assert (done.returncode, kept(tmp_path / "back") == kept(share)) == (0, True), done.stderr
    assert (tmp_path / "back" / "sparse.pst").stat().st_blocks < 2048


def files_in_a_tree(share: Path, count: int) -> Path:
    for number in range(count):
        path = share / f"令和{number % 8}年度" / f"{number // 100:04}" / f"文書 {number % 100}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d " % number * (number % 400))
        os.utime(path, ns=(0, 1_700_000_000_000_000_000 + number))
    return share


def test_thousands_of_small_files_come_back_identical(vault, rescue, tmp_path):
    share = files_in_a_tree(tmp_path / "share", 3000)
    done = rescue(vault.seal(vault.rows(share)))
    assert done.returncode == 0, done.stderr
    assert kept(tmp_path / "back") == kept(share)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_small_files_come_back_within_five_minutes(vault, checkout, tmp_path):
    share = files_in_a_tree(tmp_path / "share", 100_000)
    seal = vault.seal(vault.rows(share))
    began = time.monotonic()
    subprocess.run(["dash", checkout / "scripts" / "rescue", vault.root, seal, tmp_path / "back"], check=True)
    assert time.monotonic() - began < 300
    assert kept(tmp_path / "back") == kept(share)


HOSTILE = {
    "leads out": b"../outside",
    "leads out from within": b"b/../../outside",
    "is absolute": b"/outside",
    "has an empty part": b"b//c",
    "ends in a slash": b"b/",
    "is here": b"b/.",
    "has an unknown escape": b"z\\x41",
    "has no folder": b"zz/file",
}


@pytest.mark.parametrize("path", HOSTILE.values(), ids=HOSTILE)
def test_a_row_whose_path_is_hostile_is_named_and_all_others_come_back(vault, rescue, tmp_path, path):
    rows = small_rows(vault, tmp_path)
    hostile = [*rows[0][:9], path, b"-"]
    done = rescue(vault.seal([*rows, hostile]))
    assert done.returncode == 5
    assert path.decode() in done.stderr
    assert arrived(tmp_path) == {b"a", b"b/c", b"d", b"e"}
    assert not list(tmp_path.rglob("outside"))


def test_a_row_that_goes_through_a_link_stands_twice_or_out_of_order_is_refused(vault, rescue, tmp_path):
    rows = small_rows(vault, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    link = [b"link", *[b"-"] * 2, b"5.000000000", *[b"-"] * 5, b"f", os.fsencode(tmp_path / "elsewhere")]
    through, twice, early = ([*rows[0][:9], path, b"-"] for path in (b"f/file", b"f", b"b/b"))
    done = rescue(vault.seal([*rows, link, through, twice, early]))
    assert done.returncode == 5
    assert [line.rpartition(" ")[2] for line in done.stderr.splitlines()[1:4]] == ["f/file", "f", "b/b"]
    assert arrived(tmp_path) == {b"a", b"b/c", b"d", b"e"}
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (tmp_path / "back" / "f").is_symlink()


@pytest.mark.parametrize(
    "header",
    [{"type": b"2", "linkname": "/etc/passwd", "size": 0}, {"type": b"6", "size": 0}, {"name": "../outside"},
     {"name": "/outside"}, {"size": 7 << 30}],
    ids=["link", "pipe", "leads out", "absolute", "enormous"],
)
def test_a_member_that_is_not_what_it_says_harms_nobody(vault, rescue, tmp_path, header):
    content = b"the content of a"
    hostile = {**header}
    name = hostile.pop("name", hashlib.sha256(content).hexdigest())
    vault.pack([content], [member(name, content, **hostile)])
    share = tmp_path / "small"
    share.mkdir()
    (share / "a").write_bytes(content)
    (share / "b").write_bytes(b"honest")
    done = rescue(vault.seal(vault.rows(share)))
    assert arrived(tmp_path) <= {b"a", b"b"}
    assert (tmp_path / "back" / "b").read_bytes() == b"honest"
    if done.returncode == 0:
        assert (tmp_path / "back" / "a").read_bytes() == content
    else:
        assert (done.returncode, arrived(tmp_path)) == (5, {b"b"})
    assert not list(tmp_path.rglob("outside")) and not Path("/outside").exists()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 3]),
    "emptied": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("kind", ["packs", "segments", "manifests"])
def test_what_is_damaged_is_named_and_everything_else_comes_back(vault, rescue, tmp_path, kind, damage):
    share = tmp_path / "share"
    share.mkdir()
    for number in range(6):
        (share / f"small {number}").write_bytes(b"%d" % number * 1_500_000)
        (share / f"large {number}").write_bytes(b"%d" % number * (SEGMENT + 1000))
    seal = vault.seal(vault.rows(share), cut=8)
    damage(min(path for path in (vault.unit / kind).rglob("*") if path.is_file()))
    done = rescue(seal)
    assert done.returncode == 5
    back = kept(tmp_path / "back")
    lost = kept(share).keys() - back.keys()
    assert 0 < len(lost) < 12
    if kind == "manifests":
        assert "part of the list of files" in done.stderr
    else:
        assert all(path.decode() in done.stderr for path in lost)
    assert {path: facts for path, facts in kept(share).items() if path not in lost} == back


def test_a_lost_part_of_the_list_takes_no_file_with_it_that_another_part_names(vault, rescue, tmp_path):
    rows = small_rows(vault, tmp_path, ("a", "b/c/d", "b/c/e", "b/f", "g"))
    seal = vault.seal(rows, cut=3)
    first = next(line.split(" ")[1] for line in seal.read_text("utf-8").splitlines() if line.startswith("manifest: "))
    (vault.unit / first).unlink()
    done = rescue(seal)
    assert done.returncode == 5
    assert arrived(tmp_path) == {b"b/c/d", b"b/c/e", b"b/f", b"g"}


def test_what_lies_in_the_target_is_never_replaced_and_no_link_there_is_followed(vault, rescue, tmp_path):
    rows = small_rows(vault, tmp_path, ("a", "b/c", "d", "e\nf", "g/h"))
    seal = vault.seal(rows)
    back, elsewhere = tmp_path / "back", tmp_path / "elsewhere"
    back.mkdir()
    elsewhere.mkdir()
    (back / "a").write_bytes(b"mine")
    (back / "b").symlink_to(elsewhere)
    (back / "d").symlink_to(elsewhere / "d")
    (back / "e\nf").write_bytes(b"mine too")
    (back / "g").write_bytes(b"a file where a folder goes")
    done = rescue(seal)
    assert done.returncode == 5
    assert (back / "a").read_bytes() == b"mine"
    assert (back / "e\nf").read_bytes() == b"mine too"
    assert (back / "g").is_file() and (back / "b").is_symlink()
    assert not list(elsewhere.iterdir())
    assert all(f": {name}" in done.stderr for name in ("a", "b", "d", "e\\nf", "g"))


@pytest.mark.parametrize("words", [(), ("vault",), ("nowhere", "seal", "back"), ("vault", "no.seal", "back")])
def test_it_says_what_it_needs_and_makes_nothing(vault, checkout, tmp_path, words):
    places = [tmp_path / word for word in words]
    done = subprocess.run(["dash", checkout / "scripts" / "rescue", *places], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rescue: ") or "cd:" in done.stderr
    assert not (tmp_path / "back").exists()


def test_a_vault_of_another_format_is_not_touched(vault, rescue, tmp_path):
    seal = vault.seal(small_rows(vault, tmp_path))
    about = vault.root / "kdx-vault.json"
    about.write_text(about.read_text("utf-8").replace('"format": 1', '"format": 2'), "utf-8")
    assert rescue(seal).returncode == 2
    assert not kept(tmp_path / "back")


def test_the_digit_of_a_mask_never_becomes_a_right_of_the_group(vault, rescue, tmp_path):
    rows = small_rows(vault, tmp_path, ("a", "b"))
    rows[0][4], rows[1][4] = b"posix:::0670:u:teacher:rwx,m::rwx", b"posix:::6640"
    assert rescue(vault.seal(rows)).returncode == 0
    assert [oct((tmp_path / "back" / name).stat().st_mode & 0o7777) for name in ("a", "b")] == ["0o600", "0o640"]
