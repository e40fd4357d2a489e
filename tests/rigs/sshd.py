"""A real OpenSSH server on loopback with everything of its own: configuration, host key, port, the keys it lets in."""

import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SSHD = Path("/usr/sbin/sshd")
PLAIN = "ForceCommand internal-sftp"
"""A setting: nothing but SFTP, whatever is asked for."""
APPLETS = ("sh", "find", "xargs", "sha256sum", "stat", "tr", "printf", "cat")
STARTS_WITHIN = 20
"""Seconds."""


@dataclass
class Sshd:
    """A running server."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def key(self) -> Path:
        """A private key it lets in."""
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        """The file that names its host key."""
        return self.folder / "known_hosts"

    @property
    def fingerprint(self) -> str:
        """Its host key's, as ssh-keygen shows it."""
        return run("ssh-keygen", "-lf", self.folder / "host_key.pub").split()[1]

    def url(self, path: Path | str = "") -> str:
        """The address of a folder on it."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{path}"

    def ssh(self, command: str) -> "subprocess.CompletedProcess[bytes]":
        """Run a command on it with OpenSSH's own client: the witness that is not kdx."""
        words = [
            "ssh", "-F", "none", "-i", self.key, "-p", str(self.port), "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", f"{getpass.getuser()}@127.0.0.1", command,
        ]
        return subprocess.run(words, capture_output=True, check=True, timeout=120)

    def stop(self) -> None:
        """End the server and every connection it has, at once."""
        for number in [*_below(self.process.pid), self.process.pid]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self.process.wait()


def run(*words: str | Path) -> str:
    """Run a program and return what it prints."""
    return subprocess.run(words, check=True, capture_output=True, encoding="utf-8").stdout


@contextmanager
def serve_ssh(
    folder: Path,
    *settings: str,
    subsystem: str = "sftp internal-sftp",
    path: str = "",
    key_kind: Sequence[str] = ("-t", "ed25519"),
    port: int = 0,
    prefix: Sequence[str | Path] = (),
) -> Iterator[Sshd]:
    """Run a server for the length of the block. `settings` are lines of sshd_config; keys already there are kept.

    `prefix` is a program to run it under. Its shell finds the programs in `path`, else those of this machine, and none
    of a developer's own start-up files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    for name, kind in (("host_key", key_kind), ("user_key", ("-t", "ed25519"))):
        if not (folder / name).exists():
            run("ssh-keygen", "-q", "-N", "", *kind, "-f", folder / name)
    (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    lines = [
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host_key'}", "PidFile none",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}", "StrictModes no", "UsePAM no", "PermitRootLogin yes",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"Subsystem {subsystem}",
        "MaxStartups 100", "PrintMotd no", f"SetEnv HOME={folder}" + (f" PATH={path}" if path else ""),
    ]
    # the first line of a kind counts
    (folder / "sshd_config").write_text("\n".join((*settings, *lines)) + "\n")
    if os.geteuid() == 0:
        # Debian makes it when the service starts, which these tests never do
        Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, SSHD, "-D", "-e", "-f", folder / "sshd_config"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    server = Sshd(folder, port, process)
    try:
        _wait_for(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def busybox_only(folder: Path) -> str:
    """Make a folder with busybox's programs and no others, and return it as a PATH."""
    folder.mkdir()
    for name in APPLETS:
        (folder / name).symlink_to("/usr/bin/busybox")
    return str(folder)


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _below(process: int) -> list[int]:
    """Return the processes below one: sshd gives each connection a session of its own, out of reach of its group."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            parents[int(number)] = int(rest.rpartition(")")[2].split()[1])
    found = [process]
    for one in found:
        found += [number for number, parent in parents.items() if parent == one]
    return found[1:]


def _wait_for(server: Sshd) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if server.process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", server.port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"sshd does not run: {(server.folder / 'log').read_text()}")
