"""Ed25519 keys as OpenSSH keeps them: private ones in a folder of their own, public ones as lines of allowed_signers.

A private key never leaves its folder and is refused when others can read it. Nothing here replaces a file.
"""

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kdx.errors import ConfigurationError
from kdx.language import N_, _
from kdx.signing.wire import ALGORITHM, key_in, string

STAMP = "%Y%m%d%H%M%SZ"

_ROLE = re.compile(r"[a-z][a-z0-9_-]*")
_VALIDITY = re.compile(r'(valid-after|valid-before)="([0-9]{8}(?:[0-9]{4}(?:[0-9]{2})?)?)Z"')


class KeyUnusable(ConfigurationError):
    """A key file cannot be used."""

    message = N_("The key {path} cannot be used: {why}.")
    advice = N_("Look at the file; keys are made by kdx init and live in keys/ of the state and inventory folders.")


MOST_LISTED = 20
"""Mistakes of one file that are told one by one."""


class PublicKeysWrong(ConfigurationError):
    """Lines of public key files are not what they must be; all of them are told, and no key of them is trusted."""

    message = N_("The public keys have mistakes ({count}):\n{listed}")
    advice = N_("Write each key as kdx init does: a role, valid-after with a time, ssh-ed25519, the key and a comment.")


class KeyMissing(ConfigurationError):
    """This machine has no private key of the role that must sign."""

    message = N_("This machine has no {role} key ({path}).")
    advice = N_("Make one with kdx init, or bring the board's key to this machine.")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key somebody here trusts: for which role and which time."""

    role: str
    """Who signs with it; empty for a plain OpenSSH key, which says nothing of it."""
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
    private_folder: Path, public_folder: Path, *, owner: str, now: datetime, role: str = "board", file: str = ""
) -> PublicKey:
    """Make a key pair: the private half with mode 600, the public half for review. Never over an existing file.

    `file` is the name of the public half without .pub, where several machines have a key of the same role.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.generate()
    comment = "".join(letter if letter.isprintable() and letter != " " else "_" for letter in owner.strip())
    public = PublicKey(role, _blob_of(private), valid_after=now.astimezone(UTC).replace(microsecond=0), comment=comment)
    private_path, public_path = private_folder / role, public_folder / f"{file or role}.pub"
    for path in (private_path, public_path):
        if os.path.lexists(path):
            raise KeyUnusable(path=path, why=N_("it is there already and is never replaced"))
    _write_new(private_path, private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), 0o600)
    try:
        _write_new(public_path, f"{public.line()}\n".encode(), 0o644)
    except KeyUnusable:
        # a private key whose public half nobody knows would only be in the way
        private_path.unlink()
        raise
    return public


def load_private_key(folder: Path, role: str = "board") -> SigningKey:
    """Return this machine's key of a role. KeyMissing, or KeyUnusable where it is damaged or others can read it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    path = folder / role
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyUnusable(path=path, why=N_("others than its owner can read it; set its mode to 600"))
            private = load_ssh_private_key(file.read(), password=None)
    except FileNotFoundError as error:
        raise KeyMissing(role=role, path=path) from error
    except OSError as error:
        raise KeyUnusable(path=path, why=error.strerror) from error
    except TypeError as error:
        raise KeyUnusable(path=path, why=N_("it wants a passphrase, and cron has none")) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(path=path, why=N_("it is not a private key in OpenSSH's form")) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(path=path, why=N_("it is not an Ed25519 key"))
    return SigningKey(PublicKey(role, _blob_of(private)), private)


def _told(mistakes: list[str]) -> list[str]:
    """Return the first mistakes of a file: one that is no key file at all has one in every line."""
    more = len(mistakes) - MOST_LISTED
    return mistakes[:MOST_LISTED] + ([_("… and {count} more").format(count=f"{more:,}")] if more > 0 else [])


def load_public_keys(folder: Path) -> tuple[PublicKey, ...]:
    """Return the keys in the *.pub files of a folder, none where there is none. PublicKeysWrong names all mistakes."""
    told: list[str] = []
    keys: list[PublicKey] = []
    count = 0
    for path in sorted(folder.glob("*.pub")):
        mistakes: list[str] = []
        keys += _keys_in(path, mistakes, with_role=True)
        count += len(mistakes)
        told += _told(mistakes)
    if told:
        raise PublicKeysWrong(count=count, listed="\n".join(told))
    return tuple(keys)


def read_public_key(path: Path) -> PublicKey:
    """Return the one key in a file: a line of allowed_signers, or a plain OpenSSH public key. Its mode is not asked."""
    mistakes: list[str] = []
    keys = _keys_in(path, mistakes, with_role=False)
    if mistakes:
        raise PublicKeysWrong(count=len(mistakes), listed="\n".join(_told(mistakes)))
    if len(keys) != 1:
        raise KeyUnusable(path=path, why=_("it holds {count} keys, not one").format(count=len(keys)))
    return keys[0]


def _keys_in(path: Path, mistakes: list[str], *, with_role: bool) -> list[PublicKey]:
    """Return the keys of a file, and note in `mistakes` each line that should be one and is not."""
    keys = []
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(f"{path}: " + _("it cannot be read ({error})").format(error=type(error).__name__))
        return []
    # OpenSSH ends a line at a newline and a word at a blank, and nowhere else
    for number, line in enumerate(text.split("\n"), 1):
        words = re.split(r"[ \t]+", line.strip(" \t\r"))
        if words[0] and not words[0].startswith("#"):
            try:
                keys.append(_key_of(words, with_role))
            except ValueError as error:
                mistakes.append(f"{path}:{number}: {error}")
    return keys


def _key_of(words: list[str], with_role: bool) -> PublicKey:
    """Return the key a line holds. ValueError says, translated, why it holds none."""
    place = words.index(ALGORITHM.decode()) if ALGORITHM.decode() in words else -1
    if place not in (0, 1, 2) or len(words) < place + 2:
        raise ValueError(_("this is not an Ed25519 public key"))
    if place == 0 and with_role:
        raise ValueError(_("the key has no role; write board before it"))
    if place and not _ROLE.fullmatch(words[0]):
        raise ValueError(_("{role} is not a role: small letters, digits, - and _").format(role=words[0]))
    options = dict(_option(option) for option in (words[1].split(",") if place == 2 else []))
    return PublicKey(
        role=words[0] if place else "",
        blob=_blob_in(words[place + 1]),
        valid_after=options.get("valid-after"),
        valid_before=options.get("valid-before"),
        comment=" ".join(words[place + 2 :]),
    )


def _blob_in(text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        key_in(blob)
    except ValueError as error:
        raise ValueError(_("this is not an Ed25519 public key")) from error
    return blob


def _option(text: str) -> tuple[str, datetime]:
    found = _VALIDITY.fullmatch(text)
    try:
        if found:
            return found[1], datetime.strptime(found[2].ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    # an option kdx does not understand may narrow what the key may sign: better no key than a wider one
    raise ValueError(_("the option {text} is not understood; times are written in UTC, with Z").format(text=text))


def _blob_of(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return string(ALGORITHM) + string(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


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
