"""SSH connections to servers whose key is known, with the keys of this user. Never asks, never learns a host key.

paramiko's SSHClient is not used: it may ask for a second factor at the terminal, knows one key of a kind for each host,
and cannot say which algorithms an old server has. Loaded only where an sftp address is opened.
"""

import getpass
import io
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.errors import ConfigurationError
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceRefused, PlaceSilent
from kdx.remotes.sftp.faults import LineBroken, line_broken
from kdx.remotes.sftp.hosts import check_host_key, known_keys
from kdx.remotes.sftp.old import refuse_old
from kdx.remotes.sftp.wire import Wire

PORT = 22
WINDOW = 128 << 20
"""Bytes a server may send before it must wait for us: a long line is full whatever its delay."""
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Asked for first: they need no separate checksum, which costs Python as much as the cipher."""
AT_ONCE = threading.BoundedSemaphore(4)
"""sshd drops every third connection when more than ten are being made (MaxStartups 10:30:100)."""
TRIES = 3
"""How often a server may hang up before it has said a word: other programs may be making connections too."""
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")

# what goes wrong is raised; without a handler Python would print it to the terminal a second time
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


class KeyUnusable(ConfigurationError):
    """The private key a share refers to cannot be used."""

    message = N_("The key {reference} cannot be used: {why}.")
    advice = N_("Refer to a private key in OpenSSH form without a passphrase, or leave secret out and use ssh-agent.")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 15
    """For a connection, and for the first word on it."""
    answer: float = 60
    """Between two signs of life."""


@dataclass(frozen=True, slots=True)
class Door:
    """What is needed to reach a server: an address, whom it may be, and how we show who we are."""

    location: Location
    network: Network
    secret: SecretReference | None
    patience: Patience

    @property
    def user(self) -> str:
        """The user of the address, else the one who runs kdx, as ssh does."""
        return self.location.user or getpass.getuser()


class Connection:
    """One SSH connection with one SFTP conversation. Not for two threads."""

    def __init__(self, door: Door) -> None:
        self.location = door.location
        self.patience = door.patience
        with AT_ONCE:
            self.transport = connect(door)
        # beginning it takes three round trips, in which a program may begin as well
        self._conversation: Future[Wire] = Future()
        threading.Thread(target=self._begin, daemon=True).start()

    @property
    def wire(self) -> Wire:
        """The SFTP conversation. PlaceRefused where the server offers none, LineBroken."""
        return self._conversation.result()

    def channel(self) -> paramiko.Channel:
        """Return a new channel for one program. LineBroken where the connection is gone."""
        try:
            channel = self.transport.open_session(timeout=self.patience.answer)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise line_broken(error, self.location) from error
        channel.settimeout(self.patience.answer)
        return channel

    def _begin(self) -> None:
        try:
            channel = self.channel()
            channel.invoke_subsystem("sftp")
            self._conversation.set_result(self._converse(channel))
        except (OSError, EOFError, paramiko.SSHException) as error:
            refused = PlaceRefused(place=self.location, why=translate(N_("it offers no SFTP")))
            refused.__cause__ = error
            self._conversation.set_exception(refused)
        except BaseException as error:
            self._conversation.set_exception(error)

    def _converse(self, channel: paramiko.Channel) -> Wire:
        try:
            return Wire(channel, self.location)
        except LineBroken as error:
            if isinstance(error.__cause__, TimeoutError) or not self.transport.is_active():
                raise
            # the line is whole, but what should speak SFTP has ended or says something else
            why = N_("the password has expired") if b"expired" in self._complaint() else N_("it offers no SFTP")
            raise PlaceRefused(place=self.location, why=translate(why)) from error

    def _complaint(self) -> bytes:
        """Return what the server says when it is to run nothing: whom it lets in with an expired password, it tells so
        on this way only."""
        with suppress(OSError, EOFError, paramiko.SSHException, LineBroken):
            channel = self.channel()
            channel.exec_command("exit 0")
            return bytes(channel.recv_stderr(1 << 16))
        return b""

    @property
    def server(self) -> str:
        """What the server calls itself, as SSH-2.0-OpenSSH_9.2p1."""
        return str(self.transport.remote_version)

    @property
    def host_key(self) -> str:
        """Kind and fingerprint of the server's key."""
        key = self.transport.get_remote_server_key()
        return f"{key.get_name()} {key.fingerprint}"

    def close(self) -> None:
        """Hang up."""
        self.transport.close()


