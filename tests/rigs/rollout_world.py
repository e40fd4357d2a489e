"""A small world for the rollout's tests: a definition, events as a ledger keeps them, and a state asked for."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kdx.rollout.evidence import fold
from kdx.rollout.status import CellStatus, World, compute
from kdx.rollout.stream import (
    Before, Calendar, Cell, Definition, Label, Milestone, Period, Requirement, Scope, Stream,
)
from kdx.state.events.event import Event
from kdx.state.events.moving import PlanMade, ReceiptIssued, RunFinished, ScanFinished, VerifyFinished
from kdx.state.events.rollout import ApprovalGiven, BlockChanged, ClaimMade, Method, ObservationMade, WaiverGiven
from kdx.state.ledger import Recorded

ZONE = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 11, 23, 12, tzinfo=ZONE)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SHARES = {"es": ("es-1",), "jh": ("jh-1", "jh-2")}


def milestone(name: str, **fields: object) -> Milestone:
    """Return a school milestone without anything asked for."""
    settings = {"scope": Scope.SCHOOL, "number": None, "column": name, **fields}
    return Milestone(id=name, stream="network", label=Label(name, ""), **settings)  # type: ignore[arg-type]


MILESTONES = (
    milestone("policy", scope=Scope.CITY, approval="教育委員会"),
    milestone("assets", evidence=(Requirement("scan"),)),
    milestone("migration", needs=("assets",), evidence=(Requirement("receipt"),)),
    milestone("drill", evidence=(Requirement("drill", max_age_days=365),)),
    milestone("mfa", evidence=(Requirement("mfa", frozenset({Method.TEST, Method.EXAMINE}), max_age_days=14),)),
    milestone("wifi", evidence=(Requirement("wifi", percent=90, vantages=2),)),
    milestone("plain", needs=("policy",)),
    milestone("cutover", needs=("policy", "mfa"), hard=True),
    milestone(
        "retire", needs=("migration", "drill"), hard=True, avoid=("year_end",), evidence=(Requirement("silent"),),
        before=Before((Requirement("retention", frozenset({Method.EXAMINE})),), "校長"),
    ),
)
DEFINITION = Definition(
    streams=(Stream("network", Label("統合", ""), "計画", MILESTONES),),
    calendar=Calendar(avoid=(Period("year_end", Label("年度末", ""), (3, 15), (4, 20)),)),
    checks={name: Label(name, "") for name in ("mfa", "wifi", "retention", "silent")},
)


def recorded(*events: Event | tuple[Event, datetime], start: int = 1, actor: str = "tanaka@board") -> list[Recorded]:
    """Return events as a ledger would keep them: numbered as given, a minute apart, or at the time given."""
    found = []
    for number, one in enumerate(events, start):
        event, time = one if isinstance(one, tuple) else (one, NOON - timedelta(hours=6) + number * MINUTE)
        found.append(Recorded(number, time, actor, "r", event.kind, event.subject, event.to_body(), "0" * 64))
    return found


def world(
    events: Iterable[Recorded], now: datetime = NOON, trusted: Mapping[int, str] | None = None,
    definition: Definition = DEFINITION, shares: Mapping[str, tuple[str, ...]] = SHARES,
) -> World:
    """Return what a status is computed from."""
    return World(definition, shares, fold(events), trusted or {}, now)


def status_of(name: str, school: str, events: Iterable[Recorded], **settings: object) -> CellStatus:
    """Return the status of one cell."""
    return compute(world(events, **settings))[Cell(name, school)]  # type: ignore[arg-type]


def claim(name: str, school: str = "es", state: str = "done", **fields: object) -> ClaimMade:
    return ClaimMade(name, school, "", state, **{"done": None, "total": None, "date": "", "note": "", **fields})


def approval(name: str, school: str = "es", office: str = "校長", **fields: object) -> ApprovalGiven:
    settings = {"number": "第1号", "scan_sha256": "a" * 64, "withdrawn": False, "signer": "", "signature": ""}
    return ApprovalGiven(name, school, "", office, "2026-11-20", **{**settings, **fields})


def waiver(
    name: str, school: str = "es", signer: str = "tanaka", of: str = "milestone", **fields: object
) -> WaiverGiven:
    settings = {"reason": "no server", "withdrawn": False, "signature": "x", **fields}
    return WaiverGiven(name, school, "", of, signer=signer, **settings)


def block(name: str, school: str = "es", open: bool = True) -> BlockChanged:
    return BlockChanged(name, school, "", open, "機器納期", "業者", "督促する", "2026-12-01")


def seen(check: str, result: str = "pass", at: datetime = NOON - DAY, school: str = "es", **fields: object):
    settings = {"item": "", "target": "host", "vantage": "A", "method": "TEST", **fields}
    return ObservationMade(check=check, school=school, result=result, collected=at, **settings)


def scan(share: str = "es-1", school: str = "es") -> ScanFinished:
    return ScanFinished(school, "共有", share, 3, 2, 10, 0, 0, True, "c", "0" * 64, NOON - 9 * DAY, NOON - 9 * DAY)


def receipt(*shares: str, school: str = "es", target: str = "s3://b/p", whole: bool = True) -> ReceiptIssued:
    return ReceiptIssued(school, target, list(shares or ("es-1",)), whole, "1" * 64, "SHA256:x", "/r")


def _names(share: str, target: str) -> dict[str, str]:
    return {"school": share.partition("-")[0], "share": "共有", "share_id": share, "target": target}


def planned(share: str = "es-1", target: str = "s3://b/p", **entries: int) -> PlanMade:
    return PlanMade(**_names(share, target), entries=entries, sizes={}, catalog="c", plan_sha256="p")


def ran(sent: int = 3, share: str = "es-1", target: str = "s3://b/p") -> RunFinished:
    return RunFinished(
        **_names(share, target), sent=sent, sent_bytes=sent, failed={}, entries={}, sizes={}, plan_sha256="p",
        exit_code=0, started=NOON, ended=NOON,
    )


def verified(exit_code: int = 0, share: str = "es-1", target: str = "s3://b/p") -> VerifyFinished:
    return VerifyFinished(
        **_names(share, target), level="checksum", outcomes={}, sizes={}, how={}, plan_sha256="p",
        verified_sha256="v", exit_code=exit_code, started=NOON, ended=NOON,
    )


def drilled(number: int, passed: bool = True, share: str = "es-1", at: datetime = NOON - 9 * DAY) -> Recorded:
    """A drill as the vault records it."""
    body = {"version": 1, "school": share.partition("-")[0], "share_id": share, "ended": at.isoformat(),
            "exit_code": 0 if passed else 5}
    time = NOON - timedelta(hours=6) + number * MINUTE
    return Recorded(number, time, "cron@board", "r", "drill.finished", share, body, "0")
