"""Charts as SVG, drawn by hand: bars, lines over days, a square for each day. Numbers in, text out; nothing is loaded.

Every chart has a title, its unit and a legend, and says its numbers in words too where there is room; the table beside
it says them all. Tones are those of the colour universal design set (https://cudo.jp, set of 2018); each has a pattern
of its own, so that a monochrome copier tells them apart. What is not known is no bar of length zero: it says so.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from math import ceil, log10
from typing import TypeVar

from kdx.report.paper import text

WIDTH = 960
LABEL = 200
"""Room for the names on the left."""
SAID = 190
"""Room for the numbers on the right."""
LINE = 22
FONT = 13
MOST_LINES = 22
"""Lines of one drawing: so many lie on a sheet below the title of a page, and are read without a glass."""


Row = TypeVar("Row")


class Tone(Enum):
    """A colour and its pattern: (colour, lines drawn over it)."""

    GOOD = ("#03af7a", "")
    PART = ("#f6aa00", "M0 6L6 0")
    BAD = ("#ff4b00", "M0 0L6 6M0 6L6 0")
    REST = ("#ffffff", "")
    PLAN = ("#84919e", "")
    FORECAST = ("#005aff", "M0 3L6 3")
    NONE = ("#c8c8cb", "M3 0L3 6")


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart."""

    label: str
    parts: tuple[tuple[float, Tone], ...] | None
    """Lengths from left to right; None where they are not known."""
    said: str
    """The numbers in words."""
    limit: float | None = None
    """Where a mark is drawn across the bar: what was promised."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a line chart: (day, value), in order of days."""

    name: str
    points: Sequence[tuple[date, float]]
    tone: Tone
    dashes: str = ""
    """Lengths of strokes and gaps, other ones for each line: colour alone tells nothing on a monochrome copier."""


@dataclass(frozen=True, slots=True)
class Days:
    """One line of a calendar: a tone and its one-character mark for each day, None where there is nothing to say."""

    label: str
    marks: Sequence[tuple[Tone, str] | None]


STYLE = "rect, .days { stroke: #000; stroke-width: .6; }"
"""What a page's style says of its charts."""
Legend = Sequence[tuple[Tone, str]]
Signs = Sequence[tuple[Tone, str, str]]
"""Tone, sign and meaning of the squares of a calendar."""


def definitions() -> str:
    """Return the patterns of all tones; they stand once in a page, before its charts."""
    made = (
        f'<pattern id="{tone.name.lower()}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<path d="M0 0H6V6H0z" fill="{tone.value[0]}"/><path d="{tone.value[1]}" stroke="#000" '
        f'stroke-width=".7"/></pattern>'
        for tone in Tone
        if tone.value[1]
    )
    return f'<svg class="definitions" width="0" height="0" aria-hidden="true"><defs>{"".join(made)}</defs></svg>'


def bars(title: str, unit: str, rows: Sequence[Bar], legend: Legend) -> str:
    """Return a bar a row, all on one scale that begins at zero; many rows are several drawings."""
    most = max((max(_length(row), row.limit or 0.0) for row in rows), default=0.0)
    scale = (WIDTH - LABEL - SAID) / most if most > 0 else 0.0
    return _charts(title, unit, rows, 0, lambda index, row: _bar(index * LINE, row, scale), [], _boxes(legend))


def _bar(top: int, row: Bar, scale: float) -> Iterator[str]:
    yield _text(LABEL - 8, top + 15, _fitting(row.label), "end")
    left = float(LABEL)
    for value, tone in row.parts or ():
        width = value * scale
        yield _box(left, top + 4, width, LINE - 8, tone)
        left += width
    if row.limit is not None:
        place = LABEL + row.limit * scale
        yield f'<path d="M{_number(place)} {top + 1}V{top + LINE - 1}" stroke="#000" stroke-width="2"/>'
        left = max(left, place)
    yield _text(left + 6, top + 15, row.said)


