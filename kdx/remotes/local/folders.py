"""Folders below a root, opened without following a link. Changes nothing but what make() is asked to make.

Every component is opened by itself (O_NOFOLLOW), so that whoever may write into a share cannot lead kdx out of it by
putting a link where a folder was. Only the root may be a link: its address is the administrator's own.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kdx.config.location import Location
from kdx.language import _
from kdx.remotes.interface import NameRefused
from kdx.remotes.local.faults import root_failed

KEPT_SECONDS = 1.0
"""How long an opened folder is used again for the files in it: long enough for a scan, too short to grow stale."""

_ROOT = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_BELOW = _ROOT | os.O_NOFOLLOW


class Folders:
    """Opens folders below one root and keeps the last one open. One instance per thread."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._kept = ""
        self._descriptor = -1
        self._until = 0.0

    def enter(self, folder: str) -> int:
        """Return a descriptor of `folder` that stays this object's own and is good until the next call. OSError."""
        if folder != self._kept or time.monotonic() > self._until or self._descriptor < 0:
            self.leave()
            self._descriptor = self._open(folder, make=False)
            self._kept, self._until = folder, time.monotonic() + KEPT_SECONDS
        return self._descriptor

    def leave(self) -> None:
        """Close the folder that is kept open; the next enter() looks afresh."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextmanager
    def make(self, folder: str) -> Iterator[int]:
        """Make `folder` and its parents where they are missing, and lend its descriptor. OSError."""
        descriptor = self._open(folder, make=True)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, folder: str, make: bool) -> int:
        try:
            descriptor = os.open(self.location.path, _ROOT)
        except OSError as error:
            raise root_failed(error, self.location) from error
        for name in folder.split("/") if folder else ():
            descriptor = _step(descriptor, name, make)
        return descriptor


def split(path: str) -> tuple[str, str]:
    """Return (folder, name) of a path. NameRefused where its last component cannot be a name."""
    folder, slash, name = path.rpartition("/")
    _refuse_no_name(name if folder or not slash else "")
    return folder, name


def _step(parent: int, name: str, make: bool) -> int:
    """Open the folder `name` in `parent`, and close `parent` whatever happens."""
    try:
        _refuse_no_name(name)
        if make:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
        return os.open(name, _BELOW, dir_fd=parent)
    finally:
        os.close(parent)


def _refuse_no_name(name: str) -> None:
    if name in ("", ".", "..") or "\0" in name:
        raise NameRefused(name=name, why=_("it is not a name"))
