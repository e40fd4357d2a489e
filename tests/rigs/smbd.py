"""A real Samba server on loopback, with its own configuration, password file and port, stopped after the block.

Samba changes to the user who logs in, so tests that are not root may log in only as themselves.
"""

import os
import pwd
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

PASSWORD = "たいせつ-4711"
SHARE = "共有"
START_SECONDS = 30


@dataclass(frozen=True)
class SambaServer:
    """A running server with one share, and the folder on the disk that it offers."""

    root: Path
    port: int
    user: str
    config: Path
    process: int = 0

    def make_read_only(self, read_only: bool = True) -> None:
        """Change the share in its configuration and have the server read it anew, as an administrator does.

        Who is connected keeps what he has; who comes anew meets the share as it is now.
        """
        text = self.config.read_text("utf-8")
        was, now = ("no", "yes") if read_only else ("yes", "no")
        assert f"read only = {was}" in text
        self.config.write_text(text.replace(f"read only = {was}", f"read only = {now}"), "utf-8")
        os.kill(self.process, signal.SIGHUP)

    def url(self, *path: str, user: str | None = None, port: int | None = None) -> str:
        """Address of the share or of a folder in it."""
        where = "/".join(map(quote, (SHARE, *path)))
        return f"smb://{self.user if user is None else user}@127.0.0.1:{port or self.port}/{where}"


@contextmanager
def serve_samba(
    folder: Path, settings: Mapping[str, str] | None = None, share: str = "", user: str = "", port: int = 0
) -> Iterator[SambaServer]:
    """Run smbd for the length of the block, on a free port where none is named.

    `settings` go into [global], `share` below the share. The user who logs in is the one who runs the test, or `user`
    where root does. In a folder that was served before, the users and passwords are kept.
    """
    root, private = folder / "share", folder / "samba"
    root.mkdir(parents=True, exist_ok=True)
    private.mkdir(mode=0o700, exist_ok=True)
    user, port = user or pwd.getpwuid(os.getuid()).pw_name, port or _free_port()
    config = private / "smb.conf"
    config.write_text(_config(private, root, port, dict(settings or {}), share), "utf-8")
    if not (private / "passdb.tdb").exists():
        set_password(config, user, PASSWORD)
    with (private / "output.log").open("wb") as log:
        server = subprocess.Popen(
            ["smbd", "--foreground", "--no-process-group", f"--configfile={config}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
        try:
            _wait_for(server, port, private)
            yield SambaServer(root, port, user, config, server.pid)
        finally:
            _stop(server)


@contextmanager
def held_open(server: SambaServer, path: str, share_access: int = 0) -> Iterator[Any]:
    """Hold a file open as a program on another machine does, letting others do no more than `share_access` says."""
    from smbprotocol.connection import Connection
    from smbprotocol.open import CreateDisposition, FilePipePrinterAccessMask, ImpersonationLevel, Open
    from smbprotocol.session import Session
    from smbprotocol.tree import TreeConnect

    connection = Connection(uuid.uuid4(), "127.0.0.1", server.port)
    connection.connect()
    try:
        session = Session(connection, server.user, PASSWORD)
        session.connect()
        tree = TreeConnect(session, rf"\\127.0.0.1\{SHARE}")
        tree.connect()
        file = Open(tree, path.replace("/", "\\"))
        access = FilePipePrinterAccessMask.GENERIC_READ | FilePipePrinterAccessMask.GENERIC_WRITE
        file.create(ImpersonationLevel.Impersonation, access, 0, share_access, CreateDisposition.FILE_OPEN, 0)
        yield file
    finally:
        connection.disconnect()


def set_password(config: Path, user: str, password: str) -> None:
    """Give a user another password: who is logged in stays so, who comes anew needs the new one."""
    pdbedit = ["pdbedit", f"--configfile={config}", f"--user={user}"]
    # there is no word that changes one without being root
    subprocess.run([*pdbedit, "--delete"], capture_output=True, timeout=60)
    subprocess.run(
        [*pdbedit, "--create", "--password-from-stdin"], input=f"{password}\n{password}\n", encoding="utf-8",
        check=True, capture_output=True, timeout=60,
    )


def _config(private: Path, root: Path, port: int, settings: dict[str, str], share: str) -> str:
    lines = {
        "server role": "standalone server",
        "security": "user",
        "interfaces": "127.0.0.1",
        "bind interfaces only": "yes",
        "smb ports": str(port),
        "disable netbios": "yes",
        "disable spoolss": "yes",
        "load printers": "no",
        "unix charset": "UTF-8",
        "private dir": str(private),
        "state directory": str(private),
        "cache directory": str(private),
        "lock directory": str(private),
        "pid directory": str(private),
        "ncalrpc dir": str(private / "ncalrpc"),
        "passdb backend": f"tdbsam:{private}/passdb.tdb",
        "log file": str(private / "smbd.log"),
        "map to guest": "never",
        **settings,
    }
    text = "".join(f"  {name} = {value}\n" for name, value in lines.items())
    return (
        f"[global]\n{text}\n[{SHARE}]\n  path = {root}\n  read only = no\n  map archive = no\n"
        f"  store dos attributes = yes\n{share}"
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(server: "subprocess.Popen[bytes]", port: int, private: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("smbd did not start: " + (private / "output.log").read_text("utf-8", "replace")[-2000:])


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server and the processes it made for its clients: all of them are in the session that was begun."""
    for end in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, end)
            server.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
