"""What a verification says of each entry, as tables."""

import pytest

from kdx.remotes.interface import Kind
from kdx.transfer.plan import Action, link_digest
from kdx.transfer.rows import Checked, Done, Failed, Item, Known
from kdx.transfer.verify import How, Level, Outcome, expect, judge

HASH = b"\1" * 32
SENT = Done("a", "a", Kind.FILE, 3, 5, HASH, "md5 parts-2", "answered", "")


def item(action: str = Action.SEND, kind: str = Kind.FILE, link: str = "", why: str = "") -> Item:
    return Item("a", "a", kind, 3, 5, None, link, action, why, None, 0, 0, "", 0)


def listed(size: int = 3, etag: str = "md5", kind: str = Kind.FILE, link: str = "") -> Known:
    return Known("a", size, 5, etag, kind, link)


def outcome(
    level: Level, planned: Item, sent: Done | None, there: Known | None, failed: Failed | None = None
) -> tuple[str, str]:
    expected = expect([planned], [sent] if sent else [], [failed] if failed else [])
    (row,) = judge(expected, [there] if there else [], level)
    return row.outcome, row.how


@pytest.mark.parametrize(
    ("level", "sent", "there", "expected"),
    [
        pytest.param(Level.LISTING, SENT, listed(etag="?"), (Outcome.LISTED, How.LISTING), id="listing proves nothing"),
        pytest.param(Level.CHECKSUM, SENT, listed(), (Outcome.PROVEN, How.STORE_MD5), id="the store's MD5"),
        pytest.param(Level.CHECKSUM, SENT, listed(etag="parts-2"), (Outcome.PROVEN, How.STORE_PARTS), id="of parts"),
        pytest.param(Level.CHECKSUM, SENT, listed(etag="answered"), (Outcome.UNPROVEN, ""), id="tag is no checksum"),
        pytest.param(Level.CHECKSUM, SENT, listed(etag="new"), (Outcome.TO_READ, ""), id="tag changed since the write"),
        pytest.param(Level.CHECKSUM, SENT, listed(etag=""), (Outcome.TO_READ, ""), id="a folder: the bytes are near"),
        pytest.param(Level.READBACK, SENT, listed(), (Outcome.TO_READ, ""), id="every byte was asked for"),
        pytest.param(Level.CHECKSUM, SENT, listed(size=4), (Outcome.DIFFERENT, ""), id="another size"),
        pytest.param(Level.CHECKSUM, SENT, None, (Outcome.MISSING, ""), id="gone from the target"),
        pytest.param(Level.CHECKSUM, None, listed(), (Outcome.MISSING, ""), id="planned, never sent"),
        pytest.param(Level.CHECKSUM, SENT, listed(kind=Kind.LINK), (Outcome.DIFFERENT, ""), id="a link in its place"),
    ],
)
def test_each_file_has_its_outcome(level, sent, there, expected):
    assert outcome(level, item(), sent, there) == expected


def test_what_failed_in_the_run_is_not_proven_by_an_older_copy():
    denied = Failed("a", "a", "denied", "")
    assert outcome(Level.CHECKSUM, item(), SENT, listed(), denied)[0] == Outcome.UNREAD
    taken = Failed("a", "a", "conflict", "")
    assert outcome(Level.CHECKSUM, item(), None, listed(), taken)[0] == Outcome.CONFLICT


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.RULE, Outcome.RULE), (Action.UNREAD, Outcome.UNREAD), (Action.BLOCKED, Outcome.BLOCKED),
        (Action.EXTRA, Outcome.EXTRA), (Action.CARRIED, Outcome.CARRIED),
    ],
)
def test_what_was_never_to_be_sent_is_said_and_not_counted_as_proven(action, expected):
    assert outcome(Level.READBACK, item(action), None, listed())[0] == expected


@pytest.mark.parametrize(("points_to", "expected"), [("x", Outcome.PROVEN), ("y", Outcome.DIFFERENT)])
def test_a_link_is_proven_by_where_it_points(points_to, expected):
    planned = item(kind=Kind.LINK, link="x")
    sent = SENT._replace(kind=Kind.LINK, link="x", sha256=link_digest("x"))
    assert outcome(Level.CHECKSUM, planned, sent, listed(kind=Kind.LINK, link=points_to))[0] == expected


def test_links_and_folders_that_were_there_already_are_proven_without_a_write():
    planned = item(Action.PRESENT, Kind.LINK, link="x")
    assert outcome(Level.CHECKSUM, planned, None, listed(kind=Kind.LINK, link="x"))[0] == Outcome.PROVEN


def test_objects_of_others_are_named_and_do_not_count():
    (row,) = judge([], [listed()], Level.CHECKSUM)
    assert isinstance(row, Checked)
    assert (row.outcome, row.path, row.target) == (Outcome.FOREIGN, "", "a")
