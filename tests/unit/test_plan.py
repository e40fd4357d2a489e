"""What a plan decides, as tables: entries and memories in, actions out."""

import os
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.inventory.assess.decisions import Decided
from kdx.remotes.interface import Capabilities, Entry, Kind
from kdx.transfer.course import target_name
from kdx.transfer.merge import merge
from kdx.transfer.plan import Action, link_digest, propose, settle
from kdx.transfer.rows import Done, Item, Known

BUCKET = Capabilities(etags=True, unicode_names=True, name_bytes=1000)
FOLDER = Capabilities(links=True, directories=True, unicode_names=False)
HASH, OTHER = b"\1" * 32, b"\2" * 32


def file(path: str, size: int = 3, mtime_ns: int = 5, **more: object) -> Entry:
    return Entry(path, Kind.FILE, size, mtime_ns)._replace(**more)


def folder(path: str) -> Entry:
    return Entry(path, Kind.DIRECTORY)


def link(path: str, to: str = "there") -> Entry:
    return Entry(path, Kind.LINK, link=to, skip="symlink")


def done(path: str, size: int = 3, mtime_ns: int = 5, etag: str = "tag", **more: object) -> Done:
    return Done(path, path, Kind.FILE, size, mtime_ns, HASH, etag, etag, "")._replace(**more)


def known(target: str, size: int = 3, mtime_ns: int = 5, etag: str = "tag", **more: object) -> Known:
    return Known(target, size, mtime_ns, etag, Kind.FILE, "")._replace(**more)


def decide(
    entries: Iterable[Entry], before: Iterable[Done] = (), there: Iterable[Known] = (), can: Capabilities = BUCKET
) -> dict[str, str]:
    """Return path -> action, through both passes as a plan is made."""
    by_path = sorted(entries, key=lambda entry: os.fsencode(entry.path))
    proposed = propose(by_path, sorted(before, key=lambda row: os.fsencode(row.path)), can)
    by_target = sorted(proposed, key=lambda item: os.fsencode(item.target))
    final = settle(by_target, sorted(there, key=lambda row: os.fsencode(row.target)))
    return {item.path: item.action for item in final}


@pytest.mark.parametrize(
    ("step", "there_ns", "action"),
    [
        pytest.param(1, 5 * 10**9, Action.COMPARE, id="another time"),
        pytest.param(10**9, 5 * 10**9, Action.PRESENT, id="the same second, which is all the target keeps"),
        pytest.param(10**9, 6 * 10**9, Action.COMPARE, id="another second"),
    ],
)
def test_times_are_compared_as_far_as_the_target_keeps_them(step: int, there_ns: int, action: Action) -> None:
    sent = done("a")._replace(mtime_ns=5_123_456_789)
    there = known("a")._replace(mtime_ns=there_ns, etag="")
    items = propose([file("a", mtime_ns=5_123_456_789)], [sent], Capabilities())
    assert [item.action for item in settle(items, [there], step)] == [action]


@pytest.mark.parametrize(
    ("entry", "before", "there", "action"),
    [
        pytest.param(file("a"), None, None, Action.SEND, id="new"),
        pytest.param(file("a"), done("a"), known("a"), Action.PRESENT, id="sent and untouched"),
        pytest.param(file("a"), done("a"), None, Action.SEND, id="sent and gone from the target"),
        pytest.param(file("a", size=4), done("a"), known("a"), Action.REPLACE, id="grown at the source"),
        pytest.param(file("a", mtime_ns=6), done("a"), known("a"), Action.REPLACE, id="saved again"),
        pytest.param(file("a", sha256=OTHER), done("a"), known("a"), Action.REPLACE, id="other bytes, same time"),
        pytest.param(file("a", sha256=HASH), done("a"), known("a"), Action.PRESENT, id="same bytes, known"),
        pytest.param(file("a"), done("a"), known("a", etag="x"), Action.COMPARE, id="changed at the target"),
        pytest.param(file("a", size=4), done("a"), known("a", etag="x"), Action.COMPARE, id="changed on both sides"),
        pytest.param(file("a"), None, known("a"), Action.COMPARE, id="there, but not from us"),
        pytest.param(file("a", skip="denied"), done("a"), known("a"), Action.UNREAD, id="not readable now"),
        pytest.param(file("a", skip="ignored"), None, None, Action.RULE, id="ignored"),
        pytest.param(link("a"), None, None, Action.RULE, id="a link, the target has none"),
        pytest.param(file("あ" * 334), None, None, Action.BLOCKED, id="name of 1002 bytes"),
        pytest.param(file("あ" * 333), None, None, Action.SEND, id="name of 999 bytes"),
        pytest.param(None, done("a"), known("a"), Action.EXTRA, id="gone from the source"),
    ],
)
def test_each_case_has_its_action(entry, before, there, action):
    found = decide([entry] if entry else [], [before] if before else [], [there] if there else [])
    assert list(found.values()) == [action]


