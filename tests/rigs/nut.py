"""A real NUT server (upsd) with its dummy UPS on loopback: no device, everything else as in a school."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rigs.sshd import free_port

DRIVER, SERVER = Path("/lib/nut/dummy-ups"), Path("/lib/nut/upsd")
STARTS_WITHIN = 20
"""Seconds."""
PASSWORD = "4711-for-upsmon"
GOOD = {"ups.status": "OL", "battery.charge": "100", "battery.runtime": "1800", "battery.date": "2025/04/01",
        "device.model": "Dummy"}


@dataclass
class NutServer:
    """A running server with one UPS named ups."""

    folder: Path
    port: int
    driver: "subprocess.Popen[bytes]"

    def lose_driver(self) -> None:
        """End the driver as a pulled cable would: the server stays."""
        self.driver.kill()
        self.driver.wait()


@contextmanager
def serve_nut(folder: Path, **said: str) -> Iterator[NutServer]:
    """Run server and driver for the length of the block; `said` replaces what the UPS says (dots written as __)."""
    folder.mkdir()
    # sockets of drivers have a path of at most 107 bytes
    state = Path(tempfile.mkdtemp(prefix="nut"))
    port = free_port()
    values = {**GOOD, **{name.replace("__", "."): value for name, value in said.items()}}
    (folder / "ups.dev").write_text("".join(f"{name}: {value}\n" for name, value in values.items()))
    user = "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")
    (folder / "ups.conf").write_text(f"user = {user}\n[ups]\n  driver = dummy-ups\n  port = {folder}/ups.dev\n")
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nSTATEPATH {state}\nMAXAGE 15\n")
    (folder / "upsd.users").write_text(f'[upsmon]\n  password = "{PASSWORD}"\n  upsmon secondary\n')
    for file in ("upsd.conf", "upsd.users"):
        (folder / file).chmod(0o600)
    environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(state), "NUT_ALTPIDPATH": str(state)}
    running = []
    try:
        with (folder / "log").open("wb") as log:
            for command in ([DRIVER, "-a", "ups", "-D", "-u", user], [SERVER, "-D", "-u", user]):
                running.append(
                    subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                )
        _wait_for(port, running, folder)
        yield NutServer(folder, port, running[0])
    finally:
        for process in running:
            process.kill()
            process.wait()
        shutil.rmtree(state)


def _wait_for(port: int, running: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    """Wait until the server has heard of the UPS: asked as a person with telnet would."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and all(one.poll() is None for one in running):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as line:
                line.sendall(b"GET VAR ups ups.status\n")
                said = line.recv(200)
                if said.startswith(b"VAR ups") and b"WAIT" not in said:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"NUT does not run: {(folder / 'log').read_text(errors='replace')[-2000:]}")
