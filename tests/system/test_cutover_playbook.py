"""cutover.yml on a real Samba behind a real sshd: nobody can write any more, not even who was connected; and back."""

import codecs
import getpass
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rigs.played_day import Player, reached_over
from rigs.smbd import PASSWORD, SHARE, SambaServer, serve_samba
from rigs.sshd import Sshd, serve_ssh
from sample_board import BOARD, SCHOOL, SCHOOL_NAME

from tests.conftest import PROGRAMS

pytestmark = pytest.mark.system
CANARY = "kdx-canary"
NOTICE = "00_ファイルの移動先.txt"
SCANS = "# the copier by the door\n  {}\nresolution=300\n"
OLD, NEW = r"target=\\fs\scan", r"target=\\drive\scan"
CLIENT = """
import sys
import smbclient

port, user, password = int(sys.argv[1]), *sys.argv[2:]
share = r"\\\\127.0.0.1\\共有"


def connect():
    smbclient.register_session("127.0.0.1", username=user, password=password, port=port)


def write():
    with smbclient.open_file(share + r"\\先生が書く.txt", mode="wb", port=port) as file:
        file.write("書きました".encode())


def try_to_write():
    try:
        write()
    except OSError as error:
        return str(error)
    return "written"


def try_again():
    # as Windows does, which comes anew where a session was ended
    first = try_to_write()
    if "NETWORK_NAME_DELETED" in first:
        smbclient.reset_connection_cache(fail_on_error=False)
        connect()
        return f"{first} / {try_to_write()}"
    return first


connect()


held = None
for line in sys.stdin:
    if line == "open\\n":
        held = smbclient.open_file(share + r"\\開いたまま.docx", mode="wb", port=port, share_access="rw")
        print("open", flush=True)
    elif line == "close\\n":
        held.close()
        print("closed", flush=True)
    else:
        print(try_again(), flush=True)
"""


@dataclass
class Teacher:
    """Somebody whose session stays open from one question to the next."""

    process: "subprocess.Popen[str]"

    def does(self, what: str) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def a_teacher(server: SambaServer) -> Iterator[Teacher]:
    command = [sys.executable, "-c", CLIENT, str(server.port), server.user, PASSWORD]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    try:
        yield Teacher(process)
    finally:
        process.kill()
        process.wait()


