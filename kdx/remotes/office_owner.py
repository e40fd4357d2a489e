"""Who has a document open, as Office notes it in the owner file beside it. Pure.

Word, Excel and PowerPoint write `~$NAME` beside a document: one byte, the user's name in the system's own code page,
and from byte 54 or 55 its length and itself in UTF-16.
"""

import struct

PREFIX = "~$"
WORD = (".doc", ".docx", ".docm", ".dot", ".dotx", ".dotm", ".rtf")
OFFICE = (*WORD, ".xls", ".xlsx", ".xlsm", ".xlsb", ".ppt", ".pptx", ".pptm")
LONGEST = 52
"""Letters of a user's name (Office, File > Options > User name)."""
_NAME_AT = (54, 55)


def covered(name: str) -> int:
    """Return how many letters Word covers with `~$`: two of a stem of eight or more, one of a stem of seven."""
    return min(2, max(0, len(name.rpartition(".")[0]) - 6))


def owner_files_of(name: str) -> tuple[str, ...]:
    """Return the names that the owner file of a document may have; none where Office does not open such files."""
    lowered = name.lower()
    if name.startswith(PREFIX) or not lowered.endswith(OFFICE):
        return ()
    return (PREFIX + name[covered(name) :],) if lowered.endswith(WORD) else (PREFIX + name,)


def holder_in(owner_file: bytes) -> str:
    """Return the user's name in an owner file, "" where there is none to be understood."""
    for start in _NAME_AT:
        if len(owner_file) >= start + 2:
            (length,) = struct.unpack_from("<H", owner_file, start)
            raw = owner_file[start + 2 : start + 2 + 2 * length]
            if 0 < length <= LONGEST and len(raw) == 2 * length:
                name = raw.decode("utf-16-le", "replace")
                if name.isprintable() and "\ufffd" not in name:
                    return name
    return ""
