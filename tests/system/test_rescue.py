"""scripts/rescue brings a snapshot back without kdx, whatever is missing or hostile in a vault written by hand."""

import hashlib
import os
import subprocess
import time
import zlib
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


FULL = """
mount -t tmpfs -o size=40m none "$1" || exit 99
for shell in dash "busybox sh"; do $shell "$2" "$3" "$4" "$1/back"; echo "full $?"; done
for file in "$1"/back/*; do cmp "$file" "$5/${file##*/}" && echo whole; done
ls -A "$1/back" | grep -c kdx
mount -o remount,size=400m "$1"
dash "$2" "$3" "$4" "$1/back"; echo "room $?"
diff -r "$5" "$1/back" && echo same
"""


def test_on_a_full_disk_it_stops_and_says_so_leaves_nothing_cut_short_and_goes_on_later(vault, checkout, tmp_path):
    share, small = tmp_path / "share", tmp_path / "small"
    share.mkdir()
    small.mkdir()
    for number in range(12):
        (share / f"{number:02}").write_bytes(os.urandom(4_000_000))
    seal = vault.seal(vault.rows(share))
    own_mounts = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--user", "--map-root-user")
    words = [small, checkout / "scripts" / "rescue", vault.root, seal, share]
    ran = subprocess.run([*own_mounts, "sh", "-c", FULL, "sh", *words], capture_output=True, text=True, timeout=280)
    told = [line for line in ran.stdout.splitlines() if line != "whole"]
    assert told == ["full 5", "full 5", "0", "room 0", "same"], ran.stdout + ran.stderr
    assert 0 < ran.stdout.count("whole") < 12
    assert ran.stderr.count("has room for") == 2 and ran.stderr.count("Make room") == 2


def bomb(line: bytes, count: int) -> bytes:
    """Few bytes that unfold to many."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(line * 1000) for _ in range(count // 1000)) + packer.flush()


BOMBS = {"lines": b"\n", "zeros": b"\0" * 100, "no end": b"x" * 100, "rows": b"file\ta\n"}


@pytest.mark.parametrize("line", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_list_that_unfolds_without_end_fills_neither_disk_nor_memory(vault, rescue, tmp_path, shell, line):
    rows = small_rows(vault, tmp_path)
    part = vault.store("manifests", bomb(line, 1_000_000))
    seal = vault.seal(rows, change=lambda text: f"{text}manifest: {part} 100000 1\n")
    done = rescue(seal, SHELLS[shell])
    assert done.returncode == 5 and len(done.stderr) < 1_000_000, done.stderr[:1000]
    assert arrived(tmp_path) == {b"a", b"b/c", b"d", b"e"}


def test_a_seal_a_vault_or_an_object_that_is_no_such_file_is_not_waited_for(vault, rescue, tmp_path):
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "large").write_bytes(bytes(SEGMENT))
    seal = vault.seal(small_rows(vault, tmp_path))
    [segment] = (path for path in (vault.unit / "segments").rglob("*") if path.is_file())
    segment.unlink()
    os.mkfifo(segment)
    done = rescue(seal)
    assert done.returncode == 5 and "large" in done.stderr
    assert arrived(tmp_path) == {b"a", b"b/c", b"d", b"e"}
    other = seal.with_name("20261124T130000Z-000002.seal")
    with other.open("wb") as file:
        file.truncate(1 << 40)
    assert rescue(other, target="other").returncode == 2
    with (vault.root / "kdx-vault.json").open("r+b") as file:
        file.truncate(1 << 40)
    assert rescue(seal, target="other").returncode == 2


def test_rows_that_are_lost_on_their_way_are_noticed(vault, rescue, tmp_path):
    rows = small_rows(vault, tmp_path)
    seal = vault.seal(rows, change=lambda text: text.replace("entries: 5", "entries: 6"))
    done = rescue(seal)
    assert done.returncode == 5 and "how many entries" in done.stderr


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
