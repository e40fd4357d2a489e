"""A school's server of either kind at the end of a line: it can go, and come back at the same address."""

import os
from contextlib import ExitStack
from pathlib import Path

from rigs.line import Line
from rigs.smbd import PASSWORD, SambaServer, serve_samba, set_password
from rigs.sshd import Sshd, free_port, serve_ssh


class Far:
    """A real Samba or OpenSSH server that offers `root`. Start it; it is stopped with the block it is used in."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.root = folder / "share"
        self.root.mkdir(parents=True)
        self.port = free_port()
        self.running = ExitStack()
        self.samba: SambaServer | None = None
        self.ssh: Sshd | None = None

    def __enter__(self) -> "Far":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, or start it again."""
        if self.kind == "smb":
            self.samba = self.running.enter_context(serve_samba(self.folder, port=self.port))
        else:
            self.ssh = self.running.enter_context(serve_ssh(self.folder / "ssh", port=self.port))

    def stop(self) -> None:
        """Stop it and every connection it has, as a power cut does."""
        self.running.close()

    def withdraw(self) -> None:
        """Let nobody in any more; who is in stays in."""
        if self.samba:
            set_password(self.samba.config, self.samba.user, "another")
        if self.ssh:
            (self.ssh.folder / "authorized_keys").write_text("")

    def admit(self) -> None:
        """Let the same in again."""
        if self.samba:
            set_password(self.samba.config, self.samba.user, PASSWORD)
        if self.ssh:
            (self.ssh.folder / "authorized_keys").write_bytes((self.ssh.folder / "user_key.pub").read_bytes())

    def enter(self, board: Path, before: str, line: Line) -> None:
        """Write it into hosts.yml in place of the address `before`, reached through a line, with a secret."""
        (board / "secret").write_bytes(self.secret())
        if self.ssh:
            known = self.ssh.known_hosts.read_text().replace(f":{self.port}", f":{line.port}")
            (board / "known_hosts").write_text(known)
        hosts = board / "hosts.yml"
        text = hosts.read_text("utf-8")
        assert f'"{before}"' in text
        hosts.write_text(text.replace(f'"{before}"', f'"{self.url(line.port)}", secret: "file:secret"'), "utf-8")

    def url(self, port: int) -> str:
        """Address of the share through another port."""
        if self.samba:
            return self.samba.url(port=port)
        assert self.ssh
        return self.ssh.url(self.root).replace(f":{self.port}/", f":{port}/")

    def secret(self) -> bytes:
        """What lets us in: a password or a private key."""
        return self.ssh.key.read_bytes() if self.ssh else os.fsencode(PASSWORD)
