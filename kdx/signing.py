"""Ed25519 keys and signatures in OpenSSH's own formats, so that `ssh-keygen -Y verify` can check what kdx signed.

A private key never leaves its folder and is refused when others can read it. Public keys are lines of OpenSSH's
allowed_signers form (ssh-keygen(1), ALLOWED SIGNERS); `cat inventory/keys/*.pub` is such a file.
"""

import base64
import binascii
import hashlib
import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kdx.errors import ConfigurationError, DifferenceFound, GateClosed
from kdx.language import N_

ALGORITHM = b"ssh-ed25519"
MAGIC = b"SSHSIG"
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
STAMP = "%Y%m%d%H%M%SZ"


class KeyUnusable(ConfigurationError):
    """A key file cannot be used."""

    message = N_("The key {path} cannot be used: {why}.")
    advice = N_("Look at the file; keys are made by kdx init and live in keys/ of the state and inventory folders.")


class KeyMissing(ConfigurationError):
    """This machine has no private key of the role that must sign."""

    message = N_("This machine has no {role} key ({path}).")
    advice = N_("Make one with kdx init, or bring the board's key to this machine.")


class SignatureWrong(DifferenceFound):
    """A signature does not fit what it is said to sign."""

    message = N_("The signature does not fit: {why}.")
    advice = N_("What was signed or the signature was changed; do not rely on it.")


class KeyUnlisted(GateClosed):
    """A signature is by a key nobody here has agreed to trust, or not for that time."""

    message = N_("The key {fingerprint} is not trusted here: {why}.")
    advice = N_("If it should be, put its public key into inventory/keys, reviewed like code.")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key somebody here trusts: for which role and which time."""

    role: str
    blob: bytes
    """The key as OpenSSH writes it, decoded."""
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA256:…, as `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def line(self) -> str:
        """Return the key as a line of an allowed_signers file."""
        options = [
            f'{name}="{moment.astimezone(UTC).strftime(STAMP)}"'
            for name, moment in (("valid-after", self.valid_after), ("valid-before", self.valid_before))
            if moment
        ]
        words = [self.role, ",".join(options), ALGORITHM.decode(), base64.b64encode(self.blob).decode(), self.comment]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key at work. Never printed, never pickled."""

    public: PublicKey
    private: Any = field(repr=False)


def create_board_key(
    private_folder: Path, public_folder: Path, *, owner: str, now: datetime, role: str = "board"
) -> PublicKey:
    """Make a key pair: the private half with mode 600, the public half for review. Never over an existing file."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.generate()
    comment = re.sub(r"\s+", "_", owner.strip())
    public = PublicKey(role, _blob_of(private), valid_after=now.astimezone(UTC).replace(microsecond=0), comment=comment)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    for path in (private_folder / role, public_folder / f"{role}.pub"):
        if path.exists():
            raise KeyUnusable(path=path, why="it is there already and is never replaced")
    _write_new(private_folder / role, secret, 0o600)
    _write_new(public_folder / f"{role}.pub", f"{public.line()}\n".encode(), 0o644)
    return public


def load_private_key(folder: Path, role: str = "board") -> SigningKey:
    """Return this machine's key of a role. KeyMissing, or KeyUnusable where it is damaged or others can read it."""
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    path = folder / role
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(path=path, why="others than its owner can read it; set its mode to 600")
        private = load_ssh_private_key(path.read_bytes(), password=None)
        return SigningKey(PublicKey(role, _blob_of(private)), private)
    except FileNotFoundError as error:
        raise KeyMissing(role=role, path=path) from error
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise KeyUnusable(path=path, why=f"it is not a readable Ed25519 key ({type(error).__name__})") from error


def load_public_keys(folder: Path) -> tuple[PublicKey, ...]:
    """Return every key in the *.pub files of a folder; none where there is no folder. KeyUnusable names a bad file."""
    return tuple(key for path in sorted(folder.glob("*.pub")) for key in _keys_in(path))


def read_public_key(path: Path) -> PublicKey:
    """Return the one key in a file: a line of allowed_signers, or a plain OpenSSH public key (role "given")."""
    keys = list(_keys_in(path))
    if len(keys) != 1:
        raise KeyUnusable(path=path, why=f"it holds {len(keys)} keys, not one")
    return keys[0]


def sign(key: SigningKey, namespace: str, message: bytes) -> str:
    """Return the armored signature (SSHSIG, PROTOCOL.sshsig of OpenSSH) of `message`."""
    name = namespace.encode("ascii")
    signature = _string(ALGORITHM) + _string(key.private.sign(_signed(name, message)))
    body = MAGIC + struct.pack(">I", 1) + _string(key.public.blob) + _string(name) + _string(b"") + _string(b"sha512")
    text = base64.b64encode(body + _string(signature)).decode()
    return "\n".join([BEGIN, *(text[start : start + 70] for start in range(0, len(text), 70)), END, ""])


