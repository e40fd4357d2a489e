"""Whether the power will last until the server has been shut down, as the UPS itself says."""

import re
from datetime import date

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown

GOOD = frozenset({"OL", "CHRG", "HB", "TRIM", "BOOST", "ECO"})
BAD = {
    "OB": N_("it runs on its battery"), "LB": N_("its battery is low"), "RB": N_("its battery must be replaced"),
    "DISCHRG": N_("its battery is being emptied"), "FSD": N_("it is being shut down"), "OFF": N_("it is switched off"),
    "BYPASS": N_("it passes the mains through unprotected"), "OVER": N_("it is overloaded"),
    "ALARM": N_("it gives alarm"),
}
_DAY = re.compile(r"([0-9]{4})[/-]([0-9]{2})[/-]([0-9]{2})")


def judge_ups(seen: Seen) -> Verdict:
    """On mains, charged, enough time to shut down, and no old battery. What the driver cannot tell is not known."""
    status = seen.raw.get("ups.status", "ERR")
    if status.startswith("ERR"):
        return unknown(N_("the server has lost the UPS ({word})"), status, word=status.removeprefix("ERR").strip())
    words = status.split()
    for word in words:
        if word in BAD:
            return fails(BAD[word], status)
    if "OL" not in words or not GOOD.issuperset(words):
        return unknown(N_("its state is not understood: {words}"), status, words=status)
    for name, message in (
        ("battery.charge", N_("its battery is charged to {figure} %, {least} % are asked for")),
        ("battery.runtime", N_("it would last {figure} seconds, {least} are asked for")),
    ):
        value = _number(seen.raw.get(name, ""))
        least = seen.figures[name.partition(".")[2]]
        if value is None:
            return unknown(N_("it does not tell {name}"), name=name)
        if value < least:
            return fails(message, str(value), figure=value, least=least)
    return _judge_age(seen, status)


def _judge_age(seen: Seen, status: str) -> Verdict:
    charge, runtime = seen.raw["battery.charge"], seen.raw["battery.runtime"]
    value = f"{status} {charge} % {runtime} s"
    found = _DAY.search(seen.raw.get("battery.date", ""))
    try:
        born = date(*map(int, found.groups())) if found else None
    except ValueError:
        born = None
    if born and (seen.now.date() - born).days > seen.figures["battery_years"] * 365.25:
        return fails(N_("its battery is from {day}"), str(born), day=born)
    text = N_("on mains, {charge} % charged, {runtime} seconds") if born else N_(
        "on mains, {charge} % charged, {runtime} seconds; the age of its battery is not told"
    )
    return passes(text, value, charge=charge, runtime=runtime)


def _number(text: str) -> int | None:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


CHECKS = (Check("ups_ready", By.UPS, judge_ups),)
