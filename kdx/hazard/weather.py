"""Look at the weather once: the picture, what it means for every school, what to do. Remembers nothing by itself."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kdx.config.model import Board
from kdx.errors import ConfigurationError, ExitCode
from kdx.hazard.codes import codes_of
from kdx.hazard.feeds import Watch
from kdx.hazard.items import Picture
from kdx.hazard.jma import from_files, poll
from kdx.hazard.memory import Outcome, recall, weigh
from kdx.hazard.policy import decide
from kdx.language import N_
from kdx.state.folder import StateFolder

MEMORY = "schools.json"


class NoArea(ConfigurationError):
    """The board has not said where it is."""

    message = N_("kdx.yml does not say which municipality's weather counts.")
    advice = N_('Write for example: jma: {{office: "240000", class20: "2421000"}}')


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the weather."""

    picture: Picture
    outcomes: tuple[Outcome, ...]

    @property
    def exit_code(self) -> ExitCode:
        """6 where the weather is not known."""
        return ExitCode.UNDECIDED if self.picture.doubts else ExitCode.DONE


def watch_of(board: Board, state: StateFolder) -> Watch:
    """Return what is watched. NoArea where the board has not said where it is."""
    if board.weather is None:
        raise NoArea()
    return Watch(board.weather, board.network, codes_of(board.folder), state.hazard())


def look(board: Board, state: StateFolder, now: datetime, drop: Path | None = None) -> Seen:
    """Return the weather from 気象庁's servers, or from a file or folder."""
    watch = watch_of(board, state)
    picture = from_files(drop, watch, now) if drop else poll(watch, now)
    memory = recall(watch.folder / MEMORY)
    return Seen(picture, weigh(picture, board.schools, memory, watch.codes, board.hazard))


def last_seen(board: Board, state: StateFolder) -> tuple[Outcome, ...]:
    """Return what the scheduler's last look meant, of each school it had seen; when that was, each standing says."""
    memory = recall(state.hazard() / MEMORY)
    known = [(school, memory[school.id]) for school in board.schools if school.id in memory]
    return tuple(
        Outcome(school, one.standing, one.alarm, decide(one.alarm, one.standing, school, board.hazard))
        for school, one in known
    )


def weigh_unread(board: Board, state: StateFolder, picture: Picture) -> tuple[Outcome, ...]:
    """Return what a picture full of doubt means, with kdx's own codes: the board's may be what is wrong."""
    memory = recall(state.hazard() / MEMORY)
    return weigh(picture, board.schools, memory, codes_of(None), board.hazard)
