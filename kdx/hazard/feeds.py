"""Which addresses of 気象庁 are asked, how large their answers may be, and how long an answer is good enough."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kdx.config.model import Network, WeatherAreas
from kdx.hazard.codes import Codes
from kdx.hazard.fetch import Feed

LONG_LIST_LIMIT = 16 << 20
LONG_LIST_REST = timedelta(hours=6)

Get = Callable[[Feed], bytes]


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