@dataclass
class Day:
    """One school, its old server, and the board's machine."""

    folder: Path
    server: SambaServer
    play: Player

    @property
    def scans(self) -> Path:
        return self.folder / "scan.conf"

    def step(self, step: str, *words: str, code: int = 0, changed: bool | None = None) -> str:
        """Take a step, and return what it printed; `changed` is whether it must have changed something."""
        played = self.play(
            "cutover.yml", "-e", f"school={SCHOOL}", "-e", f"step={step}", "-e", "new_place=共有ドライブ「西小」",
            "-e", f"samba_config={self.server.config}", *words,
        )
        assert played.code == code, played.text
        assert changed is None or changed == (played.changed > 0), played.text
        return played.text

    def tries(self, step: str) -> None:
        """Take a step under --check: it changes nothing."""
        before = self.tree()
        self.step(step, "--check", changed=True)
        assert self.tree() == before

    def kdx(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [PROGRAMS / "kdx", "--lang", "en", "migrate", "cutover", SCHOOL, *words],
            env={**os.environ, "KDX_INVENTORY": str(self.play.inventory), "KDX_STATE": str(self.play.state)},
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def tree(self) -> dict[str, str]:
        """What lies on the old server, Samba's own books left out: name -> SHA-256 and mode."""
        files = [self.server.config, self.scans, *self.server.config.parent.glob("kdx*"), *self.server.root.rglob("*")]
        return {
            str(path): f"{path.stat().st_mode:o} {path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest()}"
            for path in files
        }


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with serve_samba(tmp_path / "server", share="  write list = root\n") as samba, serve_ssh(tmp_path / "ssh") as ssh:
        inventory = _write_inventory(tmp_path, samba, ssh)
        (samba.root / CANARY).mkdir()
        (samba.root / "名簿.txt").write_text("名簿", "utf-8")
        one = Day(tmp_path, samba, Player(inventory, tmp_path / "state", ssh.known_hosts))
        one.scans.write_text(SCANS.format(OLD), "utf-8")
        yield one


def _write_inventory(folder: Path, samba: SambaServer, ssh: Sshd) -> Path:
    (folder / "password").write_text(PASSWORD, "utf-8")
    (folder / "target").mkdir()
    inventory = folder / "board"
    made = [PROGRAMS / "kdx", "init", inventory, "--board", BOARD, "--target", f"cloud={folder}/target"]
    environment = {**os.environ, "KDX_STATE": f"{folder}/state"}
    subprocess.run(made, check=True, capture_output=True, stdin=subprocess.DEVNULL, env=environment)
    host = {
        "shares": [{"name": SHARE, "url": samba.url(), "secret": f"file:{folder}/password"}],
        "kdx_scan_targets": [{"file": f"{folder}/scan.conf", "old": OLD, "new": NEW}],
        **reached_over(ssh, getpass.getuser()),
    }
    school: dict[str, Any] = {"vars": {"school_name": SCHOOL_NAME, "kind": "elementary"}, "hosts": {"fs-shiken": host}}
    # a terminal is no server: nothing of it is asked
    school["hosts"]["pc-01"] = {"ansible_host": "192.0.2.1"}
    hosts = {"all": {"children": {"schools": {"children": {SCHOOL: school}}}}}
    # JSON is YAML
    (inventory / "hosts.yml").write_text(json.dumps(hosts, ensure_ascii=False), "utf-8")
    return inventory


@pytest.mark.long
def test_a_school_leaves_its_old_server_and_comes_back(day: Day) -> None:
    original = day.server.config.read_bytes()
    assert '"rc": 4' in day.step("freeze", code=2), "nothing was rehearsed"
    for number in range(2):
        day.kdx("--rehearse", "--canary", CANARY, code=0 if number else 4)
    with a_teacher(day.server) as teacher:
        assert teacher.does("open") == "open"
        assert "開いたまま.docx" in day.step("freeze", code=2)
        assert (teacher.does("close"), teacher.does("write")) == ("closed", "written")
        day.tries("freeze")
        assert teacher.does("write") == "written"
        said = day.step("freeze", changed=True)
        assert "127.0.0.1" in said.partition("Say whose session ends")[2].partition("TASK")[0]
        # the session was ended; the new one, and every other, is refused
        assert "NETWORK_NAME_DELETED" in (met := teacher.does("write")) and "ACCESS_DENIED" in met
    with a_teacher(day.server) as other:
        assert "ACCESS_DENIED" in other.does("write")
    day.step("freeze", changed=False)
    assert '"rc": 4' in day.step("hand_over", code=2), "the final run is still to come"
    day.kdx("--final", "--canary", CANARY)

    day.tries("hand_over")
    day.step("hand_over")
    notice = (day.server.root / NOTICE).read_bytes()
    assert notice.startswith(codecs.BOM_UTF8) and b"\n" not in notice.replace(b"\r\n", b"")
    assert "共有ドライブ「西小」" in notice.decode("utf-8-sig")
    assert day.scans.read_text("utf-8") == SCANS.format(NEW)
    day.step("hand_over", changed=False)
    day.tries("back")
    day.step("back")
    assert day.server.config.read_bytes() == original
    assert day.scans.read_text("utf-8") == SCANS.format(OLD)
    assert {path.name for path in day.server.root.iterdir()} == {
        CANARY, "名簿.txt", "開いたまま.docx", "先生が書く.txt"
    }
    with a_teacher(day.server) as teacher:
        assert teacher.does("write") == "written"
    day.step("back", changed=False)
    day.kdx("--roll-back", "--canary", CANARY)


@pytest.mark.long
def test_what_is_not_as_it_must_be_stops_the_step_and_is_named(day: Day) -> None:
    for number in range(2):
        day.kdx("--rehearse", "--canary", CANARY, code=0 if number else 4)
    day.scans.write_text("target=elsewhere\n", "utf-8")
    assert "scan.conf has neither the line" in day.step("freeze", code=2)
    day.scans.write_text(SCANS.format(OLD), "utf-8")
    before = day.server.config.read_text("utf-8")
    # what an administrator wrote below our line has the last word: Samba is asked, not believed
    day.step("freeze")
    loosened = f"\n[{SHARE}]\n  read only = no\n"
    with day.server.config.open("a", encoding="utf-8") as config:
        config.write(loosened)
    assert "was taken out again" in day.step("freeze", code=2)
    assert day.server.config.read_text("utf-8") == before + loosened
    day.server.config.write_text(before, "utf-8")
    day.step("freeze")
    day.kdx("--final", "--canary", CANARY)
    (day.server.root / NOTICE).write_text("教頭より", "utf-8")
    assert "was not written by kdx" in day.step("hand_over", code=2)
    day.step("back")
    assert (day.server.root / NOTICE).read_text("utf-8") == "教頭より"
