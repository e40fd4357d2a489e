"""Which fiscal year (年度, April to March) a name or a moment belongs to. Pure; where a name does not say, None.

Schools sort by 年度, in every spelling: 令和6年度, R6, Ｒ０６, 令和元年度, H30, 平成30, 2024年度, 2024. A date in a name belongs to
the fiscal year it lies in: 令和7年3月 is 令和6年度.
"""

import re
import unicodedata
from datetime import datetime, tzinfo
from functools import lru_cache

ERAS = {"令和": (2018, 30), "R": (2018, 30), "平成": (1988, 31), "H": (1988, 31), "昭和": (1925, 64), "S": (1925, 64)}
"""Era -> (Western year before its first, last year believed). 令和6年 is 2018 + 6; R99 in a name is something else."""
FIRST, LAST = 1950, 2049
"""Four digits outside are a number, not a year."""
APRIL = 4

_ERA_YEAR = r"(?:(?P<era>令和|平成|昭和|(?<![A-Za-z0-9])[RHS](?=[0-9元]))\s*(?P<number>[0-9]{1,2}|元)(?![0-9]))"
_WESTERN = r"(?:(?<![0-9])(?P<western>[0-9]{4})(?![0-9]))"
_SHORT = r"(?:['’](?P<short>[0-9]{2})(?![0-9]))"
_MONTH = r"(?:\s*[年.\-/_]\s*(?P<month>1[0-2]|0?[1-9])(?=[月.\-/_]|(?![0-9A-Za-z])))"
_COMPACT = r"(?:(?<![0-9])(?P<day>[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))(?![0-9]))"
_TOKEN = re.compile(f"(?:{_ERA_YEAR}|{_WESTERN}|{_SHORT})(?:\\s*(?P<fiscal>年度)|{_MONTH})?|{_COMPACT}")
_LETTER_AFTER = re.compile(r"[A-Za-z]")
_ARROW = re.compile(r"\s*(?:→|⇒|->|=>)\s*")


def fiscal_year(name: str) -> int | None:
    """Given the name of a file or folder, return the Western year its 年度 begins in, None where it names none.

    Of several the first counts; in R5→R6 (handing over to the next year) the last.
    """
    text = unicodedata.normalize("NFKC", name)
    found = [year for match in _TOKEN.finditer(text) if (year := _year_of(match, text)) is not None]
    if not found:
        return None
    return found[-1] if len(found) > 1 and _ARROW.search(text) else found[0]


@lru_cache(maxsize=4096)
def _year_of_folder(folder: str) -> int | None:
    """Return the year of the first component that names one; folders repeat for every file in them."""
    parent, _slash, name = folder.rpartition("/")
    above = _year_of_folder(parent) if parent else None
    return above if above is not None else fiscal_year(name)


def fiscal_year_of_path(path: str) -> int | None:
    """Given a path, return the fiscal year of its topmost folder that names one, else of the file's own name."""
    folder, _slash, name = path.rpartition("/")
    above = _year_of_folder(folder) if folder else None
    return above if above is not None else fiscal_year(name)


def fiscal_year_of_moment(moment: datetime, zone: tzinfo) -> int:
    """Return the year the fiscal year of a moment begins in, by the calendar of `zone`."""
    local = moment.astimezone(zone)
    return local.year if local.month >= APRIL else local.year - 1


def fiscal_year_label(year: int) -> str:
    """Return a fiscal year as boards write it: 令和8年度(2026年度); 2019 is 令和元年度."""
    if year >= 2019:
        return f"令和{_number(year - 2018)}年度({year}年度)"
    if year >= 1989:
        return f"平成{_number(year - 1988)}年度({year}年度)"
    if year >= 1926:
        return f"昭和{_number(year - 1925)}年度({year}年度)"
    return f"{year}年度"


def _number(year: int) -> str:
    return "元" if year == 1 else str(year)


def _year_of(match: re.Match[str], text: str) -> int | None:
    parts = match.groupdict()
    if parts["day"]:
        year, month = int(parts["day"][:4]), int(parts["day"][4:6])
    else:
        year = _calendar_year(parts)
        month = int(parts["month"]) if parts["month"] else APRIL
        if parts["era"] and parts["era"] in "RHS" and _LETTER_AFTER.match(text, match.end()):
            # H2O and R2D2 are not years
            return None
    if not FIRST <= year <= LAST:
        return None
    return year if month >= APRIL else year - 1


def _calendar_year(parts: dict[str, str | None]) -> int:
    if western := parts["western"]:
        return int(western)
    if short := parts["short"]:
        return 2000 + int(short)
    before, most = ERAS[parts["era"] or ""]
    number = 1 if parts["number"] == "元" else int(parts["number"] or 0)
    return before + number if 1 <= number <= most else 0
