"""How people write numbers, days and words into tables. Pure; raises ValueError with a translated sentence."""

import re
import unicodedata
from datetime import date, timedelta

from kdx.language import _

REIWA_BEGAN = date(2019, 5, 1)
EXCEL_ZERO = date(1899, 12, 30)
"""Day 0 of the numbers Excel keeps days as (its leap year 1900 counted in)."""
FIRST_SERIAL, LAST_SERIAL = 36526, 73050
"""2000-01-01 and 2099-12-31 as such numbers."""

_TWINS = str.maketrans("\uff5e\u2212", "\u301c-")
_ERA = re.compile(r"(?:R|r|令和)(元|[0-9]{1,2})[年./-]([0-9]{1,2})[月./-]([0-9]{1,2})日?")
_WESTERN = re.compile(r"([0-9]{4})[年./-]([0-9]{1,2})[月./-]([0-9]{1,2})日?(?:[T ][0-9:.+]*)?")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_FISCAL = re.compile(r"(?:(?:R|r|令和)(元|[0-9]{1,2})|([0-9]{4}))年度")
_NUMBER = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9})(?:\.0+)?(?:台|人|名|件|校|学級)?")


def normal(text: object) -> str:
    """Return what a cell says: full-width letters and digits made plain, no blanks at the ends and no doubled ones.

    〜 and － are one sign each: cp932 gives them back as another code point than it was given.
    """
    plain = unicodedata.normalize("NFKC", str(text if text is not None else "").translate(_TWINS))
    return " ".join(plain.split())


def squeezed(text: object) -> str:
    """Return a heading as headings are compared: without any blanks."""
    return normal(text).replace(" ", "")


def read_number(text: object) -> int | None:
    """Return a whole number such as 38, ３８, 1,024 or 38台; None where nothing is written."""
    written = normal(text)
    if not written or written == "-":
        return None
    found = _NUMBER.fullmatch(written)
    if not found:
        raise ValueError(_("{text} is not a whole number").format(text=written))
    return int(found[1].replace(",", ""))


def read_day(text: object) -> date | None:
    """Return a day such as 2026-11-23, 2026/11/23, R8.11.23, 令和8年11月23日 or 令和8年度 (its last day)."""
    written = normal(text)
    if not written or written == "-":
        return None
    try:
        return _day_in(written)
    except ValueError as error:
        raise ValueError(_("{text} is not a day").format(text=written)) from error


def _day_in(written: str) -> date:
    if found := _ERA.fullmatch(written):
        day = date(_reiwa(found[1]), int(found[2]), int(found[3]))
        if day < REIWA_BEGAN:
            raise ValueError(written)
        return day
    if found := _WESTERN.fullmatch(written) or _COMPACT.fullmatch(written):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _FISCAL.fullmatch(written):
        # a fiscal year ends on 31 March of the next one
        return date((_reiwa(found[1]) if found[1] else int(found[2])) + 1, 3, 31)
    if written.isdecimal() and FIRST_SERIAL <= int(written) <= LAST_SERIAL:
        return EXCEL_ZERO + timedelta(days=int(written))
    raise ValueError(written)


def _reiwa(year: str) -> int:
    return 2018 + (1 if year == "元" else int(year))
