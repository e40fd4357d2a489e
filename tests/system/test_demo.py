"""The first command of README, in a fresh copy of the checkout, as a new user would type it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def fresh_copy(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the checkout as they are now, without anything a run leaves behind."""
    folder = tmp_path_factory.mktemp("fresh") / "kdx"
    folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=checkout, capture_output=True, check=True,
    ).stdout
    subprocess.run(["xargs", "-0", "cp", "--parents", "-t", folder], cwd=checkout, input=listed, check=True)
    return folder


def demo(folder: Path, temporary: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo with next to nothing in its environment."""
    temporary.mkdir()
    return subprocess.run(
        ["env", "-i", f"TMPDIR={temporary}", *(f"{name}={value}" for name, value in variables.items()),
         "sh", "scripts/demo"],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
    )


def test_the_demo_ends_with_a_receipt_that_holds_and_cleans_up(fresh_copy: Path, tmp_path: Path) -> None:
    start = time.monotonic()
    first = demo(fresh_copy, tmp_path / "first", CI="true")
    assert first.returncode == 0, first.stdout + first.stderr
    assert time.monotonic() - start < 120, "the demo promises two minutes, the installation among them"
    assert "sha256sum --check" in first.stdout
    assert "$ kdx rollout why" in first.stdout and first.stdout.count("waits for") >= 13
    assert {path.name for path in (fresh_copy / ".work/demo").iterdir()} == {
        "receipt.json", "SHA256SUMS", "receipt.html", "go-no-go.html", "report.html",
    }
    assert not list((tmp_path / "first").iterdir())

    again = demo(fresh_copy, tmp_path / "again", LANG="ja_JP.UTF-8")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "移行証明書" in again.stdout
    assert "Installing" not in again.stderr, "a complete environment is used again"
    assert not list((tmp_path / "again").iterdir())


def living(group: int) -> list[str]:
    """Return the names of the processes of a group that still run; the dead that nobody has fetched do not count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = stat.read_text("utf-8", "replace").rpartition(")")
        except OSError:
            continue
        state, _parent, its_group = fields.split()[:3]
        if its_group == str(group) and state != "Z":
            found.append(name)
    return found


@pytest.mark.long
def test_a_stopped_demo_leaves_nothing_running_and_nothing_behind(fresh_copy: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["sh", "scripts/demo"], cwd=fresh_copy, env={**os.environ, "TMPDIR": str(tmp_path)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8", start_new_session=True,
    )
    assert process.stdout
    for line in process.stdout:
        if "inventory scan" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.stdout.read()
    assert process.wait() == 130
    assert not list(tmp_path.iterdir())
    end = time.monotonic() + 20
    while living(process.pid):
        assert time.monotonic() < end, living(process.pid)
        time.sleep(0.1)
