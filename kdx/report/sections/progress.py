"""The rollout: the matrix of the first stream, a line a stream, and what is proven, planned and forecast."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from kdx.language import _
from kdx.report import charts
from kdx.report.charts import Bar, Series, Tone
from kdx.report.rollout import matrix_table, summary_table
from kdx.report.rollout_forecast import forecast_table
from kdx.report.sections.section import Audience, Section
from kdx.report.tables import Row, select_columns
from kdx.rollout.forecast import milestone_dates, outlook
from kdx.survey import Survey


def matrix(survey: Survey, audience: Audience) -> Section:
    table = matrix_table(survey.overview, survey.overview.definition.streams[0])
    if audience < Audience.BOARD:
        # the last column may tell in a person's own words what is in the way
        table = select_columns(table, [column.key for column in table.columns if column.key != "blocked_by"])
    return Section(table.title, table)


def streams(survey: Survey, audience: Audience) -> Section:
    table = summary_table(survey.overview, survey.overview.definition.streams)
    bars = [
        Bar(str(row["stream"]), ((_count(row, "proven"), Tone.GOOD),
                                 (_count(row, "cells") - _count(row, "proven"), Tone.REST)),
            f"{_count(row, 'proven')} / {_count(row, 'cells')}")
        for row in table.rows
    ]
    legend = ((Tone.GOOD, _("proven")), (Tone.REST, _("not yet")))
    return Section(table.title, table, charts.bars(table.title, _("milestones"), bars, legend), Audience.PUBLIC)


def _count(row: Row, key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) else 0


def burn_up(survey: Survey, audience: Audience) -> Section:
    today, definition = survey.now.date(), survey.overview.definition
    done = sorted(one.actual for one in survey.dates.values() if one.actual)
    planned = sorted(one.planned for one in survey.dates.values() if one.planned)
    ahead: dict[date, int] = defaultdict(int)
    silent = 0
    for milestone in definition.milestones:
        some = milestone_dates(survey.overview, milestone, survey.dates)
        likely = outlook(milestone, some, definition.calendar, today, random.Random(0))
        left = sum(one.actual is None for one in some)
        if likely.likely:
            ahead[likely.likely] += left
        else:
            silent += left
    forecast = _rising(ahead, [(today, float(len(done)))]) if ahead else []
    series = (
        Series(_("planned"), _rising({day: planned.count(day) for day in dict.fromkeys(planned)}), Tone.PLAN, "8 5"),
        Series(_("forecast"), forecast, Tone.FORECAST, "2 4"),
        Series(_("proven"), [*_rising({day: done.count(day) for day in dict.fromkeys(done)}), (today, len(done))],
               Tone.GOOD),
    )
    table = forecast_table(survey.overview, survey.dates, "")
    note = _("For {count} cells too little is done yet to forecast anything.").format(count=silent)
    title = _("Milestones proven, planned and forecast")
    table = replace(table, title=title, notes=(note,) if silent else ())
    return Section(title, table, charts.lines(title, _("milestones"), series, today), Audience.PUBLIC)


def _rising(counts: Mapping[date, int], start: Sequence[tuple[date, float]] = ()) -> list[tuple[date, float]]:
    points = list(start)
    for day in sorted(counts):
        points.append((day, (points[-1][1] if points else 0) + counts[day]))
    return points
