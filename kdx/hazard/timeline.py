"""Read the three-hourly outlook (bosai/warning_timeline/data/OFFICE.json); decide nothing.

It is the one feed that speaks of lightning before it comes. Its shape is known from descriptions, not from a whole
file, so it is read by what it must hold: `timeDefines` beside the municipalities, and as many codes as there are steps.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from kdx.hazard.items import FeedUnclear, Outlook
from kdx.hazard.shape import items, mapping, moment, read_json, text, texts, unexpected
from kdx.language import N_

FEED = "warning_timeline"
STEP = timedelta(hours=3)


def read_timeline(body: bytes, area: str) -> tuple[Outlook, ...]:
    """Return the steps of one municipality. FeedUnclear where the file is another or does not name it."""
    root = read_json(body, FEED)
    top = root[0] if isinstance(root, list) and root else root
    found = None
    for series in items(mapping(top, FEED, "root").get("timeSeries"), FEED, "timeSeries"):
        steps = _of_area(mapping(series, FEED, "timeSeries[]"), area)
        if steps is not None:
            found = [*(found or ()), *steps]
    if found is None:
        raise FeedUnclear(feed=FEED, why=N_("the municipality is not in it"))
    return tuple(found)


def _of_area(series: dict[str, Any], area: str) -> list[Outlook] | None:
    times = [_start(one) for one in items(series.get("timeDefines"), FEED, "timeDefines")]
    kinds = None
    for item in _municipalities(series):
        if item.get("areaCode") == area:
            kinds = [*(kinds or ()), *items(item.get("kinds"), FEED, "kinds")]
    if kinds is None:
        return None
    return [step for kind in kinds for step in _steps(mapping(kind, FEED, "kinds[]"), times)]


def _municipalities(series: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of municipalities, which lie directly below the series or one name deeper."""
    holders = [series, *(value for value in series.values() if isinstance(value, dict))]
    for holder in holders:
        for item in items(holder.get("class20Items", []), FEED, "class20Items"):
            yield mapping(item, FEED, "class20Items[]")


def _steps(kind: dict[str, Any], times: list[datetime]) -> Iterator[Outlook]:
    for part in items(kind.get("significancyParts", []), FEED, "significancyParts"):
        name = text(mapping(part, FEED, "significancyParts[]"), "type", FEED)
        for local in items(part.get("locals"), FEED, "locals"):
            codes = texts(mapping(local, FEED, "locals[]").get("codes"), FEED, "codes")
            if len(codes) != len(times):
                raise unexpected(FEED, "codes")
            for number, (start, code) in enumerate(zip(times, codes)):
                end = times[number + 1] if number + 1 < len(times) else start + STEP
                yield Outlook(name, start, end, code)


def _start(value: Any) -> datetime:
    """Return when a step begins; it is a time, or an object that names one."""
    if isinstance(value, dict):
        value = value.get("dateTime", value.get("dateTimeStart"))
    return moment(value, FEED, "timeDefines")
