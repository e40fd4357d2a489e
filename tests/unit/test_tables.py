"""Tables as facts: what hostile names become, and what --columns, --sort and --filter keep."""

import unicodedata
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.errors import ExitCode
from kdx.report.filters import FilterUnclear, filter_rows
from kdx.report.tables import Column, Table, UnknownColumn, select_columns, sort_rows, visible

TOKYO = ZoneInfo("Asia/Tokyo")
COLUMNS = (
    Column("school", "School"),
    Column("path", "Path", "path"),
    Column("size", "Size", "bytes"),
    Column("proven", "Proven", "ratio"),
    Column("modified", "Modified", "time"),
    Column("due", "Due", "date"),
    Column("open", "Open"),
)
ROWS = (
    {"school": "亀山西小", "path": "a.docx", "size": 2_000_000, "proven": 1.0, "open": True,
     "modified": datetime(2026, 11, 22, 15, 30, tzinfo=UTC), "due": date(2026, 12, 25)},
    {"school": "加太小", "path": "Ｂ.xlsx", "size": 500, "proven": 0.5, "open": False,
     "modified": datetime(2020, 3, 31, 14, 59, tzinfo=UTC), "due": None},
    {"school": "川崎小", "path": "c\n.txt", "size": None, "proven": None, "open": None, "modified": None, "due": None},
)
TABLE = Table("試験", COLUMNS, ROWS, source="test")
HOSTILE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def schools(table: Table) -> list[object]:
    return [row["school"] for row in table.rows]


