"""The requests kdx makes of an SMB server, and what their answers hold. Sends nothing, decides nothing.

Requests are smbprotocol's own structures. Answers are taken apart here with struct: smbprotocol spends 0.1 ms on every
entry of a folder, a hundred times more than this (measured). Figures are those of [MS-SMB2] and [MS-FSCC].
"""

import struct
from typing import Any, NamedTuple

RELATED = b"\xff" * 16
"""The file that the request before this one opened, in a message of several requests."""

READ_DATA = LIST_FOLDER = 0x1
WRITE_DATA = 0x2
READ_ATTRIBUTES = 0x80
WRITE_ATTRIBUTES = 0x100
DELETE = 0x10000
READ_CONTROL = 0x20000
SYNCHRONIZE = 0x100000
SHARE_ALL = 0x7
"""Others may read, write and delete meanwhile: kdx never locks a teacher's file."""

OPEN, CREATE, OPEN_OR_CREATE = 1, 2, 3
FOLDER_ONLY, FILE_ONLY, DELETE_ON_CLOSE, NOT_THROUGH_LINKS = 0x1, 0x40, 0x1000, 0x200000

IS_FOLDER, IS_LINK, IS_ORDINARY = 0x10, 0x400, 0x80
ID_BOTH_DIRECTORY_INFORMATION = 37
BASIC_INFORMATION, INTERNAL_INFORMATION, RENAME_INFORMATION = 4, 6, 10
FILE, SECURITY = 1, 3
OWNER_GROUP_AND_RIGHTS = 0x7
ANSWER = 1 << 16
"""Bytes of an answer that cost one credit."""

_SHORTEST = 96
"""Answers are taken as if zeros followed them: a server that says too little says nothing, and breaks nothing."""
_EPOCH = 116_444_736_000_000_000
"""1970 in steps of 100 ns since 1601."""


class Opened(NamedTuple):
    """What the server says of a file or folder it opened. Times in steps of 100 ns since 1601."""

    made: int
    written: int
    changed: int
    size: int
    attributes: int
    file_id: bytes = RELATED
    """The server's handle, good until it is closed."""
    disk_id: bytes = b""
    """File and volume, 16 bytes, where it was asked for and is known."""


def mtime_ns(filetime: int) -> int:
    """Return nanoseconds since 1970, 0 where the server knows no time."""
    return (filetime - _EPOCH) * 100 if filetime > 0 else 0


