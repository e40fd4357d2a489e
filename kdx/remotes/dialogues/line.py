"""A TCP connection with one deadline over everything said on it, and what a port does when it is knocked at."""

import errno
import socket
import time
from enum import StrEnum
from types import TracebackType

from kdx.language import N_
from kdx.remotes.dialogues import Address, NoAnswer, Raw

SILENT = N_("no answer in time")
CLOSED = N_("it hung up")
REFUSED = N_("nothing listens there")
UNREACHABLE = N_("no way leads there")
UNCLEAR = N_("what it says cannot be understood")
NAMELESS = N_("there is no machine of this name")
MOST = 1 << 20
"""Bytes anybody may answer."""


class Outcome(StrEnum):
    """What a port does. A refusal is an answer: the machine, or a firewall in its name, is there."""

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    """The network itself says that no way leads there: as silent as filtered, unless our own line is down."""
    NAMELESS = "nameless"


_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


def knock(address: Address, within: float) -> Outcome:
    """Try to connect, say nothing, and hang up."""
    try:
        socket.create_connection((address.host, address.port), within).close()
    except (socket.gaierror, UnicodeError):
        return Outcome.NAMELESS
    except TimeoutError:
        return Outcome.FILTERED
    except ConnectionError:
        return Outcome.REFUSED
    except OSError as error:
        return Outcome.UNREACHABLE if error.errno in _NO_WAY else Outcome.FILTERED
    return Outcome.OPEN


def knock_with_control(address: Address, control: Address | None, expect: str, within: float) -> Raw:
    """Knock at a port and, right after, at one on the same way that must be open."""
    outcome = knock(address, within)
    controlled = knock(control, within) if control else ""
    return {"outcome": outcome, "control": controlled, "expect": expect}


class Line:
    """An open connection. NoAnswer for whatever goes wrong."""

    def __init__(self, address: Address, within: float) -> None:
        self._until = time.monotonic() + within
        try:
            self.socket = socket.create_connection((address.host, address.port), within)
        except OSError as error:
            raise no_answer(error) from error

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Say something."""
        try:
            self.socket.settimeout(self._left())
            self.socket.sendall(data)
        except OSError as error:
            raise no_answer(error) from error

    def receive(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        data = b""
        while len(data) < min(size, MOST):
            data += self._some(size - len(data))
        return data

    def receive_line(self) -> bytes:
        """Return the bytes up to the end of a line, without it."""
        data = b""
        while not data.endswith(b"\n"):
            data += self._some(1)
            if len(data) > 4096:
                raise NoAnswer(UNCLEAR)
        return data.rstrip(b"\r\n")

    def _some(self, most: int) -> bytes:
        try:
            self.socket.settimeout(self._left())
            data = self.socket.recv(most)
        except OSError as error:
            raise no_answer(error) from error
        if not data:
            raise NoAnswer(CLOSED)
        return data

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def no_answer(error: OSError) -> NoAnswer:
    """Return what an error of a socket says about whoever was asked."""
    if isinstance(error, TimeoutError):
        return NoAnswer(SILENT)
    if isinstance(error, socket.gaierror):
        return NoAnswer(NAMELESS)
    if isinstance(error, ConnectionRefusedError):
        return NoAnswer(REFUSED)
    return NoAnswer(CLOSED if isinstance(error, ConnectionError) else UNREACHABLE)
