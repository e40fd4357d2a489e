"""How old the newest good backup is, which days brought one, and what drills brought back."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from kdx.config.model import School, Share
from kdx.language import N_, _, translate
from kdx.report import charts
from kdx.report.charts import Bar, Days, Tone
from kdx.report.schools import short_name
from kdx.report.sections.section import SCHOOL, Audience, Section, told
from kdx.report.tables import Column
from kdx.survey import Survey

HOUR = timedelta(hours=1)


def promises(survey: Survey, audience: Audience) -> Section:
    promised = survey.board.backup.rpo_hours
    rows, bars = [], []
    for school in survey.board.schools:
        for share in school.shares:
            record = survey.history.shares.get(share.id)
            saved = record.saved if record else None
            hours = (survey.now - saved) / HOUR if saved else None
            kept = hours is not None and hours <= promised
            rows.append({"school": short_name(school.name), "share": share.name, "saved": saved,
                         "age": hours * 3600 if hours is not None else None,
                         "promise": N_("kept") if kept else N_("broken")})
            said = _("{hours} h").format(hours=f"{hours:,.0f}") if hours is not None else _("never saved")
            parts = ((hours, Tone.GOOD if kept else Tone.BAD),) if hours is not None else None
            bars.append(Bar(_place(school, share), parts, said, promised))
    columns = (
        SCHOOL, Column("share", N_("Share")), Column("saved", N_("Last good run"), "time"),
        Column("age", N_("How long ago"), "seconds"), Column("promise", N_("Promise"), "word"),
    )
    title = _("Since the last good backup")
    legend = ((Tone.GOOD, _("within the promise")), (Tone.BAD, _("promise broken")))
    return Section(
        title,
        told(survey, title, columns, rows, (_("Promised: at most {hours} hours.").format(hours=promised),)),
        charts.bars(title, _("hours; the mark is the promise"), bars, legend),
    )


def _place(school: School, share: Share) -> str:
    """Return what a bar is called: the school, with the share where it has several."""
    name = short_name(school.name)
    return f"{name} {share.name}" if len(school.shares) > 1 else name


STATES = {
    "complete": (Tone.GOOD, N_("complete"), ""),
    "partial": (Tone.PART, N_("partial"), N_("p")),
    "suspect": (Tone.BAD, N_("suspect"), N_("s")),
}
"""State of a snapshot -> tone, word and one-character sign, the gravest last."""


def calendar(survey: Survey, audience: Audience) -> Section:
    schools = {share.id: school for school in survey.board.schools for share in school.shares}
    found: dict[str, dict[date, str]] = defaultdict(dict)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    for event in survey.snapshots:
        state, school = str(event.body.get("state")), schools.get(event.subject)
        if state not in STATES or school is None:
            continue
        day = event.time.astimezone(survey.now.tzinfo).date()
        grave = list(STATES)
        before = found[school.id].get(day, grave[0])
        found[school.id][day] = max(before, state, key=grave.index)
        counts[school.id][state] += 1
    lines = [
        Days(short_name(school.name), _days(found[school.id], survey))
        for school in survey.board.schools
    ]
    rows = [{"school": short_name(school.name), **counts[school.id]} for school in survey.board.schools]
    columns = (SCHOOL, *(Column(state, word, "count") for state, (_tone, word, _sign) in STATES.items()))
    title = _("Backups of the last five weeks")
    signs = [(*_square(state), translate(word)) for state, (_tone, word, _sign) in STATES.items()]
    return Section(
        title, told(survey, title, columns, rows),
        charts.calendar(title, _("a square a day"), survey.now.date(), lines, [*signs, (Tone.REST, "", _("none"))]),
    )


def _days(states: Mapping[date, str], survey: Survey) -> list[tuple[Tone, str] | None]:
    return [_square(states[day]) if day in states else None for day in survey.days]


def _square(state: str) -> tuple[Tone, str]:
    tone, _word, sign = STATES[state]
    return tone, translate(sign) if sign else ""


def drills(survey: Survey, audience: Audience) -> Section:
    newest = {event.subject: event for event in survey.present["drill.finished"]}
    rows = []
    for school in survey.board.schools:
        for share in school.shares:
            event = newest.get(share.id)
            body = event.body if event else {}
            passed = body.get("passed")
            rows.append({
                "school": short_name(school.name), "share": share.name, "drilled": event.time if event else None,
                "result": None if passed is None else N_("came back as it was stored") if passed else
                N_("did NOT come back as it was stored"),
                "files": body.get("files"), "bytes": body.get("bytes"), "seconds": body.get("forecast_seconds") or None,
            })
    columns = (
        SCHOOL, Column("share", N_("Share")), Column("drilled", N_("Last drill"), "date"),
        Column("result", N_("Result"), "word"), Column("files", N_("Files"), "count"),
        Column("bytes", N_("Bytes"), "bytes"), Column("seconds", N_("The whole would take"), "seconds"),
    )
    title = _("Restore drills")
    return Section(title, told(survey, title, columns, rows))
