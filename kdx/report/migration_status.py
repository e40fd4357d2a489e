"""How far every migration is, and what comes next, as a table. A fold over the ledger's newest events; no I/O."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from kdx.config.model import Board, School, Share, Target
from kdx.language import N_, _
from kdx.report.tables import Column, Row, Table
from kdx.state.ledger import Recorded
from kdx.transfer.plan import TO_MOVE, Action
from kdx.transfer.verify import OPEN, WRONG, Outcome

PLANNED, RAN, VERIFIED, RECEIPT = "migration.planned", "migration.ran", "migration.verified", "receipt.issued"
KINDS = (PLANNED, RAN, VERIFIED, RECEIPT)

Present = Mapping[str, Sequence[Recorded]]
"""Kind -> the newest event of each subject."""

COLUMNS = (
    Column("school", N_("School")),
    Column("share", N_("Share")),
    Column("target", N_("Target"), "path"),
    Column("to_move", N_("To move"), "count"),
    Column("to_move_bytes", N_("Bytes to move"), "bytes"),
    Column("looked", N_("Planned"), "time"),
    Column("ran", N_("Last run"), "time"),
    Column("proven", N_("Proven"), "count"),
    Column("open", N_("Open"), "count"),
    Column("verified", N_("Verified"), "time"),
    Column("receipt", N_("Receipt"), "time"),
    Column("next", N_("Next step")),
)


def status_table(board: Board, shares: Iterable[Share], target: Target | None, present: Present) -> Table:
    """Return a row for every share and target (or the one named), one also for a share nobody has planned yet."""
    newest = max((event.id for events in present.values() for event in events), default=0)
    # an event of a version this kdx does not know may mean something else
    known = {kind: [event for event in events if event.body.get("version") == 1] for kind, events in present.items()}
    names = {str(one.location): one.name for one in board.targets}
    rows = [
        row
        for share in shares
        for row in _rows_of(board.school(share.school), share, known, names)
        if target is None or row.get("target") in (None, target.name, str(target.location))
    ]
    return Table(_("Migrations"), COLUMNS, rows, source=_("ledger #{id}").format(id=newest))


def _rows_of(school: School, share: Share, present: Present, names: Mapping[str, str]) -> list[Row]:
    """`names` are those of the configured targets, by address."""
    targets: dict[str, dict[str, Recorded]] = {}
    for kind in (PLANNED, RAN, VERIFIED):
        for event in present.get(kind, ()):
            if event.body.get("share_id") == share.id:
                targets.setdefault(event.body["target"], {})[kind] = event
    for event in present.get(RECEIPT, ()):
        if event.body.get("target") in targets and share.id in event.body.get("shares", ()):
            targets[event.body["target"]][RECEIPT] = event
    if not targets:
        return [{"school": school.name, "share": share.name, "next": f"kdx migrate plan {school.id}"}]
    return [_row(school, share, names.get(target, target), events) for target, events in sorted(targets.items())]


def _row(school: School, share: Share, target: str, events: Mapping[str, Recorded]) -> Row:
    planned, ran, verified = events.get(PLANNED), events.get(RAN), events.get(VERIFIED)
    plan = max((event for event in (planned, ran) if event), key=lambda event: event.id, default=None)
    entries, size = _to_move(plan, plan is ran)
    counts = plan is not None and verified is not None and verified.body["plan_sha256"] == plan.body["plan_sha256"]
    valid = verified if counts else None
    receipt = events.get(RECEIPT)
    handed = receipt if receipt and valid and receipt.id > valid.id else None
    return {
        "school": school.name,
        "share": share.name,
        "target": target,
        "to_move": entries,
        "to_move_bytes": size,
        "looked": _time(plan),
        "ran": _time(ran),
        "proven": valid.body["outcomes"].get(Outcome.PROVEN, 0) if valid else None,
        "open": sum(valid.body["outcomes"].get(word, 0) for word in (*OPEN, *WRONG)) if valid else None,
        "verified": _time(valid),
        "receipt": _time(handed),
        "next": _next(school, share, target, plan, plan is ran and not entries, valid, handed),
    }


def _to_move(plan: Recorded | None, ran: bool) -> tuple[int | None, int | None]:
    """Return entries and bytes still to be moved, as the newest plan or run left them."""
    if plan is None:
        return None, None
    if ran:
        return sum(plan.body["failed"].values()), None if plan.body["failed"] else 0
    return sum(plan.body["entries"].get(word, 0) for word in TO_MOVE), sum(
        plan.body["sizes"].get(word, 0) for word in TO_MOVE
    )


def _next(
    school: School,
    share: Share,
    target: str,
    plan: Recorded | None,
    moved: bool,
    verified: Recorded | None,
    receipt: Recorded | None,
) -> str:
    names = f"{school.id} --share {_word(share.name)} --to {_word(target)}"
    if receipt:
        return _("done")
    if plan and plan.body["entries"].get(Action.BLOCKED):
        return f"kdx assess {names} -o FILE.xlsx"
    if verified and verified.body["exit_code"] == 0:
        return f"kdx migrate receipt {names} -o DIR"
    if moved and not verified:
        return f"kdx migrate verify {names}"
    return f"kdx migrate run {names}"


def _word(text: str) -> str:
    """Return a name as one types it in a shell; Japanese needs no quotes."""
    return text if re.fullmatch(r"[\w./:@%+=,-]+", text) else shlex.quote(text)


def _time(event: Recorded | None) -> datetime | None:
    return event.time if event else None
