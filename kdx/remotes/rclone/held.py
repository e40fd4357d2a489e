"""What rclone is to find, in memory and not on the disk: bytes that it opens like files, and a folder for names."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "kdx-rclone-"
HELD = ":local,encoding=Raw,copy_links=true:"
"""Begins the name of a folder with such files, as rclone writes it."""


def hold(data: bytes, mtime_ns: int) -> int:
    """Hold bytes as a file of this process and return the number it is open under; whoever asked closes it. OSError."""
    descriptor = os.memfd_create("kdx")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def own_files() -> str:
    """Return the folder with the files this process holds, each under its number, as rclone writes it."""
    return f"{HELD}/proc/{os.getpid()}/fd"


def folder_in_memory() -> Path:
    """Make a folder that nobody else may open; on the disk only where this system has none in memory."""
    forget_the_dead()
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_parent()))


def forget_the_dead() -> None:
    """Remove the folders of processes that were killed: names of a school's files may stand in them."""
    for left in _parent().glob(f"{PREFIX}*"):
        process = left.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdecimal() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)


def _parent() -> Path:
    return MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
