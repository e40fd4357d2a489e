"""What may be reached, what may not, and what a resolver keeps back."""

from kdx.language import N_
from kdx.remotes.dialogues.line import Outcome
from kdx.rollout.probe.check import By, Check, Result, Seen, Verdict, fails, passes, unknown
from kdx.rollout.reason import because

OPEN, CLOSED = "open", "closed"
"""What a way is expected to be."""
IMPOSSIBLE = "kdx-probe.invalid"
"""A name that cannot exist (RFC 6761): who gives an address for it gives one for everything."""
NOWHERE = ("0.0.0.0", "127.0.0.1")


def judge_reach(seen: Seen) -> Verdict:
    """Open is open. Closed is silence, and only where on the same way something answered in the same run."""
    expect = seen.raw.get("expect", "")
    try:
        outcome = Outcome(seen.raw.get("outcome", ""))
    except ValueError:
        return unknown(N_("what it says cannot be understood"))
    if outcome is Outcome.NAMELESS:
        return unknown(N_("there is no machine of this name"))
    if expect == OPEN:
        verdict = passes if outcome == Outcome.OPEN else fails
        return verdict(OUTCOMES[outcome], outcome)
    if outcome in (Outcome.OPEN, Outcome.REFUSED):
        return fails(OUTCOMES[outcome], outcome)
    control = seen.raw.get("control") == Outcome.OPEN
    result = Result.PASS if control else Result.UNKNOWN
    message = OUTCOMES[outcome] if control else N_("nothing answered at all, so it is not shown that it is closed")
    return Verdict(result, because(message), outcome, closed=True, control=control)


OUTCOMES = {
    Outcome.OPEN: N_("it is open"),
    Outcome.REFUSED: N_("it refuses, so the machine or a firewall in its name is there"),
    Outcome.FILTERED: N_("it is silent"),
    Outcome.UNREACHABLE: N_("no way leads there"),
}


def judge_filter(seen: Seen) -> Verdict:
    """Blocked names stay back, the allowed one comes through, and a name that cannot exist has no address."""
    said = {name: answer.split() for name, answer in seen.raw.items() if not name.startswith("(")}
    allowed = seen.raw.get("(allowed)", "")
    page = {*seen.raw.get("(page)", "").split(), *NOWHERE}
    if said.pop(IMPOSSIBLE, ["unclear"]) != ["NXDOMAIN"]:
        return unknown(N_("the resolver answers even for a name that cannot exist, so its answers show nothing"))
    if not _comes_through(said.pop(allowed, []), page):
        return unknown(N_("{name} does not come through either, so nothing is shown"), name=allowed)
    if not said:
        return unknown(N_("no name is written that must be blocked"))
    through = [name for name, answer in said.items() if _comes_through(answer, page)]
    if through:
        return fails(N_("it does not keep back {names}"), ", ".join(through), names=", ".join(through))
    unclear = [name for name, answer in said.items() if answer[:1] not in (["NXDOMAIN"], ["REFUSED"], ["NOERROR"])]
    if unclear:
        return unknown(N_("its answer for {names} is not understood"), names=", ".join(unclear))
    return passes(N_("it keeps back {names}"), ", ".join(said), names=", ".join(said))


def _comes_through(answer: list[str], page: set[str]) -> bool:
    return answer[:1] == ["NOERROR"] and bool(set(answer[1:]) - page)


CHECKS = (
    Check("segments", By.REACH, judge_reach),
    Check("old_server_silent", By.REACH, judge_reach),
    Check("web_filter", By.DNS, judge_filter),
)