def filetime(mtime_ns: int) -> int:
    """Return a time as servers keep it, to 100 ns, never before 1601."""
    return max(1, mtime_ns // 100 + _EPOCH)


def open_file(
    path: str, access: int, options: int, *, disposition: int = OPEN, attributes: int = 0, with_disk_id: bool = False
) -> Any:
    """Open what lies at `path` (with backslashes, "" is the share itself)."""
    from smbprotocol.create_contexts import CreateContextName, SMB2CreateContextRequest
    from smbprotocol.open import ImpersonationLevel, SMB2CreateRequest

    request = SMB2CreateRequest()
    request["impersonation_level"] = ImpersonationLevel.Impersonation
    request["desired_access"] = access | SYNCHRONIZE
    request["file_attributes"] = attributes
    request["share_access"] = SHARE_ALL
    request["create_disposition"] = disposition
    request["create_options"] = options
    # the library, too, writes the empty name so
    request["buffer_path"] = path.encode("utf-16-le") or b"\0\0"
    if with_disk_id:
        context = SMB2CreateContextRequest()
        context["buffer_name"] = CreateContextName.SMB2_CREATE_QUERY_ON_DISK_ID
        request["buffer_contexts"] = SMB2CreateContextRequest.pack_multiple([context])
    return request


def close_file(file_id: bytes = RELATED) -> Any:
    """Close a file and ask how it is then."""
    from smbprotocol.open import CloseFlags, SMB2CloseRequest

    request = SMB2CloseRequest()
    request["flags"] = CloseFlags.SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB
    request["file_id"] = file_id
    return request


def read_file(start: int, length: int, file_id: bytes = RELATED) -> Any:
    """Read up to `length` bytes."""
    from smbprotocol.open import SMB2ReadRequest

    request = SMB2ReadRequest()
    request["padding"] = b"\x50"
    request["offset"] = start
    request["length"] = length
    request["file_id"] = file_id
    return request


def write_file(start: int, data: bytes, file_id: bytes = RELATED) -> Any:
    """Write bytes."""
    from smbprotocol.open import SMB2WriteRequest

    request = SMB2WriteRequest()
    request["offset"] = start
    request["length"] = len(data)
    request["file_id"] = file_id
    request["buffer"] = data
    return request


def flush_file(file_id: bytes = RELATED) -> Any:
    """Wait until a file is on the disk."""
    from smbprotocol.open import SMB2FlushRequest

    request = SMB2FlushRequest()
    request["file_id"] = file_id
    return request


def list_folder(pattern: str, length: int, file_id: bytes = RELATED) -> Any:
    """List names with sizes, times, attributes and ids, up to `length` bytes of them; again goes on from there."""
    from smbprotocol.open import SMB2QueryDirectoryRequest

    request = SMB2QueryDirectoryRequest()
    request["file_information_class"] = ID_BOTH_DIRECTORY_INFORMATION
    request["output_buffer_length"] = length
    request["file_id"] = file_id
    request["buffer"] = pattern.encode("utf-16-le")
    return request


def ask_about(kind: int, information: int = 0, additional: int = 0, file_id: bytes = RELATED) -> Any:
    """Ask for a piece of information (FILE) or for rights (SECURITY)."""
    from smbprotocol.open import SMB2QueryInfoRequest

    request = SMB2QueryInfoRequest()
    request["info_type"] = kind
    request["file_info_class"] = information
    request["additional_information"] = additional
    request["output_buffer_length"] = ANSWER
    request["file_id"] = file_id
    return request


def set_written(mtime_ns: int, file_id: bytes = RELATED) -> Any:
    """Set the time of the last change, leaving the other times to the server."""
    return _set(BASIC_INFORMATION, struct.pack("<qqqqII", 0, 0, filetime(mtime_ns), 0, 0, 0), file_id)


def rename_file(path: str, replace: bool, file_id: bytes = RELATED) -> Any:
    """Give an open file another name in the share."""
    name = path.encode("utf-16-le")
    return _set(RENAME_INFORMATION, struct.pack("<B7xQI", replace, 0, len(name)) + name, file_id)


def _set(information: int, data: bytes, file_id: bytes) -> Any:
    from smbprotocol.open import SMB2SetInfoRequest

    request = SMB2SetInfoRequest()
    request["info_type"] = FILE
    request["file_info_class"] = information
    request["file_id"] = file_id
    request["buffer"] = data
    return request


def opened(answer: bytes) -> Opened:
    """Take the answer to open_file apart."""
    made, _read, written, changed, _allocated, size, attributes, _reserved, file_id, place, length = struct.unpack_from(
        "<qqqqqqII16sII", answer.ljust(_SHORTEST, b"\0"), 8
    )
    # offsets count from the header of 64 bytes; kdx asks for one context at most
    whole = length and place >= 64
    context = answer[place - 64 : place - 64 + length] if whole else b""
    start = struct.unpack_from("<H", context.ljust(12, b"\0"), 10)[0]
    return Opened(made, written, changed, size, attributes, file_id, context[start : start + 16] if start else b"")


def closed(answer: bytes) -> Opened:
    """Take the answer to close_file apart."""
    answer = answer.ljust(_SHORTEST, b"\0")
    made, _read, written, changed, _allocated, size, attributes = struct.unpack_from("<qqqqqqI", answer, 8)
    return Opened(made, written, changed, size, attributes)


def data_read(answer: bytes) -> bytes:
    """Return the bytes in an answer to read_file."""
    place, _reserved, length = struct.unpack_from("<BBI", answer.ljust(_SHORTEST, b"\0"), 2)
    return answer[place - 64 : place - 64 + length] if place >= 64 else b""


def data_answered(answer: bytes) -> bytes:
    """Return what an answer to list_folder or ask_about holds."""
    place, length = struct.unpack_from("<HI", answer.ljust(_SHORTEST, b"\0"), 2)
    return answer[place - 64 : place - 64 + length] if place >= 64 else b""


def count_written(answer: bytes) -> int:
    """Return how many bytes an answer to write_file says were written."""
    return int(struct.unpack_from("<I", answer.ljust(_SHORTEST, b"\0"), 4)[0])