def lines(title: str, unit: str, series: Sequence[Series], today: date) -> str:
    """Return values over days, with a mark at today. One point is a dot; none at all is said in the legend only."""
    height, floor = 220, 190
    days = [day for one in series for day, _value in one.points] + [today]
    first, last = min(days), max(days)
    most = _rounded(max((value for one in series for _day, value in one.points), default=1.0))
    across = (WIDTH - LABEL) / max(1, (last - first).days)

    def place(day: date, value: float) -> str:
        return f"{_number(LABEL / 2 + (day - first).days * across)} {_number(floor - value / most * (floor - 20))}"

    drawn = [f'<path d="M{place(first, 0)}H{WIDTH - LABEL / 2}" stroke="#000"/>']
    for value in (most / 2, most):
        drawn.append(f'<path d="M{place(first, value)}H{WIDTH - LABEL / 2}" stroke="#c8c8cb"/>')
        drawn.append(_text(LABEL / 2 - 8, float(place(first, value).split()[1]) + 4, f"{value:g}", "end"))
    for day in dict.fromkeys((first, today, last)):
        where = place(day, 0).split()[0]
        drawn.append(_text(float(where), floor + 18, day.isoformat(), "middle"))
    drawn.append(f'<path d="M{place(today, 0)}V20" stroke="#000" stroke-dasharray="2 3"/>')
    for one in series:
        points = [place(day, value) for day, value in one.points]
        if len(points) > 1:
            drawn.append(_stroke("L".join(points), one))
        for point in points[-1:]:
            x, y = point.split()
            drawn.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{one.tone.value[0]}"/>')
    return _chart(title, unit, height, drawn, [(_stroke("0 7H26", one), one.name) for one in series])


def _stroke(path: str, series: Series) -> str:
    dash = f' stroke-dasharray="{series.dashes}"' if series.dashes else ""
    return f'<path d="M{path}" fill="none" stroke="{series.tone.value[0]}" stroke-width="3"{dash}/>'


def calendar(title: str, unit: str, last: date, rows: Sequence[Days], signs: Signs) -> str:
    """Return a square for each day up to `last`, a line a row; Mondays are named above. Many rows: several drawings."""
    count = max((len(row.marks) for row in rows), default=0)
    size = min(LINE, (WIDTH - LABEL) / max(1, count))
    mondays: list[str] = []
    for index in range(count):
        day = last - timedelta(days=count - 1 - index)
        if day.weekday() == 0:
            place, anchor = (index, "start") if index < count - 2 else (count, "end")
            mondays.append(_text(LABEL + place * size, 14, f"{day.month}/{day.day}", anchor))

    def draw(index: int, row: Days) -> Iterator[str]:
        top = (index + 1) * LINE
        yield _text(LABEL - 8, top + 15, _fitting(row.label), "end")
        yield _box(LABEL, top + 2, count * size, LINE - 4, Tone.REST)
        yield from _squares(row.marks, top + 2, size)

    samples = [(_square(0, 0, 22, 14, tone, sign), meaning) for tone, sign, meaning in signs]
    return _charts(title, unit, rows, LINE, draw, mondays, samples)


def _squares(marks: Sequence[tuple[Tone, str] | None], top: float, size: float) -> Iterator[str]:
    """Yield the squares of one line; those without a sign are one path a tone, or a page of 500 schools is heavy."""
    plain: dict[Tone, list[str]] = {}
    for index, mark in enumerate(marks):
        left = LABEL + index * size + 1
        if mark and mark[1]:
            yield _square(left, top, size - 2, LINE - 4, *mark)
        elif mark:
            width = _number(size - 2)
            plain.setdefault(mark[0], []).append(f"M{_number(left)} {top}h{width}v{LINE - 4}h-{width}z")
    for tone, places in plain.items():
        yield f'<path class="days" d="{"".join(places)}" fill="{tone.value[0]}"/>'


