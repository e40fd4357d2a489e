"""A vault in which somebody put what no kdx writes, or whose disk gives out: it is named, and all else comes back."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sample_board import SCHOOL

from tests.rigs.hand_vault import SEGMENT, HandVault, open_hand_vault
from tests.system.conftest import Site
from tests.system.test_bad_input import as_a_person_without_rights, explains
from tests.system.test_rescue import small_rows
from tests.system.test_restore import arrived, trusting

pytestmark = pytest.mark.system

HUGE = 8 << 30
"""More than the memory of any machine that runs the tests; it costs no disk, for it is a hole."""
LOOKS = tuple(("backup", word, SCHOOL) for word in ("list", "status", "run", "verify"))


@pytest.fixture
def vault(tmp_path: Path) -> HandVault:
    return open_hand_vault(tmp_path / "vault")


@pytest.fixture
def site(make_site: Callable[..., Site], tmp_path: Path, vault: HandVault) -> Site:
    """A board that trusts the vault, with a machine that can back up."""
    (tmp_path / "target").mkdir()
    site = trusting(make_site(str(tmp_path / "target")), vault)
    assert site.kdx("backup", "init").returncode == 0
    return site


@pytest.fixture
def small_memory() -> tuple[str, ...]:
    """Run a command with no more memory than a small machine has."""
    return ("prlimit", f"--as={4 << 30}")


def huge(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "wb") as file:
        file.truncate(HUGE)


def test_a_seal_list_or_note_that_is_larger_than_memory_is_named_and_all_else_comes_back(
    site: Site, vault: HandVault, tmp_path: Path, small_memory: tuple[str, ...]
) -> None:
    seal = vault.seal(small_rows(vault, tmp_path))
    huge(seal.with_name("20261124T130000Z-000002.seal"))
    huge(vault.unit / "damaged" / ("ab" * 32))
    huge(vault.unit / "marks" / "20261124T130000Z.mark")
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", prefix=small_memory)
    explains(done, 5, "000002.seal", "larger than")
    assert arrived(tmp_path / "back") == {b"a", b"b/c", b"d", b"e"}
    for words in (*LOOKS, ("backup", "prune", SCHOOL)):
        done = site.kdx(*words, prefix=small_memory)
        assert done.returncode == 5 and "larger than" in done.stdout + done.stderr, done.stdout + done.stderr
    (tmp_path / "usb").mkdir()
    copied = site.kdx("backup", "copy", "--to", str(tmp_path / "usb"), prefix=small_memory)
    assert copied.returncode == 5 and "larger than" in copied.stdout
    assert (tmp_path / "usb" / seal.relative_to(vault.root)).exists()


def test_what_says_what_the_vault_is_may_not_be_larger_than_it_can_be(
    site: Site, vault: HandVault, tmp_path: Path, small_memory: tuple[str, ...]
) -> None:
    vault.seal(small_rows(vault, tmp_path))
    huge(vault.root / "kdx-vault.json")
    for words in (("restore", SCHOOL, "--to", str(tmp_path / "back")), *LOOKS):
        explains(site.kdx(*words, prefix=small_memory), 10, "kdx-vault.json", "cannot be read")


@pytest.mark.parametrize("kind", ["packs", "segments", "manifests"])
def test_an_object_the_disk_does_not_give_takes_no_other_file_with_it(
    site: Site, vault: HandVault, tmp_path: Path, kind: str
) -> None:
    share = tmp_path / "unread"
    share.mkdir()
    for number in range(6):
        (share / f"small {number}").write_bytes(b"%d" % number * 1_500_000)
        (share / f"large {number}").write_bytes(b"%d" % number * (SEGMENT + 1000))
    vault.seal(vault.rows(share), cut=8)
    victim = min(path for path in (vault.unit / kind).rglob("*") if path.is_file())
    victim.chmod(0)
    nobody = as_a_person_without_rights()
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back", prefix=nobody)
    assert done.returncode == 5 and "cannot be read" in done.stderr, done.stderr
    assert 0 < len(arrived(share) - arrived(tmp_path / "back")) < 12
    verified = site.kdx("backup", "verify", "--full", SCHOOL, "--json", prefix=nobody)
    assert verified.returncode == 5
    [row] = json.loads(verified.stdout)["rows"]
    assert (row["what"], row["name"]) == ("cannot be read", str(victim.relative_to(vault.unit)))
    # what was not seen is not known to be lost: no note says so for ever
    assert not (vault.unit / "damaged").exists()
    (tmp_path / "usb").mkdir()
    copied = site.kdx("backup", "copy", "--to", str(tmp_path / "usb"), prefix=nobody)
    assert copied.returncode == 5 and victim.name in copied.stdout
    assert len(list((tmp_path / "usb").rglob("*.seal"))) == 1


ODD = {
    "sequence": "99999999999999999999", "previous": "x", "started": "99991332T999999Z", "sealed": "yesterday",
    "state": "perfect", "waiting": "-1", "entries": "1e9", "files": "\u0663", "bytes": "9" * 5000, "new": "",
    "compared": "../../x", "unread": "0x1", "ignored": "1.5", "stored": "1", "reread": "1/0", "references": "../x",
    "unreadlist": "packs/../../etc/passwd", "manifest": "/etc/passwd 1 1", "vault": "", "school": "..", "share": "a/b",
}


def test_signed_seals_with_odd_values_are_all_named_and_the_one_before_them_counts(
    site: Site, vault: HandVault, tmp_path: Path
) -> None:
    rows = small_rows(vault, tmp_path)
    vault.seal(rows)
    odd = []
    for key, value in ODD.items():

        def change(text: str, line: str = f"{key}: {value}\n", pattern: str = rf"(?m)^{key}: .*\n") -> str:
            changed = re.sub(pattern, lambda _found: line, text)
            return changed if changed != text else text + line

        odd.append(vault.seal(rows, "20261124T130000Z", change=change).name)
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    explains(done, 5, "20261123T130000Z-000001", *odd)
    assert arrived(tmp_path / "back") == {b"a", b"b/c", b"d", b"e"}
    (site.share / "a").write_bytes(b"a" * 100)
    for words in LOOKS:
        done = site.kdx(*words)
        assert done.returncode == 5, done.stdout + done.stderr
        assert all(name in done.stdout + done.stderr for name in odd), done.stdout + done.stderr


def test_a_row_whose_object_is_none_makes_no_bug_of_whatever_looks_at_its_names(
    site: Site, vault: HandVault, tmp_path: Path
) -> None:
    rows = small_rows(vault, tmp_path)
    rows[-1][6] = b"packs/x"
    vault.seal(rows)
    verified = site.kdx("backup", "verify", SCHOOL)
    assert verified.returncode == 5 and ".refs.gz" in verified.stdout and "malformed" in verified.stdout
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 5 and "e  (" in done.stderr and "--find NAME" in done.stdout
    assert arrived(tmp_path / "back") == {b"a", b"b/c", b"d"}
    # a list of files that holds no rows at all, of the snapshot a run compares with
    part = vault.store("manifests", gzip.compress(b"\n\n", mtime=0))
    vault.seal(rows[:-1], "20261124T130000Z", change=lambda text: f"{text}manifest: {part} 2 {len(part)}\n")
    (site.share / "a").write_bytes(b"a" * 100)
    assert site.kdx("backup", "run", SCHOOL).returncode == 5


@pytest.mark.parametrize(("field", "value"), [(7, b"x"), (8, b"-5"), (1, b"zz"), (2, b"9" * 400)])
def test_a_row_no_kdx_wrote_does_not_keep_a_school_from_being_saved(
    site: Site, vault: HandVault, tmp_path: Path, field: int, value: bytes
) -> None:
    for name in ("a", "b"):
        (site.share / name).write_bytes(name.encode() * 100)
    rows = vault.rows(site.share)
    rows[-1][field] = value
    vault.seal(rows)
    (site.share / "b").write_bytes(b"rewritten")
    (site.share / "c").write_bytes(b"new")
    done = site.kdx("backup", "run", SCHOOL)
    assert done.returncode == 0, done.stdout + done.stderr
    done = site.kdx("restore", SCHOOL, "--to", tmp_path / "back")
    assert done.returncode == 0 and arrived(tmp_path / "back") == {b"a", b"b", b"c"}


@pytest.mark.parametrize("unread", [b"file\tlocked\tnow\ta\n", b"file\t\xff\t-\ta\n\n"], ids=["no time", "no text"])
def test_an_unread_list_that_is_none_is_named(site: Site, vault: HandVault, tmp_path: Path, unread: bytes) -> None:
    vault.seal(small_rows(vault, tmp_path), state="partial", unread=unread, reason="locked 1")
    (site.share / "a").write_bytes(b"a" * 100)
    for words in LOOKS[1:3]:
        explains(site.kdx(*words), 5, "malformed")
