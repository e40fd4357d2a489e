"""What a resolver says to names, asked over UDP (RFC 1035): an address, that there is no such name, or nothing."""

import secrets
import socket
import struct
from collections.abc import Sequence

from kdx.remotes.dialogues import Address, Raw
from kdx.remotes.dialogues.line import no_answer

PORT = 53
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
UNCLEAR = "unclear"
A, IN = 1, 1


def ask(address: Address, names: Sequence[str], within: float) -> Raw:
    """Return for each name NOERROR with its IPv4 addresses, another code, or unclear. NoAnswer where one is missing."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], socket.SOCK_DGRAM) as line:
            line.settimeout(within / max(1, len(names)))
            line.connect(found[4])
            return {name: _ask_one(line, name) for name in names}
    except OSError as error:
        raise no_answer(error) from error


def question(name: str, number: bytes) -> bytes:
    """Return the packet that asks for the IPv4 address of a name."""
    labels = (label.encode("idna") for label in name.rstrip(".").split("."))
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return number + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + encoded + struct.pack(">HH", A, IN)


def read(answer: bytes, asked: bytes) -> str:
    """Given an answer and the question it must belong to, return code and addresses as one text."""
    if len(answer) < len(asked) or answer[:2] != asked[:2] or not answer[2] & 0x80:
        return UNCLEAR
    if answer[12 : len(asked)].lower() != asked[12:].lower():
        return UNCLEAR
    code = CODES.get(answer[3] & 15, str(answer[3] & 15))
    try:
        addresses = _addresses(answer, len(asked), struct.unpack_from(">H", answer, 6)[0])
    except (struct.error, IndexError):
        return UNCLEAR
    return " ".join((code, *addresses))


def _ask_one(line: socket.socket, name: str) -> str:
    asked = question(name, secrets.token_bytes(2))
    line.send(asked)
    return read(line.recv(4096), asked)


def _addresses(answer: bytes, place: int, count: int) -> list[str]:
    found = []
    for _number in range(count):
        while (length := answer[place]) and length < 0xC0:
            place += length + 1
        place += 2 if length else 1
        kind, family, _ttl, size = struct.unpack_from(">HHIH", answer, place)
        place += 10
        if (kind, family, size) == (A, IN, 4):
            found.append(socket.inet_ntoa(answer[place : place + 4]))
        place += size
    return found
