"""Everything that is known of all schools at one moment, gathered once: what the report is made of.

From the ledger and the catalogs alone, so that the same facts give the same report on any day. Judges nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kdx.checklist.figures import Known, gather
from kdx.config.model import Board
from kdx.inventory.catalog.queries import Content
from kdx.inventory.overview import catalogs_until, content_of
from kdx.rollout.evidence import read_first
from kdx.rollout.forecast import Dates, dates_of, find_baseline
from kdx.rollout.overview import Overview, look
from kdx.rollout.stream import Cell
from kdx.schedule.history import History, fold
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger, Recorded

DAYS = 35
"""How far back the calendars go: five weeks, one more than the longest month."""
SEALED, OBSERVED = "snapshot.sealed", "hazard.observed"
NEWEST = ("migration.planned", "migration.ran", "migration.verified", "receipt.issued", "drill.finished")


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a board's schools."""

    board: Board
    now: datetime
    """In the board's time zone."""
    overview: Overview
    dates: Mapping[Cell, Dates]
    history: History
    """Shares and when they were last well saved."""
    snapshots: Sequence[Recorded]
    """Those sealed in the last DAYS days."""
    weather: Sequence[Recorded]
    """Levels of the last DAYS days; of each school the one that held before, too."""
    present: Mapping[str, Sequence[Recorded]]
    """Kind (one of NEWEST) -> the newest event of each subject."""
    content: Sequence[Content]
    """Files by year and ending, of all shares that were looked through."""
    scanned: Mapping[str, datetime]
    """Share id -> when the scan ended that `content` counts."""
    checklist: Known

    @property
    def days(self) -> list[date]:
        """The days the calendars show, the oldest first."""
        return [self.now.date() - timedelta(days=back) for back in reversed(range(DAYS))]


def survey(board: Board, ledger: Ledger, state: StateFolder, now: datetime, as_of: datetime | None = None) -> Survey:
    """Return what is known now, or was known at a time."""
    overview = look(board, ledger, now, as_of)
    moment = overview.world.now.astimezone(ZoneInfo(board.time_zone))
    began = datetime.combine(moment.date() - timedelta(days=DAYS - 1), datetime.min.time(), moment.tzinfo)
    sealed = _since(ledger, SEALED, began, as_of)
    _name, baseline = find_baseline(overview.world.facts, None)
    catalogs = catalogs_until([share for school in board.schools for share in school.shares], state, moment)
    return Survey(
        board=board,
        now=moment,
        overview=overview,
        dates=dates_of(overview, read_first(ledger, as_of), baseline),
        history=fold(History(), sealed),
        snapshots=[event for event in sealed if event.time >= began],
        weather=_since(ledger, OBSERVED, began, as_of),
        present={kind: ledger.present(kind, as_of=as_of) for kind in NEWEST},
        content=content_of(catalogs.values(), state, moment),
        scanned={share: catalog.metadata.ended for share, catalog in catalogs.items()},
        checklist=gather(board.folder, ledger, moment.date(), as_of),
    )


def _since(ledger: Ledger, kind: str, began: datetime, as_of: datetime | None) -> list[Recorded]:
    """Return events of a kind since a time, and before them of each subject the one that held then."""
    before = ledger.read((kind,), "newest", as_of=began - timedelta(microseconds=1)).events
    return sorted([*before, *ledger.events(kind, since=began, as_of=as_of)], key=lambda event: event.id)
