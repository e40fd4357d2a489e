"""年度 in names: every spelling schools use, and everything that only looks like one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.inventory.fiscal_year import fiscal_year, fiscal_year_label, fiscal_year_of_moment, fiscal_year_of_path

TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("name", "year"),
    [
        ("令和6年度", 2024),
        ("令和６年度", 2024),
        ("令和06年度", 2024),
        ("令和元年度", 2019),
        ("令和元年", 2019),
        ("令和6", 2024),
        ("㋿6年度", 2024),
        ("R6", 2024),
        ("R06", 2024),
        ("Ｒ６", 2024),
        ("Ｒ０６年度", 2024),
        ("R元", 2019),
        ("R6年度 行事", 2024),
        ("01_R6_教務", 2024),
        ("時間割R6.xlsx", 2024),
        ("R6修学旅行", 2024),
        ("H30", 2018),
        ("H31年度", 2019),
        ("平成30", 2018),
        ("平成３０年度卒業生", 2018),
        ("昭和63年度", 1988),
        ("2024年度", 2024),
        ("２０２４年度", 2024),
        ("2024", 2024),
        ("2024_運動会", 2024),
        ("'24", 2024),
        ("’24 写真", 2024),
        ("R5→R6", 2024),
        ("令和5年度→令和6年度 引継ぎ", 2024),
        ("R4-R6 実績", 2022),
        ("令和7年3月 卒業式", 2024),
        ("令和7年4月 入学式", 2025),
        ("R7.3.15 会議", 2024),
        ("2025年3月", 2024),
        ("2024-04-01", 2024),
        ("2025.1.8", 2024),
        ("20250331_送別会", 2024),
        ("20250401", 2025),
        ("IMG_20240507_101112.jpg", 2024),
    ],
)
def test_a_name_that_says_its_year_is_understood(name: str, year: int) -> None:
    assert fiscal_year(name) == year


@pytest.mark.parametrize(
    "name",
    [
        "", "教務", "1年", "6年生", "3年度末", "H2O", "R2D2", "HR6", "DSC02024", "IMG_0123.jpg", "12024", "0599-82-1111",
        "R99", "H32", "令和99年度", "平成0", "S99", "9999", "1234", "Rev6", "B5", "P20245",
        "20241301", "R", "令和", "年度", "資料2", "ver1.2",
    ],
)
def test_a_name_that_only_looks_like_a_year_is_not_one(name: str) -> None:
    assert fiscal_year(name) is None


@pytest.mark.parametrize(
    ("path", "year"),
    [
        ("令和5年度/01_教務/R6準備.xlsx", 2023),
        ("01_教務/R6/時間割.xlsx", 2024),
        ("写真/2024年度/20250331.jpg", 2024),
        ("教務/時間割R6.xlsx", 2024),
        ("教務/時間割.xlsx", None),
        ("R6.txt", 2024),
    ],
)
def test_the_topmost_folder_that_names_a_year_decides(path: str, year: int | None) -> None:
    assert fiscal_year_of_path(path) == year


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2025, 3, 31, 14, 59, tzinfo=UTC), 2024),
        (datetime(2025, 3, 31, 15, 0, tzinfo=UTC), 2025),
        (datetime(2026, 1, 1, tzinfo=UTC), 2025),
    ],
)
def test_a_fiscal_year_begins_on_the_first_of_april_in_tokyo(moment: datetime, year: int) -> None:
    assert fiscal_year_of_moment(moment, TOKYO) == year


@pytest.mark.parametrize(
    ("year", "label"),
    [(2026, "令和8年度(2026年度)"), (2019, "令和元年度(2019年度)"), (2018, "平成30年度(2018年度)"),
     (1988, "昭和63年度(1988年度)"), (1926, "昭和元年度(1926年度)"), (1925, "1925年度")],
)
def test_a_year_is_shown_as_boards_write_it(year: int, label: str) -> None:
    assert fiscal_year_label(year) == label


@given(st.integers(1989, 2048))
def test_a_label_reads_back_as_its_year(year: int) -> None:
    assert fiscal_year(fiscal_year_label(year)) == year


@given(st.text(st.characters(codec=None)))
def test_no_name_breaks_it(name: str) -> None:
    found = fiscal_year(name)
    assert found is None or 1949 <= found <= 2049
