"""国民の祝日: the Cabinet Office's table in the inventory, and where it ends the law's own rules, marked as computed.

The table (syukujitsu.csv, cp932; www8.cao.go.jp/chosei/shukujitsu) names 振替休日 and 国民の休日 as rows of their own. It
ends with a calendar year, so from February on a fiscal year reaches beyond it.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from kdx.errors import ConfigurationError
from kdx.language import N_

NAME = "syukujitsu.csv"
FIXED = {
    (1, 1): "元日", (2, 11): "建国記念の日", (2, 23): "天皇誕生日", (4, 29): "昭和の日", (5, 3): "憲法記念日",
    (5, 4): "みどりの日", (5, 5): "こどもの日", (8, 11): "山の日", (11, 3): "文化の日", (11, 23): "勤労感謝の日",
}
MONDAYS = {(1, 2): "成人の日", (7, 3): "海の日", (9, 3): "敬老の日", (10, 2): "スポーツの日"}
"""(month, which Monday)."""
REST = "休日"


class HolidaysUnreadable(ConfigurationError):
    """The table of holidays is not the Cabinet Office's."""

    message = N_("The table of holidays {path} cannot be read: {why}.")
    advice = N_("Fetch syukujitsu.csv anew from the Cabinet Office and put it into the inventory folder as it is.")


@dataclass(frozen=True, slots=True)
class Holiday:
    """One day."""

    name: str
    computed: bool
    """Whether it follows from the rules and not from the table (推定)."""


@dataclass(frozen=True, slots=True)
class Holidays:
    """What is known of holidays: `named` covers the whole years it names any day of, the rules all others."""

    named: Mapping[date, str] = field(default_factory=dict, hash=False)
    years: frozenset[int] = frozenset()

    def get(self, day: date) -> Holiday | None:
        """Return the holiday of a day, if it is one."""
        if day.year in self.years:
            name = self.named.get(day)
            return Holiday(name, False) if name else None
        name = compute(day.year).get(day)
        return Holiday(name, True) if name else None


def read_holidays(folder: Path) -> Holidays:
    """Return the holidays of an inventory folder; only computed ones where it has no table. HolidaysUnreadable."""
    path = folder / NAME
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Holidays()
    except OSError as error:
        raise HolidaysUnreadable(path=path, why=error.strerror) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp932", "replace")
    named = {}
    for row in list(csv.reader(text.splitlines()))[1:]:
        parts = re.fullmatch(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})", row[0].strip()) if row else None
        if not row or not any(row):
            continue
        try:
            named[date(*map(int, parts.groups()))] = row[1].strip() if parts else ""  # type: ignore[union-attr]
        except (ValueError, AttributeError, IndexError) as error:
            raise HolidaysUnreadable(path=path, why=N_("a row is not a date and a name")) from error
    if not named:
        raise HolidaysUnreadable(path=path, why=N_("it names no day"))
    return Holidays(named, frozenset(day.year for day in named))


@cache
def compute(year: int) -> Mapping[date, str]:
    """Return the holidays of a year by 国民の祝日に関する法律 as it stands since 2020; equinoxes by the usual formula.

    The formula (valid 1980 to 2099) is that of 暦計算室; the days themselves are fixed each February.
    """
    days = {date(year, month, day): name for (month, day), name in FIXED.items()}
    days |= {_monday(year, month, number): name for (month, number), name in MONDAYS.items()}
    days[date(year, 3, _equinox(20.8431, year))] = "春分の日"
    days[date(year, 9, _equinox(23.2488, year))] = "秋分の日"
    for day in sorted(days):
        if day.weekday() == 6:
            substitute = day + timedelta(days=1)
            while substitute in days:
                substitute += timedelta(days=1)
            days[substitute] = REST
    for day in sorted(days):
        between = day + timedelta(days=1)
        if between not in days and day + timedelta(days=2) in days and between.weekday() != 6:
            if REST not in (days[day], days[day + timedelta(days=2)]):
                days[between] = REST
    return days


def _monday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (number - 1))


def _equinox(base: float, year: int) -> int:
    return int(base + 0.242194 * (year - 1980) - (year - 1980) // 4)
