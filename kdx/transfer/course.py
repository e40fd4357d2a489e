"""What people decided, carried down the tree: under which name an entry goes, or that it does not go. Pure.

A decision about a folder holds for everything below it. What was not decided and must be is blocked, with all below.
"""

from collections.abc import Mapping
from typing import NamedTuple

from kdx.inventory.assess.decisions import Decision, Decisions
from kdx.inventory.names import is_unicode, readable
from kdx.language import N_
from kdx.remotes.interface import Capabilities, Entry, Kind

SKIPPED = N_("the school decided to leave it where it is")
WAITING = N_("the school decided to wait")

UNDECIDED = "undecided"
NOTHING_DECIDED: Decisions = {}
Undecided = Mapping[str, str]
"""Path -> why a person must decide (an N_() string)."""
NOTHING_UNDECIDED: Undecided = {}


class Course(NamedTuple):
    """Where an entry goes, and what a person said instead of going."""

    target: str
    decision: str = ""
    """SKIP or WAIT, or UNDECIDED where nobody decided; empty: it goes."""
    why: str = ""


class Courses:
    """Asked for every entry of a share in the order of its path's bytes, so that a folder comes before its contents."""

    def __init__(self, can: Capabilities, decisions: Decisions, undecided: Undecided) -> None:
        self._can = can
        self._decisions = decisions
        self._undecided = undecided
        self._anything = bool(decisions or undecided)
        # only folders for which something was said, here or above
        self._folders: dict[str, Course] = {}

    def of(self, entry: Entry) -> Course:
        """Return the course of one entry."""
        if not self._anything:
            return Course(target_name(entry.path, self._can))
        parent, slash, last = entry.path.rpartition("/")
        above = self._above(parent)
        answer = self._decisions.get(entry.path)
        name = answer.name if answer and answer.decision == Decision.RENAME else target_name(last, self._can)
        course = Course(f"{above.target}/{name}" if slash else name, above.decision, above.why)
        if not course.decision:
            course = course._replace(**self._said(entry.path, answer.decision if answer else ""))
        if entry.kind == Kind.DIRECTORY and (course.decision or course.target != target_name(entry.path, self._can)):
            self._folders[entry.path] = course
        return course

    def _above(self, folder: str) -> Course:
        """Return the course of a folder. One that is no entry of its own goes where its nearest known parent goes."""
        rest = ""
        whole = folder
        while folder and self._folders:
            if known := self._folders.get(folder):
                return known._replace(target=known.target + target_name(rest, self._can))
            folder, slash, last = folder.rpartition("/")
            rest = f"/{last}{rest}"
        return Course(target_name(whole, self._can))

    def _said(self, path: str, decision: str) -> dict[str, str]:
        if why := self._undecided.get(path):
            return {"decision": UNDECIDED, "why": why}
        if decision == Decision.SKIP:
            return {"decision": Decision.SKIP, "why": SKIPPED}
        if decision == Decision.WAIT:
            return {"decision": Decision.WAIT, "why": WAITING}
        return {}


def target_name(path: str, can: Capabilities) -> str:
    """Given a path at the source, return its name at a target that can hold what `can` says."""
    return path if is_unicode(path) or not can.unicode_names else readable(path)
