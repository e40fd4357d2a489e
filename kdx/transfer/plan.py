"""Decide what must be moved, under which name, and what must not be touched. Pure: reads and writes nothing.

Two passes over sorted streams: `propose` compares the share with what this migration wrote before, `settle` compares
the outcome with what lies at the target now. Nothing at a target is ever planned to be deleted.
"""

import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from kdx.inventory.assess.decisions import Decision, Decisions
from kdx.language import N_
from kdx.remotes.interface import LEFT_BY_RULE, Capabilities, Entry, Kind
from kdx.transfer.course import NOTHING_DECIDED, NOTHING_UNDECIDED, UNDECIDED, Course, Courses, Undecided
from kdx.transfer.merge import merge, path_bytes
from kdx.transfer.rows import Done, Item, Known


class Action(StrEnum):
    """What is to be done about one entry."""

    SEND = "send"
    """Not at the target yet."""
    REPLACE = "replace"
    """Changed at the source; what lies at the target is what this migration wrote."""
    COMPARE = "compare"
    """Something lies at the target that this migration did not write, or not so: the same bytes, or a conflict."""
    PRESENT = "present"
    """At the target as this migration wrote it."""
    CARRIED = "carried"
    """A folder that the names of its files carry; there is nothing to send."""
    RULE = "left by rule"
    UNREAD = "not read"
    BLOCKED = "blocked"
    """The target cannot hold it as it is; a person must decide."""
    WAITING = "waiting"
    """To be moved later, by decision of the school."""
    EXTRA = "extra"
    """Gone from the source, or sent under another name since this migration wrote it; it stays at the target."""


TO_MOVE = (Action.SEND, Action.REPLACE, Action.COMPARE)
AT_TARGET = (*TO_MOVE, Action.PRESENT)

NO_LINKS = N_("a link; this target has none")
LINK_UNTOLD = N_("a link; its server does not tell where it points")
NO_DIRECTORIES = N_("an empty folder; this target has none")
TOO_LONG = N_("the name is too long for this target")
TWINS = N_("another entry would get the same name at this target")


def propose(
    entries: Iterable[Entry],
    done: Iterable[Done],
    can: Capabilities,
    decisions: Decisions = NOTHING_DECIDED,
    undecided: Undecided = NOTHING_UNDECIDED,
) -> Iterator[Item]:
    """Given a share's entries and what was written before (both sorted by path bytes), yield an item for each.

    Rename rule: what a person decided; else a name that is not UTF-8 gets its reading where the target wants Unicode
    names. What lies at the target under an earlier name is an item of its own.
    """
    courses = Courses(can, decisions, undecided)
    folders: dict[str, Item] = {}
    for entry, before in merge(entries, done, attrgetter("path"), attrgetter("path")):
        if entry is None:
            assert before is not None
            yield _extra(before)
            continue
        course = courses.of(entry)
        item = _propose(entry, before, course, can)
        if before is not None and (before.target != item.target or course.decision == Decision.SKIP):
            yield _extra(before)
        if item.action != Action.RULE and (folder := folders.pop(entry.path.rpartition("/")[0], None)):
            yield folder
        if item.action == Action.CARRIED:
            # whether anything carries it shows only when a child comes, and children come later
            folders[entry.path] = item
        else:
            yield item
    yield from (folder._replace(action=Action.RULE, why=NO_DIRECTORIES) for folder in folders.values())


def settle(items: Iterable[Item], known: Iterable[Known], time_step_ns: int = 1) -> Iterator[Item]:
    """Given proposed items and what the target lists (both sorted by target name bytes), yield the final items.

    `time_step_ns` is the step in which the target keeps times (Capabilities).
    """
    for item, listed in merge(_without_twins(items), known, attrgetter("target"), attrgetter("target")):
        if item is not None:
            settled = _settle(item, listed, time_step_ns)
            if settled is not None:
                yield settled


def link_digest(link: str) -> bytes:
    """Return the SHA-256 of a link: of the bytes of where it points, its only content."""
    return hashlib.sha256(path_bytes(link)).digest()


