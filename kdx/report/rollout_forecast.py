"""Baseline, plan, actual and forecast as tables: a line a milestone, or the cells of one school. No I/O."""

import random
from collections.abc import Mapping
from datetime import date

from kdx.language import N_, _
from kdx.report.rollout import LEGEND, mark, milestone_name, place_name
from kdx.report.rollout_lists import calendar_note
from kdx.report.tables import Column, Row, Table
from kdx.rollout.forecast import LEAST, Dates, milestone_dates, outlook
from kdx.rollout.overview import Overview
from kdx.rollout.stream import Cell, Milestone, State

MILESTONE = Column("milestone", N_("Milestone"))
BASELINE = Column("baseline", N_("Baseline"), "date")
PLAN = Column("planned", N_("Due"), "date")
ACTUAL = Column("actual", N_("Done on"), "date")
SLIP = Column("slip", N_("School days later"), "count")


def forecast_table(overview: Overview, dates: Mapping[Cell, Dates], baseline: str) -> Table:
    """Return a line a milestone: how many are done, and when the rest may be done by the board's own pace."""
    milestones = [one for one in overview.definition.milestones if any(_dated(dates, overview, one))]
    return Table(
        title=_("{board}: forecast").format(board=overview.board.name),
        columns=(
            MILESTONE, Column("done", N_("Proven"), "count"), Column("of", N_("Of"), "count"), BASELINE, PLAN, ACTUAL,
            SLIP, Column("half", N_("Even odds"), "date"), Column("likely", N_("Safe to say (85 %)"), "date"),
            Column("said", N_("Forecast")),
        ),
        rows=[_milestone_row(overview, one, milestone_dates(overview, one, dates)) for one in milestones],
        as_of=overview.world.now,
        source=overview.source,
        notes=_notes(overview, baseline),
    )


def school_forecast_table(overview: Overview, dates: Mapping[Cell, Dates], baseline: str, school: str) -> Table:
    """Return the dates of one school's cells, or the city's ("")."""
    calendar = overview.definition.calendar
    return Table(
        title=_("{place}: baseline, plan and actual").format(place=place_name(overview, school)),
        columns=(MILESTONE, Column("state", N_("State"), "mark"), BASELINE, PLAN, ACTUAL, SLIP),
        rows=[
            {
                "milestone": milestone_name(overview, cell),
                "state": mark(one.status),
                "baseline": one.baseline,
                "planned": one.planned,
                "actual": one.actual,
                "slip": one.slip(calendar),
            }
            for cell, one in dates.items()
            if cell.school == school
        ],
        as_of=overview.world.now,
        source=overview.source,
        notes=_notes(overview, baseline),
        legend=LEGEND,
    )


def _dated(dates: Mapping[Cell, Dates], overview: Overview, milestone: Milestone) -> list[object]:
    found = milestone_dates(overview, milestone, dates)
    return [one.baseline or one.planned or one.actual for one in found]


def _milestone_row(overview: Overview, milestone: Milestone, dates: list[Dates]) -> Row:
    calendar = overview.definition.calendar
    # the same facts give the same forecast, whoever asks and however often
    chance = random.Random(f"{milestone.id}#{overview.ledger_id}")
    expected = outlook(milestone, dates, calendar, overview.world.today, chance)
    concerned = [one for one in dates if one.status.state is not State.EXEMPT]
    done = [one.actual for one in concerned if one.actual]
    whole = len(done) == len(concerned) and bool(done)
    baseline, planned = _last([one.baseline for one in dates]), _last([one.planned for one in dates])
    finish = max(done) if whole else planned
    return {
        "milestone": str(milestone.label),
        "done": len(done),
        "of": len(concerned),
        "baseline": baseline,
        "planned": planned,
        "actual": max(done) if whole else None,
        "slip": calendar.school_days(baseline, finish) if baseline and finish else None,
        "half": expected.half,
        "likely": expected.likely,
        "said": _("done") if whole else _("too little data") if expected.too_little else None
        if expected.likely else _("not within ten years"),
    }


def _last(days: list[date | None]) -> date | None:
    return max((day for day in days if day), default=None)


def _notes(overview: Overview, baseline: str) -> tuple[str, ...]:
    named = _("Baseline: {name}.").format(name=baseline) if baseline else _("No baseline has been set.")
    pace = _("The forecast draws from this rollout's own weeks; below {count} completions nothing is said.")
    return (named, pace.format(count=LEAST), calendar_note(overview), *overview.warnings)
