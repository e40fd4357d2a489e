"""A Windows security descriptor as SDDL text ([MS-DTYP] 2.4.6, 2.5.1). Pure: bytes in, text out, nothing resolved.

Owner, group and the discretionary list are kept, the flags of inheritance with them; accounts stay SIDs but for those
that every Windows knows by two letters. What cannot be understood becomes no text, never a wrong one.
"""

import struct

_KNOWN = {
    "S-1-1-0": "WD", "S-1-3-0": "CO", "S-1-3-1": "CG", "S-1-5-2": "NU", "S-1-5-4": "IU", "S-1-5-6": "SU",
    "S-1-5-7": "AN", "S-1-5-11": "AU", "S-1-5-18": "SY", "S-1-5-19": "LS", "S-1-5-20": "NS",
    "S-1-5-32-544": "BA", "S-1-5-32-545": "BU", "S-1-5-32-546": "BG", "S-1-5-32-547": "PU", "S-1-5-32-551": "BO",
}  # fmt: skip
_TYPES = {0: "A", 1: "D", 2: "AU", 5: "OA", 6: "OD", 9: "XA", 10: "XD"}
_FLAGS = ((0x01, "OI"), (0x02, "CI"), (0x04, "NP"), (0x08, "IO"), (0x10, "ID"))
_RIGHTS = {0x1F01FF: "FA", 0x120089: "FR", 0x120116: "FW", 0x1200A0: "FX", 0x10000000: "GA"}
_HAS_LIST, _PROTECTED, _AUTO_INHERITED = 0x0004, 0x1000, 0x0400
_WITH_OBJECT = frozenset({5, 6})


def sddl(descriptor: bytes) -> str:
    """Return a self-relative security descriptor as SDDL, "" where it is none."""
    try:
        _revision, _zero, control, owner, group, _audit, rights = struct.unpack_from("<BBHIIII", descriptor)
        text = f"O:{_sid(descriptor, owner)}" if owner else ""
        text += f"G:{_sid(descriptor, group)}" if group else ""
        if control & _HAS_LIST:
            text += "D:" + ("P" if control & _PROTECTED else "") + ("AI" if control & _AUTO_INHERITED else "")
            # a list that is missing lets everybody in, one that is empty nobody
            text += "".join(_entries(descriptor, rights)) if rights else "NO_ACCESS_CONTROL"
        return text
    except (struct.error, IndexError):
        return ""


def _entries(data: bytes, start: int) -> list[str]:
    _revision, size, count = struct.unpack_from("<BxHH", data, start)
    found, place, end = [], start + 8, start + size
    for _number in range(count):
        kind, flags, length, mask = struct.unpack_from("<BBHI", data, place)
        if length < 8 or place + length > end:
            raise IndexError(place)
        if kind in _TYPES and kind not in _WITH_OBJECT:
            letters = "".join(name for bit, name in _FLAGS if flags & bit)
            found.append(f"({_TYPES[kind]};{letters};{_RIGHTS.get(mask, f'0x{mask:x}')};;;{_sid(data, place + 8)})")
        place += length
    return found


def _sid(data: bytes, start: int) -> str:
    revision, count = data[start], data[start + 1]
    authority = int.from_bytes(data[start + 2 : start + 8], "big")
    numbers = struct.unpack_from(f"<{count}I", data, start + 8)
    text = "-".join(map(str, (f"S-{revision}", authority, *numbers)))
    return _KNOWN.get(text, text)
