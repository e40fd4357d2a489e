"""One connection to one share of an SMB 2 or 3 server: signed always, encrypted where the server can. Never asks a
person, never logs in as a guest, never waits longer than its patience.

One per Remote and thread: threads that share a connection run out of its credits (smbprotocol#336, #56).
"""

import logging
import struct
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from kdx.config.location import Location
from kdx.config.secret import SecretReference
from kdx.errors import KdxError
from kdx.language import translate
from kdx.remotes import smb_faults
from kdx.remotes.interface import PlaceRefused, PlaceSilent
from kdx.remotes.smb_faults import Broken, Refused

PORT = 445
CREDITS = 512
"""What is asked for at the start: room for 32 MiB under way. A server gives what it likes."""
ONE_CREDIT = 1 << 16
"""Bytes that one credit pays for ([MS-SMB2] 3.2.4.1.5)."""
LARGEST = 1 << 20
_SIGNED = 0x8


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection with log-in, and for any answer after it."""

    connect: float = 20
    answer: float = 60


class Answer(NamedTuple):
    """What came back for one request."""

    status: int
    body: bytes

    def must(self, *allowed: int) -> bytes:
        """Return the body of a success, or of one of these. Refused."""
        if self.status and self.status not in allowed:
            raise Refused(self.status)
        return self.body


@dataclass(frozen=True, slots=True)
class Sent:
    """Requests that are on their way, and over which connection."""

    connection: Any
    requests: Sequence[Any]


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What was agreed with a server, for doctor."""

    dialect: str
    encrypted: bool
    is_dfs: bool


