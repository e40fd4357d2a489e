"""Which folders open for others than the folder they lie in. Pure: folders and texts of rights in, differences out.

Understands SDDL (Windows, SMB) and the short text of getfacl (POSIX). Only what opens a folder is compared, reading and
changing; a right that only things inside inherit opens nothing. What cannot be understood is left out, never guessed.
"""

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from kdx.language import N_, _
from kdx.remotes.interface import Entry, Kind

EVERYONE = "S-1-1-0"
ACCOUNTS = {
    "WD": EVERYONE, "AN": "S-1-5-7", "AU": "S-1-5-11", "NU": "S-1-5-2", "IU": "S-1-5-4", "SY": "S-1-5-18",
    "LS": "S-1-5-19", "NS": "S-1-5-20", "CO": "S-1-3-0", "CG": "S-1-3-1", "BA": "S-1-5-32-544",
    "BU": "S-1-5-32-545", "BG": "S-1-5-32-546", "PU": "S-1-5-32-547", "BO": "S-1-5-32-551",
}  # fmt: skip
"""Two letters of SDDL and the SID they stand for ([MS-DTYP] 2.5.1.1)."""
NAMES = {
    EVERYONE: N_("everyone"),
    "S-1-5-11": N_("everyone who logs in"),
    "S-1-5-2": N_("everyone over the network"),
    "S-1-5-4": N_("everyone at the server itself"),
    "S-1-5-7": N_("anonymous"),
    "S-1-5-18": N_("the system"),
    "S-1-5-32-544": N_("administrators"),
    "S-1-5-32-545": N_("users of the server"),
    "S-1-5-32-546": N_("guests"),
    "S-1-5-32-551": N_("backup operators"),
    "owner": N_("the owner"),
    "group": N_("the owning group"),
}
"""What people call accounts that have one name everywhere."""

UNIX = {"S-1-22-1-": "UID", "S-1-22-2-": "GID"}
"""SIDs that Samba makes of the users and groups of its own system."""

_RULE = re.compile(r"\(([^()]*)\)")
_RIGHTS = {"FA": 0x1F01FF, "GA": 0x1F01FF, "FR": 0x120089, "GR": 0x120089, "FW": 0x120116, "GW": 0x120116,
           "FX": 0x1200A0, "GX": 0x1200A0, "CC": 0x1, "DC": 0x2}  # fmt: skip
_LIST, _CHANGE = 0x1, 0x2
_GENERIC = ((0x10000000, 0x1F01FF), (0x80000000, 0x120089), (0x40000000, 0x120116))
_OF_ALL = {"user": "owner", "group": "group", "other": EVERYONE}


class Change(StrEnum):
    """How a folder differs from the one it lies in."""

    NARROWER = "narrower"
    WIDER = "wider"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Rights:
    """Accounts (SIDs, or names on POSIX) that may look into a folder, and that may change it."""

    open: frozenset[str]
    change: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A folder whose rights are not those of the folder it lies in."""

    folder: str
    change: Change
    rights: Rights
    lost: frozenset[str]
    """Accounts that may open or change the folder around it and not this one so."""


def differing_folders(folders: Iterable[tuple[str, str]], root: str = "") -> Iterator[Difference]:
    """Given folders with the text of their rights, each after the folder it lies in, yield those that differ.

    `root` is the text of the share's own folder. Where a text is missing, the nearest known one above counts.
    """
    known: dict[str, str] = {"": root}
    for folder, text in folders:
        around = _around(folder, known)
        known[folder] = text or around
        if text and around and text != around:
            difference = _compare(folder, rights_of(around), rights_of(text))
            if difference:
                yield difference


def folders_of(entries: Iterable[Entry], texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the folders of a catalog with the texts of their rights, made of the mode where there is no list."""
    for entry in entries:
        if entry.kind == Kind.DIRECTORY and entry.skip is None:
            yield entry.path, texts.get(entry.acl, "") if entry.acl else mode_text(entry.mode)


