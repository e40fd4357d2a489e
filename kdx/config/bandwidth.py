"""How fast a line may be used, as people say it. Parses only."""

import re

from kdx.errors import UsageMistake
from kdx.language import N_

_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kMG]?)(bit|bit/s|bps|B/s)", re.IGNORECASE)
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


class BandwidthUnclear(UsageMistake):
    """A bandwidth is not a number with a unit."""

    message = N_("The bandwidth {text!r} is not understood.")
    advice = N_("Write bits as lines are sold (20Mbit, 500kbit, 1Gbit) or bytes (2.5MB/s).")


def parse_bandwidth(text: str) -> int:
    """Given "20Mbit" or "2.5MB/s", return bytes per second (decimal units, at least 1)."""
    form = _FORM.fullmatch(text.strip())
    if not form:
        raise BandwidthUnclear(text=text)
    amount = float(form[1]) * _SCALE[form[2].lower()]
    per_second = int(amount if form[3][0] == "B" else amount / 8)
    if per_second < 1:
        raise BandwidthUnclear(text=text)
    return per_second
