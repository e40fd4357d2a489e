"""What --filter says, and which rows it keeps: `key=text`, `key!=text`, `key~part`, `key>100`, `key<=2026-11-23`.

Pure: rows in, rows out. A value that is not known fits only `key=` and `key!=something`.
"""

import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from kdx.errors import UsageMistake
from kdx.language import N_, translate
from kdx.report.tables import NUMBERS, Column, Kind, Row, Table, column_of

_FORM = re.compile(r"([A-Za-z0-9_]+)\s*(!=|>=|<=|=|~|>|<)(.*)", re.DOTALL)
_NUMBER = re.compile(r"([+-]?[0-9][0-9,]*(?:\.[0-9]+)?)\s*(%|[kMGTP]?B)?")
_UNITS = {None: 1.0, "%": 0.01, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})


class FilterUnclear(UsageMistake):
    """A filter is not one of the forms kdx knows."""

    message = N_("The filter {text!r} is not understood: {why}.")
    advice = N_("Write for example name=text, name~part, size>10MB or modified<2020-04-01.")


@dataclass(frozen=True, slots=True)
class _Filter:
    column: Column
    sign: str
    wanted: str
    text: str


def filter_rows(table: Table, filters: Sequence[str], zone: tzinfo) -> Table:
    """Return the table with the rows that fit every filter. Dates without a time mean whole days in `zone`."""
    rows = table.rows
    for text in filters:
        fits = _test(_parse(table, text), zone)
        rows = [row for row in rows if fits(row)]
    return replace(table, rows=rows) if filters else table


def _parse(table: Table, text: str) -> _Filter:
    form = _FORM.fullmatch(text)
    if not form:
        raise FilterUnclear(text=text, why=N_("it needs a column, a sign (= != ~ > >= < <=) and a value"))
    return _Filter(column_of(table, form[1]), form[2], form[3].strip(), text)


def _test(asked: _Filter, zone: tzinfo) -> Callable[[Row], bool]:
    """Return the test of one filter, by the kind of its column."""
    key, kind = asked.column.key, asked.column.kind
    if asked.sign == "~":
        part = _folded(asked.wanted)
        return lambda row: any(part in word for word in _words(row.get(key), kind))
    if not asked.wanted:
        if asked.sign not in ("=", "!="):
            raise FilterUnclear(text=asked.text, why=N_("the value is missing"))
        return lambda row: (row.get(key) in (None, "")) == (asked.sign == "=")
    if kind in NUMBERS:
        return _number_test(asked)
    if kind in ("time", "date"):
        return _time_test(asked, zone)
    return _text_test(asked)


def _number_test(asked: _Filter) -> Callable[[Row], bool]:
    form = _NUMBER.fullmatch(asked.wanted)
    if not form:
        raise FilterUnclear(text=asked.text, why=N_("the value is not a number"))
    wanted = float(form[1].replace(",", "")) * _UNITS[form[2]]
    return _compare(asked, lambda value: float(value), wanted, wanted)


def _time_test(asked: _Filter, zone: tzinfo) -> Callable[[Row], bool]:
    try:
        wanted = datetime.fromisoformat(asked.wanted)
    except ValueError as error:
        raise FilterUnclear(text=asked.text, why=N_("the value is not a date such as 2026-11-23")) from error
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=zone)
    whole_day = re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", asked.wanted)
    last = wanted + timedelta(days=1, microseconds=-1) if whole_day else wanted
    return _compare(asked, lambda value: _moment(value, zone), wanted, last)


def _compare(asked: _Filter, convert: Callable[[Any], Any], first: Any, last: Any) -> Callable[[Row], bool]:
    """Compare with the span first..last: `>` is after its end, `<` before its start, `=` inside."""
    key = asked.column.key
    if asked.sign in _ORDER:
        compare = _ORDER[asked.sign]
        edge = first if asked.sign in ("<", ">=") else last
        return lambda row: row.get(key) is not None and compare(convert(row[key]), edge)
    return lambda row: (
        row.get(key) is not None and first <= convert(row[key]) <= last
    ) == (asked.sign == "=")


def _text_test(asked: _Filter) -> Callable[[Row], bool]:
    key, wanted = asked.column.key, _folded(asked.wanted)
    if asked.sign in _ORDER:
        compare = _ORDER[asked.sign]
        return lambda row: row.get(key) is not None and compare(_folded(_text(row[key])), wanted)

    def equal(row: Row) -> bool:
        value = row.get(key)
        if isinstance(value, bool):
            return wanted in (_YES if value else _NO)
        return wanted in _words(value, asked.column.kind)

    return lambda row: equal(row) == (asked.sign == "=")


def _moment(value: object, zone: tzinfo) -> datetime:
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)
    return datetime.combine(value, time(), zone)


def _words(value: object, kind: Kind) -> tuple[str, ...]:
    """Return how a value may have been typed: a word also in the present language."""
    text = _text(value)
    return (_folded(text), _folded(translate(text))) if kind == "word" else (_folded(text),)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _folded(text: str) -> str:
    """Half and full width, upper and lower case, NFC and NFD are the same to whoever types a filter."""
    return unicodedata.normalize("NFKC", text).casefold()
