"""Read XML telegrams of 気象庁 (VPWW53 to 61, VXKO) and the Atom feed that lists them; decide nothing.

The documented and official way: cross-check and fallback for the JSON. Names are always written with their namespace:
a bare name finds nothing in these documents, and nothing found would read as calm.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kdx.hazard.items import FeedUnclear, Kind, Report, River
from kdx.hazard.shape import area_code, moment
from kdx.language import N_, _

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

FEED = "XML"
ROOT = "{http://xml.kishou.go.jp/jmaxml1/}"
HEAD = "{http://xml.kishou.go.jp/jmaxml1/informationBasis1/}"
BODY = "{http://xml.kishou.go.jp/jmaxml1/body/meteorology1/}"
ATOM = "{http://www.w3.org/2005/Atom}"
MUNICIPALITIES = "（市町村等）"
TYPE_OF_TITLE = {
    "大雨": "VPWW55", "土砂": "VPWW56", "高潮": "VPWW57", "暴風": "VPWW58", "波浪": "VPWW59", "大雪": "VPWW60",
    "その他": "VPWW61",
}
"""A telegram does not name its own data type; its title does, in words. Without one of these it is a VPWW54."""

_FILE_NAME = re.compile(r"/([0-9]{14})_[0-9]+_(VP[A-Z]{2}[0-9]{2}|VXKO[0-9]{2})_([0-9]{6})\.xml$")
_NOTICE = re.compile(r"〈[^〉]*レベル([2-5])[^〉]*〉")


@dataclass(frozen=True, slots=True)
class Entry:
    """One telegram as the Atom feed lists it."""

    type: str
    office: str
    updated: datetime
    url: str


def read_telegram(body: bytes) -> Report | River:
    """Return what one telegram says. FeedUnclear where it is none, or of a kind kdx does not read."""
    root = _parse(body)
    if root.tag != f"{ROOT}Report":
        raise FeedUnclear(feed=FEED, why=N_("this is not a telegram"))
    kind = _text(root, f"{HEAD}Head/{HEAD}InfoKind")
    if kind == "気象警報・注意報":
        return _warning(root)
    if kind == "指定河川洪水予報":
        return _river(root)
    raise FeedUnclear(feed=FEED, why=_("telegrams of the kind {kind} are not read").format(kind=kind))


def read_entries(body: bytes) -> tuple[Entry, ...]:
    """Return the warnings and flood forecasts an Atom feed lists, newest first. FeedUnclear where it is no feed."""
    root = _parse(body)
    entries = root.findall(f"{ATOM}entry")
    if root.tag != f"{ATOM}feed" or not entries:
        raise FeedUnclear(feed=FEED, why=N_("the list of telegrams is empty"))
    found = []
    for entry in entries:
        url = _text(entry, f"{ATOM}id")
        name = _FILE_NAME.search(url)
        if name:
            found.append(Entry(name[2], name[3], moment(_text(entry, f"{ATOM}updated"), FEED, "updated"), url))
    return tuple(sorted(found, key=lambda entry: entry.updated, reverse=True))


def _parse(body: bytes) -> "Element":
    from xml.etree.ElementTree import ParseError

    from defusedxml.ElementTree import fromstring

    if not body.strip():
        raise FeedUnclear(feed=FEED, why=N_("the answer is empty"))
    if body[:500].lstrip()[:9].lower() in (b"<!doctype", b"<html") or b"<html" in body[:500].lower():
        raise FeedUnclear(feed=FEED, why=N_("a web page came instead of data"))
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        # defusedxml's refusals (a DOCTYPE, an entity) are ValueErrors
        raise FeedUnclear(feed=FEED, why=N_("the answer is cut off or no proper XML")) from error
    return root


def _warning(root: "Element") -> Report:
    title = _text(root, f"{ROOT}Control/{ROOT}Title")
    blocks = [one for one in root.iter(f"{BODY}Warning") if one.get("type", "").endswith(MUNICIPALITIES)]
    areas: dict[str, tuple[Kind, ...]] = {}
    for item in (item for block in blocks for item in block.findall(f"{BODY}Item")):
        code = area_code(_text(item, f"{BODY}Area/{BODY}Code"), 7, FEED, "Area/Code")
        areas[code] = (*areas.get(code, ()), *map(_kind, item.findall(f"{BODY}Kind")))
    if not areas and _text(root, f"{HEAD}Head/{HEAD}InfoType") != "取消":
        raise FeedUnclear(feed=FEED, why=N_("the telegram names no municipality"))
    return Report(type=_type(title), areas=areas, notice_level=_notice_level(root), **_common(root))


def _type(title: str) -> str:
    part = title.rpartition("（")[2]
    return next((name for word, name in TYPE_OF_TITLE.items() if part.startswith(word)), "VPWW54")


def _kind(kind: "Element") -> Kind:
    codes = kind.iterfind(f"{BODY}Property/{BODY}SignificancyPart//{BODY}Significancy/{BODY}Code")
    return Kind(
        code=_text(kind, f"{BODY}Code", ""),
        status=_text(kind, f"{BODY}Status"),
        significancies=tuple(one.text or "" for one in codes),
        additions=tuple(one.text or "" for one in kind.iterfind(f"{BODY}Addition/{BODY}Note")),
    )


def _notice_level(root: "Element") -> int:
    """Return the highest level a notice names: VPWW53/54 carry 危険警報 and 氾濫 levels as text only."""
    texts = (unicodedata.normalize("NFKC", one.text or "") for one in root.iter(f"{BODY}Notice"))
    return max((int(level) for text in texts for level in _NOTICE.findall(text)), default=0)


def _river(root: "Element") -> River:
    information = root.iterfind(f"{HEAD}Head/{HEAD}Headline/{HEAD}Information")
    items = [item for one in information if "予報区域" in one.get("type", "") for item in one.iter(f"{HEAD}Item")]
    if not items:
        raise FeedUnclear(feed=FEED, why=N_("the flood forecast names no river"))
    gravest = max(items, key=lambda item: _text(item, f"{HEAD}Kind/{HEAD}Code"))
    common = _common(root)
    return River(
        name=unicodedata.normalize("NFKC", _text(gravest, f"{HEAD}Areas/{HEAD}Area/{HEAD}Name")),
        river=_text(gravest, f"{HEAD}Areas/{HEAD}Area/{HEAD}Code"),
        code=_text(gravest, f"{HEAD}Kind/{HEAD}Code"),
        reported=common["reported"],
        status=common["status"],
        info=common["info"],
        municipalities=tuple(dict.fromkeys(_cities(root))),
        serial=int(_text(root, f"{HEAD}Head/{HEAD}Serial", "0") or 0),
    )


def _cities(root: "Element") -> Iterator[str]:
    """Yield the municipalities that may be flooded."""
    for item in root.iterfind(f"{BODY}Body/{BODY}Warning/{BODY}Item"):
        for city in item.iterfind(f"{BODY}Areas/{BODY}Area/{BODY}CityCode"):
            yield area_code(city.text, 7, FEED, "CityCode")


def _common(root: "Element") -> dict[str, Any]:
    """Return what every telegram says of itself."""
    return {
        "reported": moment(_text(root, f"{HEAD}Head/{HEAD}ReportDateTime"), FEED, "ReportDateTime"),
        "controlled": moment(_text(root, f"{ROOT}Control/{ROOT}DateTime"), FEED, "DateTime"),
        "status": _text(root, f"{ROOT}Control/{ROOT}Status"),
        "info": _text(root, f"{HEAD}Head/{HEAD}InfoType"),
        "office": _text(root, f"{ROOT}Control/{ROOT}PublishingOffice"),
        "headline": _text(root, f"{HEAD}Head/{HEAD}Headline/{HEAD}Text", ""),
    }


def _text(element: "Element", path: str, default: str | None = None) -> str:
    found = element.find(path)
    value = default if found is None else (found.text or "").strip()
    if value is None:
        raise FeedUnclear(feed=FEED, why=_("{key} is missing").format(key=path.rpartition("}")[2]))
    return value
