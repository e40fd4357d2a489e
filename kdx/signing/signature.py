"""Signatures in the format of `ssh-keygen -Y sign` (SSHSIG: PROTOCOL.sshsig of OpenSSH). Opens no file.

Who may sign what is not decided here: verify() says which trusted key it was, the caller asks for its role.
"""

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime

from kdx.errors import DifferenceFound, GateClosed
from kdx.language import N_
from kdx.signing.keys import PublicKey, SigningKey
from kdx.signing.wire import ALGORITHM, key_in, string, take

PREAMBLE = b"SSHSIG"
VERSION = (1).to_bytes(4)
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


class SignatureWrong(DifferenceFound):
    """A signature does not fit what it is said to sign."""

    message = N_("The signature does not fit: {why}.")
    advice = N_("What was signed or the signature was changed; do not rely on it.")


class KeyUnlisted(GateClosed):
    """A signature is by a key nobody here has agreed to trust, or not for that time (the classes below)."""

    message = N_("The key {fingerprint} is not trusted here.")
    advice = N_("If it should be, put its public key into inventory/keys, reviewed like code.")


class KeyNotYetValid(KeyUnlisted):
    """A signature is older than the key that made it is trusted."""

    message = N_("The key {fingerprint} was not trusted yet at {at}.")
    advice = N_("Look at valid-after of this key in inventory/keys, and at the clock of the machine that signed.")


class KeyExpired(KeyUnlisted):
    """A signature is newer than the key that made it is trusted."""

    message = N_("The key {fingerprint} was no longer trusted at {at}.")
    advice = N_("Sign again with the present key; valid-before of the old one in inventory/keys says when it ended.")


def sign(key: SigningKey, namespace: str, message: bytes) -> str:
    """Return the armored signature (SSHSIG, PROTOCOL.sshsig of OpenSSH) of `message`."""
    name = namespace.encode("ascii")
    signature = string(ALGORITHM) + string(key.private.sign(_signed(name, message)))
    body = PREAMBLE + VERSION + string(key.public.blob) + string(name) + string(b"") + string(b"sha512")
    return _armored(body + string(signature))


def verify(keys: Iterable[PublicKey], namespace: str, message: bytes, signature: str, at: datetime) -> PublicKey:
    """Return the trusted key that signed `message` at the time `at`.

    SignatureWrong, or KeyUnlisted with KeyNotYetValid and KeyExpired. Which role may sign what is the caller's to ask.
    """
    blob, raw = _parse(signature, namespace.encode("ascii"))
    # the bytes first: whether a key is trusted is asked only of what it really signed
    _check(blob, raw, _signed(namespace.encode("ascii"), message))
    refusal: KeyUnlisted = KeyUnlisted(fingerprint=PublicKey("", blob).fingerprint)
    for key in keys:
        if key.blob == blob:
            untimely = _untimely(key, at)
            if untimely is None:
                return key
            refusal = untimely
    raise refusal


def _untimely(key: PublicKey, at: datetime) -> KeyUnlisted | None:
    """Both ends count, in whole seconds, as ssh-keygen -O verify-time counts them."""
    moment = at.replace(microsecond=0)
    if key.valid_after and moment < key.valid_after:
        return KeyNotYetValid(fingerprint=key.fingerprint, at=at.isoformat())
    if key.valid_before and moment > key.valid_before:
        return KeyExpired(fingerprint=key.fingerprint, at=at.isoformat())
    return None


def _armored(body: bytes) -> str:
    text = base64.b64encode(body).decode()
    return "\n".join([BEGIN, *(text[start : start + 70] for start in range(0, len(text), 70)), END, ""])


def _parse(signature: str, namespace: bytes) -> tuple[bytes, bytes]:
    """Return (public key blob, raw signature) of an armored signature made for `namespace`."""
    try:
        body = base64.b64decode("".join(signature.split("\n")[1:-2]), validate=True)
        # base64 can write the same bytes in several ways; of a signature not one letter may be changed
        if signature != _armored(body) or body[:10] != PREAMBLE + VERSION:
            raise ValueError
        blob, rest = take(body[10:])
        name, rest = take(rest)
        reserved, rest = take(rest)
        digest, rest = take(rest)
        wrapped, rest = take(rest)
        algorithm, wrapped = take(wrapped)
        raw, left = take(wrapped)
        if (reserved, digest, algorithm, rest, left) != (b"", b"sha512", ALGORITHM, b"", b""):
            raise ValueError
    except ValueError as error:
        raise SignatureWrong(why=N_("it is not an Ed25519 signature in OpenSSH's form")) from error
    if name != namespace:
        raise SignatureWrong(why=N_("it was made for another purpose"))
    return blob, raw


def _check(blob: bytes, raw: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key_in(blob)).verify(raw, message)
    except (InvalidSignature, ValueError) as error:
        why = N_("it is not by the key it names, or what it signs was changed")
        raise SignatureWrong(why=why) from error


def _signed(namespace: bytes, message: bytes) -> bytes:
    digest = hashlib.sha512(message).digest()
    return PREAMBLE + string(namespace) + string(b"") + string(b"sha512") + string(digest)
