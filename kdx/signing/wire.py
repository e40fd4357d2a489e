"""How SSH writes bytes: a length of four bytes, then the bytes (RFC 4251, section 5, "string")."""

import struct

ALGORITHM = b"ssh-ed25519"


def string(content: bytes) -> bytes:
    """Return bytes with their length before them."""
    return struct.pack(">I", len(content)) + content


def take(content: bytes) -> tuple[bytes, bytes]:
    """Return the first string of some bytes, and what follows it. ValueError where there is none."""
    length = int.from_bytes(content[:4])
    if len(content) < 4 + length or len(content) < 4:
        raise ValueError
    return content[4 : 4 + length], content[4 + length :]


def key_in(blob: bytes) -> bytes:
    """Return the 32 bytes of an Ed25519 public key as SSH writes it (RFC 8709). ValueError where it is none."""
    algorithm, rest = take(blob)
    key, rest = take(rest)
    if (algorithm, len(key), rest) != (ALGORITHM, 32, b""):
        raise ValueError
    return key
