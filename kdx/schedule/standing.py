"""Where every migration stands: what is moved, what is left, how fast it went, and who must do something. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from kdx.config.model import Board, Share
from kdx.errors import ExitCode
from kdx.schedule.calendar import Calendar
from kdx.schedule.fleet import Load, forecast
from kdx.schedule.history import ENOUGH
from kdx.state.events.cutover import CutoverDecided, CutoverRolledBack
from kdx.state.events.moving import MigrationStopped, PlanMade, ReceiptIssued, RunFinished, ScanFinished, VerifyFinished
from kdx.state.ledger import Recorded
from kdx.transfer.plan import TO_MOVE, Action

NEWEST = tuple(
    event.kind
    for event in (
        PlanMade, RunFinished, VerifyFinished, ReceiptIssued, MigrationStopped, ScanFinished, CutoverDecided,
        CutoverRolledBack,
    )
)
"""Kinds of which the newest of each subject is read; of runs every one."""
RUNS_COUNTED = 5

Present = Mapping[str, Sequence[Recorded]]


class Waits(StrEnum):
    """What a migration waits for, and so for whom."""

    NOTHING = "nothing"
    """It goes on with the next run."""
    SCAN = "scan"
    PLAN = "plan"
    DECISIONS = "decisions"
    TAKEN = "taken"
    """Names at the target are taken by something else."""
    OPEN_FILES = "open files"
    LOGIN = "login"
    SERVER = "server"
    """A place was silent or refused us."""
    PROOF = "proof"
    RECEIPT = "receipt"
    CUTOVER = "cutover"
    DONE = "done"


STANDING_STILL = frozenset({Waits.SCAN, Waits.DECISIONS, Waits.TAKEN, Waits.LOGIN, Waits.SERVER})
"""With these nothing moves, and nobody can say when it will be done."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One share on its way to one target."""

    share: Share
    target: str
    """Address; empty where nothing was planned and it is not clear where to."""
    waits: Waits
    detail: str = ""
    """How many, or what was said."""
    moved: int | None = None
    """Bytes at the target; None where nobody knows."""
    left: int | None = None
    rate: float | None = None
    """Bytes per second of the fastest of its last runs."""
    wave: int | None = None
    """Counted from 1; None where the board has no waves."""
    finish: datetime | None = None
    """When it is forecast to be moved."""

    @property
    def key(self) -> str:
        """Share and target, as the ledger names them."""
        return f"{self.share.id}@{self.target}"


def standings(
    board: Board,
    calendar: Calendar,
    present: Present,
    runs: Iterable[Recorded],
    daily: Mapping[str, int],
    now: datetime,
) -> list[Standing]:
    """Return every migration of every share, with the forecast of all of them together.

    `daily` says how many bytes a target takes in a day, by address.
    """
    known = {kind: [one for one in events if one.body.get("version") == 1] for kind, events in present.items()}
    every = [one for one in runs if one.body.get("version") == 1]
    default = str(board.targets[0].location) if len(board.targets) == 1 else ""
    found = [
        _standing(board, share, target, known, every)
        for school in board.schools
        for share in school.shares
        for target in sorted(_targets(share, known)) or [default]
    ]
    return _with_forecast(found, board, calendar, daily, now)


def _targets(share: Share, present: Present) -> set[str]:
    kinds = (PlanMade.kind, RunFinished.kind, VerifyFinished.kind, MigrationStopped.kind)
    events = (one for kind in kinds for one in present.get(kind, ()))
    return {one.body["target"] for one in events if one.body.get("share_id") == share.id}


def _standing(board: Board, share: Share, target: str, present: Present, runs: Sequence[Recorded]) -> Standing:
    newest = {
        kind: one
        for kind, events in present.items()
        for one in events
        if one.subject in (f"{share.id}@{target}", share.id)
        or (kind == ReceiptIssued.kind and one.body["target"] == target and share.id in one.body["shares"])
    }
    plan = _later(newest.get(PlanMade.kind), newest.get(RunFinished.kind))
    waits, detail = _waits(newest, plan)
    moved, left = _bytes(plan, newest.get(ScanFinished.kind))
    rates = [_rate(one.body) for one in runs if one.subject == f"{share.id}@{target}"][-RUNS_COUNTED:]
    wave = board.schedule.wave_of(share.school) + 1 if board.schedule.waves else None
    return Standing(share, target, waits, detail, moved, left, max(filter(None, rates), default=None), wave)


