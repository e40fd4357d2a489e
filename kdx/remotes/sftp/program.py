"""One constant command that runs on a server, and what it prints. Knows no file and no name."""

from collections.abc import Iterator

import paramiko

from kdx.remotes.sftp.commands import BEGIN
from kdx.remotes.sftp.connection import Connection
from kdx.remotes.sftp.faults import line_broken

NOISE = 1 << 20
"""Bytes a login script may print before our command begins."""
_TAKE = 1 << 18


class NoProgram(Exception):
    """The server does not run our command."""


class Program:
    """A constant command that runs on the server, until the block is left."""

    def __init__(self, connection: Connection, command: str, wait: float) -> None:
        self.wait = wait
        self._location = connection.location
        self._channel = connection.channel()
        self._channel.settimeout(wait)
        try:
            self._channel.exec_command(command)
        except paramiko.SSHException as error:
            self._channel.close()
            if not connection.transport.is_active():
                raise line_broken(error, self._location) from error
            raise NoProgram from error

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._channel.close()

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        try:
            self._channel.sendall(data)
        except (OSError, EOFError) as error:
            raise line_broken(error, self._location) from error

    def end_input(self) -> None:
        """Say that nothing more comes."""
        self._channel.shutdown_write()

    def pieces(self) -> Iterator[bytes]:
        """Yield what it prints after BEGIN. NoProgram where it never begins."""
        noise, begin = b"", BEGIN + b"\0"
        while begin not in noise:
            piece = self._receive()
            noise += piece
            if not piece or len(noise) > NOISE:
                raise NoProgram
        yield noise.partition(begin)[2]
        while piece := self._receive():
            yield piece

    def strings(self) -> Iterator[bytes]:
        """Yield what it prints, string by string. LineBroken where the last one is cut."""
        rest = b""
        for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\0")
            yield from whole
        if rest:
            raise line_broken(EOFError(), self._location)

    def _receive(self) -> bytes:
        self._channel.settimeout(self.wait)
        try:
            return bytes(self._channel.recv(_TAKE))
        except (OSError, EOFError) as error:
            raise line_broken(error, self._location) from error
