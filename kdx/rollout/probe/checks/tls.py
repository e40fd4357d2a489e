"""Whether a service's certificate holds, and for how long."""

from datetime import datetime

from kdx.language import N_
from kdx.rollout.probe.check import By, Check, Seen, Verdict, fails, passes, unknown


def judge_tls(seen: Seen) -> Verdict:
    """Who issued it is said: the authority of a proxy that looks inside shows there."""
    if fault := seen.raw.get("fault"):
        return fails(N_("its certificate does not hold: {fault}"), fault, fault=fault)
    try:
        until = datetime.fromisoformat(seen.raw["until"])
    except (KeyError, ValueError):
        return unknown(N_("it did not show a certificate"))
    days = (until - seen.now).days
    values = {"days": days, "issuer": seen.raw.get("issuer", ""), "version": seen.raw.get("version", "")}
    verdict = passes if days >= seen.figures["days_left"] else fails
    return verdict(N_("{days} days left, issued by {issuer} ({version})"), until.date().isoformat(), **values)


CHECKS = (Check("tls_sound", By.TLS, judge_tls),)
