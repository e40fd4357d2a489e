"""Events of the ledger -> what is known about each cell, check and share. A fold; judges nothing.

What counts is the newest event of each kind and subject, by its number in the ledger: a clock that was set back changes
nothing, and events given in any order give the same facts. So the projection of the ledger holds all there is to know,
but for receipts, drills and baselines, of which every one is read: an earlier success makes a later failure worth a
look, and the first baseline of a name stays.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from kdx.rollout.stream import Cell
from kdx.state.events import cutover, moving, rollout, saving
from kdx.state.ledger import Ledger, Recorded

DRILL = saving.DrillFinished.kind
SNAPSHOT = saving.SnapshotSealed.kind
NEWEST = (
    rollout.ClaimMade.kind, rollout.PlanSet.kind, rollout.ApprovalGiven.kind, rollout.WaiverGiven.kind,
    rollout.BlockChanged.kind, rollout.ObservationMade.kind, rollout.ReportImported.kind, moving.ScanFinished.kind,
    moving.PlanMade.kind, moving.RunFinished.kind, moving.VerifyFinished.kind, SNAPSHOT,
)
CUTOVERS = (cutover.CutoverDecided.kind, cutover.CutoverRolledBack.kind)
EVERY = (moving.ReceiptIssued.kind, DRILL, rollout.BaselineSet.kind, *CUTOVERS)
MOVES = (moving.PlanMade.kind, moving.RunFinished.kind, moving.VerifyFinished.kind)
KNOWN_VERSION = 1

Place = tuple[str, str, str]
"""Check, school, item."""


@dataclass(slots=True)
class ShareFacts:
    """What the other commands left behind about one share."""

    scan: Recorded | None = None
    snapshot: Recorded | None = None
    receipts: dict[str, list[Recorded]] = field(default_factory=dict)
    """Address of a target -> receipts that speak of this share, oldest first."""
    moves: dict[str, dict[str, Recorded]] = field(default_factory=dict)
    """Address of a target -> kind -> the newest plan, run and verification."""
    drills: list[Recorded] = field(default_factory=list)
    """Oldest first."""
    cutovers: list[Recorded] = field(default_factory=list)
    """Decisions and roll-backs, oldest first."""


@dataclass(slots=True)
class Facts:
    """What the ledger says, ordered by what it is about."""

    claims: dict[Cell, Recorded] = field(default_factory=dict)
    plans: dict[Cell, Recorded] = field(default_factory=dict)
    blocks: dict[Cell, Recorded] = field(default_factory=dict)
    approvals: dict[Cell, dict[str, Recorded]] = field(default_factory=dict)
    """By office."""
    waivers: dict[Cell, dict[str, Recorded]] = field(default_factory=dict)
    """By subject."""
    observations: dict[Place, dict[str, Recorded]] = field(default_factory=dict)
    """By subject: check, target, vantage and result."""
    shares: dict[str, ShareFacts] = field(default_factory=dict)
    """By id of the share."""
    baselines: dict[str, Recorded] = field(default_factory=dict)
    imports: dict[str, Recorded] = field(default_factory=dict)
    """By SHA-256 of the file."""
    unread: list[int] = field(default_factory=list)
    """Events of a version, or with fields, that this kdx does not know."""
    changed: tuple[int, ...] = ()
    """Events that were changed in the ledger; nothing relies on them."""
    before: dict[int, str] = field(default_factory=dict)
    """Id of a signed event -> hash of the one before it that speaks of the same; "" for the first."""
    last: int = 0
    """Number of the last event that is known."""

    def newest_events(self) -> Iterator[Recorded]:
        """Yield the events about cells and checks, without order."""
        for events in (self.claims, self.plans, self.blocks):
            yield from events.values()
        for groups in (self.approvals, self.waivers, self.observations):
            for group in groups.values():
                yield from group.values()

    def share(self, name: str) -> ShareFacts:
        """Return what is known about a share, perhaps nothing."""
        return self.shares.get(name) or ShareFacts()


def read_facts(ledger: Ledger, as_of: datetime | None = None) -> Facts:
    """Return what the ledger says now, or what it said at a time."""
    newest = ledger.read(NEWEST, "newest", as_of)
    every = ledger.read(EVERY, "every", as_of)
    facts = fold((*newest.events, *every.events))
    facts.changed = tuple(sorted((*newest.changed, *every.changed)))
    facts.before = ledger.before([event for event in facts.newest_events() if event.body.get("signature")])
    return facts


def read_first(ledger: Ledger, as_of: datetime | None = None) -> Facts:
    """Return what was said first of each subject: when something was proven for the first time."""
    facts = fold((*ledger.read(NEWEST, "first", as_of).events, *ledger.read(EVERY, "every", as_of).events))
    for place, found in facts.observations.items():
        facts.observations[place] = {name: one for name, one in found.items() if one.body.get("result") == "pass"}
    for share in facts.shares.values():
        share.moves.clear()
        for target, receipts in share.receipts.items():
            share.receipts[target] = [one for one in receipts if one.body.get("whole") is True][:1]
        share.drills = [one for one in share.drills if succeeded(one)][:1]
        share.cutovers = [one for one in share.cutovers if one.body.get("go") is True][:1]
    return facts


def succeeded(drill: Recorded) -> bool:
    """Whether a drill passed."""
    if "passed" in drill.body:
        return drill.body["passed"] is True
    return drill.body.get("exit_code") == 0


def fold(events: Iterable[Recorded]) -> Facts:
    """Return the facts that follow from events, in whatever order they come."""
    facts = Facts()
    for event in sorted(events, key=lambda event: event.id):
        facts.last = event.id
        try:
            if event.body["version"] != KNOWN_VERSION:
                raise ValueError
            _take(facts, event)
        except (KeyError, TypeError, ValueError, AttributeError):
            facts.unread.append(event.id)
    return facts


def _take(facts: Facts, event: Recorded) -> None:
    body = event.body
    match event.kind:
        case rollout.ClaimMade.kind:
            facts.claims[_cell(event)] = event
        case rollout.PlanSet.kind:
            facts.plans[_cell(event)] = event
        case rollout.BlockChanged.kind:
            facts.blocks[_cell(event)] = event
        case rollout.ApprovalGiven.kind:
            facts.approvals.setdefault(_cell(event), {})[str(body["office"])] = event
        case rollout.WaiverGiven.kind:
            facts.waivers.setdefault(_cell(event), {})[event.subject] = event
        case rollout.ObservationMade.kind:
            place = (str(body["check"]), str(body["school"]), str(body["item"]))
            facts.observations.setdefault(place, {})[event.subject] = event
        case rollout.BaselineSet.kind:
            # the first of a name stays, whatever was written later
            facts.baselines.setdefault(str(body["name"]), event)
        case rollout.ReportImported.kind:
            facts.imports[str(body["sha256"])] = event
        case _:
            _take_of_share(facts, event)


def _take_of_share(facts: Facts, event: Recorded) -> None:
    body = event.body
    if event.kind == moving.ReceiptIssued.kind:
        for name in body["shares"]:
            receipts = _share(facts, name).receipts.setdefault(str(body["target"]), [])
            receipts.extend([] if receipts and receipts[-1].id == event.id else [event])
        return
    share = _share(facts, body.get("share_id") or event.subject)
    if event.kind in MOVES:
        share.moves.setdefault(str(body["target"]), {})[event.kind] = event
    elif event.kind == moving.ScanFinished.kind:
        share.scan = event
    elif event.kind == SNAPSHOT:
        share.snapshot = event
    elif event.kind == DRILL:
        share.drills.append(event)
    elif event.kind in CUTOVERS:
        share.cutovers.append(event)


def _share(facts: Facts, name: str) -> ShareFacts:
    return facts.shares.setdefault(str(name), ShareFacts())


def _cell(event: Recorded) -> Cell:
    return Cell(str(event.body["milestone"]), str(event.body["school"]), str(event.body["item"]))
