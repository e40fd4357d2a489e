"""What a status of an SMB server, or its silence, means for kdx: the one place where it is decided. Sends nothing.

No text of a library ever reaches a person from here, for it may name whatever it was given. Numbers are those of
[MS-ERREF]; smbprotocol knows only some of them.
"""

import socket

from kdx.config.location import Location
from kdx.errors import DiskFull, KdxError
from kdx.language import N_, translate
from kdx.remotes.interface import (
    Conflict,
    Held,
    NameRefused,
    NotFound,
    PlaceMissing,
    PlaceRefused,
    PlaceSilent,
    ReadFailed,
    SkipReason,
)

OK = 0x00000000
NO_MORE_FILES = 0x80000006
END_OF_FILE = 0xC0000011
NOT_FOUND_IN_FOLDER = 0xC000000F
ACCESS_DENIED = 0xC0000022
NAME_COLLISION = 0xC0000035
NO_PATH = 0xC000003A
IS_A_FOLDER = 0xC00000BA
DISK_FULL = 0xC000007F

_LOCKED = {
    0xC0000043: "SHARING_VIOLATION",
    0xC0000054: "FILE_LOCK_CONFLICT",
    0xC0000055: "LOCK_NOT_GRANTED",
    0xC0000056: "DELETE_PENDING",
    0xC0000243: "USER_MAPPED_FILE",
}
_DENIED = {ACCESS_DENIED: "ACCESS_DENIED", 0xC0000061: "PRIVILEGE_NOT_HELD", 0xC00000CA: "NETWORK_ACCESS_DENIED"}
_NOT_THERE = frozenset({NOT_FOUND_IN_FOLDER, 0xC0000033, 0xC0000034, 0xC0000039, NO_PATH, 0xC000003B, 0xC0000103})
_ELSEWHERE = {0xC0000257: "PATH_NOT_COVERED", 0x8000002D: "STOPPED_ON_SYMLINK", 0xC0000279: "REPARSE_TAG_NOT_HANDLED"}
"""What lies there is a link, or another server's: never followed."""
_BAD_NAME = frozenset({0xC0000033, 0xC0000039, 0xC000003B, 0xC0000106})
_IN_THE_WAY = frozenset({NAME_COLLISION, IS_A_FOLDER, 0xC0000103, 0xC0000101})
_FULL = frozenset({DISK_FULL, 0xC0000044, 0xC0000904})
_TOO_LARGE = 0xC0000905
_WRITE_PROTECTED = 0xC00000A2
SESSION_GONE = frozenset({0xC0000203, 0xC000035C, 0xC000020C, 0xC000020D, 0xC00000C9})
"""Logged off, expired, disconnected, the share taken away: a new connection may well know it again."""
_NO_SHARE = frozenset({0xC00000CC, 0xC00000C9, 0xC000026E, 0xC00000A3, 0xC000026D})
_BUSY = frozenset({0xC000009A, 0xC0000205, 0xC00000D0, 0xC00000B5, 0xC00000C4, 0xC0000466})
_LOGON = {
    0xC000006D: N_("the user name or the password is wrong"),
    0xC000006A: N_("the user name or the password is wrong"),
    0xC0000064: N_("the user name or the password is wrong"),
    0xC0000071: N_("the password has expired"),
    0xC0000224: N_("the password must be changed first"),
    0xC0000072: N_("this user is disabled"),
    0xC0000193: N_("this user's account has expired"),
    0xC0000234: N_("this user is locked out after too many wrong passwords"),
    0xC000006E: N_("this user may not log in like this (account restriction)"),
    0xC000006F: N_("this user may not log in at this time of day"),
    0xC000015B: N_("this user may not log in over the network"),
    0xC0000418: N_("it allows no NTLM, and kdx does not use Kerberos"),
    0xC000005E: N_("it finds no domain controller that knows the user"),
    0xC000018D: N_("its trust in the domain is broken"),
}
GUEST = N_("it let us in as a guest only, without signing: user or password are not known there")
OLD = N_("it speaks only SMB 1, which is not safe: allow SMB 2 on it, or mount the share on this machine")
NO_SMB = N_("it broke off before a word of SMB was spoken")
NO_METHOD = N_("it offers no way to log in that kdx knows (NTLM)")
UNSIGNED = N_("an answer was not signed")
NO_USER = N_("its address names no user, and kdx does not log in as a guest (smb://user@server/share)")
NO_PASSWORD = N_("no password is known for {user}: write secret: file:PATH beside the share (Kerberos is not used)")
NO_ANSWER = N_("no answer in time")
BROKEN = N_("the line broke")


