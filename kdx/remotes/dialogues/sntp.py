"""What a clock says, asked by SNTP (RFC 4330): how far it is ahead of this machine's, and how sure it is of itself."""

import secrets
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kdx.remotes.dialogues import Address, NoAnswer, Raw
from kdx.remotes.dialogues.line import UNCLEAR, no_answer

PORT = 123
NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
QUESTION = b"\x23" + bytes(39)
"""Version 4, client; the last eight bytes are a random number that the answer must repeat."""


def ask(address: Address, within: float, clock: Callable[[], datetime]) -> Raw:
    """Return clock (seconds ahead of `clock`), stratum and leap. NoAnswer where none came to our question."""
    cookie = secrets.token_bytes(8)
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family[0], socket.SOCK_DGRAM) as line:
            line.settimeout(within)
            # connected: what another machine sends is not heard
            line.connect(family[4])
            before = clock()
            line.send(QUESTION + cookie)
            answer = line.recv(512)
            after = clock()
    except OSError as error:
        raise no_answer(error) from error
    return read(answer, cookie, before, after)


def read(answer: bytes, cookie: bytes, before: datetime, after: datetime) -> Raw:
    """Given an answer and when the question left and it came, return its fields."""
    if len(answer) < 48 or answer[0] & 7 != 4 or answer[24:32] != cookie:
        raise NoAnswer(UNCLEAR)
    received, sent = (_moment(answer[start : start + 8]) for start in (32, 40))
    ahead = ((received - before) + (sent - after)) / 2
    return {
        "clock": f"{ahead.total_seconds():.3f}", "stratum": str(answer[1]), "leap": str(answer[0] >> 6),
    }


def _moment(stamp: bytes) -> datetime:
    seconds, fraction = struct.unpack(">II", stamp)
    # the count began anew on 2036-02-07: what has not its highest bit set is after that (RFC 4330, 3)
    return NTP_EPOCH + timedelta(seconds=seconds + (0 if seconds >> 31 else 1 << 32) + fraction / (1 << 32))
