"""Telegrams beside the JSON: what it does not show, and what stands in for it where it is gone. Decides no level.

Nothing found here ever makes a picture calmer, but for the one telegram that holds everything of a prefecture: what a
list of telegrams does not name may have been sent all the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kdx.hazard.codes import Codes
from kdx.hazard.feeds import Get, Watch, feeds_of
from kdx.hazard.fetch import Feed, together
from kdx.hazard.items import FeedUnclear, Level, Report, River
from kdx.hazard.picture import Sources, doubts_about_reports, doubts_about_time, in_force
from kdx.hazard.telegram import Entry, read_entries, read_telegram
from kdx.language import N_

BEHIND = timedelta(minutes=10)
"""So long the JSON may be behind the telegram it is made from."""
WARNINGS = ("VPWW54", "VPWW55", "VPWW56", "VPWW57", "VPWW58", "VPWW59", "VPWW60", "VPWW61")
WHOLE = "VPWW54"
"""The one telegram that holds everything of a prefecture, floods among it; issued beside the others until 2028."""
FLOODS = ("VXKO",)
"""What the types of flood forecasts begin with; two digits tell the rivers of an observatory apart."""
BEHIND_WHY = N_("newer telegrams were sent than it shows")

SHORT_PATIENCE = 8
"""Seconds for each step of the fallback; with the poll itself a tick stays well below its minute."""

Entries = tuple[Entry, ...]
Told = Report | River | FeedUnclear


def cross_checked(
    sources: Sources, listed: tuple[object, ...] | FeedUnclear, watch: Watch, get: Get, now: datetime
) -> Sources:
    """Return what the JSON gave, with what telegrams add to it. `listed`: the short list, as last looked at."""
    office = watch.areas.office
    entries = tuple(one for one in listed if isinstance(one, Entry)) if isinstance(listed, tuple) else ()
    in_doubt = _needs_telegrams(sources, watch, now) or _is_behind(sources, entries, office, now)
    if in_doubt:
        entries = _newest_entries(watch, get)
    wanted = [*_ours(entries, office, WARNINGS)] if in_doubt else []
    wanted += [one for one in _ours(entries, office, FLOODS) if in_doubt or now - one.updated > BEHIND]
    newest = {entry.type: entry for entry in sorted(wanted, key=lambda one: one.updated)}
    base = watch.areas.xml.rstrip("/")
    told = together({type: _telegram(base, entry, get) for type, entry in newest.items()}, SHORT_PATIENCE)
    if in_doubt:
        alive = max((entry.updated for entry in entries), default=None)
        sources = _with_warnings(sources, told, alive, now)
        if isinstance(told.get(WHOLE), Report):
            sources = replace(sources, places=(*sources.places, newest[WHOLE].url))
    return _with_floods(sources, told, watch)


def _needs_telegrams(sources: Sources, watch: Watch, now: datetime) -> bool:
    """Whether the JSON leaves a doubt that telegrams may lift."""
    if sources.doubts or (sources.alive and any(doubts_about_time(sources.alive, now))):
        return True
    reports = in_force(sources.reports, lambda one: one.type)
    return any(doubts_about_reports(reports, watch.areas.class20, watch.codes))


def _is_behind(sources: Sources, entries: Entries, office: str, now: datetime) -> bool:
    """Whether telegrams were sent that the JSON does not show: so it was when the old address was frozen."""
    newest = {report.type: report.controlled for report in sources.reports}
    for entry in _ours(entries, office, WARNINGS):
        known = newest.get(entry.type)
        if entry.type != WHOLE and (known is None or entry.updated - known > BEHIND) and now - entry.updated > BEHIND:
            return True
    return False


def _with_warnings(sources: Sources, told: Mapping[str, Told], alive: datetime | None, now: datetime) -> Sources:
    """Return the sources with what the newest warnings say.

    Where the telegram that holds everything is there and the list is alive, it settles what the JSON left open;
    otherwise the doubts stay, and what the telegrams say counts beside what the JSON said.
    """
    reports = tuple(one for one in told.values() if isinstance(one, Report))
    if alive and isinstance(told.get(WHOLE), Report) and not any(doubts_about_time(alive, now)):
        return replace(sources, reports=reports, alive=alive, doubts=(), notes=(*sources.notes, *sources.doubts))
    doubts = sources.doubts or (FeedUnclear(feed="r8", why=BEHIND_WHY),)
    return replace(sources, reports=(*sources.reports, *reports), doubts=doubts)


def _with_floods(sources: Sources, told: Mapping[str, Told], watch: Watch) -> Sources:
    """Return the sources with the flood forecasts in force that flood_xml does not show, and that as a doubt."""
    known = {one.river: one.reported for one in sorted(sources.rivers, key=lambda one: one.reported)}
    rivers = in_force((one for one in told.values() if isinstance(one, River)), lambda one: one.river)
    missed = tuple(
        one for one in rivers
        if watch.areas.class20 in one.municipalities and _warns(one, watch.codes)
        and (one.river not in known or known[one.river] < one.reported)
    )
    failed = tuple(one for type, one in told.items() if type.startswith(FLOODS) and isinstance(one, FeedUnclear))
    sources = replace(sources, rivers=(*sources.rivers, *missed), notes=(*sources.notes, *failed))
    unread = any(one.values["feed"] == "flood_xml" for one in (*sources.doubts, *sources.notes))
    if missed and not unread:
        return replace(sources, doubts=(*sources.doubts, FeedUnclear(feed="flood_xml", why=BEHIND_WHY)))
    return sources


def _warns(river: River, codes: Codes) -> bool:
    """Whether a forecast warns; a code that nobody knows does."""
    meaning = codes.rivers.get(river.code[:1])
    return meaning is None or meaning.level is not Level.CLEAR


def _newest_entries(watch: Watch, get: Get) -> Entries:
    """Return what the short list names, and where it lacks the one that holds everything, the long list too."""
    feeds = feeds_of(watch.areas)
    fresh = replace(feeds["list"], rest=timedelta(seconds=55))
    entries = together({"list": lambda: read_entries(get(fresh))}, SHORT_PATIENCE)["list"]
    found = () if isinstance(entries, FeedUnclear) else entries
    if not any(_ours(found, watch.areas.office, (WHOLE,))):
        more = together({"long list": lambda: read_entries(get(feeds["long_list"]))}, SHORT_PATIENCE)["long list"]
        found += () if isinstance(more, FeedUnclear) else more
    return found


def _ours(entries: Entries, office: str, types: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the telegrams of our observatory whose type begins with one of these."""
    return (entry for entry in entries if entry.office == office and entry.type.startswith(types))


def _telegram(base: str, entry: Entry, get: Get) -> Callable[[], Report | River]:
    """Return the task that fetches one telegram: by its name from the known server, never from where the list says."""
    name = entry.url.rpartition("/")[2]
    feed = Feed(f"telegram-{entry.type}", f"{base}/data/{name}", rest=timedelta(days=365))
    return lambda: read_telegram(get(feed))
