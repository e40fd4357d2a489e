"""Keys and signatures: OpenSSH's own program agrees with ours, and nothing else is trusted."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdx import signing
from kdx.errors import ExitCode
from kdx.signing import (
    KeyExpired,
    KeyMissing,
    KeyNotYetValid,
    KeyUnlisted,
    KeyUnusable,
    PublicKeysWrong,
    SignatureWrong,
)

pytestmark = pytest.mark.system

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UNTIL = datetime(2027, 11, 23, 12, tzinfo=UTC)
MESSAGE = "移行証明書\n".encode()
NAMESPACE = "kdx-receipt"
Folders = tuple[Path, Path]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Private and public folder of a board with a key that is valid for one year."""
    private, public = tmp_path / "private", tmp_path / "public"
    key = signing.create_board_key(private, public, owner="試験市 教育委員会", now=NOW)
    (public / "board.pub").write_text(replace(key, valid_before=UNTIL).line() + "\n")
    return private, public


def signed_in(folders: Folders, namespace: str = NAMESPACE) -> str:
    return signing.sign(signing.load_private_key(folders[0]), namespace, MESSAGE)


def kdx_accepts(folders: Folders, signature: str, at: datetime = NOW, message: bytes = MESSAGE) -> signing.PublicKey:
    return signing.verify(signing.load_public_keys(folders[1]), NAMESPACE, message, signature, at)


def openssh_accepts(
    allowed: Path, signature: Path, at: datetime = NOW, message: bytes = MESSAGE, role: str = "board"
) -> bool:
    command = ["ssh-keygen", "-Y", "verify", "-O", f"verify-time={at:%Y%m%d%H%M%SZ}", "-f", allowed, "-I", role,
               "-n", NAMESPACE, "-s", signature]
    return subprocess.run(command, input=message, capture_output=True).returncode == 0


# --- with OpenSSH ---------------------------------------------------------------------------------------------------


def test_what_kdx_signs_ssh_keygen_verifies(folders: Folders, tmp_path: Path) -> None:
    signature = tmp_path / "signature"
    signature.write_text(signed_in(folders))
    allowed = folders[1] / "board.pub"
    assert openssh_accepts(allowed, signature)
    assert not openssh_accepts(allowed, signature, message=MESSAGE + b"x")
    assert not openssh_accepts(allowed, signature, role="school")