def _waits(newest: Mapping[str, Recorded], plan: Recorded | None) -> tuple[Waits, str]:
    stopped = newest.get(MigrationStopped.kind)
    if stopped and _later(stopped, plan) is stopped:
        return _of_stop(stopped.body)
    if plan is None:
        return (Waits.PLAN, "") if ScanFinished.kind in newest else (Waits.SCAN, "")
    entries, failed = plan.body["entries"], plan.body.get("failed", {})
    undecided = sum(entries.get(word, 0) for word in (Action.BLOCKED, Action.WAITING))
    if undecided:
        return Waits.DECISIONS, f"{undecided:,}"
    if plan.kind == PlanMade.kind and any(entries.get(word) for word in TO_MOVE):
        return Waits.NOTHING, ""
    unread = sum(failed.values()) + entries.get(Action.UNREAD, 0)
    if unread:
        return Waits.OPEN_FILES, f"{unread:,}"
    verified, receipt = newest.get(VerifyFinished.kind), newest.get(ReceiptIssued.kind)
    if verified is None or verified.body["plan_sha256"] != plan.body["plan_sha256"] or verified.body["exit_code"]:
        return Waits.PROOF, ""
    if receipt is None or receipt.id < verified.id:
        return Waits.RECEIPT, ""
    decided = _later(newest.get(CutoverDecided.kind), newest.get(CutoverRolledBack.kind))
    return (Waits.DONE, "") if decided is not None and decided.body.get("go") else (Waits.CUTOVER, "")


def _of_stop(body: Mapping[str, Any]) -> tuple[Waits, str]:
    if body["needs_login"]:
        return Waits.LOGIN, str(body["message"])
    if body["exit_code"] != ExitCode.GATE:
        return Waits.SERVER, str(body["message"])
    return (Waits.DECISIONS if body["undecided"] else Waits.TAKEN), str(body["message"])


def _bytes(plan: Recorded | None, scan: Recorded | None) -> tuple[int | None, int | None]:
    """Return what is moved and what is left, in bytes; of a share that was only scanned all is left."""
    if plan is None:
        return (0, int(scan.body["bytes"])) if scan else (None, None)
    sizes = plan.body["sizes"]
    there = int(sizes.get(Action.PRESENT, 0))
    moving = sum(int(sizes.get(word, 0)) for word in TO_MOVE)
    if plan.kind == PlanMade.kind:
        return there, moving
    sent = int(plan.body["sent_bytes"])
    return there + sent, max(0, moving - sent) if plan.body["failed"] else 0


def _rate(body: Mapping[str, Any]) -> float | None:
    seconds = (datetime.fromisoformat(body["ended"]) - datetime.fromisoformat(body["started"])).total_seconds()
    return body["sent_bytes"] / seconds if seconds > 0 and body["sent_bytes"] >= ENOUGH else None


def _later(one: Recorded | None, other: Recorded | None) -> Recorded | None:
    return max((event for event in (one, other) if event), key=lambda event: event.id, default=None)


def _with_forecast(
    found: Sequence[Standing], board: Board, calendar: Calendar, daily: Mapping[str, int], now: datetime
) -> list[Standing]:
    loads = [
        Load(
            one.key, one.share.school, one.target, one.left or 0, one.rate,
            waits=one.left is None or one.waits in STANDING_STILL, wave=(one.wave or 1) - 1,
        )
        for one in found
    ]
    zone = ZoneInfo(board.time_zone)
    waves = [datetime.combine(wave.start, time(), zone) if wave.start else None for wave in board.schedule.waves]
    finish = forecast(loads, calendar, now, waves, daily)
    return [replace(one, finish=finish[one.key] if one.left else None) for one in found]
