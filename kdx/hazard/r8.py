"""Read the warnings of one observatory (bosai/warning/data/r8/OFFICE.json); decide nothing.

An array with one element per data type. A type that is absent was not issued; one that is there lists every
municipality, quiet ones with a status and without a code. The old address (an object with `areaTypes`) has answered
200 with frozen data since 2026-05-28: its shape is refused.
"""

from typing import Any

from kdx.hazard.items import FeedUnclear, Kind, Report
from kdx.hazard.shape import area_code, items, mapping, moment, read_json, text, texts
from kdx.language import N_

FEED = "r8"


def read_r8(body: bytes) -> tuple[Report, ...]:
    """Return the reports of an office file, in its order. FeedUnclear where it is not one."""
    root = read_json(body, FEED)
    if isinstance(root, dict) and ("areaTypes" in root or "headlineText" in root):
        raise FeedUnclear(feed=FEED, why=N_("this is the old address, which has stood still since 2026-05-28"))
    elements = items(root, FEED, "root")
    if not elements:
        raise FeedUnclear(feed=FEED, why=N_("the file names no report at all"))
    return tuple(_report(mapping(element, FEED, "root[]")) for element in elements)


def _report(element: dict[str, Any]) -> Report:
    warning = mapping(element.get("warning"), FEED, "warning")
    listed = items(warning.get("class20Items"), FEED, "class20Items")
    areas = dict(_area(mapping(one, FEED, "class20Items[]")) for one in listed)
    return Report(
        type=text(element, "dataTypeCode", FEED),
        reported=moment(element.get("reportDatetime"), FEED, "reportDatetime"),
        controlled=moment(element.get("controlDatetime"), FEED, "controlDatetime"),
        status=text(element, "status", FEED, "通常"),
        info=text(element, "infoType", FEED),
        areas=areas,
        office=text(element, "publishingOffice", FEED, ""),
        headline=text(element, "headlineText", FEED, ""),
    )


def _area(item: dict[str, Any]) -> tuple[str, tuple[Kind, ...]]:
    kinds = items(item.get("kinds"), FEED, "kinds")
    if not kinds:
        raise FeedUnclear(feed=FEED, why=N_("a municipality is listed without any statement"))
    return (
        area_code(item.get("areaCode"), 7, FEED, "areaCode"),
        tuple(_kind(mapping(kind, FEED, "kinds[]")) for kind in kinds),
    )


def _kind(kind: dict[str, Any]) -> Kind:
    return Kind(
        code=text(kind, "code", FEED, ""),
        status=text(kind, "status", FEED),
        significancies=tuple(_significancies(kind)),
        additions=texts(kind.get("additions", []), FEED, "additions"),
    )


def _significancies(kind: dict[str, Any]) -> list[str]:
    """Return the codes of 危険度 below `properties`; a property without any is ordinary."""
    found = []
    for one in items(kind.get("properties", []), FEED, "properties"):
        part = mapping(mapping(one, FEED, "properties[]").get("significancyPart", {}), FEED, "significancyPart")
        for place in ("base", "locals"):
            value = part.get(place, [])
            for local in [value] if isinstance(value, dict) else items(value, FEED, place):
                if "code" in mapping(local, FEED, place):
                    found.append(text(local, "code", FEED))
    return found
