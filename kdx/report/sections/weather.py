"""What the weather meant for each school, day by day."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from kdx.hazard.items import KNOWN, Level
from kdx.hazard.policy import LEVELS
from kdx.language import N_, _, translate
from kdx.report import charts
from kdx.report.charts import Days, Tone
from kdx.report.rollout import short_name
from kdx.report.sections.section import SCHOOL, Audience, Section, told
from kdx.report.tables import Column
from kdx.state.ledger import Recorded
from kdx.survey import Survey

MOST_ROWS = 60
"""Changes that are printed; the rest is counted."""

SIGNS = {
    Level.CLEAR: (Tone.REST, ""), Level.ADVISORY: (Tone.PART, N_("A")), Level.WARNING: (Tone.BAD, N_("W")),
    Level.DANGER: (Tone.BAD, N_("D")), Level.EMERGENCY: (Tone.BAD, N_("E")), Level.UNKNOWN: (Tone.NONE, N_("?")),
}
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
    names = {school.id: short_name(school.name) for school in survey.board.schools}
    changes = [event for event in reversed(survey.weather) if event.subject in names]
    rows = [
        {"time": event.time, "school": names[event.subject], "level": LEVELS[_level(event)],
         "why": ", ".join(map(str, event.body.get("reasons", ()))) or None}
        for event in changes[:MOST_ROWS]
    ]
    columns = (Column("time", N_("Time"), "time"), SCHOOL, Column("level", N_("Level"), "word"),
               Column("why", N_("Warnings in force")))
    notes = (_("{count} earlier changes are in the ledger.").format(count=len(changes) - MOST_ROWS),)
    title = _("Weather of the last five weeks")
    legend = [(tone, f"{translate(LEVELS[level])} {translate(sign) if sign else ''}".strip())
              for level, (tone, sign) in SIGNS.items()]
    return Section(
        title, told(survey, title, columns, rows, notes if len(changes) > MOST_ROWS else ()),
        charts.calendar(title, _("the gravest level of each day"), survey.now.date(), lines, legend),
    )


def _level(event: Recorded) -> Level:
    try:
        return Level(str(event.body.get("level")))
    except ValueError:
        return Level.UNKNOWN


def _level_of(events: Sequence[Recorded], day: date, survey: Survey) -> tuple[Tone, str] | None:
    """Return the gravest level of a day: the one that held when it began, and those that came in its course."""
    days = [event.time.astimezone(survey.now.tzinfo).date() for event in events]
    before = [event for event, then in zip(events, days) if then < day][-1:]
    levels = [_level(event) for event in (*before, *(event for event, then in zip(events, days) if then == day))]
    if not levels:
        return None
    tone, sign = SIGNS[max(levels, key=GRAVITY.index)]
    return tone, translate(sign) if sign else ""
