"""The plan as it was at a past moment: from what the ledger knew then, with the calendar and rules of today."""

from datetime import datetime

from kdx.config.model import Board
from kdx.hazard.past import seen_at
from kdx.schedule.history import History, fold
from kdx.schedule.runner import View, view_of
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger


def view_at(board: Board, state: StateFolder, ledger: Ledger, moment: datetime) -> View:
    """Return the plan of a moment that is over. A job without an end in the ledger was at work then."""
    history = fold(History(), ledger.events(as_of=moment))
    return view_of(board, state, history, seen_at(board, ledger, moment).outcomes, moment, past=True)
