"""The report on the office's share each morning: a real Samba and a real OpenSSH, and a real tick that starts it."""

import io
import json
import shutil
import sqlite3
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs.pages import assert_valid
from rigs.smbd import PASSWORD, SambaServer, held_open, serve_samba
from rigs.sshd import serve_ssh

from tests.conftest import PROGRAMS

pytestmark = pytest.mark.system

on_windows_share = pytest.mark.parametrize("office", ["smb"], indirect=True)
NAMES = ["report.html", "report.xlsx"]


@dataclass
class Office:
    """A board without shares of its own, and the office's share where its report goes."""

    folder: Path
    root: Path
    """The office's folder, as the server's disk has it."""
    refuse: Callable[[], None]
    """Let the login fail from now on."""
    samba: SambaServer | None = None

    def kdx(self, *words: str, code: int = 0) -> str:
        places = ("--inventory", self.folder / "inventory", "--state", self.folder / "state", "--lang", "en")
        done = subprocess.run(
            [PROGRAMS / "kdx", *places, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code and PASSWORD not in said and "Traceback" not in said, said
        return said

    def there(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.root.iterdir()}

    def tick(self) -> str:
        """Run one tick as cron does, and wait until the jobs it started have ended."""
        said = self.kdx("schedule", "run")
        until = time.monotonic() + 60
        while len(self.events("job.ended")) < len(self.events("job.started")):
            assert time.monotonic() < until
            time.sleep(0.1)
        return said

    def events(self, kind: str) -> list[tuple[str, int]]:
        """Job and exit code, read without kdx."""
        with sqlite3.connect(self.folder / "state/ledger.sqlite3") as ledger:
            rows = ledger.execute("SELECT subject, body FROM events WHERE kind = ? ORDER BY id", (kind,)).fetchall()
        return [(subject, json.loads(body).get("exit_code", 0)) for subject, body in rows]


@pytest.fixture(params=["smb", pytest.param("sftp", marks=pytest.mark.long)])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    schools = tmp_path / "schools.csv"
    schools.write_text("school_id,school_name\na_es,試験市立東小学校\nb_es,試験市立西小学校\n", "utf-8")
    inventory, secret = tmp_path / "inventory", tmp_path / "secret"
    subprocess.run(
        [PROGRAMS / "kdx", "init", inventory, "--board", "試験市教育委員会", "--schools", schools,
         "--state", tmp_path / "state"], check=True, capture_output=True, timeout=60,
    )
    (tmp_path / "vault").mkdir()
    if request.param == "smb":
        secret.write_text(PASSWORD, "utf-8")
        with serve_samba(tmp_path / "server") as samba:
            write_report_line(inventory, samba.url("月報"), secret)
            (samba.root / "月報").mkdir()
            yield Office(tmp_path, samba.root / "月報", lambda: void(secret.write_text("wrong")), samba)
    else:
        root = tmp_path / "office"
        root.mkdir()
        with serve_ssh(tmp_path / "ssh") as ssh:
            shutil.copy(ssh.known_hosts, inventory / "known_hosts")
            write_report_line(inventory, ssh.url(root), ssh.key)
            keys = ssh.key.with_name("authorized_keys")
            yield Office(tmp_path, root, lambda: void(keys.write_text("")))


def void(written: int) -> None:
    """Take what write_text returns."""


def write_report_line(inventory: Path, url: str, secret: Path) -> None:
    with (inventory / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"vault: {{url: {inventory.parent}/vault}}\n")
        file.write(f"report: {{publish: \"{url}\", at: '06:30', audience: schools, secret: \"file:{secret}\"}}\n")


def test_page_and_workbook_are_replaced_whole_while_somebody_reads_them(office: Office) -> None:
    office.kdx("report", "--publish")
    first = office.there()
    assert sorted(first) == NAMES
    assert_valid(first["report.html"].decode("utf-8"))
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for name in NAMES:
                try:
                    seen.add((office.root / name).read_bytes())
                except FileNotFoundError:
                    seen.add(b"")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _morning in range(2):
            office.kdx("rollout", "set", "claim", "a_es", "training", "started")
            office.kdx("report", "--publish")
    finally:
        done.set()
        reader.join()
    assert sorted(office.there()) == NAMES and office.there()["report.html"] != first["report.html"]
    assert len(seen) > 2 and all(map(is_whole, seen)), "somebody met half a report, or none"


def is_whole(content: bytes) -> bool:
    """Whether a page has its end, or a workbook all its parts."""
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return book.testzip() is None
    return content.rstrip().endswith(b"</html>")


def test_whoever_is_not_let_in_is_told_so_and_yesterday_s_report_stays(office: Office) -> None:
    office.kdx("report", "--publish")
    before = office.there()
    office.refuse()
    said = office.kdx("report", "--publish", code=12)
    assert "127.0.0.1" in said and len(said.splitlines()) <= 3
    assert office.there() == before


@on_windows_share
def test_what_others_put_there_is_never_replaced(office: Office) -> None:
    (office.root / "report.html").write_text("<html>ours</html>", "utf-8")
    assert "was not written by kdx" in office.kdx("report", "--publish", code=4)
    assert list(office.there()) == ["report.html"]


@on_windows_share
def test_a_workbook_that_somebody_has_open_stays_and_the_page_is_replaced(office: Office) -> None:
    office.kdx("report", "--publish")
    before = office.there()
    office.kdx("rollout", "set", "claim", "a_es", "training", "started")
    assert office.samba
    with held_open(office.samba, "月報/report.xlsx"):
        said = office.kdx("report", "--publish", code=3)
    assert "report.xlsx" in said and "report.html" not in said and "close it there" in said
    assert "has it open" in said and len(said.splitlines()) <= 3
    assert sorted(office.there()) == NAMES
    assert office.there()["report.xlsx"] == before["report.xlsx"]
    assert office.there()["report.html"] != before["report.html"]
    office.kdx("report", "--publish")
    assert office.there()["report.xlsx"] != before["report.xlsx"]


@on_windows_share
def test_a_tick_of_the_schedule_puts_it_there_once_a_morning(office: Office) -> None:
    office.kdx("backup", "init")
    # the board's jobs go one after the other: first its own part of the vault
    assert [office.tick() for _tick in range(3)] == [""] * 3
    assert office.events("job.ended") == [("board", 0), ("report", 0)] and sorted(office.there()) == NAMES


@on_windows_share
def test_a_report_that_did_not_arrive_is_told_at_the_next_tick(office: Office) -> None:
    office.kdx("backup", "init")
    office.refuse()
    assert [office.tick() for _tick in range(2)] == [""] * 2
    assert office.events("job.ended")[-1] == ("report", 12) and not office.there()
    assert "report ended with 12" in office.tick() and len(office.events("job.started")) == 2
