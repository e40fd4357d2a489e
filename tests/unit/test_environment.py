"""What scripts/environment.sh says on a machine that cannot make an environment yet."""

import subprocess
from pathlib import Path

import pytest

FIND = ". scripts/environment.sh; find_python || { say_what_to_install; exit 1; }; echo $python"


def find_python(checkout: Path, programs: Path) -> "subprocess.CompletedProcess[str]":
    """Source the file where only `programs` holds a Python."""
    for name in ("id", "sh"):
        (programs / name).symlink_to(Path("/usr/bin") / name)
    return subprocess.run(
        ["/bin/sh", "-c", FIND], cwd=checkout, env={"PATH": str(programs)}, capture_output=True, text=True
    )


def fake_python(programs: Path, name: str, version: str, has_venv: bool) -> None:
    """Write a stand-in that answers the questions environment.sh asks."""
    new_enough = "0" if tuple(map(int, version.split("."))) >= (3, 11) else "1"
    answers = f"""#!/bin/sh
case "$*" in
    *version_info*) exit {new_enough} ;;
    *ensurepip*) exit {0 if has_venv else 1} ;;
    -V) echo "Python {version}" ;;
esac
"""
    (programs / name).write_text(answers)
    (programs / name).chmod(0o755)


@pytest.mark.parametrize(
    ("pythons", "sentence", "line"),
    [
        ([], "this machine has none", "apt install python3 python3-venv"),
        ([("python3", "3.9.2", True)], "this machine has Python 3.9.2", "apt install python3.11 python3.11-venv"),
        ([("python3", "3.11.2", False)], "not its venv module", "apt install python3-venv"),
        ([("python3", "3.10.1", True), ("python3.12", "3.12.0", False)], "venv", "apt install python3.12-venv"),
    ],
)
def test_a_machine_without_what_is_needed_gets_one_sentence_and_one_line(
    checkout: Path, tmp_path: Path, pythons: list[tuple[str, str, bool]], sentence: str, line: str
) -> None:
    for name, version, has_venv in pythons:
        fake_python(tmp_path, name, version, has_venv)
    result = find_python(checkout, tmp_path)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert result.stderr.rstrip().endswith(line)


def test_an_old_python3_does_not_hide_a_newer_one(checkout: Path, tmp_path: Path) -> None:
    fake_python(tmp_path, "python3", "3.10.1", has_venv=True)
    fake_python(tmp_path, "python3.12", "3.12.0", has_venv=True)
    result = find_python(checkout, tmp_path)
    assert result.stdout == "python3.12\n"


def test_a_word_that_scripts_test_does_not_know_is_refused_before_anything_is_installed(checkout: Path) -> None:
    result = subprocess.run([checkout / "scripts" / "test", "--everything"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "usage: scripts/test [unit|--all]\n"