class Line:
    """The connection; opened when it is first used, and again after it broke."""

    def __init__(self, location: Location, secret: SecretReference | None, patience: Patience) -> None:
        self.location = location
        self.patience = patience
        share, _slash, self.base = location.path.strip("/").partition("/")
        self._share = share
        self._secret = secret
        self._connection: Any = None
        self._session: Any = None
        self._tree: Any = None
        self._is_dfs = False
        self._largest = ONE_CREDIT

    def ask(self, *requests: Any) -> list[Answer]:
        """Send requests of one file as one message and wait for the answers: one round trip.

        Only for requests that may be made twice: where the line or session broke, a new one is opened, once.
        PlaceSilent and what open_now() raises.
        """
        try:
            return self.take(self.send(*requests))
        except Broken:
            pass
        try:
            return self.take(self.send(*requests))
        except Broken as error:
            raise PlaceSilent(place=self.location, why=translate(error.why)) from error

    def ask_once(self, *requests: Any) -> list[Answer]:
        """The same for requests that must not be made twice. PlaceSilent where the line broke."""
        try:
            return self.take(self.send(*requests))
        except Broken as error:
            raise PlaceSilent(place=self.location, why=translate(error.why)) from error

    def send(self, *requests: Any) -> Sent:
        """Send requests of one file as one message. Broken; what open_now() raises."""
        from smbprotocol.exceptions import SMBException

        self.open_now()
        try:
            sent = self._connection.send_compound(
                list(requests), self._session.session_id, self._tree.tree_connect_id, related=True
            )
        except (SMBException, OSError, ValueError) as error:
            self.drop()
            raise Broken() from error
        return Sent(self._connection, sent)

    def take(self, sent: Sent) -> list[Answer]:
        """Wait for the answers to what was sent, all of them. Broken; PlaceSilent where none comes in time."""
        answers = [self._answer(sent.connection, request) for request in sent.requests]
        if any(answer.status in smb_faults.SESSION_GONE for answer in answers):
            self.drop()
            raise Broken()
        return answers

    def room(self, credits: int) -> bool:
        """Whether requests of so many credits can be sent before an answer is taken."""
        if self._connection is None:
            return False
        window = self._connection.sequence_window
        return bool(window["high"] - window["low"] >= credits)

    @property
    def is_open(self) -> bool:
        """Whether a connection stands."""
        return self._tree is not None

    @property
    def largest(self) -> int:
        """Bytes that one request may move: 64 KiB on the oldest servers, never more than a quarter of the credits."""
        self.open_now()
        return self._largest

    @property
    def facts(self) -> LineFacts:
        """What was agreed. What open_now() raises."""
        self.open_now()
        number = self._connection.dialect
        dialect = f"SMB {number >> 8}.{number >> 4 & 15}.{number & 15}"
        return LineFacts(dialect, bool(self._session.encrypt_data), self._is_dfs)

    def open_now(self) -> None:
        """Connect and log in where that was not done. PlaceMissing, PlaceRefused, PlaceSilent, SecretUnreadable."""
        if self._tree is not None:
            return
        password = self._password()
        _keep_quiet()
        self._connection = connection = self._connect()
        with self._in_time(connection):
            self._session = self._log_in(connection, password)
            self._tree = self._enter()
            self._take_credits()

    def drop(self) -> None:
        """Let go of a connection that is of no use any more, without a word."""
        connection, self._connection, self._session, self._tree = self._connection, None, None, None
        if connection is not None:
            with suppress(Exception):
                connection.disconnect(close=False)

    def close(self) -> None:
        """Log off and close; a server that does not answer is left as it is."""
        if self._tree is not None:
            with suppress(KdxError), self._in_time(self._connection):
                self._connection.disconnect(timeout=5)
        self.drop()

    def _answer(self, connection: Any, request: Any) -> Answer:
        from smbprotocol.exceptions import SMBException, SMBResponseException

        if connection is not self._connection:
            raise Broken()
        try:
            header = connection.receive(request, timeout=self.patience.answer, resolve_symlinks=False)
        except SMBResponseException as refusal:
            header = refusal.header
        except (SMBException, OSError, ValueError) as error:
            silent = not request.response_event.is_set()
            self.drop()
            if silent:
                raise PlaceSilent(place=self.location, why=translate(smb_faults.NO_ANSWER)) from error
            raise Broken() from error
        status = header["status"].get_value()
        signed = self._session.encrypt_data or header["flags"].get_value() & _SIGNED
        if not signed and status not in smb_faults.SESSION_GONE:
            # the library checks a signature that is there, and lets pass an answer without one
            self.drop()
            raise PlaceRefused(place=self.location, why=translate(smb_faults.UNSIGNED))
        return Answer(status, header["data"].get_value())

    def _password(self) -> str:
        if not self.location.user:
            raise PlaceRefused(place=self.location, why=translate(smb_faults.NO_USER))
        if self._secret is None:
            why = translate(smb_faults.NO_PASSWORD).format(user=self.location.user)
            raise PlaceRefused(place=self.location, why=why)
        return self._secret.read()

    def _connect(self) -> Any:
        from smbprotocol.connection import Connection
        from smbprotocol.exceptions import SMBException

        host, seconds = self.location.host, self.patience.connect
        connection = Connection(uuid.uuid4(), host, self.location.port or PORT, require_signing=True)
        began = time.monotonic()
        try:
            connection.connect(timeout=seconds)
        except ValueError as error:
            if connection.transport.connected:
                raise PlaceRefused(place=self.location, why=translate(smb_faults.OLD)) from error
            raise smb_faults.unreachable(error.__cause__, self.location) from error
        except Exception as error:
            # an answer that is no SMB 2 kills the library's reader with whatever it stumbled over
            with suppress(Exception):
                connection.disconnect(close=False)
            if isinstance(error, SMBException | OSError) and time.monotonic() - began >= seconds - 1:
                raise PlaceSilent(place=self.location, why=translate(smb_faults.NO_ANSWER)) from error
            raise PlaceRefused(place=self.location, why=translate(smb_faults.OLD)) from error
        _limit_sending(connection, self.patience.answer)
        return connection

    def _log_in(self, connection: Any, password: str) -> Any:
        from smbprotocol.session import Session

        session = Session(
            connection, self.location.user, password, require_encryption=bool(connection.supports_encryption)
        )
        session.connect()
        return session

    def _enter(self) -> Any:
        from smbprotocol.tree import TreeConnect

        tree = TreeConnect(self._session, rf"\\{self.location.host}\{self._share}")
        tree.connect()
        # asked as an ordinary share, a server shows links to other servers as what they are
        self._is_dfs, tree.is_dfs_share = bool(tree.is_dfs_share), False
        return tree

    def _take_credits(self) -> None:
        server = self._connection
        server.echo(self._session.session_id, timeout=self.patience.connect, credit_request=CREDITS)
        most = min(LARGEST, server.max_read_size, server.max_write_size, server.max_transact_size)
        credits = server.sequence_window["high"] - server.sequence_window["low"]
        affordable = credits // 4 * ONE_CREDIT if server.supports_multi_credit else ONE_CREDIT
        self._largest = int(max(min(most, affordable), min(most, ONE_CREDIT)))

    @contextmanager
    def _in_time(self, connection: Any) -> Iterator[None]:
        """Log in within the patience: the library waits for ever there, so its connection is closed under it."""
        from smbprotocol.exceptions import SMBAuthenticationError, SMBException, SMBResponseException

        late = threading.Event()

        def give_up() -> None:
            late.set()
            with suppress(Exception):
                connection.transport.close()

        timer = threading.Timer(self.patience.connect, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except SMBResponseException as refusal:
            self.drop()
            raise smb_faults.entering_failed(refusal.status, self.location) from None
        except (SMBException, OSError, ValueError, struct.error) as error:
            self.drop()
            raise _entering_explained(error, late.is_set(), self.location, SMBAuthenticationError) from None
        finally:
            timer.cancel()


def _entering_explained(
    error: Exception, late: bool, place: Location, authentication: type[Exception]
) -> KdxError:
    """Return what to raise for a log-in that ended without a status. Nothing of the library's words is passed on."""
    if late:
        return PlaceSilent(place=place, why=translate(smb_faults.NO_ANSWER))
    if "guest" in str(error):
        return PlaceRefused(place=place, why=translate(smb_faults.GUEST))
    if isinstance(error, authentication):
        return PlaceRefused(place=place, why=translate(smb_faults.NO_METHOD))
    return PlaceSilent(place=place, why=translate(smb_faults.BROKEN))


def _limit_sending(connection: Any, seconds: float) -> None:
    """A server that takes nothing any more must not hold us in send(): the library's socket waits for ever."""
    import socket

    limit = struct.pack("@ll", int(seconds), 0)
    connection.transport._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.transport._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _keep_quiet() -> None:
    """The libraries' own log would print traces where nobody set up logging; what they meet is explained here."""
    for name in ("smbprotocol", "spnego"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
            logger.propagate = False
