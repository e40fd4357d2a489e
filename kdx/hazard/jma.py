"""Read 気象庁 warnings, from its servers or from files, and give one municipality's picture; decide nothing.

Never returns an empty list for a feed that could not be read, was stale, or had an unknown shape: it is FeedUnclear,
the picture carries it as a doubt, and the level becomes UNKNOWN. (The old address has answered 200 with frozen data
since 2026-05-28.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kdx import __version__
from kdx.errors import UsageMistake
from kdx.hazard.cross_check import WHOLE, cross_checked
from kdx.hazard.feeds import Watch, feeds_of
from kdx.hazard.fetch import Feed, fetch, together
from kdx.hazard.items import FeedUnclear, Outlook, Picture, Report, River
from kdx.hazard.picture import Sources, compose
from kdx.hazard.r8 import read_r8
from kdx.hazard.rivers import read_rivers
from kdx.hazard.shape import mapping, moment, read_json
from kdx.hazard.telegram import read_entries, read_telegram
from kdx.hazard.timeline import read_timeline
from kdx.language import N_, _

FILE_LIMIT = 20_000_000

Told = tuple[Report | River | Outlook, ...] | datetime
"""What one file says."""


class FolderUnreadable(UsageMistake):
    """The folder of an offline drop cannot be read."""

    message = N_("The folder {path} cannot be read: {why}.")
    advice = N_("Name a file or a folder with 気象庁's files after --from.")


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
    return compose(area, now, watch.codes, cross_checked(sources, told["list"], watch, get, now))


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
