"""Answers -> findings by the rules -> observations for the ledger. Pure: the present is a parameter."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kdx.errors import ExitCode
from kdx.remotes.dialogues import Raw
from kdx.rollout.probe.asking import Answer
from kdx.rollout.probe.check import By, Result, Seen, Verdict, unknown
from kdx.rollout.probe.checks import BY_ID
from kdx.rollout.probe.checks.clock import seconds_ahead
from kdx.rollout.probe.rules import Rules
from kdx.rollout.probe.visits import REFERENCE
from kdx.state.events.rollout import Method, ObservationMade


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found at one machine."""

    school: str
    """Id; empty for the city."""
    target: str
    check: str
    verdict: Verdict
    collected: datetime
    raw_sha256: str = ""
    """Over the raw fields as JSON, keys sorted; empty where nothing came."""


def judge_all(answers: Sequence[Answer], rules: Rules, now: datetime) -> tuple[Finding, ...]:
    """Return a finding for every check of every visit; nobody's silence is a pass."""
    reference = _reference(answers)
    return tuple(
        _judge(answer, check, rules, now, reference) for answer in answers for check in answer.visit.checks
    )


def exit_code_of(findings: Iterable[Finding]) -> ExitCode:
    """5 where a check failed, 6 where one could not be decided."""
    results = {one.verdict.result for one in findings}
    if Result.FAIL in results:
        return ExitCode.DIFFERENCE
    return ExitCode.UNDECIDED if Result.UNKNOWN in results else ExitCode.DONE


def observation_of(finding: Finding, rules: Rules, vantage: str, run: str) -> ObservationMade:
    """Return what the ledger keeps of a finding."""
    verdict = finding.verdict
    return ObservationMade(
        check=finding.check, school=finding.school, item="", target=finding.target, vantage=vantage,
        method=Method.TEST, result=verdict.result, collected=finding.collected,
        expires=finding.collected + timedelta(days=rules.checks[finding.check].days), closed=verdict.closed,
        control=verdict.control, run=f"probe:{run}", value=verdict.value, raw_sha256=finding.raw_sha256,
    )


def digest_of(raw: Raw) -> str:
    """Return the SHA-256 of raw fields, hexadecimal."""
    text = json.dumps(dict(raw), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _judge(answer: Answer, check: str, rules: Rules, now: datetime, reference: float | None) -> Finding:
    visit, raw = answer.visit, answer.raw.get(check)
    if raw is None:
        # names no N_() sentence: why is translated already
        return Finding(visit.school, visit.target, check, unknown("{why}", why=answer.why), answer.collected)
    fields: Raw = {"clock": "0"} if visit.target == REFERENCE and visit.by is By.NTP else raw
    seen = Seen(fields, rules.checks[check].figures, now, rules.ends, reference)
    return Finding(visit.school, visit.target, check, BY_ID[check].judge(seen), answer.collected, digest_of(raw))


def _reference(answers: Sequence[Answer]) -> float | None:
    for answer in answers:
        if answer.visit.target == REFERENCE and answer.visit.by is By.NTP:
            return next((seconds_ahead(Seen(raw)) for raw in answer.raw.values()), None)
    return None