def test_an_entry_gone_from_both_sides_is_forgotten():
    assert decide([], [done("a")], []) == {}


def test_a_folder_is_carried_by_its_files_and_left_by_rule_when_empty():
    found = decide([folder("a"), folder("a b"), file("a/x"), folder("c"), folder("c/d"), folder("e"),
                    file("e/Thumbs.db", skip="ignored")])
    assert found == {
        "a": Action.CARRIED, "a b": Action.RULE, "a/x": Action.SEND, "c": Action.CARRIED, "c/d": Action.RULE,
        "e": Action.RULE, "e/Thumbs.db": Action.RULE,
    }


def test_a_folder_target_takes_folders_and_links():
    entries = [folder("a"), link("a/l", "../x")]
    assert decide(entries, can=FOLDER) == {"a": Action.SEND, "a/l": Action.SEND}
    there = [
        Known("a", 0, 0, "", Kind.DIRECTORY, ""),
        Known("a/l", 0, 0, "", Kind.LINK, "../x"),
    ]
    assert decide(entries, there=there, can=FOLDER) == {"a": Action.PRESENT, "a/l": Action.PRESENT}


@pytest.mark.parametrize(
    ("last", "action"), [("before", Action.REPLACE), ("something else", Action.COMPARE)]
)
def test_a_link_is_replaced_only_where_it_still_points_where_we_wrote(last, action):
    before = Done("l", "l", Kind.LINK, 0, 0, link_digest("before"), "", "", "before")
    there = Known("l", 0, 0, "", Kind.LINK, last)
    assert decide([link("l", "now")], [before], [there], FOLDER) == {"l": action}


def test_a_file_is_never_put_over_a_folder():
    assert decide([file("a")], there=[Known("a", 0, 0, "", Kind.DIRECTORY, "")], can=FOLDER) == {"a": Action.COMPARE}


def test_without_tags_size_and_time_tell_whether_the_target_was_touched():
    entries, before = [file("a")], [done("a", etag="")]
    assert decide(entries, before, [known("a", etag="")], FOLDER) == {"a": Action.PRESENT}
    assert decide(entries, before, [known("a", etag="", mtime_ns=9)], FOLDER) == {"a": Action.COMPARE}


def test_names_that_are_not_utf8_get_their_reading_where_the_target_wants_unicode():
    raw = os.fsdecode("資料.txt".encode("cp932"))
    assert target_name(raw, BUCKET) == "資料.txt"
    assert target_name(raw, FOLDER) == raw


def test_two_entries_that_would_meet_under_one_name_are_both_blocked():
    raw = os.fsdecode("資料.txt".encode("cp932"))
    found = decide([file(raw), file("資料.txt"), file("other")])
    assert found == {raw: Action.BLOCKED, "資料.txt": Action.BLOCKED, "other": Action.SEND}


PATHS = st.lists(st.text(st.sampled_from("aあb /"), min_size=1, max_size=6), unique=True, max_size=12)


@given(PATHS, PATHS, PATHS)
def test_every_entry_of_the_source_is_in_the_plan_once_and_nothing_is_sent_over_a_stranger(sources, before, there):
    found = decide([file(path) for path in sources], [done(path) for path in before], [known(path) for path in there])
    assert set(sources) <= set(found)
    for path, action in found.items():
        if action == Action.SEND:
            assert path not in there
        if action in (Action.REPLACE, Action.PRESENT):
            assert path in before and path in there


KEYS = st.text(st.sampled_from("ab/あ\udc95"), max_size=3)


