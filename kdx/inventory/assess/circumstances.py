"""Rules on what an entry is: too large, a link, a stand-in, open, ignored, not read."""

import posixpath
import re

from kdx.inventory.assess.finding import Row, Rule, Seen, Severity
from kdx.language import N_
from kdx.remotes.interface import NOT_READ, Kind, SkipReason

SHORT_NAME = re.compile(r"[^a-z.~ ]{1,6}~[0-9A-Z]{1,2}(\.[^a-z.]{0,3})?")
"""An 8.3 stand-in: ABCDEF~1.TXT of Windows, A4WTMA~A.TXT of Samba. Never in small letters."""


def _size(seen: Seen, row: Row) -> str:
    size = seen.entry.size
    return f"{size:,} > {row.most:,}" if size > row.most and seen.entry.kind == Kind.FILE else ""


def _is_link(seen: Seen) -> bool:
    return seen.entry.kind == Kind.LINK


def _is_loop(seen: Seen) -> bool:
    path, link = seen.entry.path, seen.entry.link
    if not _is_link(seen) or not link or link.startswith("/"):
        return False
    there = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return there == "." or f"{path}/".startswith(f"{there}/")


def _link(seen: Seen, row: Row) -> str:
    return (seen.entry.link or "?") if _is_link(seen) and not _is_loop(seen) else ""


def _loop(seen: Seen, row: Row) -> str:
    return seen.entry.link if _is_loop(seen) else ""


def _special(seen: Seen, row: Row) -> str:
    return seen.entry.kind if seen.entry.skip == SkipReason.SPECIAL else ""


def _unread(seen: Seen, row: Row) -> str:
    return str(seen.entry.skip) if seen.entry.skip in NOT_READ else ""


def _junk(seen: Seen, row: Row) -> str:
    return str(seen.entry.skip) if seen.entry.skip == SkipReason.IGNORED else ""


def _short_name(seen: Seen, row: Row) -> str:
    return seen.name if "~" in seen.name and SHORT_NAME.fullmatch(seen.name) else ""


SIZE = Rule("too-large", Severity.BLOCKS, N_("larger than the target takes (bytes)"), _size, needs=("most",))
STAND_IN = Rule(
    "short-name", Severity.DECIDE, N_("a stand-in: the server could not show the real name"), _short_name
)
LOOP = Rule("loop", Severity.NOTE, N_("a link that leads back into itself; it is not followed"), _loop)
LINK = Rule("link", Severity.NOTE, N_("a link; where it leads is not moved with it"), _link)
SPECIAL = Rule("special", Severity.NOTE, N_("not a file (socket, pipe or device)"), _special)
UNREAD = Rule("unread", Severity.NOTE, N_("could not be read at the last scan"), _unread)
JUNK = Rule("junk", Severity.NOTE, N_("left by rule: a name that is never taken"), _junk)
OPEN = Rule("open", Severity.NOTE, N_("somebody had it open at the last scan"))
"""Found by the owner files beside it (judge.py): one entry alone does not show it."""

RULES = (SIZE, STAND_IN, LOOP, LINK, SPECIAL, UNREAD, JUNK)
LEFT_ALONE = (LOOP, LINK, SPECIAL, JUNK)
"""What is said of an entry that stays where it is by rule; no other rule concerns it."""
