"""The calendar of rollout.yml: days on which work must not disturb, days without school. Reads; decides nothing."""

import re
from datetime import date

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_required, read_text, refuse_unknown
from kdx.config.mistakes import Findings
from kdx.language import _
from kdx.rollout.fields import check_id, read_label
from kdx.rollout.stream import Calendar, Period

EARLIEST, LATEST = date(2019, 4, 1), date(2100, 3, 31)
"""A date of the rollout outside of these is a slip of the pen."""

_DAY = re.compile(r"([0-9]{1,2})-([0-9]{1,2})")


def read_calendar(node: Node | None, found: Findings) -> Calendar:
    """Return the calendar; an empty one where nothing was written."""
    if node is None:
        return Calendar()
    refuse_unknown(node, ("avoid", "closed", "holidays"), found)
    values = read_mapping(node, found)
    avoid, closed = (
        tuple(_read_period(name, one, found) for name, one in read_mapping(values.get(key), found).items())
        for key in ("avoid", "closed")
    )
    holidays = (read_day(item, found) for item in read_items(values.get("holidays"), found))
    return Calendar(avoid, closed, holidays=frozenset(day for day in holidays if day))


def read_day(node: Node | None, found: Findings) -> date | None:
    """Return a date, written 2026-11-23 with or without quotation marks; None where nothing was written."""
    if node is None or node.value is None or node.value == "":
        return None
    day = node.value
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            day = None
    if type(day) is not date:
        mistake(found, node, _("there is no such date; write for example 2026-11-23."))
        return None
    if not EARLIEST <= day <= LATEST:
        what = _("a date between {first} and {last} is expected.")
        mistake(found, node, what.format(first=EARLIEST, last=LATEST))
        return None
    return day


def _read_period(name: str, node: Node, found: Findings) -> Period:
    check_id(name, node, found)
    refuse_unknown(node, ("label", "first", "last", "source"), found)
    values = read_mapping(node, found)
    return Period(
        id=name,
        label=read_label(values.get("label"), found, node),
        first=_read_day_of_year(node, "first", found),
        last=_read_day_of_year(node, "last", found),
        source=read_text(values.get("source"), found),
    )


def _read_day_of_year(parent: Node, key: str, found: Findings) -> tuple[int, int]:
    text = read_required(parent, key, found)
    match = _DAY.fullmatch(text)
    try:
        if match:
            # a leap year: 29 February is a day
            day = date(2024, int(match[1]), int(match[2]))
            return day.month, day.day
    except ValueError:
        pass
    if text:
        mistake(found, parent.value[key], _('a day of the year is written "03-15" (month-day).'))
    return 1, 1
