"""Run recorded feeds through levels, policy and planner under a clock of their own: what would have started when.

A file counts from the time its name begins with (YYYYMMDDhhmmss in UTC, as 気象庁 names its telegrams), else from the
time it carries itself. An r8, flood_xml, map_time or warning_timeline file replaces the one before it; telegrams add
up. A recorded error page is what a tick would have seen: the level becomes UNKNOWN. Jobs take as long as forecast.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kdx.config.model import Board, School
from kdx.errors import UsageMistake
from kdx.hazard.codes import Codes
from kdx.hazard.items import FeedUnclear, Outlook, Picture, Report, River
from kdx.hazard.jma import Told, read_file
from kdx.hazard.level import Standing
from kdx.hazard.memory import Memory, Outcome, remember, weigh
from kdx.hazard.picture import Sources, compose
from kdx.language import N_
from kdx.schedule.calendar import Calendar
from kdx.schedule.planner import Plan, Step, plan
from kdx.schedule.situation import Job, SchoolState, ShareState, Situation

AFTER = timedelta(hours=4)
"""So long a replay goes on after its last file: two calm hours and the check after them."""
LONGEST = timedelta(days=14)
MINUTE = timedelta(minutes=1)
SNAPSHOTS = {"r8": "r8", "flood": "flood_xml", "map_time": "map_time", "warning_timeline": "warning_timeline"}
_STAMP = re.compile(r"([0-9]{14})_(.*)")


class NothingRecorded(UsageMistake):
    """No file of a recording says when it was."""

    message = N_("None of these files says when it was recorded.")
    advice = N_("Begin their names with the time in UTC, for example 20270714060000_r8.json.")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One file of a recording."""

    time: datetime
    kind: str
    """Which of 気象庁's files: r8, flood_xml, map_time, warning_timeline or telegram."""
    told: Told | FeedUnclear


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened at a minute of a replay."""

    time: datetime
    school: str
    name: str
    what: str
    """level, started, finished or held."""
    standing: Standing | None = None
    step: Step | None = None


def load(paths: Iterable[Path], area: str) -> list[Recorded]:
    """Return the files of a recording, oldest first; a folder stands for all files in it. NothingRecorded."""
    files = [one for path in paths for one in (sorted(path.iterdir()) if path.is_dir() else [path])]
    found = [one for file in files if (one := _recorded(file, area))]
    if not found:
        raise NothingRecorded()
    return sorted(found, key=lambda one: one.time)


def _recorded(file: Path, area: str) -> Recorded | None:
    told: Told | FeedUnclear
    try:
        told = read_file(file, area)
    except FeedUnclear as error:
        told = FeedUnclear(feed=file.name, why=error.values["why"])
    stamp = _STAMP.fullmatch(file.name)
    if stamp:
        time: datetime | None = datetime.strptime(stamp[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    else:
        time = None if isinstance(told, FeedUnclear) else _own_time(told)
    return Recorded(time, _kind(file.name, told), told) if time else None


def _own_time(told: Told) -> datetime | None:
    if isinstance(told, datetime):
        return told
    times = [one.controlled if isinstance(one, Report) else one.reported if isinstance(one, River) else one.start
             for one in told]
    return max(times, default=None)


def _kind(name: str, told: Told | FeedUnclear) -> str:
    if name.endswith(".xml"):
        return "telegram"
    if isinstance(told, datetime):
        return "map_time"
    if isinstance(told, tuple) and told:
        first = told[0]
        return "r8" if isinstance(first, Report) else "flood_xml" if isinstance(first, River) else "warning_timeline"
    return next((kind for word, kind in SNAPSHOTS.items() if word in name), "r8")


def picture_at(recorded: Sequence[Recorded], moment: datetime, area: str, codes: Codes) -> Picture:
    """Return the picture a tick would have had at `moment`."""
    newest: dict[str, Told | FeedUnclear] = {}
    telegrams: list[Report | River] = []
    for one in recorded:
        if one.time > moment:
            break
        if one.kind != "telegram":
            newest[one.kind] = one.told
        elif isinstance(one.told, tuple):
            telegrams += [each for each in one.told if not isinstance(each, Outlook)]
    every = [*telegrams, *(each for told in newest.values() if isinstance(told, tuple) for each in told)]
    doubts = [told for kind, told in newest.items() if isinstance(told, FeedUnclear) and kind != "warning_timeline"]
    alive = newest.get("map_time")
    return compose(area, moment, codes, Sources(
        reports=tuple(one for one in every if isinstance(one, Report)),
        rivers=tuple(one for one in every if isinstance(one, River)),
        outlook=tuple(one for one in every if isinstance(one, Outlook)),
        alive=alive if isinstance(alive, datetime) else None,
        doubts=tuple(doubts),
    ))


def replay(board: Board, recorded: Sequence[Recorded], calendar: Calendar, codes: Codes) -> Iterator[Line]:
    """Yield minute by minute what would have happened. Every school begins as saved in the night before."""
    area = board.weather.class20 if board.weather else ""
    moment, end = recorded[0].time, min(recorded[-1].time + AFTER, recorded[0].time + LONGEST)
    states = {school.id: _fresh(school, calendar, moment) for school in board.schools}
    memory: Memory = {}
    running: dict[str, Step] = {}
    copied = checked = moment
    while moment <= end:
        for step in [one for one in running.values() if one.finish <= moment]:
            yield Line(step.finish, step.school, step.name, "finished", step=running.pop(step.school or step.job))
            if step.job is Job.SAVE:
                states[step.school] = _saved(states[step.school], step.start)
        outcomes = weigh(picture_at(recorded, moment, area, codes), board.schools, memory, codes, board.hazard)
        yield from _changes(outcomes, memory, moment)
        memory = remember(outcomes)
        for found in outcomes:
            states[found.school.id] = replace(states[found.school.id], order=found.order)
        busy = any(step.job is not Job.SAVE for step in running.values())
        situation = Situation(moment, tuple(states.values()), copied, checked, True, board_running=busy)
        for step in _starts(plan(situation, calendar), moment):
            copied = moment if step.job is Job.COPY else copied
            checked = moment if step.job is Job.CHECK else checked
            running[step.school or step.job] = step
            if step.school:
                states[step.school] = replace(states[step.school], running=moment)
            yield Line(moment, step.school, step.name, "started", step=step)
        moment += MINUTE


def _starts(found: Plan, moment: datetime) -> Iterator[Step]:
    board_busy = False
    for step in found.steps:
        if step.is_now(moment) and not (board_busy and not step.school):
            board_busy = board_busy or not step.school
            yield step


def _fresh(school: School, calendar: Calendar, moment: datetime) -> SchoolState:
    night = calendar.window_start(moment)
    shares = tuple(ShareState(share.id, share.name, night, night) for share in school.shares)
    # a school whose servers are not written down yet still has its weather
    return SchoolState(school.id, school.name, shares or (ShareState(school.id, "-", night, night),), growth=100e6)


def _saved(state: SchoolState, started: datetime) -> SchoolState:
    return replace(state, running=None, shares=tuple(replace(share, saved=started) for share in state.shares))


def _changes(outcomes: Iterable[Outcome], memory: Memory, moment: datetime) -> Iterator[Line]:
    for found in outcomes:
        before = memory.get(found.school.id)
        if before is None or _seen(before.standing) != _seen(found.standing):
            yield Line(moment, found.school.id, found.school.name, "level", standing=found.standing)


def _seen(standing: Standing) -> tuple[object, ...]:
    """Return what a reader would see change."""
    ahead = any(start > standing.observed and peril not in standing.perils for peril, start in standing.ahead.items())
    return standing.level, standing.acts_as, tuple(sorted(standing.perils.items())), ahead
