"""Hold what lies at a target against what was read at the source, and say for every entry how it was proven.

Only a digest the store itself computed from the bytes it holds counts, or the bytes read back: metadata that kdx wrote
is never proof. kdx never sends an MD5, so a store whose tag equals the MD5 taken in the one read of the source has
computed it (for multipart uploads: the MD5 of the parts' MD5s).
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from operator import attrgetter

from kdx.language import N_
from kdx.remotes.interface import ALTERED, CHANGED_AT, Kind
from kdx.transfer.copy import CONFLICT
from kdx.transfer.merge import merge
from kdx.transfer.plan import AT_TARGET, Action
from kdx.transfer.rows import Checked, Done, Failed, Item, Known


class Level(StrEnum):
    """How hard to look."""

    LISTING = "listing"
    """Names and sizes."""
    CHECKSUM = "checksum"
    """The digests the store computed; where a place computes none but is near (a folder), the bytes."""
    READBACK = "readback"
    """Every byte read back from the target."""


class Outcome(StrEnum):
    """What came of looking for one entry."""

    PROVEN = "proven"
    LISTED = "listed"
    """There, with the right size; nothing more was asked for."""
    UNPROVEN = "not proven"
    DIFFERENT = "different"
    MISSING = "missing"
    CONFLICT = "conflict"
    ALTERED = "altered by the service"
    """What the store holds is what it made of our file (SharePoint rewrites Office files), and more is not known."""
    ALTERED_SAME = "altered by the service, content the same"
    """Its members that carry content are those that were sent (transfer/package). The file is not: never proven."""
    ALTERED_OTHER = "altered by the service, content differs"
    UNREAD = "not read"
    BLOCKED = "blocked"
    RULE = "left by rule"
    CARRIED = "carried"
    WAITING = "waiting"
    EXTRA = "extra"
    FOREIGN = "foreign"
    """At the target, but not from this migration."""

    TO_READ = "to read"
    """Between the two steps of a verification only."""


class How(StrEnum):
    """How an entry was proven."""

    STORE_MD5 = "store MD5"
    STORE_PARTS = "store MD5 of parts"
    STORE_SHA256 = "store SHA-256"
    """The place computed it with a program of its own, from the bytes it holds."""
    READ_BACK = "read back"
    LISTING = "listing"
    FOLDER = "folder"
    """A folder is there; it has no bytes."""


WRONG = frozenset({Outcome.DIFFERENT, Outcome.MISSING, Outcome.CONFLICT, Outcome.ALTERED_OTHER})
ALTERED_THERE = frozenset({Outcome.ALTERED, Outcome.ALTERED_SAME})
"""The file is there as the service made it; nothing more can be proven."""
OPEN = ALTERED_THERE | {Outcome.UNPROVEN, Outcome.UNREAD, Outcome.BLOCKED, Outcome.WAITING}

NOT_SENT = N_("not sent yet")
GONE = N_("gone from the target")
OTHER_SIZE = N_("another size")
OTHER_BYTES = N_("other bytes")
OTHER_KIND = N_("something else lies under this name")
TAG_UNKNOWN = N_("the store's tag is not a checksum of the bytes; read it back")


def expect(items: Iterable[Item], done: Iterable[Done], failed: Iterable[Failed]) -> Iterator[Checked]:
    """Given a plan and what its run left behind (all sorted by path bytes), yield what a verification must find."""
    path = attrgetter("path")
    for first, refused in merge(merge(items, done, path, path), failed, _path_of_pair, path):
        if first and first[0] is not None:
            yield _expect(first[0], first[1], refused)


def judge(expected: Iterable[Checked], known: Iterable[Known], level: Level) -> Iterator[Checked]:
    """Given what must be found and what the target lists (both sorted by name), yield the outcome of each.

    TO_READ marks those that only their bytes can settle.
    """
    for row, listed in merge(expected, known, attrgetter("target"), attrgetter("target")):
        if row is None:
            assert listed is not None
            if listed.kind != Kind.DIRECTORY:
                yield _foreign(listed)
        elif row.outcome != Outcome.TO_READ:
            yield row
        else:
            outcome, how, why = _look(row, listed, level)
            yield row._replace(outcome=outcome, how=how, why=why)


def _path_of_pair(pair: tuple[Item | None, Done | None]) -> str:
    item, done = pair
    return item.path if item is not None else done.path if done is not None else ""


def _expect(item: Item, done: Done | None, failed: Failed | None) -> Checked:
    blank = Checked(
        item.path, item.target, item.kind, item.size, item.sha256, "", "", item.why, item.renamed, "", "", item.link
    )
    if item.action not in AT_TARGET:
        return blank._replace(outcome=_FIXED[Action(item.action)])
    if failed is not None:
        conflict = failed.reason == CONFLICT
        return blank._replace(outcome=Outcome.CONFLICT if conflict else Outcome.UNREAD, why=failed.reason)
    if done is None or done.target != item.target:
        if item.kind == Kind.FILE or item.action != Action.PRESENT:
            return blank._replace(outcome=Outcome.MISSING, why=NOT_SENT)
        return blank._replace(outcome=Outcome.TO_READ)
    return blank._replace(
        outcome=Outcome.TO_READ, size=done.size, sha256=done.sha256, etags=done.etags, etag=done.etag, link=done.link
    )


_FIXED = {
    Action.RULE: Outcome.RULE,
    Action.CARRIED: Outcome.CARRIED,
    Action.UNREAD: Outcome.UNREAD,
    Action.BLOCKED: Outcome.BLOCKED,
    Action.WAITING: Outcome.WAITING,
    Action.EXTRA: Outcome.EXTRA,
}


def _look(row: Checked, listed: Known | None, level: Level) -> tuple[Outcome, str, str]:
    if listed is None:
        return Outcome.MISSING, "", GONE
    if listed.kind != row.kind:
        return Outcome.DIFFERENT, "", OTHER_KIND
    if row.kind == Kind.LINK:
        same = listed.link == row.link
        return (Outcome.PROVEN, How.READ_BACK, "") if same else (Outcome.DIFFERENT, "", OTHER_BYTES)
    if row.kind == Kind.DIRECTORY:
        return Outcome.PROVEN, How.FOLDER, ""
    if row.etag.startswith(ALTERED):
        # the store may have rewritten it when it arrived, but nobody has touched it since
        if listed.etag != row.etag:
            return Outcome.DIFFERENT, "", OTHER_BYTES
        return (Outcome.LISTED, How.LISTING, "") if level == Level.LISTING else (Outcome.TO_READ, "", "")
    if listed.size != row.size:
        return Outcome.DIFFERENT, "", OTHER_SIZE
    if level == Level.LISTING:
        return Outcome.LISTED, How.LISTING, ""
    if level == Level.CHECKSUM and listed.etag and not listed.etag.startswith(CHANGED_AT):
        return _by_tag(row, listed)
    return Outcome.TO_READ, "", ""


def _by_tag(row: Checked, listed: Known) -> tuple[Outcome, str, str]:
    if listed.etag in row.etags.split():
        return Outcome.PROVEN, How.STORE_PARTS if "-" in listed.etag else How.STORE_MD5, ""
    if listed.etag == row.etag:
        return Outcome.UNPROVEN, "", TAG_UNKNOWN
    # neither what the store answered to our write nor a digest of our bytes: only the bytes can tell
    return Outcome.TO_READ, "", ""


def _foreign(listed: Known) -> Checked:
    return Checked("", listed.target, listed.kind, listed.size, None, Outcome.FOREIGN, "", "", 0, "", listed.etag, "")
