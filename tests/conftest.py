"""What every test may use. Real things only: real files, the real program, servers that the test starts and stops.

A test never skips: what cannot run here is a failure that says what is missing, so that a pass is a pass.
"""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

# what hypothesis tries is right or wrong, however busy the machine is
settings.register_profile("kdx", deadline=None)
settings.load_profile("kdx")

# a shell that runs the tests in its background has SIGINT ignored, and every child would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

CHECKOUT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"A test must not skip: {call.excinfo.value if call.excinfo else 'no reason given'}"
    return report


@pytest.fixture(autouse=True)
def nothing_of_the_person_who_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's own settings, keys and state out of every test, and the test out of theirs."""
    for name in list(os.environ):
        if name.startswith(("KDX_", "AWS_", "RCLONE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KDX_LANG", "en")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))
    monkeypatch.setenv("RCLONE_CONFIG", os.devnull)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the project."""
    return CHECKOUT


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kdx() -> Run:
    """Run the installed program in a process of its own: kdx("inventory", "list", env={...})."""

    def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAMS / "kdx", *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=280,
        )

    return run


@pytest.fixture
def tree() -> Callable[[Path], dict[bytes, str]]:
    """Read a folder without kdx: relative path in bytes -> SHA-256 of every regular file; links are not followed."""

    def read(folder: Path) -> dict[bytes, str]:
        root, found = os.fsencode(folder), {}
        for parent, _, names in os.walk(root):
            for name in names:
                path = os.path.join(parent, name)
                if not os.path.islink(path):
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, root)] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    return read