def connect(door: Door) -> paramiko.Transport:
    """Return a connection on which the server and this user have shown who they are."""
    location, patience = door.location, door.patience
    known = known_keys(location, door.network)
    for attempt in range(TRIES):
        transport = paramiko.Transport(_dial(location, patience), default_window_size=WINDOW)
        try:
            _negotiate(transport, [key.get_name() for key in known.keys], patience)
            check_host_key(transport.get_remote_server_key(), known, location)
            _authenticate(transport, door)
            return transport
        except paramiko.ssh_exception.IncompatiblePeer as error:
            transport.close()
            refuse_old(_dial(location, patience), transport.get_security_options(), location)
            raise PlaceRefused(place=location, why=str(error)) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            began = bool(transport.remote_version)
            transport.close()
            late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
            if began or late or attempt == TRIES - 1:
                raise _silent(TimeoutError() if late else error, location) from error
            time.sleep(attempt + 0.5)
        except BaseException:
            transport.close()
            raise
    raise AssertionError("the last try returns or raises")


def _dial(location: Location, patience: Patience) -> socket.socket:
    try:
        dialled = socket.create_connection((location.host, location.port or PORT), patience.connect)
    except socket.gaierror as error:
        raise PlaceSilent(place=location, why=translate(N_("there is no server of this name"))) from error
    except TimeoutError as error:
        raise PlaceSilent(place=location, why=translate(N_("no answer in time"))) from error
    except OSError as error:
        raise PlaceSilent(place=location, why=error.strerror or translate(N_("the line broke"))) from error
    dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # paramiko waits for ever for a peer that no longer takes what is sent; the kernel need not
    dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience.answer * 1000))
    return dialled


def _negotiate(transport: paramiko.Transport, known_kinds: list[str], patience: Patience) -> None:
    options = transport.get_security_options()
    options.ciphers = _first(CIPHERS, options.ciphers)
    # a server has keys of several kinds: ask for one that can be checked
    kinds = ["rsa-sha2-512,rsa-sha2-256" if kind == "ssh-rsa" else kind for kind in known_kinds]
    options.key_types = _first(",".join(kinds).split(","), options.key_types)
    transport.banner_timeout = patience.connect
    transport.handshake_timeout = transport.auth_timeout = patience.answer
    transport.start_client(timeout=patience.connect + patience.answer)
    if transport.is_active() and not transport.host_key_type:
        # it returns without a word when the time is over
        raise TimeoutError
    transport.set_keepalive(15)


def _first(wanted: tuple[str, ...] | list[str], offered: tuple[str, ...]) -> tuple[str, ...]:
    return (*(name for name in dict.fromkeys(wanted) if name in offered), *(n for n in offered if n not in wanted))


def _authenticate(transport: paramiko.Transport, door: Door) -> None:
    """Show who we are: with the share's secret where it has one, else with the agent's keys and this user's own."""
    text = door.secret.read() if door.secret else None
    if text is not None and "\n" not in text:
        # a key has many lines; whatever has and is none must never be sent as a password
        _by_password(transport, door, text)
        return
    keys = iter((_private_key(text, door.secret),)) if text is not None else _own_keys()
    tried = 0
    for key in keys:
        tried += 1
        try:
            missing = transport.auth_publickey(door.user, key)
        except paramiko.BadAuthenticationType as error:
            raise _refused(door, N_("it takes no keys, only a password")) from error
        except paramiko.AuthenticationException:
            continue
        if not missing:
            return
        raise _refused(door, N_("it asks for a password after the key, and kdx has none to give"))
    raise _refused(door, N_("the key was not accepted") if tried else N_("there is no key to show"))


def _by_password(transport: paramiko.Transport, door: Door, password: str) -> None:
    try:
        missing = transport.auth_password(door.user, password)
    except paramiko.BadAuthenticationType as error:
        raise _refused(door, N_("it takes no password")) from error
    except paramiko.AuthenticationException as error:
        raise _refused(door, N_("the password was not accepted")) from error
    if missing:
        raise _refused(door, N_("it asks for more than a password"))


def _private_key(text: str, reference: SecretReference | None) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except paramiko.PasswordRequiredException as error:
            raise KeyUnusable(reference=reference, why=translate(N_("it has a passphrase"))) from error
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise KeyUnusable(reference=reference, why=translate(N_("it is not a private key in OpenSSH form")))


def _own_keys() -> Iterator[paramiko.PKey]:
    """Yield the agent's keys, then those that lie where ssh looks for them and have no passphrase."""
    agent = None
    with suppress(paramiko.SSHException, OSError):
        agent = paramiko.Agent()
    try:
        yield from agent.get_keys() if agent else ()
    finally:
        if agent:
            agent.close()
    for name in DEFAULT_KEYS:
        # whatever it is that cannot be read as a key: it is no key
        with suppress(Exception):
            yield paramiko.PKey.from_path(Path.home() / ".ssh" / name)


def _refused(door: Door, why: str) -> PlaceRefused:
    said = translate(N_("{why} (user {user})")).format(why=translate(why), user=door.user)
    return PlaceRefused(place=door.location, why=said)


def _silent(error: Exception, location: Location) -> PlaceSilent:
    broken = line_broken(error, location)
    return PlaceSilent(**broken.values)