def test_what_ssh_keygen_signs_kdx_verifies(folders: Folders, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(MESSAGE)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", folders[0] / "board", "-n", NAMESPACE, file], check=True)
    key = kdx_accepts(folders, (tmp_path / "message.sig").read_text())
    assert (key.role, key.comment, key.valid_after, key.valid_before) == ("board", "試験市_教育委員会", NOW, UNTIL)


def test_the_public_files_of_several_roles_together_are_one_allowed_signers_file(
    folders: Folders, tmp_path: Path
) -> None:
    private, public = folders
    signing.create_board_key(private, public, owner="", now=NOW, role="school-1")
    together = tmp_path / "allowed_signers"
    together.write_bytes(b"".join(path.read_bytes() for path in sorted(public.glob("*.pub"))))
    signature = tmp_path / "signature"
    signature.write_text(signing.sign(signing.load_private_key(private, "school-1"), NAMESPACE, MESSAGE))
    assert openssh_accepts(together, signature, role="school-1")
    assert not openssh_accepts(together, signature, role="board")
    assert kdx_accepts(folders, signature.read_text()).role == "school-1"


@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize("end", [NOW, UNTIL])
def test_a_key_counts_only_for_its_time_and_openssh_says_the_same(
    folders: Folders, tmp_path: Path, end: datetime, seconds: int
) -> None:
    signature = tmp_path / "signature"
    signature.write_text(signed_in(folders))
    at = end + timedelta(seconds=seconds)
    accepted = openssh_accepts(folders[1] / "board.pub", signature, at)
    assert accepted == (NOW <= at <= UNTIL)
    if accepted:
        assert kdx_accepts(folders, signature.read_text(), at).role == "board"
        return
    with pytest.raises(KeyNotYetValid if end == NOW else KeyExpired) as refused:
        kdx_accepts(folders, signature.read_text(), at)
    assert refused.value.exit_code == ExitCode.GATE


def test_the_fingerprint_is_the_one_ssh_keygen_prints(folders: Folders) -> None:
    printed = subprocess.run(["ssh-keygen", "-l", "-f", folders[0] / "board"], capture_output=True, check=True).stdout
    assert signing.load_private_key(folders[0]).public.fingerprint in printed.decode().split()
    assert signing.load_public_keys(folders[1])[0].fingerprint in printed.decode().split()


def test_a_plain_openssh_public_key_is_taken_only_where_one_file_is_named(folders: Folders, tmp_path: Path) -> None:
    plain = tmp_path / "plain.pub"
    with plain.open("wb") as file:
        subprocess.run(["ssh-keygen", "-y", "-f", folders[0] / "board"], stdout=file, check=True)
    key = signing.read_public_key(plain)
    assert (key.role, key.blob) == ("", signing.load_public_keys(folders[1])[0].blob)
    assert signing.verify([key], NAMESPACE, MESSAGE, signed_in(folders), NOW) == key
    with pytest.raises(PublicKeysWrong, match="no role"):
        signing.load_public_keys(tmp_path)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_another_key_is_not_trusted_however_well_it_signs(folders: Folders, tmp_path: Path) -> None:
    other = tmp_path / "other", tmp_path / "other-public"
    signing.create_board_key(*other, owner="other", now=NOW)
    with pytest.raises(KeyUnlisted) as refused:
        kdx_accepts(folders, signed_in(other))
    assert refused.value.exit_code == ExitCode.GATE
    assert signing.load_private_key(other[0]).public.fingerprint in str(refused.value)


def test_where_no_key_is_listed_none_is_trusted(folders: Folders, tmp_path: Path) -> None:
    assert signing.load_public_keys(tmp_path / "nowhere") == ()
    with pytest.raises(KeyUnlisted):
        signing.verify((), NAMESPACE, MESSAGE, signed_in(folders), NOW)


def test_a_signature_for_one_purpose_is_worth_nothing_for_another(folders: Folders) -> None:
    with pytest.raises(SignatureWrong, match="purpose") as refused:
        kdx_accepts(folders, signed_in(folders, "kdx-seal"))
    assert refused.value.exit_code == ExitCode.DIFFERENCE


def test_no_letter_of_a_signature_can_be_changed(folders: Folders) -> None:
    signature = signed_in(folders)
    for place, letter in enumerate(signature):
        for other in {chr(ord(letter) ^ 1), "A", "="} - {letter}:
            with pytest.raises(SignatureWrong):
                kdx_accepts(folders, signature[:place] + other + signature[place + 1 :])
    for changed in (signature[:-1], signature + "\n", signature.replace("\n", "\r\n"), " " + signature):
        with pytest.raises(SignatureWrong):
            kdx_accepts(folders, changed)


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
@settings(deadline=None)
def test_no_bit_of_the_message_can_be_flipped(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    folders = folder / "private", folder / "public"
    signing.create_board_key(*folders, owner="試験", now=NOW)
    flipped = bytearray(MESSAGE)
    flipped[place % len(flipped)] ^= 1 << bit
    with pytest.raises(SignatureWrong):
        kdx_accepts(folders, signed_in(folders), message=bytes(flipped))


@given(st.text())
def test_any_text_given_as_a_signature_is_refused_as_one(text: str) -> None:
    for signature in (text, f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"):
        with pytest.raises(SignatureWrong):
            signing.verify([], NAMESPACE, MESSAGE, signature, NOW)


# --- key files ------------------------------------------------------------------------------------------------------


def test_the_private_key_can_be_read_by_nobody_else_and_is_refused_when_it_can(folders: Folders) -> None:
    private = folders[0] / "board"
    assert private.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o620):
        private.chmod(mode)
        with pytest.raises(KeyUnusable, match="600"):
            signing.load_private_key(folders[0])


def test_a_private_key_is_never_shown(folders: Folders) -> None:
    secret = (folders[0] / "board").read_text().splitlines()[1:-1]
    shown = repr(signing.load_private_key(folders[0]))
    assert "private" not in shown and not any(line in shown for line in secret)


def test_keys_are_never_replaced(folders: Folders) -> None:
    files = folders[0] / "board", folders[1] / "board.pub"
    before = [file.read_bytes() for file in files]
    with pytest.raises(KeyUnusable, match="never replaced"):
        signing.create_board_key(*folders, owner="somebody", now=NOW)
    assert before == [file.read_bytes() for file in files]


def test_a_key_whose_public_half_cannot_be_written_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(KeyUnusable):
        signing.create_board_key(tmp_path / "private", tmp_path / "file", owner="", now=NOW)
    assert list((tmp_path / "private").iterdir()) == []


@pytest.mark.parametrize("owner", ["", "a\nboard ssh-ed25519 AAAA", "試験市　教育委員会", "#", "\udcff\x1b\u2028", '"x"'])
def test_no_owner_makes_more_of_a_key_line_than_a_comment(tmp_path: Path, owner: str) -> None:
    made = signing.create_board_key(tmp_path / "private", tmp_path / "public", owner=owner, now=NOW)
    assert signing.load_public_keys(tmp_path / "public") == (made,)
    signature = tmp_path / "signature"
    signature.write_text(signed_in((tmp_path / "private", tmp_path / "public")))
    assert openssh_accepts(tmp_path / "public" / "board.pub", signature)


def test_a_machine_without_a_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing) as missing:
        signing.load_private_key(tmp_path)
    assert "kdx init" in missing.value.advise()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["-t", "ed25519", "-N", "secret"], "passphrase"), (["-t", "ecdsa", "-N", ""], "not an Ed25519")],
)
def test_a_private_key_that_cannot_sign_says_why(tmp_path: Path, arguments: list[str], why: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-f", tmp_path / "board", *arguments], check=True)
    with pytest.raises(KeyUnusable, match=why):
        signing.load_private_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END", b"\xff" * 400])
def test_a_private_key_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "board").write_bytes(content)
    (tmp_path / "board").chmod(0o600)
    with pytest.raises(KeyUnusable, match="OpenSSH"):
        signing.load_private_key(tmp_path)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
