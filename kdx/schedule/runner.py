"""One tick: look at the weather, plan, start what is due as processes of their own, tell what is wrong. Then end.

A tick that meets another ends at once with 0. It never waits for a job, and nothing that the weather, a webhook or one
school does keeps the others from their night.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from signal import SIGTERM

from kdx.backup.format.names import BOARD
from kdx.config.model import Board
from kdx.errors import ExitCode, KdxError, Locked, gravest
from kdx.hazard import weather
from kdx.hazard.items import FeedUnclear, Level, Picture
from kdx.hazard.memory import Outcome, keep, recall, remember
from kdx.hazard.weather import Seen
from kdx.schedule import notices
from kdx.schedule.calendar import Calendar, calendar_of
from kdx.schedule.gather import is_running, lock_name, saves_board, situation_of
from kdx.schedule.history import History, fold, read_history
from kdx.schedule.launch import detach, start
from kdx.schedule.lines import rates
from kdx.schedule.planner import Plan, Step, plan
from kdx.schedule.situation import Job, Situation
from kdx.schedule.troubles import Message, Trouble, speak, troubles_of
from kdx.state.events.scheduling import HazardObserved, JobEnded, ShareSeen, TroubleTold
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger
from kdx.state.limits import write_limits

PROGRAM = (sys.executable, "-m", "kdx")
LOST = -1
"""Exit code of a job that went without recording its end: power, kill -9."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What a tick works with."""

    board: Board
    state: StateFolder
    ledger: Ledger
    clock: Callable[[], datetime]
    actor: str
    program: Sequence[str] = PROGRAM
    wait: Callable[[float], None] = time.sleep
    """Waits so many seconds."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did."""

    started: tuple[Step, ...] = ()
    messages: tuple[Message, ...] = ()
    exit_code: ExitCode = ExitCode.DONE


@dataclass(frozen=True, slots=True)
class View:
    """Everything a plan was made from."""

    situation: Situation
    plan: Plan
    calendar: Calendar
    weather: tuple[Outcome, ...]
    troubles: tuple[Trouble, ...]


def tick(runner: Runner) -> Ticked:
    """Do what is due now. A tick that meets another does nothing."""
    try:
        with runner.state.lock("schedule-tick"):
            return _tick(runner)
    except Locked as error:
        if error.values.get("subject") != "schedule-tick":
            raise
        return Ticked()


def _tick(runner: Runner) -> Ticked:
    board, state, ledger = runner.board, runner.state, runner.ledger
    if board.weather:
        # not all machines of the country on the same second of the minute
        runner.wait(random.uniform(0, board.hazard.jitter_seconds))
    now = runner.clock()
    history = _tidy(runner, read_history(ledger, history_path(state)), now)
    seen, unread = _look(board, state, now)
    _record_weather(runner, seen)
    view = view_of(board, state, history, seen.outcomes, now, unread)
    _stop(state, seen.outcomes)
    write_limits(state, rates(view.situation.schools, view.calendar, now))
    steps = [step for step in view.plan.steps if step.is_now(now)]
    for step in steps:
        start(step, board, state, ledger, now, runner.actor, runner.program)
    messages = _tell(runner, view, history)
    broken = any(trouble.breaks_promise for trouble in view.troubles)
    codes = [ExitCode.PROMISE] * broken + [ExitCode.HAZARD] * _held_back(view)
    return Ticked(tuple(steps), messages, gravest(codes))


def history_path(state: StateFolder) -> Path:
    """Return where the fold of the ledger is kept between ticks."""
    return state.schedule() / "history.json"


def _tell(runner: Runner, view: View, history: History) -> tuple[Message, ...]:
    """Return what a person is told, recorded and handed on; also what could not be handed on."""
    board, now, zone = runner.board, view.situation.now, view.calendar.zone
    told = {key: one for key, one in history.told.items() if not key.startswith(notices.KEY)}
    messages = list(speak(view.troubles, told, now, board.schedule, zone))
    well = not any(trouble.breaks_promise for trouble in view.troubles)
    tried = notices.deliver(board, messages, well, now)
    # a way that was not tried at this tick is neither broken nor mended
    known = {key: one for key, one in history.told.items() if key in tried}
    messages += speak([one for one in tried.values() if one], known, now, board.schedule, zone)
    for message in messages:
        runner.ledger.append(TroubleTold(message.trouble, message.text, message.over))
    if board.schedule.textfile:
        notices.write_figures(board.schedule.textfile, view.situation, view.weather, view.troubles)
    return tuple(messages)


