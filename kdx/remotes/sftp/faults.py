"""What a refusal of an SFTP server, or its silence, means for kdx: the one place where it is decided. Sends nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from kdx.config.location import Location
from kdx.errors import KdxError
from kdx.language import N_, translate
from kdx.remotes.interface import (
    Conflict,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    SkipReason,
)

NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 2, 3, 4, 5, 8
"""draft-ietf-secsh-filexfer-02, 7. OpenSSH answers FAILURE for whatever has no code of its own: a name that is taken, a
full disk, a file system that may only be read. BAD_MESSAGE is what it makes of EINVAL and ENAMETOOLONG."""


class Refusal(Exception):
    """The server answered, and the answer is no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class LineBroken(PlaceSilent):
    """The connection is gone, in the middle of a conversation. A new one may well work."""


def line_broken(error: BaseException, location: Location) -> LineBroken:
    """Given what a library raised when the line broke, return what to raise."""
    if isinstance(error, TimeoutError):
        why = N_("no answer in time")
    elif isinstance(error, ValueError):
        why = N_("what it answers is not SFTP")
    else:
        # a dropped socket is a bare EOFError or "Socket is closed": neither tells a person anything
        why = N_("the line broke")
    return LineBroken(place=location, why=translate(why))


def reading_failed(refusal: Refusal, path: str, location: Location) -> KdxError:
    """Given why `path` could not be read, return what to raise; "" is the root."""
    if not path:
        return _root_failed(refusal, location)
    if refusal.code == NO_SUCH_FILE:
        return NotFound(name=path)
    reason = SkipReason.DENIED if refusal.code == PERMISSION_DENIED else SkipReason.FAULTY
    return ReadFailed(name=path, reason=reason, detail=refusal.text)


def writing_failed(refusal: Refusal, path: str, location: Location) -> KdxError:
    """Given why `path` could not be written, return what to raise. DiskFull is found out by the writer itself."""
    if refusal.code == BAD_MESSAGE:
        return NameRefused(name=path, why=translate(N_("the server does not allow the name")))
    if refusal.code == PERMISSION_DENIED:
        return PlaceRefused(place=location, why=f"{refusal.text}: {path}")
    if refusal.code == NO_SUCH_FILE:
        # its folder was made a moment ago: a link or a file has the name of a folder
        return Conflict(name=path)
    return PlaceRefused(place=location, why=f"{refusal.text or refusal.code}: {path}")


@contextmanager
def reading(path: str, location: Location) -> Iterator[None]:
    """Turn a Refusal in the block into what it means for the one who reads `path`."""
    try:
        yield
    except Refusal as refusal:
        raise reading_failed(refusal, path, location) from refusal


@contextmanager
def writing(path: str, location: Location) -> Iterator[None]:
    """Turn a Refusal in the block into what it means for the one who writes `path`."""
    try:
        yield
    except Refusal as refusal:
        raise writing_failed(refusal, path, location) from refusal


def _root_failed(refusal: Refusal, location: Location) -> KdxError:
    if refusal.code == NO_SUCH_FILE:
        return PlaceMissing(place=location, why=translate(N_("there is no such folder")))
    if refusal.code == PERMISSION_DENIED:
        return PlaceRefused(place=location, why=translate(N_("this user may not look into the folder")))
    return PlaceMissing(place=location, why=refusal.text or translate(N_("it is not a folder")))