class Refused(Exception):
    """A server's status where a file was asked for. Never leaves kdx.remotes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"0x{status:08X}")
        self.status = status


class Broken(Exception):
    """The line or the session is gone; the same request may succeed on a new one. Never leaves kdx.remotes."""

    def __init__(self, why: str = BROKEN) -> None:
        super().__init__(why)
        self.why = why


def reading_failed(status: int, path: str, place: Location, holder: str = "") -> KdxError:
    """Given a status for `path` ("" is the root) that was read or listed, return what to raise."""
    if status in _NO_SHARE or (not path and status in _NOT_THERE):
        return PlaceMissing(place=place, why=translate(N_("there is no such share or folder")))
    if status in _BUSY:
        return PlaceSilent(place=place, why=translate(N_("it is too busy")) + f" (0x{status:08X})")
    if not path and status in _DENIED:
        return PlaceRefused(place=place, why=translate(N_("this user may not open it")))
    if status in _NOT_THERE:
        return NotFound(name=path)
    return ReadFailed(name=path, reason=reason_of(status), detail=holder or _name_of(status))


def reason_of(status: int) -> SkipReason:
    """Return the skip that an entry gets which could not be read for this status."""
    if status in _LOCKED:
        return SkipReason.LOCKED
    if status in _DENIED:
        return SkipReason.DENIED
    if status in _NOT_THERE:
        return SkipReason.VANISHED
    if status in _ELSEWHERE:
        return SkipReason.LINK
    return SkipReason.CHANGED if status == IS_A_FOLDER else SkipReason.FAULTY


def writing_failed(status: int, path: str, place: Location) -> KdxError:
    """Given a status while `path` was written, return what to raise."""
    if status in _FULL:
        return DiskFull(folder=place)
    if status in _LOCKED:
        return Held(name=path)
    if status in _IN_THE_WAY or status in _ELSEWHERE:
        return Conflict(name=path)
    if status in _BAD_NAME:
        return NameRefused(name=path, why=translate(N_("the server does not allow the name")))
    if status == _TOO_LARGE:
        return NameRefused(name=path, why=translate(N_("the file is too large for this store")))
    if status in _DENIED or status == _WRITE_PROTECTED:
        return PlaceRefused(place=place, why=translate(N_("this user may not write {path}")).format(path=path))
    if status in _NO_SHARE or status in _NOT_THERE:
        return PlaceMissing(place=place, why=translate(N_("there is no such share or folder")))
    return PlaceSilent(place=place, why=f"0x{status:08X}")


def entering_failed(status: int, place: Location) -> KdxError:
    """Given a status at log-in or when the share was opened, return what to raise."""
    if status in _LOGON:
        return PlaceRefused(place=place, why=translate(_LOGON[status]))
    if status in _NO_SHARE or status in _NOT_THERE:
        return PlaceMissing(place=place, why=translate(N_("there is no such share or folder")))
    if status in _DENIED:
        return PlaceRefused(place=place, why=translate(N_("this user may not open it")))
    if status in _BUSY:
        return PlaceSilent(place=place, why=translate(N_("it is too busy")) + f" (0x{status:08X})")
    return PlaceRefused(place=place, why=f"0x{status:08X}")


def unreachable(error: BaseException | None, place: Location) -> PlaceSilent:
    """Given why no connection was made, return what to raise."""
    if isinstance(error, socket.gaierror):
        why = translate(N_("its name is unknown (DNS)"))
    elif isinstance(error, ConnectionRefusedError):
        why = translate(N_("the connection was refused"))
    elif isinstance(error, TimeoutError):
        why = translate(NO_ANSWER)
    else:
        why = (error.strerror if isinstance(error, OSError) else None) or translate(BROKEN)
    return PlaceSilent(place=place, why=why)


def _name_of(status: int) -> str:
    return {**_LOCKED, **_DENIED, **_ELSEWHERE}.get(status, f"0x{status:08X}")
