"""Read the flood forecasts of designated rivers (bosai/flood/data/r8/flood_xml.json); decide nothing.

An array for the whole country, empty when none is in force: the one feed in which nothing means nothing.
"""

import unicodedata
from typing import Any

from kdx.hazard.items import River
from kdx.hazard.shape import area_code, items, mapping, moment, read_json, text

FEED = "flood_xml"


def read_rivers(body: bytes) -> tuple[River, ...]:
    """Return every river listed. FeedUnclear where it is not such a file."""
    return tuple(_river(mapping(one, FEED, "root[]")) for one in items(read_json(body, FEED), FEED, "root"))


def _river(record: dict[str, Any]) -> River:
    serial = text(record, "serial", FEED, "")
    return River(
        # digits in names come full-width or half-width
        name=unicodedata.normalize("NFKC", text(record, "riverName", FEED)),
        river=text(record, "riverCode", FEED),
        code=text(mapping(record.get("item"), FEED, "item"), "code", FEED),
        reported=moment(record.get("reportDatetime"), FEED, "reportDatetime"),
        status=text(record, "status", FEED, "通常"),
        info=text(record, "infoType", FEED),
        municipalities=tuple(
            area_code(code, 7, FEED, "class20Codes")
            for code in items(record.get("class20Codes"), FEED, "class20Codes")
        ),
        serial=int(serial) if serial.isascii() and serial.isdecimal() and len(serial) < 10 else 0,
    )
