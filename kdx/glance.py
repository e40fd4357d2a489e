"""Where every part of the work stands at this moment, from what this machine knows: asks no network, changes nothing.

A part that cannot be told is an error in its place, so that it never hides the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from kdx.config.mistakes import ConfigurationMistakes
from kdx.config.model import Board
from kdx.errors import ExitCode, KdxError
from kdx.hazard.memory import Outcome
from kdx.hazard.weather import last_seen
from kdx.rollout.overview import Overview, look
from kdx.schedule import timers
from kdx.schedule.calendar import calendar_of
from kdx.schedule.history import read_history
from kdx.schedule.runner import View, history_path, view_of
from kdx.schedule.standing import NEWEST, Present, Standing, standings
from kdx.state.events.moving import ScanFinished
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger

Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Glance:
    """What is known of each part."""

    board: Board
    now: datetime
    ledger_id: int
    present: Present
    """Kind (of schedule.standing.NEWEST) -> the newest event of each subject."""
    migrations: Sequence[Standing]
    weather: Sequence[Outcome] | KdxError
    """As the scheduler last saw it; empty where it never looked."""
    view: View | KdxError
    """Promises and plan."""
    timers: Sequence[str] | KdxError
    """The lines that make the schedule run."""
    overview: Overview | KdxError

    @property
    def scanned(self) -> Mapping[str, datetime]:
        """Share id -> when its last scan ended, of the shares the inventory still has."""
        known = {share.id for school in self.board.schools for share in school.shares}
        events = self.present.get(ScanFinished.kind, ())
        return {event.subject: event.time for event in events if event.subject in known}

    @property
    def exit_code(self) -> ExitCode:
        """10 where a file of the inventory holds mistakes."""
        parts = (self.weather, self.view, self.timers, self.overview)
        wrong = any(isinstance(part, ConfigurationMistakes) for part in parts)
        return ExitCode.CONFIGURATION if wrong else ExitCode.DONE


def glance(board: Board, ledger: Ledger, state: StateFolder, now: datetime, user: str) -> Glance:
    """Return where everything stands. `user` is whose crontab is looked at."""
    present = {kind: ledger.present(kind) for kind in NEWEST}
    weather = _told(lambda: last_seen(board, state))
    outcomes = () if isinstance(weather, KdxError) else weather
    return Glance(
        board=board,
        now=now,
        ledger_id=ledger.head()[0],
        present=present,
        # nobody is told a day here, so neither speeds nor limits matter
        migrations=standings(board, calendar_of(board)[0], present, (), {}, now),
        weather=weather,
        view=_told(lambda: view_of(
            board, state, read_history(ledger, history_path(state), keep=False), outcomes, now)),
        timers=_told(lambda: timers.installed(user)),
        overview=_told(lambda: look(board, ledger, now)),
    )


def _told(ask: Callable[[], Told]) -> Told | KdxError:
    try:
        return ask()
    except KdxError as error:
        return error
