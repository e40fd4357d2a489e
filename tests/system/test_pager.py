"""A long table on a real terminal: less shows it, a person scrolls and leaves; a short one and a pipe never meet it."""

import os
import pty
import select
import struct
import subprocess
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.conftest import PROGRAMS

pytestmark = pytest.mark.system

LAST_SCHOOL, FIRST_SCHOOL = "第59小", "第0小"


@pytest.fixture
def board(tmp_path: Path) -> Path:
    schools = "".join(f"s{number}_es,試験市立第{number}小学校\n" for number in range(60))
    (tmp_path / "schools.csv").write_text(f"school_id,school_name\n{schools}", "utf-8")
    words = ("init", tmp_path / "inventory", "--board", "試験市教育委員会", "--schools", tmp_path / "schools.csv")
    subprocess.run([PROGRAMS / "kdx", *words, "--state", tmp_path / "state"], check=True, capture_output=True)
    return tmp_path


class Terminal:
    """kdx on a terminal of 24 lines and 80 columns."""

    def __init__(self, board: Path, *words: str, **variables: str) -> None:
        self.screen, inner = pty.openpty()
        ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        places = ("--inventory", board / "inventory", "--state", board / "state", "--lang", "ja")
        environment = {**os.environ, "TERM": "xterm", "PAGER": "less", "LESSCHARSET": "utf-8", **variables}
        self.process = subprocess.Popen(
            [PROGRAMS / "kdx", *words, *places], stdin=inner, stdout=inner, stderr=inner, env=environment,
            start_new_session=True, preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inner)
        self.seen = b""

    def read_until(self, wanted: str, seconds: float = 60) -> str:
        """Read until something is on the screen, or the terminal is closed."""
        until = time.monotonic() + seconds
        while wanted.encode() not in self.seen:
            assert time.monotonic() < until, self.seen.decode("utf-8", "replace")
            if not self._read(1):
                break
        return self.seen.decode("utf-8", "replace")

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def end(self) -> int:
        """Return the exit code, with everything read that was shown."""
        until = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < until, self.seen.decode("utf-8", "replace")
            self._read(0.1)
        while self._read(0.1):
            pass
        return self.process.returncode

    def _read(self, seconds: float) -> bool:
        if not select.select([self.screen], [], [], seconds)[0]:
            return self.process.poll() is None and seconds >= 1
        try:
            more = os.read(self.screen, 65536)
        except OSError:
            return False
        self.seen += more
        return bool(more)


def test_a_long_table_is_scrolled_in_less_and_left_with_q(board: Path) -> None:
    one = Terminal(board, "inventory", "list")
    first = one.read_until(FIRST_SCHOOL)
    assert LAST_SCHOOL not in first and one.process.poll() is None
    one.type("G")
    assert LAST_SCHOOL in one.read_until(LAST_SCHOOL)
    one.type("q")
    assert one.end() == 0


@pytest.mark.parametrize(
    ("words", "variables"), [(("--no-pager",), {}), ((), {"PAGER": "cat"}), ((), {"TERM": "dumb"})],
    ids=["--no-pager", "cat", "dumb"],
)
def test_who_wants_no_pager_gets_all_at_once(board: Path, words: tuple[str, ...], variables: dict[str, str]) -> None:
    one = Terminal(board, "inventory", "list", *words, **variables)
    assert one.end() == 0
    shown = one.seen.decode("utf-8")
    assert FIRST_SCHOOL in shown and LAST_SCHOOL in shown and "\x1b" not in shown


def test_a_table_that_fits_is_not_paged_and_no_line_is_wider_than_the_terminal(board: Path) -> None:
    one = Terminal(board, "inventory", "show", "s3_es")
    assert one.end() == 0
    shown = one.seen.decode("utf-8")
    assert "第3小" in shown and "\x1b" not in shown


def test_ctrl_c_in_less_leaves_less_running_and_kdx_unharmed(board: Path) -> None:
    one = Terminal(board, "inventory", "list")
    one.read_until(FIRST_SCHOOL)
    one.type("\x03")
    one.type("q")
    assert one.end() in (0, 130) and "Traceback" not in one.seen.decode("utf-8", "replace")
