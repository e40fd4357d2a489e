"""Ceph's object gateway from Debian, in memory, on loopback: the judge of locks, versions and signatures.

One monitor, one storage daemon without a disk, one gateway, no authentication between them. Started and stopped here.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool")
STARTS_WITHIN = 120

SETTINGS = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon}
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
public network = 127.0.0.0/8
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 1073741824
mon data = {folder}/mon
osd data = {folder}/osd
run dir = {folder}
log file = {folder}/$name.log
admin socket = {folder}/$name.$pid.asok
pid file = {folder}/$name.pid
keyring = {folder}/keyring
mon warn on pool no redundancy = false
osd crush update on start = false
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw run sync thread = false
rgw lc debug interval = 0
"""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    endpoint: str
    access_key: str
    secret_key: str
    run: "_Run"
    users: dict[str, dict[str, str]] = field(default_factory=dict)

    def keys(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def user(self, name: str) -> dict[str, str]:
        """Return the keys of a user, who may do nothing unless a bucket's policy says so."""
        if name not in self.users:
            self.users[name] = self.run.make_user(name)
        return self.users[name]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serve_rgw() -> Iterator[Gateway]:
    """Run a gateway for the length of the block. AssertionError where a program is missing or nothing answers."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    assert not missing, f"missing: {', '.join(missing)} (apt-get install ceph-mon ceph-osd radosgw)"
    with ExitStack() as stack:
        # short: a socket's path has at most 107 bytes
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rgw-", dir="/tmp")))
        ports = {"mon": free_port(), "gateway": free_port()}
        fsid = str(uuid.uuid4())
        (folder / "keyring").touch()
        (folder / "ceph.conf").write_text(SETTINGS.format(fsid=fsid, folder=folder, **ports), "ascii")
        run = _Run(folder, stack)
        address = f"[v2:127.0.0.1:{ports['mon']}]"
        run.once("monmaptool", "--create", "--addv", "a", address, "--fsid", fsid, folder / "monmap", configured=False)
        run.once("ceph-mon", "--mkfs", "-i", "a", "--monmap", folder / "monmap")
        run.start("ceph-mon", "-i", "a", "-f")
        run.once("ceph", "osd", "create")
        (folder / "osd").mkdir()
        run.once("ceph-osd", "--mkfs", "-i", "0")
        run.once("ceph", "osd", "crush", "add", "osd.0", "1", "root=default")
        run.start("ceph-osd", "-i", "0", "-f")
        run.start("radosgw", "-n", "client.admin", "-f")
        keys = run.make_user("owner")
        endpoint = f"http://127.0.0.1:{ports['gateway']}"
        gateway = Gateway(endpoint, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], run)
        _wait(ports["gateway"], folder)
        yield gateway


@dataclass
class _Run:
    folder: Path
    stack: ExitStack

    def _words(self, name: str, words: tuple[Any, ...], configured: bool) -> list[str]:
        given = ["-c", os.fspath(self.folder / "ceph.conf")] if configured else []
        return [name, *given, *map(str, words)]

    def once(self, name: str, *words: Any, configured: bool = True) -> str:
        done = subprocess.run(
            self._words(name, words, configured), capture_output=True, encoding="utf-8", timeout=STARTS_WITHIN
        )
        assert done.returncode == 0, f"{name}: {done.stderr[-2000:]}"
        return done.stdout

    def make_user(self, name: str) -> dict[str, str]:
        access, secret = secrets.token_hex(10).upper(), secrets.token_hex(20)
        self.once("radosgw-admin", "-n", "client.admin", "user", "create", "--uid", name, "--display-name", name,
                  "--access-key", access, "--secret-key", secret)
        return {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}

    def start(self, name: str, *words: Any) -> None:
        output = self.stack.enter_context((self.folder / f"{name}.out").open("wb"))
        # a test that is killed takes its servers with it
        mortal = ["setpriv", "--pdeathsig", "KILL", *self._words(name, words, True)]
        process = subprocess.Popen(mortal, stdout=output, stderr=output)
        self.stack.callback(_stop, process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def _wait(port: int, folder: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with socket.socket() as one:
            one.settimeout(1)
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError((folder / "radosgw.out").read_text("utf-8", "replace")[-2000:])


if __name__ == "__main__":
    with serve_rgw() as running:
        print(json.dumps(running.keys()), running.endpoint, flush=True)
        time.sleep(600)