def verify(keys: Iterable[PublicKey], namespace: str, message: bytes, signature: str, at: datetime) -> PublicKey:
    """Return the trusted key that signed `message` at the time `at`. SignatureWrong, or KeyUnlisted."""
    blob, raw = _parse(signature, namespace.encode("ascii"))
    # the bytes first: whether a key is trusted is asked only of what it really signed
    _check(blob, raw, _signed(namespace.encode("ascii"), message))
    fingerprint = PublicKey("", blob).fingerprint
    listed = [key for key in keys if key.blob == blob]
    if not listed:
        raise KeyUnlisted(fingerprint=fingerprint, why="it is not among the trusted keys")
    for key in listed:
        if (key.valid_after or at) <= at < (key.valid_before or datetime.max.replace(tzinfo=UTC)):
            return key
    raise KeyUnlisted(fingerprint=fingerprint, why=f"it is not valid for {at.isoformat()}")


def _keys_in(path: Path) -> Iterable[PublicKey]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(path=path, why=f"it cannot be read ({type(error).__name__})") from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            yield _key_of(path, number, line.split())


def _key_of(path: Path, number: int, words: list[str]) -> PublicKey:
    try:
        place = words.index(ALGORITHM.decode())
        blob = base64.b64decode(words[place + 1], validate=True)
        head, rest = _take(blob)
        if head != ALGORITHM or len(_take(rest)[0]) != 32:
            raise ValueError("not an Ed25519 key")
        options = dict(_option(option) for option in (words[1].split(",") if place == 2 else []))
        return PublicKey(
            role=words[0] if place else "given",
            blob=blob,
            valid_after=_moment(options.pop("valid-after", None)),
            valid_before=_moment(options.pop("valid-before", None)),
            comment=" ".join(words[place + 2 :]),
        )
    except (ValueError, IndexError, struct.error) as error:
        raise KeyUnusable(path=path, why=f"line {number} is not an Ed25519 public key") from error


def _option(text: str) -> tuple[str, str]:
    found = re.fullmatch(r'(valid-after|valid-before)="(\d{8}(?:\d{4}(?:\d{2})?)?Z)"', text)
    if not found:
        # an option kdx does not understand may narrow what the key may sign: better no key than a wider one
        raise ValueError(text)
    return found[1], found[2]


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    padded = text.rstrip("Z").ljust(14, "0")
    return datetime.strptime(f"{padded}Z", STAMP).replace(tzinfo=UTC)


def _parse(signature: str, namespace: bytes) -> tuple[bytes, bytes]:
    """Return (public key blob, raw signature) of an armored signature made for `namespace`."""
    lines = signature.strip().splitlines()
    try:
        if lines[0] != BEGIN or lines[-1] != END:
            raise ValueError("no armor")
        body = base64.b64decode("".join(lines[1:-1]), validate=True)
        if body[:6] != MAGIC or struct.unpack(">I", body[6:10]) != (1,):
            raise ValueError("no SSHSIG")
        blob, rest = _take(body[10:])
        name, rest = _take(rest)
        reserved, rest = _take(rest)
        digest, rest = _take(rest)
        wrapped, rest = _take(rest)
        algorithm, wrapped = _take(wrapped)
        raw, left = _take(wrapped)
        if (name, reserved, digest, algorithm, rest, left) != (namespace, b"", b"sha512", ALGORITHM, b"", b""):
            raise ValueError("made for something else")
    except (ValueError, IndexError, struct.error, binascii.Error) as error:
        raise SignatureWrong(why=f"it is not a signature of this kind ({error})") from error
    return blob, raw


def _check(blob: bytes, raw: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        algorithm, rest = _take(blob)
        key, _ = _take(rest)
        if algorithm != ALGORITHM:
            raise ValueError("not Ed25519")
        Ed25519PublicKey.from_public_bytes(key).verify(raw, message)
    except (InvalidSignature, ValueError, struct.error) as error:
        raise SignatureWrong(why="it is not by the key it names, or what it signs was changed") from error


def _signed(namespace: bytes, message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return MAGIC + _string(namespace) + _string(b"") + _string(b"sha512") + _string(digest)


def _blob_of(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return _string(ALGORITHM) + _string(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _take(content: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">I", content[:4])
    if len(content) < 4 + length:
        raise ValueError("cut short")
    return content[4 : 4 + length], content[4 + length :]


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise KeyUnusable(path=path, why=error.strerror or type(error).__name__) from error
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