def _propose(entry: Entry, before: Done | None, course: Course, can: Capabilities) -> Item:
    target = course.target
    action, why = _first_action(entry, before, target, can)
    if course.decision and action != Action.RULE:
        action, why = _DECIDED[course.decision], course.why
    return Item(
        path=entry.path,
        target=target,
        kind=entry.kind,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        sha256=link_digest(entry.link) if entry.kind == Kind.LINK else entry.sha256,
        link=entry.link,
        action=action,
        why=why,
        last_sha256=before.sha256 if before else None,
        last_size=before.size if before else 0,
        last_mtime_ns=before.mtime_ns if before else 0,
        listed_etag=before.etag if before else "",
        renamed=int(target != entry.path),
    )


_DECIDED = {Decision.SKIP: Action.RULE, Decision.WAIT: Action.WAITING, UNDECIDED: Action.BLOCKED}


def _first_action(entry: Entry, before: Done | None, target: str, can: Capabilities) -> tuple[Action, str]:
    if entry.kind == Kind.LINK and entry.skip in (None, "symlink"):
        if not can.links:
            return Action.RULE, NO_LINKS
        if not entry.link:
            return Action.RULE, LINK_UNTOLD
    elif entry.skip in LEFT_BY_RULE:
        return Action.RULE, str(entry.skip)
    elif entry.skip:
        return Action.UNREAD, entry.skip
    elif entry.kind == Kind.DIRECTORY and not can.directories:
        return Action.CARRIED, ""
    if can.name_bytes and len(path_bytes(target)) > can.name_bytes:
        return Action.BLOCKED, TOO_LONG
    if before is None or before.target != target:
        return Action.SEND, ""
    return (Action.PRESENT if _unchanged(entry, before) else Action.REPLACE), ""


def _unchanged(entry: Entry, before: Done) -> bool:
    if entry.kind != before.kind or entry.link != before.link:
        return False
    if entry.kind != Kind.FILE:
        return True
    return (entry.size, entry.mtime_ns) == (before.size, before.mtime_ns) and (
        entry.sha256 is None or entry.sha256 == before.sha256
    )


def _extra(before: Done) -> Item:
    return Item(
        path=before.path,
        target=before.target,
        kind=before.kind,
        size=before.size,
        mtime_ns=before.mtime_ns,
        sha256=before.sha256,
        link=before.link,
        action=Action.EXTRA,
        why="",
        last_sha256=before.sha256,
        last_size=before.size,
        last_mtime_ns=before.mtime_ns,
        listed_etag=before.etag,
        renamed=int(before.target != before.path),
    )


def _without_twins(items: Iterable[Item]) -> Iterator[Item]:
    """Block entries that would meet under one name: nobody but a person may choose between them.

    What lay there before is one thing, however many runs remember it, and none where an entry goes there again.
    """
    for _, group in groupby(items, key=attrgetter("target")):
        several = list(group)
        going = sum(item.action in AT_TARGET for item in several)
        extra = going > 0
        for item in several:
            if item.action == Action.EXTRA:
                if extra:
                    continue
                extra = True
            twin = going > 1 and item.action in AT_TARGET
            yield item._replace(action=Action.BLOCKED, why=TWINS) if twin else item


def _settle(item: Item, listed: Known | None, step: int) -> Item | None:
    if item.action == Action.EXTRA:
        return item if listed else None
    if item.action not in AT_TARGET:
        return item
    if listed is None:
        return item._replace(action=Action.SEND, listed_etag="", last_sha256=None)
    return item._replace(action=_against(item, listed, step), listed_etag=listed.etag)


def _against(item: Item, listed: Known, step: int) -> Action:
    """Given an item and what lies under its name, return what may be done there."""
    if item.kind != listed.kind:
        return Action.COMPARE
    if item.kind == Kind.DIRECTORY:
        return Action.PRESENT
    if item.kind == Kind.LINK:
        there = link_digest(listed.link)
        if there == item.sha256:
            return Action.PRESENT
        return Action.REPLACE if there == item.last_sha256 else Action.COMPARE
    if item.listed_etag and listed.etag:
        untouched = item.listed_etag == listed.etag
    else:
        # without tags a replacement is decided by the bytes as well, when it comes to it (transfer/copy.py)
        untouched = (listed.size, listed.mtime_ns // step) == (item.last_size, item.last_mtime_ns // step)
    return Action(item.action) if untouched and item.action != Action.SEND else Action.COMPARE
