"""Signed texts of a vault (FORMAT.md, section 11): lines of `key: value` and an OpenSSH signature over them. No I/O.

A text is taken apart before its signature is known to be good, because the text says when it was signed; nothing of it
is believed before `check` has returned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kdx import signing
from kdx.backup.format.manifest import RowRefused, escape, unescape
from kdx.errors import DifferenceFound
from kdx.language import N_, _

BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
MACHINE, BOARD = "machine", "board"
SEAL, ACCEPT, DAMAGE, MARK, PRUNED = "seal", "accept", "damage", "mark", "pruned"
SIGNERS = {SEAL: (MACHINE, BOARD), ACCEPT: (BOARD,), DAMAGE: (BOARD,), MARK: (BOARD,), PRUNED: (BOARD,)}
"""Which roles may sign which kind of text. A key without a role (a plain OpenSSH one) may sign none."""

Items = Sequence[tuple[str, str]]


class TextDamaged(DifferenceFound):
    """A seal or note is not what it must be."""

    message = N_("{name} in the vault is not to be relied on: {why}.")
    advice = N_("Do not delete it. kdx backup verify says what else is wrong, kdx backup list what can be restored.")


class SignerRefused(signing.KeyUnlisted):
    """A trusted key signed what it may not sign."""

    message = N_("{name} in the vault is signed by a key whose role ({role}) may not sign it.")
    advice = N_("If this machine is to back up, its key belongs into inventory/keys with the role machine.")


class SignerUnlisted(signing.KeyUnlisted):
    """A text is signed by a key nobody here trusts, or not at that time."""

    message = N_("{name} in the vault is signed by a key that is not trusted here: {why}")
    advice = N_("If the key is right, put its public half into inventory/keys, reviewed like code.")


@dataclass(frozen=True, slots=True)
class SignedText:
    """A signed text taken apart, not yet believed."""

    kind: str
    items: Items
    message: bytes
    signature: str

    def values(self, key: str) -> list[str]:
        """Return all values of a key, in order."""
        return [value for name, value in self.items if name == key]

    def value(self, key: str) -> str:
        """Return the one value of a key. ValueError where there is none or several."""
        [value] = self.values(key)
        return value

    def number(self, key: str) -> int:
        """Return the one value of a key as a whole number from 0. ValueError."""
        text = self.value(key)
        if not text.isascii() or not text.isdigit():
            raise ValueError(text)
        return int(text)


def compose(kind: str, items: Items, key: signing.SigningKey) -> bytes:
    """Return a signed text as it is stored."""
    lines = [f"kdx {kind} 1".encode("ascii")]
    lines += (name.encode("ascii") + b": " + escape(value.encode("utf-8")) for name, value in items)
    message = b"\n".join(lines) + b"\n"
    return message + signing.sign(key, f"kdx-{kind}", message).encode("ascii")


def take_apart(data: bytes, kind: str, name: str) -> SignedText:
    """Return a signed text of this kind. TextDamaged, `name` saying which file it is."""
    message, begin, rest = data.partition(BEGIN)
    try:
        first, *lines = message.decode("utf-8").removesuffix("\n").split("\n")
        signature = (begin + rest).decode("ascii")
        if not begin or not message.endswith(b"\n"):
            raise TextDamaged(name=name, why=_("it has no signature"))
        if first != f"kdx {kind} 1":
            raise TextDamaged(name=name, why=_("it is not a text of this kind and version"))
        items = [_item(line) for line in lines]
    except (UnicodeDecodeError, ValueError) as error:
        raise TextDamaged(name=name, why=_("a line of it is malformed")) from error
    return SignedText(kind, items, message, signature)


def _item(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(": ")
    if not colon:
        raise RowRefused(line)
    return key, unescape(value.encode("utf-8")).decode("utf-8")


def check(text: SignedText, keys: Iterable[signing.PublicKey], at: datetime, name: str) -> signing.PublicKey:
    """Return the trusted key that signed a text at that time. TextDamaged, SignerUnlisted or SignerRefused."""
    trusted = list(keys)
    try:
        key = signing.verify(trusted, f"kdx-{text.kind}", text.message, text.signature, at)
    except signing.SignatureWrong as error:
        raise TextDamaged(name=name, why=_("its signature does not fit")) from error
    except signing.KeyUnlisted as error:
        raise SignerUnlisted(name=name, why=str(error)) from error
    roles = {one.role for one in trusted if one.blob == key.blob}
    if roles.isdisjoint(SIGNERS[text.kind]):
        raise SignerRefused(name=name, role=key.role or "-")
    return key
