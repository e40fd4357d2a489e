"""How a file server begins to speak SMB, asked without a login: which dialects, whether it signs, what its clock says.

Two connections, because a server answers one NEGOTIATE each: one offers SMB1 only (NT LM 0.12), the other everything
from SMB 2.0.2 to 3.1.1. A server that takes nothing below 3.1.1 answers only an offer with negotiate contexts. Whether
it *requires* encryption cannot be seen before a login. Layouts: [MS-CIFS] 2.2.4.52, [MS-SMB2] 2.2.3 and 2.2.4.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from kdx.remotes.dialogues import Address, NoAnswer, Raw
from kdx.remotes.dialogues.line import CLOSED, REFUSED, UNCLEAR, Line

DIALECTS = (0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
NAMES = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
SIGNING = {0: "none", 1: "offered", 2: "required", 3: "required"}
WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
LONGEST = 1 << 17

_DIALECT = b"\x02NT LM 0.12\0"
_HEADER_1 = b"\xffSMB\x72" + bytes(4) + b"\x18" + b"\x53\xc8" + bytes(12) + b"\xff\xff\xfe\xff" + bytes(4)
SMB1 = _HEADER_1 + b"\0" + struct.pack("<H", len(_DIALECT)) + _DIALECT


def _smb3() -> bytes:
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16s", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, bytes(16))
    dialects = struct.pack(f"<{len(DIALECTS)}H", *DIALECTS)
    offset = -(-(64 + 36 + len(dialects)) // 8) * 8
    # preauthentication integrity by SHA-512, and the two GCM ciphers; 3.1.1 is refused without the first
    integrity = struct.pack("<HHIHHH", 1, 38, 0, 1, 32, 1) + bytes(32)
    ciphers = struct.pack("<HHIHHH", 2, 6, 0, 2, 2, 1)
    body = struct.pack("<HHHHI16sIHH", 36, len(DIALECTS), 1, 0, 0x40, bytes(16), offset, 2, 0)
    return (header + body + dialects).ljust(offset, b"\0") + integrity.ljust(48, b"\0") + ciphers


SMB3 = _smb3()


def ask(address: Address, within: float, clock: Callable[[], datetime]) -> Raw:
    """Return smb1 (on, off, or why not told), smb3 (the dialect, or why none), signing and clock (seconds ahead).

    NoAnswer where nothing can be reached at all.
    """
    raw = {"smb1": "", "smb3": "", "signing": "", "clock": ""}
    before = clock()
    try:
        modern = _negotiate(address, SMB3, within)
        raw |= read_modern(modern, before + (clock() - before) / 2)
    except NoAnswer as error:
        if error.args[0] != CLOSED:
            raise
        raw["smb3"] = CLOSED
    try:
        raw["smb1"] = read_old(_negotiate(address, SMB1, within))
    except NoAnswer as error:
        if error.args[0] == REFUSED:
            raise
        raw["smb1"] = str(error.args[0])
    return raw


def read_old(answer: bytes) -> str:
    """Given the answer to an offer of SMB1 alone, return whether the server took it: on or off."""
    if answer[:5] != b"\xffSMB\x72" or len(answer) < 35:
        return UNCLEAR
    words = answer[32]
    chosen = struct.unpack_from("<H", answer, 33)[0]
    status = struct.unpack_from("<I", answer, 5)[0]
    if words == 17 and chosen == 0 and not status:
        return "on"
    return "off" if status or (words >= 1 and chosen == 0xFFFF) else UNCLEAR


def read_modern(answer: bytes, asked: datetime) -> dict[str, str]:
    """Given the answer to an offer of SMB 2 and 3, return smb3, signing and clock."""
    unclear = {"smb3": UNCLEAR}
    if answer[:4] != b"\xfeSMB" or len(answer) < 64 + 64 or answer[12:14] != b"\0\0":
        return unclear
    if struct.unpack_from("<I", answer, 8)[0]:
        return unclear
    size, mode, dialect = struct.unpack_from("<HHH", answer, 64)
    if size != 65 or dialect not in NAMES:
        return unclear
    ticks = struct.unpack_from("<Q", answer, 64 + 40)[0]
    ahead = ""
    if 0 < ticks < 1 << 62:
        ahead = f"{(WINDOWS_EPOCH + timedelta(microseconds=min(ticks, 1 << 60) // 10) - asked).total_seconds():.1f}"
    return {"smb3": NAMES[dialect], "signing": SIGNING[mode & 3], "clock": ahead}


def _negotiate(address: Address, packet: bytes, within: float) -> bytes:
    with Line(address, within) as line:
        line.send(struct.pack(">I", len(packet)) + packet)
        size = struct.unpack(">I", line.receive(4))[0]
        if size > LONGEST:
            return b""
        return line.receive(size)