def mode_text(mode: int) -> str:
    """Return POSIX permission bits as such a text, "" where they are not known."""
    letters = stat.filemode(mode)[1:]
    return f"user::{letters[:3]},group::{letters[3:6]},other::{letters[6:]}" if mode else ""


@cache
def rights_of(text: str) -> Rights | None:
    """Return who may open and change a folder with these rights, None where the text is not understood."""
    return _of_sddl(text) if re.match(r"[OGDS]:", text) else _of_posix(text)


def named(accounts: Iterable[str]) -> str:
    """Return accounts for people: known ones by their name, others as the server gave them."""
    return ", ".join(sorted(_(NAMES[one]) if one in NAMES else _plain(one) for one in accounts))


def _plain(account: str) -> str:
    for beginning, word in UNIX.items():
        if account.startswith(beginning):
            return f"{word} {account.removeprefix(beginning)}"
    return account


def _around(folder: str, known: dict[str, str]) -> str:
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in known:
            return known[folder]
    return ""


def _compare(folder: str, around: Rights | None, here: Rights | None) -> Difference | None:
    if around is None or here is None or around == here:
        return None
    lost = _less(around.open, here.open) | _less(around.change, here.change)
    gained = _less(here.open, around.open) | _less(here.change, around.change)
    if not lost and not gained:
        return None
    change = Change.DIFFERENT if lost and gained else Change.NARROWER if lost else Change.WIDER
    return Difference(folder, change, here, lost)


def _less(before: frozenset[str], after: frozenset[str]) -> frozenset[str]:
    """Return who is among `before` and no longer among `after`."""
    return frozenset() if EVERYONE in after else before - after


def _of_sddl(text: str) -> Rights | None:
    _head, found, listed = text.partition("D:")
    if not found:
        return None
    if "NO_ACCESS_CONTROL" in listed:
        return Rights(frozenset({EVERYONE}), frozenset({EVERYONE}))
    allowed: dict[int, set[str]] = {_LIST: set(), _CHANGE: set()}
    denied: dict[int, set[str]] = {_LIST: set(), _CHANGE: set()}
    for rule in _RULE.findall(listed.partition("S:")[0] if "S:(" in listed else listed):
        parts = rule.split(";")
        if len(parts) < 6:
            return None
        kind, flags, account = parts[0], re.findall("..", parts[1]), ACCOUNTS.get(parts[5], parts[5])
        if kind not in ("A", "D", "XA", "XD") or "IO" in flags:
            continue
        for right in (_LIST, _CHANGE):
            if _mask(parts[2]) & right:
                (allowed if kind.endswith("A") else denied)[right].add(account)
    return Rights(*(_effective(allowed[right], denied[right]) for right in (_LIST, _CHANGE)))


def _effective(allowed: set[str], denied: set[str]) -> frozenset[str]:
    return frozenset() if EVERYONE in denied else frozenset(allowed - denied)


def _mask(text: str) -> int:
    mask = int(text, 16) if text.startswith("0x") else 0
    for generic, meant in _GENERIC:
        mask |= meant if mask & generic else 0
    for letters in () if mask else re.findall("..", text):
        mask |= _RIGHTS.get(letters, 0)
    return mask


def _of_posix(text: str) -> Rights | None:
    allowed: dict[str, set[str]] = {"r": set(), "w": set()}
    rows = [row.split(":") for row in text.split(",") if not row.startswith("default:")]
    if any(len(row) != 3 for row in rows) or not rows:
        return None
    mask = next((letters for kind, _name, letters in rows if kind == "mask"), "rwx")
    for kind, name, letters in rows:
        masked = kind == "group" or (kind == "user" and name)
        account = f"{kind}:{name}" if name else _OF_ALL.get(kind, "")
        for letter in ("r", "w"):
            # to look into a folder takes both: to read it and to pass through it
            needed = letter + "x"
            if account and all(one in letters and (not masked or one in mask) for one in needed):
                allowed[letter].add(account)
    return Rights(frozenset(allowed["r"]), frozenset(allowed["w"]))
