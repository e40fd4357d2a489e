"""What the weather meant for each school, day by day."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby

from kdx.hazard.items import KNOWN, Level
from kdx.hazard.policy import LEVELS
from kdx.language import N_, _, translate
from kdx.report import charts
from kdx.report.charts import Days, Tone
from kdx.report.schools import short_name
from kdx.report.sections.section import SCHOOL, Audience, Section, told
from kdx.report.tables import Column, Row
from kdx.state.ledger import Recorded
from kdx.survey import Survey

MOST_NAMES = 3
"""Schools that are named in one line; more are counted."""
MOST_ROWS = 60
"""Changes that are printed; the rest is counted."""

SIGNS = {
    Level.CLEAR: (Tone.REST, ""), Level.ADVISORY: (Tone.PART, N_("A")), Level.WARNING: (Tone.BAD, N_("W")),
    Level.DANGER: (Tone.BAD, N_("D")), Level.EMERGENCY: (Tone.BAD, N_("E")), Level.UNKNOWN: (Tone.NONE, N_("?")),
}
NOTHING = (Tone.NONE, "")
"""A day of which the ledger says nothing: nobody looked yet, which is not calm either."""
GRAVITY = (Level.CLEAR, Level.UNKNOWN, *KNOWN[1:])
"""What a day shows when it had several: the gravest; what nobody knew counts above calm."""


def weather(survey: Survey, audience: Audience) -> Section:
    by_school: dict[str, list[Recorded]] = defaultdict(list)
    for event in survey.weather:
        by_school[event.subject].append(event)
    lines = [
        Days(short_name(school.name), [_level_of(by_school[school.id], day, survey) for day in survey.days])
        for school in survey.board.schools
    ]
    known = [event for event in reversed(survey.weather) if event.subject in {one.id for one in survey.board.schools}]
    changes = [_change(list(events), survey) for _same, events in groupby(known, _what)]
    columns = (Column("time", N_("Time"), "time"), Column("level", N_("Level"), "word"),
               Column("why", N_("Warnings in force")), Column("schools", N_("Schools"), "count"), SCHOOL)
    notes = (_("{count} earlier changes are in the ledger.").format(count=len(changes) - MOST_ROWS),)
    title = _("Weather of the last five weeks")
    signs = [(tone, translate(sign) if sign else "", translate(LEVELS[level])) for level, (tone, sign) in SIGNS.items()]
    signs.append((*NOTHING, _("no record")))
    return Section(
        title, told(survey, title, columns, changes[:MOST_ROWS], notes if len(changes) > MOST_ROWS else ()),
        charts.calendar(title, _("the gravest level of each day"), survey.now.date(), lines, signs),
    )


def _what(event: Recorded) -> tuple[datetime, Level, str]:
    """Return what makes changes of several schools one line: the same minute, level and reasons."""
    return event.time.replace(second=0, microsecond=0), _level(event), _reasons(event)


def _reasons(event: Recorded) -> str:
    return ", ".join(map(str, event.body.get("reasons", ())))


def _change(events: Sequence[Recorded], survey: Survey) -> Row:
    time, level, why = _what(events[0])
    names = sorted({short_name(survey.board.school(event.subject).name) for event in events})
    alone = ", ".join(names) if len(names) <= MOST_NAMES else None
    return {"time": time, "level": LEVELS[level], "why": why or None, "schools": len(names), "school": alone}


def _level(event: Recorded) -> Level:
    try:
        return Level(str(event.body.get("level")))
    except ValueError:
        return Level.UNKNOWN


def _level_of(events: Sequence[Recorded], day: date, survey: Survey) -> tuple[Tone, str]:
    """Return the gravest level of a day: the one that held when it began, and those that came in its course."""
    days = [event.time.astimezone(survey.now.tzinfo).date() for event in events]
    before = [event for event, then in zip(events, days) if then < day][-1:]
    levels = [_level(event) for event in (*before, *(event for event, then in zip(events, days) if then == day))]
    if not levels:
        return NOTHING
    tone, sign = SIGNS[max(levels, key=GRAVITY.index)]
    return tone, translate(sign) if sign else ""
