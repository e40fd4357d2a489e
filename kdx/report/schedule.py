"""What will run and why, as a table and in sentences for a person who knows nothing. Facts in, tables out; no I/O."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from kdx.config.model import Board
from kdx.hazard.items import Level
from kdx.hazard.policy import LEVELS
from kdx.language import N_, _, translate
from kdx.report.hazard import JOBS, ahead_text, measure_text, reasons_text
from kdx.report.tables import Column, Row, Table
from kdx.schedule.planner import Plan, Step, broken
from kdx.schedule.runner import View
from kdx.schedule.situation import Job

COLUMNS = (
    Column("start", N_("Starts"), "time"),
    Column("school", N_("School")),
    Column("job", N_("Job"), "word"),
    Column("why", N_("Why")),
    Column("saved", N_("Last good backup"), "time"),
    Column("bytes", N_("Unsaved (estimate)"), "bytes"),
    Column("finish", N_("Done (forecast)"), "time"),
    Column("deadline", N_("Must be done by"), "time"),
    Column("late", N_("In time"), "word"),
)
YES, NO, RUNNING, HELD = N_("yes"), N_("too late"), N_("running"), N_("held back")


def plan_table(board: Board, view: View, timers: Sequence[str] | None = None) -> Table:
    """Return everything that will run until tomorrow, in its order, and below it what that means.

    `timers` are the lines that make it run; None where that was not looked at.
    """
    plan = view.plan
    rows = [_step_row(step, view) for step in plan.steps]
    running = [_running_row(one.name, one.running) for one in view.situation.schools if one.running]
    waiting: list[Row] = [
        {"start": one.until, "school": one.name, "job": JOBS[Job.SAVE], "why": one.why, "late": HELD}
        for one in plan.waiting
    ]
    return Table(
        title=_("Backups of {board}").format(board=board.name),
        columns=COLUMNS,
        rows=[*running, *rows, *waiting],
        as_of=plan.now,
        source=_("ledger, calendar and weather"),
        notes=(*explain(view), *_timers(timers)),
    )


def _step_row(step: Step, view: View) -> Row:
    saves = step.job in (Job.SAVE, Job.BOARD)
    state = next((one for one in view.situation.watched if saves and one.id == step.school), None)
    oldest = state.oldest if state else None
    return {
        "start": step.start,
        "school": step.name,
        "job": JOBS[step.job],
        "why": ", ".join(step.reasons),
        "saved": oldest.saved if oldest else None,
        "bytes": step.size or None,
        "finish": step.finish,
        "deadline": step.deadline,
        "late": NO if step.deadline and step.finish > step.deadline else YES,
    }


def _running_row(name: str, since: datetime | None) -> Row:
    return {"start": since, "school": name, "job": JOBS[Job.SAVE], "late": RUNNING}


def explain(view: View) -> Iterator[str]:
    """Yield in plain sentences what tonight means, the most important first."""
    yield from _promises(view)
    yield _weather(view)
    yield from _night(view)
    yield from _lines(view)
    for trouble in view.troubles:
        yield _("Attention: {text}").format(text=trouble.text)


def _promises(view: View) -> Iterator[str]:
    schools = [one for one in view.situation.schools if one.shares]
    late = [one.name for one in view.situation.watched if broken(one, view.calendar, view.situation.now)]
    hours = view.calendar.rules.rpo_hours
    if late:
        text = _("The promise (a good backup within {hours} hours) is broken for: {schools}.")
        yield text.format(hours=hours, schools=", ".join(late))
    elif not schools:
        yield _("No school has a share in the inventory yet, so there is nothing to back up.")
    elif not all(share.saved for one in schools for share in one.shares):
        yield _("Some shares have never been saved yet; they go first.")
    else:
        text = _("Every share of all {count} schools has a good backup not older than {hours} hours.")
        yield text.format(count=len(schools), hours=hours)


def _weather(view: View) -> str:
    """Return one sentence about the weather: that of the gravest school."""
    if not view.weather:
        return _("kdx does not look at the weather: kdx.yml does not say where the board is.")
    gravest = max(view.weather, key=lambda one: (list(Level).index(one.standing.acts_as), one.order.risk))
    standing = gravest.standing
    ahead = ahead_text(standing, view.calendar.zone)
    why = ", ".join(part for part in (reasons_text(standing.reasons), ahead) if part)
    text = _("The weather: {level} ({why}). What kdx does: {measure}.") if why else _(
        "The weather: {level}. What kdx does: {measure}.")
    return text.format(level=translate(LEVELS[standing.level]), why=why, measure=measure_text(gravest.order))


def _night(view: View) -> Iterator[str]:
    plan, calendar = view.plan, view.calendar
    night = [step for step in plan.steps if step.job is Job.SAVE]
    if night:
        last = max(night, key=lambda step: step.finish)
        text = _("{count} schools will be backed up, {parallel} at a time; the first begins {start}, "
                 "the last is done {end}.")
        yield text.format(count=len(night), parallel=calendar.rules.parallel, start=_time(night[0].start, view),
                          end=_time(last.finish, view))
    late = _late(plan)
    if late:
        yield _("Not safe in time: {schools}.").format(schools=", ".join(late))
    elif night:
        yield _("By this plan everything is safe in time.")


def _late(plan: Plan) -> list[str]:
    return list(dict.fromkeys(f"{one.name} {one.share} ({one.why})" for one in plan.unsafe))


def _lines(view: View) -> Iterator[str]:
    rules, calendar, now = view.calendar.rules, view.calendar, view.plan.now
    text = _("Backups run from {window} and are to be done by {done}. During lessons ({hours}) a school's line is "
             "used with at most {rate} Mbit/s.")
    yield text.format(window=rules.window, done=f"{rules.done_by:%H:%M}", hours=rules.class_hours,
                      rate=rules.class_rate * 8 // 1_000_000)
    tomorrow = (now + timedelta(days=1)).astimezone(calendar.zone).date()
    holiday = calendar.holidays.get(tomorrow)
    if holiday:
        mark = _(" (computed, not yet in the Cabinet Office's table)") if holiday.computed else ""
        yield _("Tomorrow is a holiday: {name}{mark}.").format(name=holiday.name, mark=mark)
    elif not calendar.is_school_day(tomorrow):
        yield _("Tomorrow there are no lessons.")


def _timers(timers: Sequence[str] | None) -> Iterator[str]:
    if timers:
        yield _("Started by: {lines}").format(lines=", ".join(timers))
    elif timers is not None:
        yield _("Nothing starts kdx by itself yet: run kdx schedule install.")


def _time(moment: datetime, view: View) -> str:
    return f"{moment.astimezone(view.calendar.zone):%m/%d %H:%M}"
