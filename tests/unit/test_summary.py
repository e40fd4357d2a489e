"""What lies on a share, summed up by rules: groups, types, ages, documents that are open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kdx.inventory import summary
from kdx.inventory.file_type import BY_ENDING, NO_ENDING, OWNER_FILE, file_type
from kdx.inventory.guard import Shrinking, has_shrunk
from kdx.inventory.ignore import ignore_matcher
from kdx.inventory.open_files import locked_by, open_files
from kdx.remotes.interface import Entry

TOKYO = timezone(timedelta(hours=9))
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def file(path: str, size: int = 1, moment: datetime = NOW - timedelta(days=1), skip: str | None = None) -> Entry:
    return Entry(path, "file", size, ns(moment), skip=skip, owner="先生")


ENTRIES = [
    Entry("令和6年度", "directory"),
    file("令和6年度/a.jtd", 10),
    file("令和6年度/b.XLSM", 20, skip="denied"),
    file("教務/R5/c.xdw", 5),
    file("教務/d.docx", 7, datetime(2025, 3, 31, 14, tzinfo=UTC)),
    file("top.pdf", 3, NOW - timedelta(days=4000)),
    file("Thumbs.db", 1000, skip="ignored"),
    Entry("教務/link", "link", link="../top.pdf", skip="symlink"),
    Entry("\udc89^", "file", 2, 0),
]


def groups(key: Callable[[Entry], tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[int, int]]:
    return {group.key: (group.files, group.bytes) for group in summary.group_files(ENTRIES, key)}


def test_files_are_grouped_by_fiscal_year_and_it_is_told_who_says_so() -> None:
    assert groups(summary.by_fiscal_year(TOKYO)) == {
        (2024, True): (2, 30), (2023, True): (1, 5), (2024, False): (1, 7), (2015, False): (1, 3),
        (None, False): (1, 2),
    }


def test_files_are_grouped_by_topmost_folder_owner_and_type() -> None:
    assert groups(summary.by_folder) == {("令和6年度",): (2, 30), ("教務",): (2, 12), ("",): (2, 5)}
    assert groups(summary.by_owner) == {("先生",): (5, 45), ("",): (1, 2)}
    assert {key[1]: value for key, value in groups(summary.by_type).items()} == {
        "jtd": (1, 10), "xlsm": (1, 20), "xdw": (1, 5), "docx": (1, 7), "pdf": (1, 3), "": (1, 2),
    }


@pytest.mark.parametrize(
    ("days", "age"),
    [(-1, summary.FUTURE), (0.5, "under 1 year"), (364, "under 1 year"), (366, "1 to 3 years"),
     (4 * 365, "3 to 5 years"), (6 * 365, "5 to 10 years"), (11 * 365, summary.OLDER)],
)
def test_an_age_is_told_from_the_last_change(days: float, age: str) -> None:
    assert summary.by_age(NOW)(file("a", moment=NOW - timedelta(days=days)))[1] == age


def test_a_time_that_is_not_known_or_absurd_is_no_age() -> None:
    assert summary.by_age(NOW)(Entry("a", "file"))[1] == summary.UNKNOWN_AGE
    assert summary.moment_of(2**62).year > 2100
    assert summary.moment_of(10**25).year == 9999


def test_the_largest_the_unread_the_odd_and_the_ignored_are_found() -> None:
    assert [entry.path for entry in summary.largest(ENTRIES, 2)] == ["令和6年度/b.XLSM", "令和6年度/a.jtd"]
    assert [entry.path for entry in summary.unread(ENTRIES)] == ["令和6年度/b.XLSM"]
    assert [entry.path for entry in summary.odd_names(ENTRIES)] == ["\udc89^"]
    odd = [summary.odd_name(name) for name in ("A4WTMA~A.TXT", "TZHRWN~N", "PROGRA~1", "AB-1_~2Z.DOC", "\udc89^")]
    assert odd == [summary.STAND_IN] * 4 + [summary.NOT_UTF8]
    plain = (
        "~$名簿.xls", "a~1.txt", "名簿~最終.xlsx", "README~", "第1回~第3回.docx", "LONGNAME~1.TXT", "2020~21", "202001~02",
        "第1章~3",
    )
    assert [summary.odd_name(name) for name in plain] == [None] * len(plain)
    found = summary.ignored(ENTRIES, ["Thumbs.db"])
    assert [(group.key, group.files, group.bytes) for group in found] == [(("Thumbs.db",), 1, 1000)]


@pytest.mark.parametrize(
    ("name", "ending"),
    [("名簿.JTD", "jtd"), ("成績.xlsm", "xlsm"), ("連絡.xdw", "xdw"), ("a.tar.gz", "gz"), ("b.未知", "未知")],
)
def test_a_type_is_told_from_the_ending(name: str, ending: str) -> None:
    assert file_type(name) == (BY_ENDING.get(ending, f".{ending}"), ending)


@pytest.mark.parametrize("name", ["README", ".htaccess", "第1回 会議.第2版 最終", "a.", "名簿.令和6年度卒業生の一覧"])
def test_what_has_no_ending_has_no_type(name: str) -> None:
    assert file_type(name)[0] in (NO_ENDING, ".")


def test_an_owner_file_is_not_a_document() -> None:
    assert file_type("~$名簿.docx")[0] == OWNER_FILE


@pytest.mark.parametrize(
    ("owner_file", "beside", "documents"),
    [
        ("~$予算.xlsx", ["予算.xlsx", "補正予算.xlsx"], ["予算.xlsx"]),
        ("~$運動会計画書案.docx", ["第1運動会計画書案.docx", "別の書類.docx"], ["第1運動会計画書案.docx"]),
        ("~$cument.docx", ["document.docx"], ["document.docx"]),
        ("~$eport1.doc", ["report1.doc", "xport1.doc"], ["report1.doc"]),
        ("~$eport1.doc", ["report1.doc", "xyeport1.doc"], ["report1.doc", "xyeport1.doc"]),
        ("~$a.docx", ["a.docx", "bca.docx"], ["a.docx"]),
        ("~$消えた.xlsx", ["他.xlsx"], []),
        ("台帳.laccdb", ["台帳.accdb", "台帳.mdb"], ["台帳.accdb"]),
        ("OLD.LDB", ["old.mdb"], ["old.mdb"]),
    ],
)
def test_an_owner_file_names_the_document_that_is_open(
    owner_file: str, beside: list[str], documents: list[str]
) -> None:
    assert locked_by(owner_file, [owner_file, *beside]) == documents


def test_open_documents_are_looked_for_in_their_own_folder_only() -> None:
    entries = [file("a/~$予算.xlsx", skip="ignored"), file("a/予算.xlsx"), file("b/予算.xlsx"), Entry("a", "directory")]
    found = open_files(lambda: entries)
    assert [(one.owner_file.path, one.documents) for one in found] == [("a/~$予算.xlsx", ("a/予算.xlsx",))]


@pytest.mark.parametrize(
    ("before", "now", "entries", "shrunk"),
    [
        (None, 0, 0, True), (None, 0, 3, False), (None, 5, 5, False), (100, 100, 100, False), (100, 0, 2, True),
        (1, 0, 1, True), (0, 0, 1, False), (100, 50, 60, False), (100, 49, 60, True), (30, 11, 12, False),
        (40, 19, 20, True), (5, 1, 1, False), (100, 500, 500, False),
    ],
)
def test_a_share_has_shrunk_when_it_lost_most_of_its_files(
    before: int | None, now: int, entries: int, shrunk: bool
) -> None:
    assert has_shrunk(Shrinking(before, now, entries)) is shrunk


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Thumbs.db", "Thumbs.db"), ("THUMBS.DB", "Thumbs.db"), ("~$予算.xlsx", "~$*"), ("$RECYCLE.BIN", "$RECYCLE.BIN"),
        ("Thumbs.db.txt", None), ("a~$", None), ("", None), ("x\nThumbs.db", None),
    ],
)
def test_a_name_is_ignored_only_where_a_pattern_fits_it_whole(name: str, pattern: str | None) -> None:
    assert ignore_matcher(("Thumbs.db", "~$*", "$RECYCLE.BIN"))(name) == pattern
