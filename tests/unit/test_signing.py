"""Keys and signatures: OpenSSH's own program agrees with ours, and nothing else is trusted."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx import signing
from kdx.signing import KeyMissing, KeyUnlisted, KeyUnusable, SignatureWrong

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MESSAGE = "移行証明書\n".encode()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    private, public = tmp_path / "private", tmp_path / "public"
    signing.create_board_key(private, public, owner="試験市 教育委員会", now=NOW)
    return private, public


def test_what_kdx_signs_ssh_keygen_verifies(folders, tmp_path):
    private, public = folders
    signature = tmp_path / "signature"
    signature.write_text(signing.sign(signing.load_private_key(private), "kdx-receipt", MESSAGE))
    allowed = public / "board.pub"
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "board", "-n", "kdx-receipt", "-s", signature]
    assert subprocess.run(command, input=MESSAGE, capture_output=True).returncode == 0
    assert subprocess.run(command, input=MESSAGE + b"x", capture_output=True).returncode != 0


def test_what_ssh_keygen_signs_kdx_verifies(folders, tmp_path):
    private, public = folders
    file = tmp_path / "message"
    file.write_bytes(MESSAGE)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", private / "board", "-n", "kdx-receipt", file], check=True)
    signature = (tmp_path / "message.sig").read_text()
    key = signing.verify(signing.load_public_keys(public), "kdx-receipt", MESSAGE, signature, NOW)
    assert key.role == "board"


def test_the_fingerprint_is_the_one_ssh_keygen_prints(folders):
    private, _ = folders
    printed = subprocess.run(["ssh-keygen", "-l", "-f", private / "board"], capture_output=True, text=True, check=True)
    assert signing.load_private_key(private).public.fingerprint in printed.stdout.split()


def test_the_private_key_can_be_read_by_nobody_else_and_is_refused_when_it_can(folders):
    private, _ = folders
    assert (private / "board").stat().st_mode & 0o777 == 0o600
    (private / "board").chmod(0o640)
    with pytest.raises(KeyUnusable):
        signing.load_private_key(private)


def test_keys_are_never_replaced(folders):
    files = folders[0] / "board", folders[1] / "board.pub"
    before = [file.read_bytes() for file in files]
    with pytest.raises(KeyUnusable):
        signing.create_board_key(*folders, owner="somebody", now=NOW)
    assert before == [file.read_bytes() for file in files]


def test_another_key_is_not_trusted_however_well_it_signs(folders, tmp_path):
    signing.create_board_key(tmp_path / "other", tmp_path / "other-public", owner="other", now=NOW)
    signature = signing.sign(signing.load_private_key(tmp_path / "other"), "kdx-receipt", MESSAGE)
    with pytest.raises(KeyUnlisted):
        signing.verify(signing.load_public_keys(folders[1]), "kdx-receipt", MESSAGE, signature, NOW)


@pytest.mark.parametrize("at", [NOW - timedelta(seconds=1), NOW + timedelta(days=366)])
def test_a_key_counts_only_for_its_time(folders, at):
    private, public = folders
    line = (public / "board.pub").read_text().replace('Z" ssh', 'Z",valid-before="20271123120000Z" ssh')
    (public / "board.pub").write_text(line)
    signature = signing.sign(signing.load_private_key(private), "kdx-receipt", MESSAGE)
    keys = signing.load_public_keys(public)
    assert signing.verify(keys, "kdx-receipt", MESSAGE, signature, NOW).comment == "試験市_教育委員会"
    with pytest.raises(KeyUnlisted):
        signing.verify(keys, "kdx-receipt", MESSAGE, signature, at + timedelta(days=0 if at < NOW else 1))


def test_a_signature_for_one_purpose_is_worth_nothing_for_another(folders):
    private, public = folders
    signature = signing.sign(signing.load_private_key(private), "kdx-seal", MESSAGE)
    with pytest.raises(SignatureWrong):
        signing.verify(signing.load_public_keys(public), "kdx-receipt", MESSAGE, signature, NOW)


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_or_message_can_be_flipped(tmp_path_factory, place, bit):
    private, public = key_pair(tmp_path_factory)
    key = signing.load_private_key(private)
    flipped = bytearray(MESSAGE)
    flipped[place % len(flipped)] ^= 1 << bit
    keys = signing.load_public_keys(public)
    with pytest.raises(SignatureWrong):
        signing.verify(keys, "kdx-receipt", bytes(flipped), signing.sign(key, "kdx-receipt", MESSAGE), NOW)


_pairs: list[tuple[Path, Path]] = []


def key_pair(factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not _pairs:
        folder = factory.mktemp("keys")
        signing.create_board_key(folder / "private", folder / "public", owner="試験", now=NOW)
        _pairs.append((folder / "private", folder / "public"))
    return _pairs[0]


@given(st.text())
def test_any_text_given_as_a_signature_is_refused_as_one(text):
    with pytest.raises(SignatureWrong):
        signing.verify([], "kdx-receipt", MESSAGE, text, NOW)


@pytest.mark.parametrize(
    "line",
    ["", "board ssh-rsa AAAA", "board ssh-ed25519 AAAA", "board cert-authority ssh-ed25519 AAAA", "ssh-ed25519", "\0"],
)
def test_a_key_file_that_is_none_is_named(tmp_path, line):
    (tmp_path / "bad.pub").write_text(f"{line}\n")
    if not line:
        assert signing.load_public_keys(tmp_path) == ()
        return
    with pytest.raises(KeyUnusable) as refused:
        signing.load_public_keys(tmp_path)
    assert "bad.pub" in str(refused.value)


def test_a_plain_openssh_public_key_is_taken_where_one_is_given(folders, tmp_path):
    line = (folders[1] / "board.pub").read_text().split()
    (tmp_path / "plain.pub").write_text(" ".join(line[2:4]) + "\n")
    assert signing.read_public_key(tmp_path / "plain.pub").blob == signing.load_public_keys(folders[1])[0].blob


def test_a_machine_without_a_key_says_so(tmp_path):
    with pytest.raises(KeyMissing) as missing:
        signing.load_private_key(tmp_path)
    assert "kdx init" in missing.value.advise()
