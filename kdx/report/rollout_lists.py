"""The rollout as lists to work through: one school, one gate, what is overdue, what changed. No I/O."""

from collections.abc import Sequence

from kdx.language import N_, _
from kdx.report.rollout import LEGEND, due_of, is_overdue, mark, milestone_name, place_name
from kdx.report.tables import Column, Table
from kdx.rollout.gate import Verdict
from kdx.rollout.overview import Overview
from kdx.rollout.status import CellStatus
from kdx.rollout.stream import MARKS, Cell

SCHOOL = Column("school", N_("School"))
MILESTONE = Column("milestone", N_("Milestone"))
STATE = Column("state", N_("State"), "mark")
OWNER = Column("owner", N_("Seen to by"))
DUE = Column("due", N_("Due"), "date")
NEXT = Column("next_action", N_("Next action"))
WHY = Column("why", N_("Why"))


def school_table(overview: Overview, school: str) -> Table:
    """Return every milestone of a school, or of the city (""): state, count, due day, owner and why. One A4 page."""
    numbers = {one.id: one.number for one in overview.definition.milestones}
    return Table(
        title=_("{place}: the rollout").format(place=place_name(overview, school)),
        columns=(
            Column("number", N_("No."), "count"), MILESTONE, STATE,
            Column("done", N_("Done"), "count"), Column("total", N_("Of"), "count"), DUE, OWNER, WHY,
        ),
        rows=[
            {
                "number": numbers[cell.milestone],
                "milestone": milestone_name(overview, cell),
                "state": mark(status),
                "done": status.done,
                "total": status.total,
                "due": due_of(overview, status),
                "owner": _owner(status),
                "why": _why(status),
            }
            for cell, status in overview.statuses.items()
            if cell.school == school
        ],
        as_of=overview.world.now,
        source=overview.source,
        notes=overview.warnings,
        legend=LEGEND,
    )


def gate_table(overview: Overview, verdict: Verdict) -> Table:
    """Return the links that are missing before a milestone may be begun, and what leads on."""
    status = overview.statuses[verdict.cell]
    state = _("State: {state}").format(state=mark(status))
    said = _("Nothing is missing.") if verdict.is_open else _("The gate is closed: {count} links are missing.")
    hard = (_("This is a hard gate: it takes proofs only."),) if verdict.milestone.hard else ()
    return Table(
        title=_("{place}: {milestone}").format(
            place=place_name(overview, verdict.cell.school), milestone=milestone_name(overview, verdict.cell)
        ),
        columns=(Column("what", N_("What is missing")), SCHOOL, STATE, WHY, Column("next_step", N_("Next step"))),
        rows=[
            {
                "what": str(missing.what),
                "school": place_name(overview, missing.school),
                "state": MARKS[missing.state] if missing.state else None,
                "why": str(missing.reason),
                "next_step": missing.next_step or None,
            }
            for missing in verdict.missing
        ],
        as_of=overview.world.now,
        source=overview.source,
        above=(f"{state}   {said.format(count=len(verdict.missing))}",),
        notes=(*hard, *map(str, status.reasons), *overview.warnings),
        legend=LEGEND,
    )


def overdue_table(overview: Overview) -> Table:
    """Return what should be done by now and is not, the oldest first. Lateness in school days."""
    late = sorted(
        (status for status in overview.statuses.values() if is_overdue(overview, status)),
        key=lambda status: due_of(overview, status) or overview.world.today,
    )
    calendar, today = overview.definition.calendar, overview.world.today
    return Table(
        title=_("{board}: overdue").format(board=overview.board.name),
        columns=(
            SCHOOL, MILESTONE, STATE, DUE, Column("late", N_("School days late"), "count"), OWNER,
            NEXT, WHY,
        ),
        rows=[
            {
                "school": place_name(overview, status.cell.school),
                "milestone": milestone_name(overview, status.cell),
                "state": mark(status),
                "due": due,
                "late": calendar.school_days(due, today),
                "owner": _owner(status),
                "next_action": status.block.next_action if status.block else None,
                "why": _why(status),
            }
            for status in late
            if (due := due_of(overview, status))
        ],
        as_of=overview.world.now,
        source=overview.source,
        notes=(calendar_note(overview), *overview.warnings),
        legend=LEGEND,
    )


def blocked_table(overview: Overview) -> Table:
    """Return what holds milestones up, the oldest first: of which kind, who sees to it, what comes next and by when."""
    blocks = sorted(
        ((status, status.block) for status in overview.statuses.values() if status.block),
        key=lambda pair: pair[1].since,
    )
    return Table(
        title=_("{board}: what holds milestones up").format(board=overview.board.name),
        columns=(
            SCHOOL, MILESTONE, Column("cause", N_("Cause"), "word"), OWNER, NEXT, DUE,
            Column("since", N_("Since"), "date"), Column("days", N_("Days"), "count"),
        ),
        rows=[
            {
                "school": place_name(overview, status.cell.school),
                "milestone": milestone_name(overview, status.cell),
                "cause": block.cause,
                "owner": block.owner or None,
                "next_action": block.next_action or None,
                "due": block.due,
                "since": block.since,
                "days": (overview.world.now - block.since).days,
            }
            for status, block in blocks
        ],
        as_of=overview.world.now,
        source=overview.source,
        notes=overview.warnings,
    )


def changes_table(before: Overview, now: Overview) -> Table:
    """Return every cell whose state is not what it was at an earlier time."""
    title = _("{board}: changes since {day}").format(board=now.board.name, day=before.world.now.date())
    return _differences(before, now, title, ())


def entered_table(before: Overview, now: Overview, cells: Sequence[Cell]) -> Table:
    """Return what an entry changed, and the cells it was made for even where their state is the same."""
    written = now.ledger_id > before.ledger_id
    title = _("Written down as #{id}").format(id=now.ledger_id) if written else _("Nothing was written")
    return _differences(before, now, title, cells)


def _differences(before: Overview, now: Overview, title: str, always: Sequence[Cell]) -> Table:
    changed = [
        (before.statuses.get(cell), status)
        for cell, status in now.statuses.items()
        if cell in always or cell not in before.statuses or mark(before.statuses[cell]) != mark(status)
    ]
    return Table(
        title=title,
        columns=(SCHOOL, MILESTONE, Column("before", N_("Before"), "mark"), STATE, WHY),
        rows=[
            {
                "school": place_name(now, status.cell.school),
                "milestone": milestone_name(now, status.cell),
                "before": mark(was) if was else None,
                "state": mark(status),
                "why": _why(status),
            }
            for was, status in changed
        ],
        as_of=now.world.now,
        source=_("{source}; before: ledger #{id}").format(source=now.source, id=before.ledger_id),
        notes=now.warnings,
        legend=LEGEND,
    )


def _owner(status: CellStatus) -> str | None:
    return (status.block.owner if status.block else status.owner) or None


def _why(status: CellStatus) -> str | None:
    texts = [*map(str, status.reasons), *([status.note] if status.note else [])]
    return " / ".join(texts) or None


def calendar_note(overview: Overview) -> str:
    """Return where the holidays come from that are no school days."""
    years = overview.definition.calendar.national.years
    if not years:
        return _("Holidays are computed by law (estimates): the inventory has no table of the Cabinet Office.")
    return _("Holidays: the Cabinet Office's table, after {year} computed by law (estimates).").format(year=max(years))