@given(st.text(st.characters()))
def test_visible_text_is_one_printable_line_of_valid_unicode(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & HOSTILE_CATEGORIES
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert visible(shown) == shown


@given(st.binary(max_size=40))
def test_visible_text_of_any_bytes_on_a_disk_can_be_printed(name: bytes) -> None:
    visible(name.decode("utf-8", "surrogateescape")).encode("utf-8")


@pytest.mark.parametrize(
    "text",
    ["令和8年度/何？.xlsx", "[最終]", "葛\U000e0100城市", "か\u3099く", "ｶﾞｯｺｳ", "全角　空白", "①〜髙﨑𠮷", "$(touch x)", "a\\b"],
)
def test_japanese_and_plain_text_stay_untouched(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\u009b2J"),
        ("x\u202etxt.exe", r"x\u202etxt.exe"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("\ue000\U000f0000", r"\ue000\U000f0000"),
        ("\udc83\udcff\ud800", r"\x83\xff\ud800"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U0001fffe\U0002ffff", r"\U0001fffe\U0002ffff"),
    ],
)
def test_what_could_deceive_is_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_columns_are_chosen_and_ordered_by_key() -> None:
    assert [column.key for column in select_columns(TABLE, ("size", "school")).columns] == ["size", "school"]
    assert select_columns(TABLE, ()).columns == COLUMNS


def test_an_unknown_column_is_a_usage_mistake_with_the_nearest_names() -> None:
    with pytest.raises(UnknownColumn) as caught:
        select_columns(TABLE, ("shool",))
    assert caught.value.exit_code is ExitCode.USAGE
    assert "school" in caught.value.advise()
    for wrong in (lambda: sort_rows(TABLE, ("-szie",)), lambda: filter_rows(TABLE, ("nonsense=1",), TOKYO)):
        with pytest.raises(UnknownColumn):
            wrong()


@pytest.mark.parametrize(
    "keys, expected",
    [
        (("size",), ["加太小", "亀山西小", "川崎小"]),
        (("-size",), ["亀山西小", "加太小", "川崎小"]),
        (("modified",), ["加太小", "亀山西小", "川崎小"]),
        (("-modified",), ["亀山西小", "加太小", "川崎小"]),
        (("-path",), ["加太小", "川崎小", "亀山西小"]),
        ((), ["亀山西小", "加太小", "川崎小"]),
    ],
)
def test_rows_sort_by_value_and_unknown_comes_last_either_way(keys: tuple[str, ...], expected: list[str]) -> None:
    assert schools(sort_rows(TABLE, keys)) == expected


def test_sorting_is_stable_and_the_first_key_decides() -> None:
    rows = [{"school": name, "size": size} for name, size in (("b", 1), ("a", 2), ("b", 2), ("a", 1))]
    table = sort_rows(Table("", COLUMNS, rows), ("school", "-size"))
    assert [(row["school"], row["size"]) for row in table.rows] == [("a", 2), ("a", 1), ("b", 2), ("b", 1)]


VALUES = (None, True, 0, -3, 2.5, "", "a", "亀山", "\udc83", datetime(2026, 11, 23, tzinfo=UTC), date(2026, 4, 1))
mixed = st.sampled_from(VALUES)


@given(st.lists(st.fixed_dictionaries({"school": mixed, "size": mixed})), st.booleans())
def test_sorting_loses_no_row_whatever_stands_in_a_column(rows: list[dict[str, object]], down: bool) -> None:
    found = sort_rows(Table("", COLUMNS, rows), ("-school" if down else "school",)).rows
    assert sorted(map(id, found)) == sorted(map(id, rows))


@pytest.mark.parametrize(
    "test, expected",
    [
        ("school=加太小", ["加太小"]),
        ("school!=加太小", ["亀山西小", "川崎小"]),
        ("school~小", ["亀山西小", "加太小", "川崎小"]),
        ("path=b.XLSX", ["加太小"]),
        ("path~.DOC", ["亀山西小"]),
        ("size>500", ["亀山西小"]),
        ("size>=500", ["亀山西小", "加太小"]),
        ("size<1MB", ["加太小"]),
        ("size=2MB", ["亀山西小"]),
        ("size!=2MB", ["加太小", "川崎小"]),
        ("size<=2,000,000", ["亀山西小", "加太小"]),
        ("size=", ["川崎小"]),
        ("size!=", ["亀山西小", "加太小"]),
        ("proven>=100%", ["亀山西小"]),
        ("proven<100%", ["加太小"]),
        # 2026-11-22 15:30 UTC is already the 23rd in Tokyo
        ("modified=2026-11-23", ["亀山西小"]),
        ("modified=2026-11-22", []),
        ("modified>2026-11-23", []),
        ("modified>=2026-11-23", ["亀山西小"]),
        ("modified<2020-04-01", ["加太小"]),
        ("modified<=2020-03-31", ["加太小"]),
        ("modified>2020-03-31T23:58", ["亀山西小", "加太小"]),
        ("due=2026-12-25", ["亀山西小"]),
        ("due>2026-12-24", ["亀山西小"]),
        ("open=yes", ["亀山西小"]),
        ("open=false", ["加太小"]),
        ("open!=no", ["亀山西小", "川崎小"]),
    ],
)
def test_a_filter_keeps_the_rows_it_says(test: str, expected: list[str]) -> None:
    assert schools(filter_rows(TABLE, (test,), TOKYO)) == expected


def test_filters_add_up() -> None:
    assert schools(filter_rows(TABLE, ("school~小", "size>1", "open=no"), TOKYO)) == ["加太小"]


@pytest.mark.parametrize(
    "test",
    ["school", "=x", "size>big", "size>1XB", "modified<yesterday", "size>", "proven>half", "modified=2026-13-01"],
)
def test_a_filter_that_is_not_understood_says_so(test: str) -> None:
    with pytest.raises(FilterUnclear) as caught:
        filter_rows(TABLE, (test,), TOKYO)
    assert caught.value.exit_code is ExitCode.USAGE


@given(st.text())
def test_no_text_makes_a_filter_crash(text: str) -> None:
    for key in ("school", "size", "modified", "due", "open"):
        for sign in ("=", "~", ">", "<="):
            try:
                filter_rows(TABLE, (f"{key}{sign}{text}",), TOKYO)
            except FilterUnclear:
                pass