def view_of(
    board: Board,
    state: StateFolder,
    history: History,
    outcomes: tuple[Outcome, ...],
    now: datetime,
    more: Iterable[Trouble] = (),
    past: bool = False,
) -> View:
    """Return the plan, and everything it was made from. Changes nothing. In the `past` no lock says what runs."""
    troubles = list(more)
    calendar, unread = calendar_of(board)
    troubles += [Trouble("holidays", str(unread))] if unread else []
    orders = {one.school.id: one.order for one in outcomes}
    situation = situation_of(board, history, orders, state, now, past)
    found = plan(situation, calendar)
    troubles += troubles_of(situation, found, history, calendar, outcomes, board.hazard.unknown_minutes)
    return View(situation, found, calendar, outcomes, tuple(troubles))


def preview(
    board: Board, state: StateFolder, ledger: Ledger, now: datetime, at: datetime | None = None,
    drop: Path | None = None,
) -> View:
    """Return the plan as it would be at `at`, under the present weather or that of files. Changes nothing."""
    troubles: tuple[Trouble, ...] = ()
    if drop:
        seen = weather.look(board, state, at or now, drop)
    else:
        seen, troubles = _look(board, state, now)
    history = read_history(ledger, history_path(state), keep=False)
    return view_of(board, state, history, seen.outcomes, at or now, troubles)


def _look(board: Board, state: StateFolder, now: datetime) -> tuple[Seen, tuple[Trouble, ...]]:
    """Return what the weather means; for no school where the board has not said where it is. Never stops a tick."""
    if board.weather is None:
        return Seen(Picture("", now), ()), ()
    try:
        return weather.look(board, state, now), ()
    except Exception as error:
        # a table of codes with a mistake, a full disk, a bug: the night is saved all the same, as under an advisory
        why = str(error) if isinstance(error, KdxError) else f"{type(error).__name__}: {error}"
        doubt = FeedUnclear(feed="kdx", why=why)
        picture = Picture(board.weather.class20, now, doubts=(doubt,))
        seen = Seen(picture, weather.weigh_unread(board, state, picture))
        return seen, (Trouble("weather unread", why),)


def _record_weather(runner: Runner, seen: Seen) -> None:
    """Keep what is to be remembered; append what changed; start the hooks of a level that is reached anew."""
    path = runner.state.hazard() / weather.MEMORY
    before = recall(path)
    for one in seen.outcomes:
        old, new = before.get(one.school.id), one.standing
        if old and (old.standing.level, old.standing.perils) == (new.level, new.perils):
            continue
        if not old and new.level is Level.CLEAR:
            continue
        runner.ledger.append(
            HazardObserved(
                school=one.school.id, level=new.level, acts_as=new.acts_as,
                perils={str(peril): str(level) for peril, level in new.perils.items()},
                reasons=[f"{reason.meaning.name} {reason.status} {reason.place}".strip() for reason in new.reasons],
                doubts=[f"{doubt.values['feed']}: {doubt.values['why']}" for doubt in new.doubts],
                observed=new.observed, known=new.known, sources=list(seen.picture.sources),
            )
        )
        if old is None or old.standing.acts_as != new.acts_as:
            _start_hooks(runner, one.school.id, new.acts_as)
    if seen.outcomes:
        keep(path, remember(seen.outcomes))


def _start_hooks(runner: Runner, school: str, level: Level) -> None:
    for name, command in runner.board.hazard.hooks:
        if name == level:
            environment = {**os.environ, "KDX_SCHOOL": school, "KDX_LEVEL": level}
            with suppress(OSError):
                detach(list(command), environment, runner.state.schedule() / "hooks.log")


def _held_back(view: View) -> bool:
    """Whether something that the weather asks for is not started because of it."""
    return any(state.order.hold and state.is_asked for state in view.situation.schools)


def _tidy(runner: Runner, history: History, now: datetime) -> History:
    """Note shares met for the first time, and jobs that went without saying so; return the history with them."""
    board, ledger = runner.board, runner.ledger
    events = [
        ledger.append(ShareSeen(school.id, share.name, share.id))
        for school in board.schools
        for share in school.shares
        if share.id not in history.shares or history.shares[share.id].seen is None
    ]
    if saves_board(runner.state, history) and (BOARD not in history.shares or history.shares[BOARD].seen is None):
        events.append(ledger.append(ShareSeen("", board.name, BOARD)))
    for key, record in history.jobs.items():
        job, _space, school = key.partition(" ")
        if record.open and job in tuple(Job) and not is_running(runner.state, Job(job), school, record, now):
            started = record.started or now
            events.append(ledger.append(
                JobEnded(job, school, exit_code=LOST, started=started, ended=now, log=record.log)))
    return fold(history, events) if events else history


def _stop(state: StateFolder, outcomes: Iterable[Outcome]) -> None:
    """Ask what runs where the water comes at once to seal what it has."""
    for one in outcomes:
        if one.order.stop:
            holder = state.holder(lock_name(Job.SAVE, one.school.id))
            if holder:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(holder, SIGTERM)
