"""Ed25519 keys and signatures in OpenSSH's own formats, so that `ssh-keygen -Y verify` can check what kdx signed.

`cat inventory/keys/*.pub` is an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS): which key of which role is
trusted for which time. Nothing else makes a key trusted.
"""

from kdx.signing.keys import (
    KeyMissing,
    KeyUnusable,
    PublicKey,
    PublicKeysWrong,
    SigningKey,
    create_board_key,
    load_private_key,
    load_public_keys,
    read_public_key,
)
from kdx.signing.signature import KeyExpired, KeyNotYetValid, KeyUnlisted, SignatureWrong, sign, verify

__all__ = [
    "KeyExpired",
    "KeyMissing",
    "KeyNotYetValid",
    "KeyUnlisted",
    "KeyUnusable",
    "PublicKey",
    "PublicKeysWrong",
    "SignatureWrong",
    "SigningKey",
    "create_board_key",
    "load_private_key",
    "load_public_keys",
    "read_public_key",
    "sign",
    "verify",
]
