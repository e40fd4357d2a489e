"""The rollout as tables for the wall: the matrix of schools and milestones, and a line a stream. No I/O."""

from collections.abc import Sequence
from datetime import date

from kdx.language import N_, _, translate
from kdx.report.schools import short_name
from kdx.report.tables import Column, Row, Table
from kdx.rollout.gate import Missing, judge
from kdx.rollout.overview import Overview
from kdx.rollout.status import CellStatus
from kdx.rollout.stream import MARKS, PROVEN, SETTLED, Cell, Milestone, Scope, State, Stream, cells_at

UNSIGNED = "*"
LEGEND = (*((MARKS[state], str(state)) for state in State), (UNSIGNED, N_("nobody signed for it")))
TROUBLE = (State.HELD, State.RECHECK, State.EXPIRED, State.UNKNOWN)
"""What is told before anything that is merely not there yet, in this order."""


def matrix_table(overview: Overview, stream: Stream) -> Table:
    """Return one stream: a row a school, a column a milestone, the city's milestones in a line above."""
    here = [one for one in stream.milestones if one.scope is not Scope.CITY]
    columns = [
        Column(_key(one, item), str(label.ja if item else one.column), "mark")
        for one in here
        for item, label in (overview.definition.items(one.scope) or {"": one.label}).items()
    ]
    return Table(
        title=_("{board}: {stream}").format(board=overview.board.name, stream=stream.label),
        columns=(Column("school", N_("School")), *columns, Column("blocked_by", N_("What holds it up now"))),
        rows=[_school_row(overview, here, school) for school in overview.schools],
        as_of=overview.world.now,
        source=overview.source,
        above=_city_line(overview, stream),
        notes=overview.warnings,
        legend=LEGEND,
    )


def summary_table(overview: Overview, streams: Sequence[Stream]) -> Table:
    """Return how many cells of each stream are in which state: numerator and denominator, never only a rate."""
    rows = []
    for stream in streams:
        found = [
            overview.statuses[cell]
            for one in stream.milestones
            for cell in cells_at(overview.definition, one, tuple(overview.schools))
        ]
        counts = {state.name.lower(): sum(one.state is state for one in found) for state in State}
        rows.append({
            "stream": str(stream.label),
            "proven": sum(one.state in PROVEN for one in found),
            "cells": len(found),
            "overdue": sum(is_overdue(overview, one) for one in found),
            **{name: count or None for name, count in counts.items()},
        })
    return Table(
        title=_("{board}: streams of the plan").format(board=overview.board.name),
        columns=(
            Column("stream", N_("Stream")),
            Column("proven", N_("Proven"), "count"), Column("cells", N_("Of"), "count"),
            Column("overdue", N_("Overdue"), "count"),
            *(Column(state.name.lower(), MARKS[state], "count") for state in State),
        ),
        rows=rows,
        as_of=overview.world.now,
        source=overview.source,
        notes=(_("Proven is what is verified or approved."), *overview.warnings),
        legend=LEGEND[:-1],
    )


def mark(status: CellStatus) -> str:
    """Return the mark of a cell, with the sign that nobody signed for it."""
    return MARKS[status.state] + (UNSIGNED if status.unauthenticated else "")


def milestone_name(overview: Overview, cell: Cell) -> str:
    """Return the label of a cell's milestone, with its item."""
    one = next(one for one in overview.definition.milestones if one.id == cell.milestone)
    item = overview.definition.items(one.scope).get(cell.item)
    return f"{one.label} ({item})" if item else str(one.label)


def place_name(overview: Overview, school: str) -> str:
    """Return what a table calls a place."""
    return short_name(overview.schools[school].name) if school in overview.schools else _("city")


def due_of(overview: Overview, status: CellStatus) -> date | None:
    """Return the day a cell is to be done by: its own plan, else that of the plan's milestone; None where unknown."""
    one = next(one for one in overview.definition.milestones if one.id == status.cell.milestone)
    return status.planned or one.due


def is_overdue(overview: Overview, status: CellStatus) -> bool:
    """Whether the day has passed and it is not proven."""
    due = due_of(overview, status)
    return due is not None and due < overview.world.today and status.state not in SETTLED


def _key(milestone: Milestone, item: str) -> str:
    return f"{milestone.id}.{item}" if item else milestone.id


def _school_row(overview: Overview, milestones: Sequence[Milestone], school: str) -> Row:
    cells = [
        (one, cell) for one in milestones for cell in cells_at(overview.definition, one, (school,))
    ]
    marks = {_key(one, cell.item): mark(overview.statuses[cell]) for one, cell in cells}
    return {"school": place_name(overview, school), **marks, "blocked_by": _blocked_by(overview, cells) or None}


def _city_line(overview: Overview, stream: Stream) -> tuple[str, ...]:
    marks = [
        f"{one.column} {mark(overview.statuses[Cell(one.id)])}" for one in stream.milestones if one.scope is Scope.CITY
    ]
    return (_("City: {marks}").format(marks="   ".join(marks)),) if marks else ()


def _blocked_by(overview: Overview, cells: Sequence[tuple[Milestone, Cell]]) -> str:
    """Say in one line what keeps a school from going on: trouble first, else the first step that is not done."""
    for state in TROUBLE:
        for one, cell in cells:
            status = overview.statuses[cell]
            if status.state is state:
                return f"{one.column}: {_first_reason(status)}"
    for one, cell in cells:
        status = overview.statuses[cell]
        if status.state not in SETTLED:
            missing = judge(overview.world, overview.statuses, one, cell).missing
            return f"{one.column}: {_link(missing[0]) if missing else _first_reason(status)}"
    return ""


def _first_reason(status: CellStatus) -> str:
    return str(status.reasons[0]) if status.reasons else translate(status.state)


def _link(missing: Missing) -> str:
    if missing.free_from:
        return _("from {day} on ({period})").format(day=missing.free_from, period=missing.what)
    if missing.state:
        what = missing.short or missing.what
        return _("waits for {what} ({state})").format(what=what, state=translate(missing.state))
    return str(missing.reason)