@given(st.lists(KEYS), st.lists(KEYS, unique=True))
def test_merge_pairs_equal_keys_and_loses_nothing(left, right):
    left, right = sorted(left, key=os.fsencode), sorted(right, key=os.fsencode)
    pairs = list(merge(left, right, lambda key: key, lambda key: key))
    assert [here for here, _ in pairs if here is not None] == left
    assert all(here is None or there is None or here == there for here, there in pairs)
    assert {there for _, there in pairs if there is not None} == set(right)
    assert {here for here, there in pairs if here is not None and there is None} == set(left) - set(right)


def test_an_item_keeps_what_was_written_before():
    item = next(iter(propose([file("a", size=9)], [done("a")], BUCKET)))
    assert isinstance(item, Item)
    assert (item.last_sha256, item.listed_etag, item.renamed) == (HASH, "tag", 0)


def decided(*rows: tuple[str, str, str]) -> dict[str, Decided]:
    return {path: Decided(path, decision, name, "", "") for path, decision, name in rows}


TREE = (folder("a"), file("a b"), folder("a/c"), file("a/c/x"), file("a/y"), file("ab"))


@pytest.mark.parametrize(
    ("decisions", "undecided", "can", "expected"),
    [
        pytest.param(
            decided(("a", "rename", "A")), {}, FOLDER,
            {"a": "A", "a b": "a b", "a/c": "A/c", "a/c/x": "A/c/x", "a/y": "A/y", "ab": "ab"},
            id="a folder takes along what lies in it, and not its neighbours",
        ),
        pytest.param(
            decided(("a", "rename", "A"), ("a/c/x", "rename", "X")), {}, FOLDER,
            {"a": "A", "a b": "a b", "a/c": "A/c", "a/c/x": "A/c/X", "a/y": "A/y", "ab": "ab"},
            id="a renamed file in a renamed folder",
        ),
        pytest.param(
            decided(("a/c", "skip", "")), {}, FOLDER,
            {"a": "a", "a b": "a b", "a/c": Action.RULE, "a/c/x": Action.RULE, "a/y": "a/y", "ab": "ab"},
            id="a folder that is left",
        ),
        pytest.param(
            decided(("a", "wait", ""), ("a/y", "keep", "")), {}, FOLDER,
            {"a": Action.WAITING, "a b": "a b", "a/c": Action.WAITING, "a/c/x": Action.WAITING,
             "a/y": Action.WAITING, "ab": "ab"},
            id="what lies in a folder that waits cannot go before it",
        ),
        pytest.param(
            {}, {"a/c": "why"}, BUCKET,
            {"a": Action.CARRIED, "a b": "a b", "a/c": Action.BLOCKED, "a/c/x": Action.BLOCKED, "a/y": "a/y",
             "ab": "ab"},
            id="nobody decided about a folder",
        ),
        pytest.param(
            decided(("a b", "rename", "ab")), {}, FOLDER,
            {"a": "a", "a b": Action.BLOCKED, "a/c": "a/c", "a/c/x": "a/c/x", "a/y": "a/y", "ab": Action.BLOCKED},
            id="a rename onto a name that is taken",
        ),
    ],
)
def test_a_decision_holds_for_everything_below(decisions, undecided, can, expected):
    items = sorted(propose(sorted(TREE, key=lambda one: os.fsencode(one.path)), (), can, decisions, undecided),
                   key=lambda item: os.fsencode(item.target))
    found = {item.path: item.target if item.action == Action.SEND else item.action for item in settle(items, ())}
    assert found == expected


def test_what_is_ignored_or_a_link_is_left_by_its_own_rule_whatever_was_decided():
    entries = [file("Thumbs.db", skip="ignored"), link("l")]
    items = propose(entries, (), BUCKET, decided(("Thumbs.db", "wait", ""), ("l", "keep", "")))
    assert [(item.path, item.action) for item in items] == [("Thumbs.db", Action.RULE), ("l", Action.RULE)]


def test_an_unread_file_that_was_left_by_decision_is_open_no_more():
    [item] = propose([file("a", skip="locked")], (), BUCKET, decided(("a", "skip", "")))
    assert item.action == Action.RULE


def test_what_was_sent_under_an_earlier_name_is_extra_and_told_once():
    entries, before = [file("a")], [done("a", target="old")]
    for decisions in ({}, decided(("a", "skip", ""))):
        items = sorted(propose(entries, before, FOLDER, decisions), key=lambda item: item.target)
        final = list(settle(sorted([*items, *items], key=lambda item: item.target), [known("old")]))
        assert [item.target for item in final if item.action == Action.EXTRA] == ["old"]
