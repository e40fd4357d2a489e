"""How far a cutover has come: a fold over what the ledger recorded of one share and one target. Reads nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kdx.cutover.freeze import Canary
from kdx.cutover.window import Rehearsal
from kdx.state.events.cutover import CutoverDecided, CutoverRehearsed, CutoverRolledBack, FreezeChecked
from kdx.state.events.moving import PlanMade, RunFinished, VerifyFinished
from kdx.state.ledger import Recorded
from kdx.transfer.plan import Action

KINDS = tuple(
    event.kind
    for event in (
        CutoverRehearsed, FreezeChecked, CutoverDecided, CutoverRolledBack, PlanMade, RunFinished, VerifyFinished
    )
)
KNOWN_VERSION = 1


class Stage(StrEnum):
    """Where a cutover stands."""

    PREPARING = "preparing"
    """Teachers work at the old server; rehearsals."""
    FROZEN = "frozen"
    """The final run was begun; nobody works anywhere."""
    DONE = "done"
    """Decided: teachers work at the new place."""
    ROLLED_BACK = "rolled back"
    """Teachers work at the old server again."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """What the last freeze check found."""

    started: datetime
    canary: str
    canary_proves: bool
    differences: int | None
    """None where the second look is still to come."""
    open_documents: int
    ended: datetime
    """When the last look had ended."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What the last plan or run left undone."""

    started: datetime | None
    """When the run began; None where it was only planned."""
    plan_sha256: str
    failed: int
    undecided: int
    waiting: int
    unread: int


@dataclass(frozen=True, slots=True)
class Proven:
    """What the last verification found."""

    at: datetime
    plan_sha256: str
    verified_sha256: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Cutover:
    """The fold."""

    stage: Stage = Stage.PREPARING
    rehearsals: tuple[Rehearsal, ...] = ()
    """Since the last roll-back, oldest first."""
    open_documents: int | None = None
    """At the last look; None where nobody looked."""
    write_accepted: datetime | None = None
    """When the old share last took the canary: from then on a refusal proves something."""
    freeze: Freeze | None = None
    moved: Moved | None = None
    last_run: datetime | None = None
    """When the newest run began."""
    proven: Proven | None = None
    decided: datetime | None = None
    """When the teachers were let in at the new place."""
    event: int = 0
    """Number of the last event that is in it."""


def fold(events: Iterable[Recorded]) -> Cutover:
    """Return how far a cutover has come. An event of a version, or with fields, not known here changes nothing."""
    course = Cutover()
    for event in sorted(events, key=lambda event: event.id):
        if event.body.get("version") == KNOWN_VERSION:
            try:
                course = replace(_with(course, event, event.body), event=event.id)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
    return course


def _with(course: Cutover, event: Recorded, body: Mapping[str, Any]) -> Cutover:
    match event.kind:
        case CutoverRehearsed.kind:
            course = _with_canary(course, event, body)
            rehearsals = (*course.rehearsals, _rehearsal(body))
            return replace(
                course, stage=Stage.PREPARING, rehearsals=rehearsals, freeze=None,
                open_documents=int(body["open_documents"]),
            )
        case FreezeChecked.kind:
            freeze = Freeze(
                _moment(body["started"]), str(body["canary"]), bool(body["canary_proves"]),
                None if body["differences"] is None else int(body["differences"]), int(body["open_documents"]),
                _moment(body["ended"]),
            )
            return replace(
                _with_canary(course, event, body), stage=Stage.FROZEN, freeze=freeze,
                open_documents=freeze.open_documents,
            )
        case CutoverDecided.kind if body["go"]:
            return replace(course, stage=Stage.DONE, decided=_moment(body["decided"]))
        case CutoverRolledBack.kind:
            course = _with_canary(course, event, body)
            return replace(course, stage=Stage.ROLLED_BACK, rehearsals=(), freeze=None)
        case PlanMade.kind | RunFinished.kind:
            ran = event.kind == RunFinished.kind
            moved = _moved(body, ran)
            return replace(course, moved=moved, last_run=moved.started or course.last_run)
        case VerifyFinished.kind:
            proven = Proven(event.time, str(body["plan_sha256"]), str(body["verified_sha256"]), int(body["exit_code"]))
            return replace(course, proven=proven)
    return course


def _with_canary(course: Cutover, event: Recorded, body: Mapping[str, Any]) -> Cutover:
    return replace(course, write_accepted=event.time) if body["canary"] == Canary.ACCEPTED else course


def _rehearsal(body: Mapping[str, Any]) -> Rehearsal:
    return Rehearsal(
        started=_moment(body["started"]),
        since=_moment(body["since"]) if body["since"] else None,
        changed=int(body["changed"]),
        changed_bytes=int(body["changed_bytes"]),
        scan_seconds=float(body["scan_seconds"]),
        move_seconds=float(body["move_seconds"]),
        verify_seconds=float(body["verify_seconds"]),
        exit_code=int(body["exit_code"]),
    )


def _moved(body: Mapping[str, Any], ran: bool) -> Moved:
    entries = body["entries"]
    return Moved(
        started=_moment(body["started"]) if ran else None,
        plan_sha256=str(body["plan_sha256"]),
        failed=sum(body["failed"].values()) if ran else 0,
        undecided=int(entries.get(Action.BLOCKED, 0)),
        waiting=int(entries.get(Action.WAITING, 0)),
        unread=int(entries.get(Action.UNREAD, 0)),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
