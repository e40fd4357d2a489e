"""One session on a server that runs a constant script of kdx's own, and what it prints.

The script comes in over standard input of `sh -s`, so that no login shell reads it; nothing that a person or a server
named is ever part of it. The account needs no right but to read.
"""

import time
from dataclasses import dataclass

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceRefused, PlaceSilent

COMMAND = "sh -s"
MOST = 4 << 20
"""Bytes a script may print."""
CONNECT = 5.0
"""Seconds to be connected within, and again for the first word."""


@dataclass(frozen=True, slots=True)
class Login:
    """Whom we are on which server, and how we show it."""

    location: Location
    network: Network
    secret: SecretReference | None = None


def run_script(login: Login, script: str, within: float) -> bytes:
    """Return what the script prints within so many seconds: all of it, or what came by then.

    PlaceSilent or PlaceRefused where it could not be begun.
    """
    import paramiko

    from kdx.remotes.sftp.connection import Door, Patience, connect

    until = time.monotonic() + within
    door = Door(login.location, login.network, login.secret, Patience(min(CONNECT, within), within))
    transport = connect(door)
    printed = b""
    try:
        channel = transport.open_session(timeout=within)
        channel.exec_command(COMMAND)
        channel.sendall(script.encode())
        channel.shutdown_write()
        while (left := until - time.monotonic()) > 0 and len(printed) < MOST:
            channel.settimeout(left)
            piece = channel.recv(1 << 16)
            if not piece:
                break
            printed += piece
    except TimeoutError:
        # what has come by now is told; who reads it sees where it ends
        pass
    except (OSError, EOFError) as error:
        raise PlaceSilent(place=login.location, why=translate(N_("the line broke"))) from error
    except paramiko.SSHException as error:
        raise PlaceRefused(place=login.location, why=translate(N_("it runs no commands"))) from error
    finally:
        transport.close()
    return printed