def _charts(
    title: str,
    unit: str,
    rows: Sequence[Row],
    above: float,
    draw: Callable[[int, Row], Iterable[str]],
    heading: Sequence[str],
    samples: Sequence[tuple[str, str]],
) -> str:
    """Return drawings of about as many lines each, each with heading and legend: one squeezed onto a sheet is a sliver.

    `above` is the room for the heading, `draw` what a row looks like as line `index` of its drawing.
    """
    count = max(1, ceil(len(rows) / MOST_LINES))
    size = max(1, ceil(len(rows) / count))
    made = []
    for number in range(count):
        part = rows[number * size : (number + 1) * size]
        drawn = [piece for index, row in enumerate(part) for piece in draw(index, row)]
        name = f"{title} {number + 1}/{count}" if count > 1 else title
        made.append(_chart(name, unit, above + len(part) * LINE, [*heading, *drawn], samples))
    return "\n".join(made)


def _chart(title: str, unit: str, height: float, drawn: Iterable[str], samples: Sequence[tuple[str, str]]) -> str:
    """Return a drawing with its legend below: a sample and its meaning each, and at last the unit."""
    told = [*samples, ("", f"({unit})")] if unit else samples
    key, end = _key(told, height)
    return _drawing(title, unit, end, [*drawn, key])


def _boxes(legend: Legend) -> list[tuple[str, str]]:
    return [(_box(0, 0, 22, 14, tone), meaning) for tone, meaning in legend]


def _key(signs: Sequence[tuple[str, str]], height: float) -> tuple[str, float]:
    """Return the legend below a drawing of this height, each sign with its meaning, and where it ends."""
    drawn: list[str] = []
    left, top = float(LABEL), height + 10
    for sign, meaning in signs:
        width = 30 + FONT * _columns(meaning) / 2 + 18
        if left + width > WIDTH and left > LABEL:
            left, top = float(LABEL), top + LINE
        place = f"translate({_number(left)} {_number(top)})"
        drawn.append(f'<g transform="{place}">{sign}{_text(28 if sign else 0, 12, meaning)}</g>')
        left += width
    return "\n".join(drawn), top + LINE if signs else height + 4


def _drawing(title: str, unit: str, height: float, drawn: Iterable[str]) -> str:
    head = f"{title} ({unit})" if unit else title
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {_number(height)}" '
        f'font-size="{FONT}" font-family="sans-serif">\n<title>{text(head)}</title>\n'
        + "\n".join(drawn) + "\n</svg>"
    )


def _square(left: float, top: float, width: float, height: float, tone: Tone, sign: str) -> str:
    """Return the square of a day; where a sign is to be read on it, it has no pattern."""
    box = _box(left, top, width, height, tone, plain=True)
    return box + (_text(left + width / 2, top + height / 2 + 4.5, sign, "middle") if sign else "")


def _box(left: float, top: float, width: float, height: float, tone: Tone, plain: bool = False) -> str:
    """Return a box; a plain one has no pattern, because a sign is to be read on it."""
    colour, pattern = tone.value
    fill = f"url(#{tone.name.lower()})" if pattern and not plain else colour
    return (
        f'<rect x="{_number(left)}" y="{_number(top)}" width="{_number(max(0.0, width))}" height="{_number(height)}" '
        f'fill="{fill}"/>'
    )


def _text(left: float, top: float, content: str, anchor: str = "start") -> str:
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{_number(left)}" y="{_number(top)}"{place}>{text(content)}</text>'


def _length(row: Bar) -> float:
    return sum(value for value, _tone in row.parts or ())


def _columns(content: str) -> int:
    """Return how many half-width columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in content)


def _fitting(label: str) -> str:
    """Return a label that fits beside its bar; the table beside the chart has the whole."""
    most = LABEL * 2 // FONT - 2
    while _columns(label) > most:
        label = label.rstrip("…")[:-1] + "…"
    return label


def _rounded(most: float) -> float:
    """Return the end of a scale: 1, 2 or 5 times a power of ten, at least `most`."""
    if most <= 0:
        return 1.0
    power = 10.0 ** (ceil(log10(most)) - 1)
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= most))


def _number(value: float) -> str:
    """Return a coordinate with at most one decimal, the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")
