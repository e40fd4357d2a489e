"""What is wrong now, and what of it a person is told at this tick. Pure.

Silent when all is well. The same trouble speaks once, then daily at the board's hour, and once more when it is over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from kdx.config.scheduling import Scheduling
from kdx.hazard.items import Level
from kdx.hazard.memory import Outcome
from kdx.language import _
from kdx.schedule.calendar import Calendar
from kdx.schedule.history import History, ToldRecord
from kdx.schedule.planner import WEATHER, Plan, broken
from kdx.schedule.situation import SchoolState, Situation


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong."""

    key: str
    """What stays the same while it lasts."""
    text: str
    """Already translated."""
    breaks_promise: bool = False
    """Whether a promise is broken by it: the tick ends with 14."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a person is told."""

    trouble: str
    text: str
    over: bool = False


def troubles_of(
    situation: Situation, plan: Plan, history: History, calendar: Calendar, weather: Iterable[Outcome], patience: int
) -> Iterator[Trouble]:
    """Yield what is wrong. `patience`: minutes for which an unknown weather is no trouble yet."""
    for state in situation.watched:
        yield from _of_school(state, calendar, situation.now)
    for step in plan.unsafe:
        if any(one.school == step.school and one.urgency == WEATHER for one in plan.steps):
            text = _("{school} {share}: will not be saved before the weather (until {time}): {why}")
            yield Trouble(f"late {step.school}", text.format(
                school=step.name, share=step.share, time=_shown(step.deadline, calendar.zone), why=step.why))
    for subject, job in history.jobs.items():
        if job.failures and not job.open:
            text = _("the job {job} ended with {code} ({count} in a row); its log: {log}")
            yield Trouble(f"job {subject}", text.format(
                job=subject, code=job.exit_code, count=job.failures, log=job.log or "-"))
    yield from _of_weather(weather, patience, calendar.zone)


def _of_school(state: SchoolState, calendar: Calendar, now: datetime) -> Iterator[Trouble]:
    late = {share.id for share in broken(state, calendar, now)}
    window = calendar.window_start(now)
    missed = calendar.done_by(window) <= now
    for share in state.shares:
        saved = _shown(share.saved, calendar.zone) if share.saved else _("never")
        if share.id in late:
            text = _("{school} {share}: the last good backup began {time}; promised is one in {hours} hours")
            yield Trouble(f"rpo {share.id}", text.format(
                school=state.name, share=share.name, time=saved, hours=calendar.rules.rpo_hours), True)
        elif missed and share.since < window:
            text = _("{school} {share}: last night's backup is missing; the last good one began {time}")
            yield Trouble(f"night {share.id}", text.format(school=state.name, share=share.name, time=saved), True)
    if state.pause:
        text = _("{school}: backups are paused until {time}: {reason}")
        yield Trouble(f"pause {state.id}", text.format(
            school=state.name, time=_shown(state.pause.until, calendar.zone), reason=state.pause.reason))


def _of_weather(weather: Iterable[Outcome], patience: int, zone: tzinfo) -> Iterator[Trouble]:
    """Yield that the weather is not known, once for all schools."""
    for found in weather:
        standing = found.standing
        if standing.level is not Level.UNKNOWN:
            continue
        known = standing.known
        if known and timedelta(0) <= standing.observed - known < timedelta(minutes=patience):
            continue
        why = ", ".join(dict.fromkeys(map(str, standing.doubts)))
        text = _("the weather is not known since {time}; kdx acts as under an advisory. {why}")
        yield Trouble("weather", text.format(time=_shown(known, zone) if known else _("the beginning"), why=why))
        return


def speak(
    troubles: Iterable[Trouble], told: Mapping[str, ToldRecord], now: datetime, rules: Scheduling, zone: tzinfo
) -> Iterator[Message]:
    """Yield what a person is told at this tick."""
    present = {one.key: one for one in troubles}
    daily = _last_daily(now, rules, zone)
    for key, trouble in present.items():
        record = told.get(key)
        if record is None:
            yield Message(key, trouble.text)
        elif record.last < daily or record.last > now:
            yield Message(key, _("still: {text}").format(text=trouble.text))
    for key, record in told.items():
        if key not in present:
            yield Message(key, _("over: {text}").format(text=record.text), over=True)


def _last_daily(now: datetime, rules: Scheduling, zone: tzinfo) -> datetime:
    """Return when lasting troubles were last due to be told again."""
    local = now.astimezone(zone)
    here = datetime.combine(local.date(), rules.speak_at, zone)
    return here if here <= now else here - timedelta(days=1)


def _shown(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%m/%d %H:%M}"
