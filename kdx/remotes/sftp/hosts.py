"""Whether a server is the one we know: its key against the board's known_hosts, else this user's. Learns nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.errors import ConfigurationError
from kdx.language import N_
from kdx.remotes.interface import PlaceRefused

PORT = 22


class HostKeyUnknown(PlaceRefused):
    """Nobody has said yet which key this server has."""

    message = N_("The host key of {place} is not known: {kind} {fingerprint}.")
    advice = N_(
        "Compare the fingerprint with the one the server itself shows (ssh-keygen -lf). Where it is the same, write it "
        "down: ssh-keyscan -p {port} {host} >> {file}"
    )


class HostKeyChanged(PlaceRefused):
    """The server has another key than the one that was written down."""

    message = N_("{place} shows another host key than the one in {file}: {kind} {fingerprint}, not {known}.")
    advice = N_(
        "Either the server was installed anew, or another machine answers in its place. Ask whoever looks after it; "
        "replace the line in {file} only when the fingerprint was compared."
    )


class KnownHostsUnreadable(ConfigurationError):
    """A list of host keys cannot be read."""

    message = N_("The host keys in {file} cannot be read: {why}.")
    advice = N_("Correct the file; each line is a name, a kind of key and the key, as ssh-keyscan prints it.")


@dataclass(frozen=True, slots=True)
class Known:
    """The keys a server may have, the withdrawn ones, and the file that says so."""

    file: Path
    keys: tuple[paramiko.PKey, ...] = ()
    revoked: tuple[paramiko.PKey, ...] = ()


def known_keys(location: Location, network: Network) -> Known:
    """Return what is known of a server: from the board's file where it names the server, else from this user's."""
    own = Path.home() / ".ssh" / "known_hosts"
    host = location.host.lower()
    name = host if location.port in (None, PORT) else f"[{host}]:{location.port}"
    files = [network.known_hosts, own] if network.known_hosts else [own]
    for file in files:
        found = list(_lines(file, name))
        if found:
            keys = tuple(key for key, revoked in found if not revoked)
            return Known(file, keys, tuple(key for key, revoked in found if revoked))
    return Known(files[0])


def check_host_key(key: paramiko.PKey, known: Known, location: Location) -> None:
    """HostKeyUnknown or HostKeyChanged unless `key` is one of those that are known."""
    if key in known.keys and key not in known.revoked:
        return
    facts = {"place": location, "kind": key.get_name(), "fingerprint": key.fingerprint, "file": known.file}
    if not known.keys:
        raise HostKeyUnknown(**facts, host=location.host, port=location.port or PORT)
    # a server that shows a key of another kind first is not told apart from one whose key has changed
    raise HostKeyChanged(**facts, known=", ".join(sorted({one.fingerprint for one in known.keys})))


def _lines(file: Path, name: str) -> Iterator[tuple[paramiko.PKey, bool]]:
    """Yield the keys a file has for a name, and whether they were withdrawn."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise KnownHostsUnreadable(file=file, why=error.strerror or type(error).__name__) from error
    for number, line in enumerate(lines, 1):
        revoked = line.startswith("@revoked")
        text = line.removeprefix("@revoked").strip()
        if not text or text[0] in "#@":
            continue
        try:
            entry = HostKeyEntry.from_line(text, number)
        except (InvalidHostKey, paramiko.SSHException, ValueError):
            # one line that another program wrote does not make the server unknown
            continue
        if entry and entry.key and any(_names(pattern, name) for pattern in entry.hostnames or ()):
            yield entry.key, revoked


def _names(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return bool(paramiko.HostKeys.hash_host(name, pattern) == pattern)
    return pattern.lower() == name
