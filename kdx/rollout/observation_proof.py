"""What observations prove about a check. Pure: the present is a parameter.

A pass is a pass only while it is fresh, by a method that is asked for, from as many places as are asked for. Who could
not reach a thing knows nothing of it: that is neither pass nor fail. "It does not answer" counts only where in the same
run something on the same path did answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kdx.language import N_
from kdx.rollout.evidence import Facts
from kdx.rollout.proof import Outcome, Proof, moment
from kdx.rollout.reason import because
from kdx.rollout.stream import Requirement
from kdx.state.events.rollout import Method
from kdx.state.ledger import Recorded


@dataclass(frozen=True, slots=True)
class _Seen:
    """One observation, read."""

    event: int
    target: str
    vantage: str
    result: str
    collected: datetime
    expires: datetime | None
    done: int
    total: int
    """Weight: counted things where there are numbers, else one."""
    by_hand: bool
    uncontrolled: bool
    report: str
    """SHA-256 of the report it was taken from; empty where it was not."""

    @property
    def order(self) -> tuple[datetime, int]:
        return self.collected, self.event


def _seen(record: Recorded, requirement: Requirement) -> _Seen:
    body = record.body
    # nobody sees what is yet to come: a clock that was ahead counts as the moment of writing
    collected = min(moment(record, "collected"), record.time)
    ends = [moment(record, "expires")] if body.get("expires") else []
    ends += [collected + timedelta(days=requirement.max_age_days)] if requirement.max_age_days else []
    uncontrolled = body.get("closed") is True and body.get("control") is not True
    done, total = body.get("done"), body.get("total")
    result = str(body.get("result"))
    if isinstance(done, int) and isinstance(total, int):
        result = "unknown" if total <= 0 or done < 0 or done > total or result == "unknown" else "counted"
    else:
        done, total = int(result == "pass"), 1
    if result not in ("pass", "fail", "counted") or (uncontrolled and result == "pass"):
        result = "unknown"
    return _Seen(
        event=record.id,
        target=str(body.get("target")),
        vantage=str(body.get("vantage")),
        result=result,
        collected=collected,
        expires=min(ends, default=None),
        done=done,
        total=max(total, 1),
        by_hand=body.get("method") != Method.TEST,
        uncontrolled=uncontrolled,
        report=str(body.get("raw_sha256")) if body.get("run") == import_run(str(body.get("raw_sha256"))) else "",
    )


def import_run(sha256: str) -> str:
    """Return what an observation names as its run when it was taken from a report with this digest."""
    return f"import:{sha256[:16]}"


def prove_by_observations(
    facts: Facts, requirement: Requirement, school: str, item: str, label: object, now: datetime
) -> Proof:
    """Return what the observations of a check at a school prove. Days are named in the zone of `now`."""
    records = facts.observations.get((requirement.check, school, item), {}).values()
    seen = [_seen(record, requirement) for record in records if record.body.get("method") in requirement.methods]
    if not seen:
        return Proof(Outcome.ABSENT, because(N_("{check}: not seen yet"), check=label))
    newest: dict[tuple[str, str], _Seen] = {}
    for one in sorted(seen, key=lambda one: one.order):
        newest[one.target, one.vantage] = one
    groups = list(newest.values())
    weighed = _weigh(requirement, label, groups, now)
    failed = weighed.outcome is Outcome.FAILED
    return replace(
        weighed,
        at=max(one.collected for one in groups),
        until=min((one.expires for one in groups if one.expires), default=None),
        passed_before=failed and any(
            _was_enough(one, requirement) and one.order < newest[one.target, one.vantage].order for one in seen
        ),
        events=tuple(sorted(one.event for one in groups)),
        by_hand=tuple(sorted(one.event for one in groups if one.by_hand and one.report not in facts.imports)),
    )


def _weigh(requirement: Requirement, label: object, groups: Sequence[_Seen], now: datetime) -> Proof:
    """Decide from what is clear, and from whether what is not clear could change that."""
    stale = [one for one in groups if one.expires and now > one.expires]
    unclear = [one for one in groups if one.result == "unknown" and one not in stale]
    clear = [one for one in groups if one not in stale and one not in unclear]
    done, whole = sum(one.done for one in clear), sum(one.total for one in groups)
    hoped = whole - sum(one.total for one in clear)
    counts = {"check": label, "done": done, "total": whole}
    if (done + hoped) * 100 < requirement.percent * whole:
        text = N_("{check}: {done} of {total}, {percent} % are asked for")
        return Proof(Outcome.FAILED, because(text, **counts, percent=requirement.percent), done=done, total=whole)
    if done * 100 >= requirement.percent * whole:
        vantages = len({one.vantage for one in clear if one.done})
        if vantages >= requirement.vantages:
            reason = because(N_("{check}: {done} of {total}"), **counts)
            return Proof(Outcome.PASSED, reason, done=done, total=whole)
        text = N_("{check}: seen from {count} of {wanted} places")
        reason = because(text, check=label, count=vantages, wanted=requirement.vantages)
        return Proof(Outcome.PART, reason, done=done, total=whole)
    if stale:
        day = min(one.expires for one in stale if one.expires).astimezone(now.tzinfo).date()
        return Proof(Outcome.EXPIRED, because(N_("{check}: out of date since {day}"), check=label, day=day))
    text = N_("{check}: could not be decided")
    if any(one.uncontrolled for one in unclear):
        text = N_("{check}: nothing answered at all, so it is not shown that it is closed")
    return Proof(Outcome.UNDECIDED, because(text, check=label))


def _was_enough(one: _Seen, requirement: Requirement) -> bool:
    return one.result in ("pass", "counted") and one.done * 100 >= requirement.percent * one.total
