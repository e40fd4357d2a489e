"""What is to be restored: entries, the words for what went wrong with them, and which of them were asked for.

Pure: paths in, paths out. A path stays relative to the share; where it goes is decided here and checked by the place.
"""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from kdx.language import N_

LONGEST_NAME = 255
"""Bytes of one name on every file system a school has."""
BESIDE = "復元"
"""In the name of what was put beside the present file. Japanese, because the people who find it are."""

DAMAGED = N_("its content is damaged or missing in the vault")
REFUSED = N_("its row in the vault is not one a file may be written from")
TAKEN = N_("something else has this name there; it was left as it is")
NAME_REFUSED = N_("the place cannot hold this name")
PART_LOST = N_("a part of the list of files is damaged or missing in the vault")

OWNER = N_("their owner (only root can give it back, and only where the name is known)")
WINDOWS_RIGHTS = N_("their Windows rights (they stay in the vault)")
EXTENDED_RIGHTS = N_("a part of their ACL (it stays in the vault)")
MODE = N_("their mode")
TIME = N_("their time")
NO_RIGHTS = N_("time and rights (this place has none)")
NO_LINKS = N_("links (this place has none)")
NO_FOLDERS = N_("empty folders (this place has none)")


class Piece(NamedTuple):
    """Where a piece of a file lies: an object, and in it so many bytes from an offset."""

    object: str
    offset: int
    length: int


class Wanted(NamedTuple):
    """One entry of a snapshot that is to be restored."""

    kind: str
    path: str
    sha256: str = ""
    size: int = 0
    mtime_ns: int = 0
    acl: str = ""
    link: str = ""
    pieces: tuple[Piece, ...] = ()
    target: str = ""
    """Its path at the place it goes to."""


class Fault(NamedTuple):
    """Something that did not come back."""

    path: str
    why: str
    """One of the constants above."""
    detail: str = ""
    """More for whoever goes and looks: an object, a row."""


class Selection:
    """Which entries were asked for, and where each goes. Remembers which it has met."""

    def __init__(self, asked: Sequence[str] = (), place: Callable[[str, str], str] = lambda path, _top: path) -> None:
        """`asked` are paths of files and folders, none meaning everything; `place`, given a path and what of it was
        asked for, says where it goes.
        """
        self.asked = [clean(path) for path in asked]
        self._keys = [(path, composed(path)) for path in self.asked]
        self._place = place
        self._found: set[str] = set()
        self.is_part = bool(self.asked)
        """Whether it is less than everything."""

    def where(self, entry: Wanted) -> str | None:
        """Return where this entry goes, None where it is not wanted."""
        return self.target_of(entry.path)

    def target_of(self, path: str) -> str | None:
        """Return where this entry goes, None where it was not asked for."""
        if not self._keys:
            return self._place(path, "")
        mine = composed(path)
        for asked, key in self._keys:
            if mine == key or mine.startswith(f"{key}/"):
                self._found.add(asked)
                return self._place(path, "/".join(path.split("/")[: key.count("/") + 1]))
        return None

    @property
    def missing(self) -> list[str]:
        """What was asked for and was not met."""
        return [path for path in self.asked if path not in self._found]


def clean(path: str) -> str:
    """Return a path as it was typed without what means nothing: ./ before, / after."""
    return path.removeprefix("./").strip("/")


def composed(path: str) -> str:
    """Return a path in the form a keyboard types it: old Macs wrote が as two characters."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def folded(text: str) -> str:
    """Return a text as people search for it: widths, cases and the two forms of が are the same."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def beside(when: datetime) -> Callable[[str, str], str]:
    """Return the rule for --beside: what was asked for gets a name of its own that says when it is from.

    The time is the snapshot's, so that a second run finds what the first one wrote.
    """
    mark = f"_{BESIDE}_{when:%Y%m%d-%H%M}"

    def place(path: str, top: str) -> str:
        if not top:
            return f"{mark[1:]}/{path}"
        folder, slash, name = top.rpartition("/")
        rest = path[len(top) :]
        # a folder's name has no ending: 4.1_教務 is one word
        stem, dot, ending = ("", "", "") if rest else name.rpartition(".")
        if not stem:
            stem, dot, ending = name, "", ""
        return f"{folder}{slash}{_shortened(stem, mark + dot + ending)}{mark}{dot}{ending}{rest}"

    return place


def _shortened(stem: str, more: str) -> str:
    room = LONGEST_NAME - len(more.encode("utf-8", "surrogateescape"))
    while stem and len(stem.encode("utf-8", "surrogateescape")) > room:
        stem = stem[:-1]
    return stem
