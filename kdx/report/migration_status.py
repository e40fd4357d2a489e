"""How far every migration is, and what comes next, as a table. A fold over the ledger's newest events; no I/O."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from kdx.config.model import Board, School, Share, Target
from kdx.language import N_, _
from kdx.report.tables import Column, Row, Table
from kdx.schedule.standing import Standing, Waits
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
FLEET = (
    Column("school", N_("School")),
    Column("share", N_("Share")),
    Column("target", N_("Target"), "path"),
    Column("wave", N_("Wave"), "count"),
    Column("moved", N_("Moved"), "bytes"),
    Column("left", N_("Left"), "bytes"),
    Column("rate", N_("Per second"), "bytes"),
    Column("finish", N_("Moved by"), "date"),
    Column("who", N_("Waits for"), "word"),
    Column("what", N_("What"), "word"),
    Column("detail", N_("Detail")),
)
SCHOOL, BOARD, TECHNICIAN, NOBODY = N_("the school"), N_("the board"), N_("the technician"), N_("nobody")
WAITS: Mapping[Waits, tuple[str, str]] = {
    Waits.NOTHING: (NOBODY, N_("goes on with the next run")),
    Waits.SCAN: (TECHNICIAN, N_("was never scanned")),
    Waits.PLAN: (TECHNICIAN, N_("was never planned")),
    Waits.DECISIONS: (SCHOOL, N_("must decide about entries")),
    Waits.TAKEN: (TECHNICIAN, N_("names are taken at the target")),
    Waits.OPEN_FILES: (SCHOOL, N_("entries could not be read: close them, then run again")),
    Waits.LOGIN: (BOARD, N_("must log in anew at the target")),
    Waits.SERVER: (TECHNICIAN, N_("a server does not answer or refuses")),
    Waits.PROOF: (TECHNICIAN, N_("must be verified")),
    Waits.RECEIPT: (BOARD, N_("the receipt is to be written")),
    Waits.CUTOVER: (BOARD, N_("cutover")),
    Waits.DONE: (NOBODY, N_("done")),
}
"""For whom, and what for."""


def fleet_table(
    board: Board, standings: Sequence[Standing], days: Mapping[str, int], now: datetime, zone: tzinfo, last: int
) -> Table:
    """Return every migration with its forecast: what is moved, what is left, when it is done, who must do something.

    `days` says for each target with a daily limit how many days that alone takes; `last` is the newest event.
    """
    names = {str(one.location): one.name for one in board.targets}
    rows = [
        {
            "school": board.school(one.share.school).name,
            "share": one.share.name,
            "target": names.get(one.target, one.target) or None,
            "wave": one.wave,
            "moved": one.moved,
            "left": one.left,
            "rate": round(one.rate) if one.rate else None,
            "finish": one.finish,
            "who": WAITS[one.waits][0],
            "what": WAITS[one.waits][1],
            "detail": one.detail or None,
        }
        for one in standings
    ]
    source = _("ledger #{id}").format(id=last)
    return Table(_("All migrations"), FLEET, rows, as_of=now, source=source, notes=_notes(standings, days, zone))


def _notes(standings: Sequence[Standing], days: Mapping[str, int], zone: tzinfo) -> tuple[str, ...]:
    moved, left = (sum(getattr(one, name) or 0 for one in standings) for name in ("moved", "left"))
    still = sum(one.finish is None and one.left != 0 for one in standings)
    ends = [one.finish for one in standings if one.finish]
    notes = [_("Moved {moved} of {all} bytes.").format(moved=f"{moved:,}", all=f"{moved + left:,}")]
    if ends:
        day = max(ends).astimezone(zone)
        notes.append(_("What can go on is moved by {day}, at the speed of former runs.").format(day=f"{day:%Y-%m-%d}"))
    if still:
        notes.append(_("{count} migrations stand still; for them nobody can name a day.").format(count=still))
    notes += [
        _("{target}: its daily limit alone makes it {count} days.").format(target=target, count=count)
        for target, count in days.items()
    ]
    return tuple(notes)


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