NO_KEYS = (
    "board ssh-rsa AAAA", "board ssh-ed25519 AAAA", f"board {KEY}AAAA", "board ssh-ed25519", "ssh-ed25519", "\0",
    f"board cert-authority {KEY}", f'board namespaces="file" {KEY}', f'board namespaces="a b" {KEY}',
    f'board valid-after="20261123" {KEY}', f'board valid-before="20260230Z" {KEY}', f"* {KEY}", f"board,x {KEY}",
    f'"board" {KEY}', f"board\u3000{KEY}",
)


def test_a_key_line_is_taken_as_openssh_takes_it(tmp_path: Path) -> None:
    (tmp_path / "a.pub").write_text(
        "# a comment\n\n \t# another\r\n"
        f' \tboard\tvalid-after="20261123Z",valid-before="202612010930Z"  {KEY} a\u2028b c\r\n'
    )
    [key] = signing.load_public_keys(tmp_path)
    assert (key.role, key.comment) == ("board", "a\u2028b c")
    assert (key.valid_after, key.valid_before) == (NOW.replace(hour=0), datetime(2026, 12, 1, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize("line", NO_KEYS)
def test_a_line_that_is_no_key_or_says_more_than_kdx_knows_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.pub").write_text(f"{line}\n")
    for load in (lambda: signing.load_public_keys(tmp_path), lambda: signing.read_public_key(tmp_path / "bad.pub")):
        with pytest.raises(PublicKeysWrong, match="bad.pub:1: ") as refused:
            load()
        assert refused.value.exit_code == ExitCode.CONFIGURATION


def test_all_mistakes_in_all_key_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.pub").write_text("\n".join([f"board {KEY}", *NO_KEYS]))
    (tmp_path / "b.pub").write_bytes(b"\xff")
    (tmp_path / "c.pub").mkdir()
    with pytest.raises(PublicKeysWrong) as refused:
        signing.load_public_keys(tmp_path)
    listed = str(refused.value).splitlines()[1:]
    places = [line.removeprefix(f"{tmp_path}/").partition(": ")[0] for line in listed]
    assert places == [*(f"a.pub:{number + 2}" for number in range(len(NO_KEYS))), "b.pub", "c.pub"]


@pytest.mark.parametrize("lines", [[], [f"board {KEY}"] * 2])
def test_a_file_named_for_its_key_must_hold_one(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "keys.pub").write_text("\n".join(lines))
    with pytest.raises(KeyUnusable, match="not one"):
        signing.read_public_key(tmp_path / "keys.pub")
