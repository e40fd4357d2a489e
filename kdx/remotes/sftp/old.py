"""Which methods an old server offers, read from its first words (RFC 4253, 7.1), so that a person can act on them."""

import socket
from contextlib import closing
from typing import TYPE_CHECKING

from kdx.config.location import Location
from kdx.language import N_, translate
from kdx.remotes.interface import PlaceRefused

if TYPE_CHECKING:
    from paramiko.transport import SecurityOptions

KEXINIT = 20
MOST_BYTES = 1 << 17
COOKIE = 16


class ServerTooOld(PlaceRefused):
    """The server knows only methods that are no longer safe; the library has none of them left."""

    message = N_("{place} offers only methods that are no longer safe ({what}: {offered}); kdx does not use them.")
    advice = N_(
        "Bring the firmware or the SSH server of that machine up to date. Where that cannot be, mount the share on "
        "this machine and write its folder as /absolute/path."
    )


def refuse_old(dialled: socket.socket, options: "SecurityOptions", location: Location) -> None:
    """Listen to what a server offers, and raise ServerTooOld where nothing of a kind is common; hang up."""
    with closing(dialled):
        offered = _offers(dialled)
    ours = (
        (N_("key exchange"), options.kex),
        (N_("host key"), options.key_types),
        (N_("cipher"), options.ciphers),
        (N_("cipher"), options.ciphers),
        (N_("checksum"), options.digests),
        (N_("checksum"), options.digests),
    )
    for (what, mine), theirs in zip(ours, offered, strict=False):
        if not set(mine) & set(theirs):
            raise ServerTooOld(place=location, what=translate(what), offered=", ".join(theirs))


def _offers(dialled: socket.socket) -> list[list[str]]:
    """Return the ten lists a server begins with; fewer where it does not say them."""
    try:
        dialled.sendall(b"SSH-2.0-kdx\r\n")
        stream = dialled.makefile("rb")
        while not (line := stream.readline(1024)).startswith(b"SSH-"):
            if not line:
                return []
        length = int.from_bytes(stream.read(4))
        packet = stream.read(min(length, MOST_BYTES))
    except OSError:
        return []
    if len(packet) < 2 + COOKIE or packet[1] != KEXINIT:
        return []
    lists: list[list[str]] = []
    place = 2 + COOKIE
    while len(lists) < 10 and place + 4 <= len(packet):
        end = place + 4 + int.from_bytes(packet[place : place + 4])
        names = packet[place + 4 : end].decode("ascii", "replace").split(",")
        lists.append([name for name in names if not name.startswith(("ext-info-", "kex-strict-"))])
        place = end
    return lists
