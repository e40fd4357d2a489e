"""What an errno of a folder or mounted share means for kdx: the one place where it is decided. Touches no file."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from kdx.config.location import Location
from kdx.errors import DiskFull, KdxError
from kdx.language import _
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

_REASONS = {
    errno.EACCES: SkipReason.DENIED,
    errno.EPERM: SkipReason.DENIED,
    errno.ENOENT: SkipReason.VANISHED,
    errno.ENOTDIR: SkipReason.VANISHED,
    errno.ESTALE: SkipReason.VANISHED,
    errno.ELOOP: SkipReason.CHANGED,
    errno.EISDIR: SkipReason.CHANGED,
    errno.EBUSY: SkipReason.LOCKED,
    errno.EWOULDBLOCK: SkipReason.LOCKED,
    errno.ETXTBSY: SkipReason.LOCKED,
}
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
_SERVER_GONE = frozenset(
    {
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ETIMEDOUT,
        errno.ESHUTDOWN,
    }
)
"""What a mounted share answers when its server has gone: the place's fault, not the file's."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_IN_THE_WAY = frozenset({errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.ELOOP})
_BAD_NAME = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def reason_of(error: OSError) -> SkipReason:
    """Return the skip that an entry gets which could not be read for this error."""
    return _REASONS.get(error.errno or 0, SkipReason.FAULTY)


def reading_failed(error: OSError, path: str, location: Location) -> KdxError:
    """Given what went wrong while `path` was read, return what to raise."""
    if error.errno in _NOT_THERE:
        return NotFound(name=path)
    if error.errno in _SERVER_GONE:
        return PlaceSilent(place=location, why=os.strerror(error.errno or 0))
    return ReadFailed(name=path, reason=reason_of(error), detail=error.strerror or "")


def root_failed(error: OSError, location: Location) -> KdxError:
    """Given what went wrong when the root itself was opened, return what to raise."""
    if error.errno == errno.ENOENT:
        return PlaceMissing(place=location, why=_("there is no such folder"))
    if error.errno == errno.ENOTDIR:
        return PlaceMissing(place=location, why=_("it is not a folder"))
    if error.errno in _FORBIDDEN:
        return PlaceRefused(place=location, why=error.strerror)
    return PlaceSilent(place=location, why=error.strerror)


def writing_failed(error: OSError, path: str, location: Location) -> KdxError:
    """Given what went wrong while `path` was written, return what to raise."""
    if error.errno in _FULL:
        return DiskFull(folder=location)
    if error.errno in _IN_THE_WAY:
        return Conflict(name=path)
    if error.errno in _BAD_NAME:
        return NameRefused(name=path, why=error.strerror)
    if error.errno in _FORBIDDEN:
        return PlaceRefused(place=location, why=f"{error.strerror}: {path}")
    return PlaceSilent(place=location, why=error.strerror)


@contextmanager
def writing(path: str, location: Location) -> Iterator[None]:
    """Turn an OSError in the block into what it means for the one who writes `path`."""
    try:
        yield
    except OSError as error:
        raise writing_failed(error, path, location) from error
