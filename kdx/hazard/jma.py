"""Read 気象庁 warnings, from its servers or from files, and give one municipality's picture; decide nothing.

Never returns an empty list for a feed that could not be read, was stale, or had an unknown shape: it is FeedUnclear,
the picture carries it as a doubt, and the level becomes UNKNOWN. (The old address has answered 200 with frozen data
since 2026-05-28.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kdx import __version__
from kdx.config.model import Network, WeatherAreas
from kdx.errors import UsageMistake
from kdx.hazard.codes import Codes
from kdx.hazard.fetch import Feed, fetch, together
from kdx.hazard.items import FeedUnclear, Outlook, Picture, Report, River
from kdx.hazard.picture import Sources, compose, doubts_about_reports, doubts_about_time, in_force
from kdx.hazard.r8 import read_r8
from kdx.hazard.rivers import read_rivers
from kdx.hazard.shape import mapping, moment, read_json
from kdx.hazard.telegram import Entry, read_entries, read_telegram
from kdx.hazard.timeline import read_timeline
from kdx.language import N_, _

BEHIND = timedelta(minutes=10)
"""So long the JSON may be behind the telegram it is made from."""
WARNINGS = ("VPWW54", "VPWW55", "VPWW56", "VPWW57", "VPWW58", "VPWW59", "VPWW60", "VPWW61")
WHOLE = "VPWW54"
"""The one telegram that holds everything of a prefecture, floods among it; issued beside the others until 2028."""
LONG_LIST_LIMIT = 16 << 20
LONG_LIST_REST = timedelta(hours=6)
FILE_LIMIT = 20_000_000

SHORT_PATIENCE = 8
"""Seconds for each step of the fallback; with the poll itself a tick stays well below its minute."""

Get = Callable[[Feed], bytes]
Entries = tuple[Entry, ...]
Told = tuple[Report | River | Outlook, ...] | datetime
"""What one file says."""


class FolderUnreadable(UsageMistake):
    """The folder of an offline drop cannot be read."""

    message = N_("The folder {path} cannot be read: {why}.")
    advice = N_("Name a file or a folder with 気象庁's files after --from.")


@dataclass(frozen=True, slots=True)
class Watch:
    """Which municipality is watched, and what is needed to ask."""

    areas: WeatherAreas
    network: Network
    codes: Codes
    folder: Path
    """Where feeds are kept between ticks."""


def feeds_of(areas: WeatherAreas) -> dict[str, Feed]:
    """Return the addresses that are asked."""
    bosai, xml = areas.bosai.rstrip("/"), areas.xml.rstrip("/")
    return {
        "r8": Feed("r8", f"{bosai}/warning/data/r8/{areas.office}.json"),
        "flood_xml": Feed("flood_xml", f"{bosai}/flood/data/r8/flood_xml.json"),
        "map_time": Feed("map_time", f"{bosai}/warning/data/r8/map_time.json", 65536),
        "warning_timeline": Feed(
            "warning_timeline", f"{bosai}/warning_timeline/data/{areas.office}.json", rest=timedelta(minutes=28)
        ),
        "list": Feed("list", f"{xml}/feed/extra.xml", rest=timedelta(minutes=58)),
        "long_list": Feed("long_list", f"{xml}/feed/extra_l.xml", LONG_LIST_LIMIT, LONG_LIST_REST),
    }


def poll(watch: Watch, now: datetime) -> Picture:
    """Ask 気象庁 and return the picture. Takes at most some 40 seconds, whatever its servers do; never raises."""
    from kdx.remotes.network import for_urllib

    opener = for_urllib(watch.network)
    contact = f" (+{watch.areas.contact})" if watch.areas.contact else ""
    feeds = feeds_of(watch.areas)

    def get(feed: Feed) -> bytes:
        return fetch(feed, watch.folder, opener, f"kdx/{__version__}{contact}", now)

    area = watch.areas.class20
    told = together(
        {
            "r8": lambda: read_r8(get(feeds["r8"])),
            "flood_xml": lambda: read_rivers(get(feeds["flood_xml"])),
            "warning_timeline": lambda: read_timeline(get(feeds["warning_timeline"]), area),
            "map_time": lambda: (read_map_time(get(feeds["map_time"])),),
            "list": lambda: read_entries(get(feeds["list"])),
        }
    )
    sources = _gather(told, (feeds["r8"].url, feeds["flood_xml"].url))
    if _needs_telegrams(sources, watch, now) or _is_behind(sources, told["list"], watch.areas.office, now):
        sources = _with_telegrams(sources, watch, get, now)
    return compose(area, now, watch.codes, sources)


def _gather(told: Mapping[str, tuple[Any, ...] | FeedUnclear], places: tuple[str, ...]) -> Sources:
    """Return what was told; a feed that failed leaves a doubt, the outlook only a note."""

    def given(name: str) -> tuple[Any, ...]:
        value = told[name]
        return value if isinstance(value, tuple) else ()

    failed = {name: one for name, one in told.items() if isinstance(one, FeedUnclear)}
    return Sources(
        reports=given("r8"),
        rivers=given("flood_xml"),
        outlook=given("warning_timeline"),
        alive=next(iter(given("map_time")), None),
        places=places,
        doubts=tuple(failed[name] for name in ("r8", "flood_xml", "map_time") if name in failed),
        notes=tuple(failed[name] for name in ("warning_timeline",) if name in failed),
    )


def read_map_time(body: bytes) -> datetime:
    """Return when 気象庁 last wrote any warning of the country."""
    return moment(mapping(read_json(body, "map_time"), "map_time", "root").get("latestControlDatetime"),
                  "map_time", "latestControlDatetime")


def _needs_telegrams(sources: Sources, watch: Watch, now: datetime) -> bool:
    """Whether the JSON leaves a doubt that telegrams may lift."""
    if sources.doubts or (sources.alive and any(doubts_about_time(sources.alive, now))):
        return True
    reports = in_force(sources.reports, lambda one: one.type)
    return any(doubts_about_reports(reports, watch.areas.class20, watch.codes))


def _is_behind(sources: Sources, entries: tuple[Any, ...] | FeedUnclear, office: str, now: datetime) -> bool:
    """Whether telegrams were sent that the JSON does not show: so it was when the old address was frozen."""
    newest = {report.type: report.controlled for report in sources.reports}
    for entry in _ours(entries, office):
        known = newest.get(entry.type)
        if entry.type != WHOLE and (known is None or entry.updated - known > BEHIND) and now - entry.updated > BEHIND:
            return True
    return False


def _with_telegrams(sources: Sources, watch: Watch, get: Get, now: datetime) -> Sources:
    """Return the sources with what the newest telegrams say.

    Where the telegram that holds everything is there and the list is alive, it settles what the JSON left open;
    otherwise the doubts stay, and what the telegrams say counts beside what the JSON said.
    """
    entries = _newest_entries(watch, get)
    base = watch.areas.xml.rstrip("/")
    newest = {entry.type: entry for entry in sorted(_ours(entries, watch.areas.office), key=lambda one: one.updated)}
    telegrams = together({type: _telegram(base, entry, get) for type, entry in newest.items()}, SHORT_PATIENCE)
    reports = tuple(one for one in telegrams.values() if isinstance(one, Report))
    alive = max((entry.updated for entry in entries), default=None)
    if alive and isinstance(telegrams.get(WHOLE), Report) and not any(doubts_about_time(alive, now)):
        notes = (*sources.notes, *sources.doubts)
        places = (*sources.places, newest[WHOLE].url)
        return Sources(reports, sources.rivers, sources.outlook, alive, places, notes=notes)
    doubts = sources.doubts or (FeedUnclear(feed="r8", why=N_("newer telegrams were sent than it shows")),)
    return replace(sources, reports=(*sources.reports, *reports), doubts=doubts)


def _newest_entries(watch: Watch, get: Get) -> Entries:
    """Return what the short list names, and where it lacks the one that holds everything, the long list too."""
    feeds = feeds_of(watch.areas)
    fresh = replace(feeds["list"], rest=timedelta(seconds=55))
    entries = together({"list": lambda: read_entries(get(fresh))}, SHORT_PATIENCE)["list"]
    found = () if isinstance(entries, FeedUnclear) else entries
    if not any(entry.type == WHOLE for entry in _ours(found, watch.areas.office)):
        more = together({"long list": lambda: read_entries(get(feeds["long_list"]))}, SHORT_PATIENCE)["long list"]
        found += () if isinstance(more, FeedUnclear) else more
    return found


def _ours(entries: tuple[Any, ...] | FeedUnclear, office: str) -> Iterator[Entry]:
    if isinstance(entries, tuple):
        yield from (entry for entry in entries if entry.office == office and entry.type in WARNINGS)


def _telegram(base: str, entry: Entry, get: Get) -> Callable[[], Report | River]:
    """Return the task that fetches one telegram: by its name from the known server, never from where the list says."""
    name = entry.url.rpartition("/")[2]
    feed = Feed(f"telegram-{entry.type}", f"{base}/data/{name}", rest=timedelta(days=365))
    return lambda: read_telegram(get(feed))


def from_files(path: Path, watch: Watch, now: datetime) -> Picture:
    """Return the picture that a file or a folder of them gives: an offline drop.

    One file is judged alone. A folder must hold warnings and floods (or the telegram that holds both); map_time.json
    and warning_timeline.json are read where they are there.
    """
    try:
        files = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    except OSError as error:
        raise FolderUnreadable(path=path, why=error.strerror) from error
    told: list[Told] = []
    doubts: list[FeedUnclear] = []
    for file in files:
        try:
            told.append(read_file(file, watch.areas.class20))
        except FeedUnclear as error:
            doubts.append(FeedUnclear(feed=file.name, why=error.values["why"]))
    sources = _sorted_out(told, tuple(map(str, files)))
    floods = any(one == () or isinstance(one, tuple) and isinstance(one[0], River) for one in told)
    if path.is_dir() and not floods and not any(one.type == WHOLE for one in sources.reports):
        doubts.append(FeedUnclear(feed="flood_xml", why=N_("it is missing in the folder")))
    return compose(watch.areas.class20, now, watch.codes, replace(sources, doubts=tuple(doubts)))


def _sorted_out(told: Iterable[Told], places: tuple[str, ...]) -> Sources:
    """Return what files told, each kind in its place."""
    every = [one for part in told if isinstance(part, tuple) for one in part]
    return Sources(
        reports=tuple(one for one in every if isinstance(one, Report)),
        rivers=tuple(one for one in every if isinstance(one, River)),
        outlook=tuple(one for one in every if isinstance(one, Outlook)),
        alive=max((part for part in told if isinstance(part, datetime)), default=None),
        places=places,
    )


def read_file(file: Path, area: str) -> Told:
    """Return what one file says, whichever of 気象庁's it is. FeedUnclear where it is none of them."""
    try:
        if file.stat().st_size > FILE_LIMIT:
            raise FeedUnclear(feed=file.name, why=N_("the file is larger than any such file"))
        body = file.read_bytes()
    except OSError as error:
        why = _("the file cannot be read ({why})").format(why=error.strerror)
        raise FeedUnclear(feed=file.name, why=why) from error
    return read_body(body, area)


def read_body(body: bytes, area: str) -> Told:
    """Return what a body says: a telegram, an r8 office file, flood_xml, warning_timeline or map_time."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return (read_telegram(body),)
    root = read_json(body, "JSON")
    first = root[0] if isinstance(root, list) and root else root
    keys = first if isinstance(first, dict) else {}
    if "latestControlDatetime" in keys:
        return read_map_time(body)
    if "timeSeries" in keys and "areaTypes" not in keys:
        return read_timeline(body, area)
    if root == [] or "riverCode" in keys:
        return read_rivers(body)
    return read_r8(body)
