"""Enter a share of an SMB 2 or 3 server: connect, log in, open the share, ask for credits. All of it in time, or not.

Signing is required and encryption asked for where the server can. Never asks a person, never enters as a guest; no word
of the library's reaches a person, for it may hold what it was given.
"""

import logging
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from kdx.config.location import Location
from kdx.config.secret import SecretReference
from kdx.errors import KdxError
from kdx.language import translate
from kdx.remotes.smb import faults
from kdx.remotes.interface import PlaceRefused, PlaceSilent

PORT = 445
CREDITS = 512
"""What is asked for at the start: room for 32 MiB under way. A server gives what it likes."""
ONE_CREDIT = 1 << 16
"""Bytes that one credit pays for ([MS-SMB2] 3.2.4.1.5)."""
LARGEST = 1 << 20
SMB_1 = b"\xffSMB"
SMB_1_NEGOTIATE = SMB_1 + struct.pack("<BIBH20xBH", 0x72, 0, 0x18, 0xC801, 0, 12) + b"\x02NT LM 0.12\0"
"""[MS-CIFS] 2.2.4.52: a header without a session, and the only dialect of SMB 1 that is left."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection with log-in, and for any answer after it."""

    connect: float = 20
    answer: float = 60


@dataclass(frozen=True, slots=True)
class Entered:
    """A share that was entered: smbprotocol's connection, session and tree, and what was agreed."""

    connection: Any
    session: Any
    tree: Any
    is_dfs: bool
    largest: int
    """Bytes that one request may move: 64 KiB on the oldest servers, never more than a quarter of the credits."""


def enter(place: Location, share: str, secret: SecretReference | None, patience: Patience) -> Entered:
    """Enter a share as the user of the address. PlaceMissing, PlaceRefused, PlaceSilent, SecretUnreadable."""
    password = _password(place, secret)
    _keep_quiet()
    connection = _connect(place, patience)
    with in_time(connection, place, patience):
        session = _log_in(connection, place.user, password)
        tree = _open_share(session, place.host, share)
        # asked as an ordinary share, a server shows links to other servers as what they are
        is_dfs, tree.is_dfs_share = bool(tree.is_dfs_share), False
        connection.echo(session.session_id, timeout=patience.connect, credit_request=CREDITS)
        return Entered(connection, session, tree, is_dfs, _largest(connection))


@contextmanager
def in_time(connection: Any, place: Location, patience: Patience) -> Iterator[None]:
    """Do the block within the patience: the library waits for ever there, so its connection is closed under it."""
    from smbprotocol.exceptions import SMBAuthenticationError, SMBResponseException

    late = threading.Event()

    def give_up() -> None:
        late.set()
        drop(connection)

    timer = threading.Timer(patience.connect, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except SMBResponseException as refusal:
        drop(connection)
        raise faults.entering_failed(refusal.status, place) from None
    except Exception as error:
        # the library's reader passes on whatever it died of
        drop(connection)
        raise _explained(error, late.is_set(), place, SMBAuthenticationError) from None
    finally:
        timer.cancel()


def drop(connection: Any) -> None:
    """Let go of a connection that is of no use any more, without a word."""
    with suppress(Exception):
        connection.disconnect(close=False)


def _explained(error: Exception, late: bool, place: Location, authentication: type[Exception]) -> KdxError:
    if isinstance(error, KdxError):
        return error
    if late:
        return PlaceSilent(place=place, why=translate(faults.NO_ANSWER))
    if "guest" in str(error):
        return PlaceRefused(place=place, why=translate(faults.GUEST))
    if isinstance(error, authentication):
        return PlaceRefused(place=place, why=translate(faults.NO_METHOD))
    return PlaceSilent(place=place, why=translate(faults.BROKEN))


def _password(place: Location, secret: SecretReference | None) -> str:
    if not place.user:
        raise PlaceRefused(place=place, why=translate(faults.NO_USER))
    if secret is None:
        raise PlaceRefused(place=place, why=translate(faults.NO_PASSWORD).format(user=place.user))
    return secret.read()


def _connect(place: Location, patience: Patience) -> Any:
    """Connect and agree on a dialect."""
    from smbprotocol.connection import Connection
    from smbprotocol.exceptions import SMBException

    connection = Connection(uuid.uuid4(), place.host, place.port or PORT, require_signing=True)
    began = time.monotonic()
    try:
        connection.connect(timeout=patience.connect)
    except Exception as error:
        connected = connection.transport.connected or not isinstance(error.__cause__, OSError)
        drop(connection)
        if not connected:
            raise faults.unreachable(error.__cause__, place) from None
        if isinstance(error, SMBException | OSError) and time.monotonic() - began >= patience.connect - 1:
            raise PlaceSilent(place=place, why=translate(faults.NO_ANSWER)) from None
        # an old server closes without a word, and so does one that is starting or going down: the library cannot tell
        if _speaks_smb_1(place, patience):
            raise PlaceRefused(place=place, why=translate(faults.OLD)) from None
        raise PlaceSilent(place=place, why=translate(faults.NO_SMB)) from None
    _limit_sending(connection, patience.answer)
    return connection


def _speaks_smb_1(place: Location, patience: Patience) -> bool:
    """Ask a server that did not agree on SMB 2 for SMB 1, and hang up."""
    try:
        with socket.create_connection((place.host, place.port or PORT), patience.connect) as probe:
            probe.sendall(struct.pack(">I", len(SMB_1_NEGOTIATE)) + SMB_1_NEGOTIATE)
            return probe.recv(8)[4:] == SMB_1
    except OSError:
        return False


def _log_in(connection: Any, user: str, password: str) -> Any:
    from smbprotocol.session import Session

    session = Session(connection, user, password, require_encryption=bool(connection.supports_encryption))
    session.connect()
    return session


def _open_share(session: Any, host: str, share: str) -> Any:
    from smbprotocol.tree import TreeConnect

    tree = TreeConnect(session, rf"\\{host}\{share}")
    tree.connect()
    return tree


def _largest(connection: Any) -> int:
    most = min(LARGEST, connection.max_read_size, connection.max_write_size, connection.max_transact_size)
    credits = connection.sequence_window["high"] - connection.sequence_window["low"]
    affordable = credits // 4 * ONE_CREDIT if connection.supports_multi_credit else ONE_CREDIT
    return int(max(min(most, affordable), min(most, ONE_CREDIT)))


def _limit_sending(connection: Any, seconds: float) -> None:
    """A server that takes nothing any more must not hold us in send(): the library's socket waits for ever."""
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
