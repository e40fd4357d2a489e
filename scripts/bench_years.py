"""What the clock, the rollout and the report cost after years: the planner, and the tables over a large ledger.

Ledgers, weather and board are those of the tests, so these figures and the tests speak of the same.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench_print import Figures, Line
from bench_run import Bench

from kdx.config import load_board
from kdx.config.holidays import Holidays
from kdx.config.scheduling import Scheduling
from kdx.schedule.calendar import Calendar
from kdx.schedule.planner import plan
from kdx.schedule.situation import SchoolState, ShareState, Situation
from tests.rigs import lived_in
from tests.rigs.large_ledger import five_years, write_ledger

INVENTORY = Path("inventory").absolute()
START = datetime(2021, 11, 23, 3, tzinfo=UTC)


def planner(bench: Bench) -> Iterator[Line]:
    """Plan 500 schools of three shares."""
    now = datetime(2026, 11, 25, 14, tzinfo=UTC)
    schools = tuple(
        SchoolState(f"s{number}", "s", tuple(
            ShareState(f"s{number}-{share}", "s", now - timedelta(hours=(number * 7 + share * 3) % 40), START)
            for share in range(3)
        ), growth=1e6 * (number % 50))
        for number in range(500)
    )
    spent = []
    for _run in range(bench.size.pairs):
        begun = time.perf_counter()
        plan(Situation(now, schools), Calendar(UTC, Scheduling(), Holidays()))
        spent.append(time.perf_counter() - begun)
    yield Figures("schedule-plan", "500 schools of 3 shares", "s", spent, 0.2)


def rollout(bench: Bench, probes: int, limit: float, *words: str, what: str) -> Iterator[Line]:
    """Show the rollout over five years of events, `probes` a day."""
    state = bench.work / "files" / f"ledger-{probes}"
    if not state.exists():
        unfinished = state.with_name(f"{state.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        print(f"making {state} ...", file=sys.stderr)
        events = five_years([school.id for school in load_board(INVENTORY).schools], START)
        write_ledger(unfinished, (one for one in events for _ in range(probes if "observed" in one[1].kind else 1)))
        unfinished.rename(state)
    measures = [bench.kdx(INVENTORY, state, "rollout", "status", *words) for _run in range(bench.size.pairs)]
    yield Figures("rollout", f"{what}, wall", "s", [one.wall for one in measures], limit)
    yield Figures("rollout", f"{what}, peak", "MB", [one.peak / 1e6 for one in measures], 200)


def report(bench: Bench, schools: int, seconds: float, kilobytes: float) -> Iterator[Line]:
    """Write the report of a board after five weeks."""
    board = bench.work / "files" / f"report-{schools}"
    if not board.exists():
        unfinished = board.with_name(f"{board.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        print(f"making {board} ...", file=sys.stderr)
        lived_in.live(lived_in.write_inventory(unfinished / "inventory", schools), unfinished / "state")
        unfinished.rename(board)
    page = bench.new_folder() / "report.html"
    words = ("report", "-o", str(page), "--as-of", f"{lived_in.NOW:%Y-%m-%d}")
    measures = [bench.kdx(board / "inventory", board / "state", *words) for _run in range(bench.size.pairs)]
    yield Figures("report", f"{schools} schools, wall", "s", [one.wall for one in measures], seconds)
    yield Figures("report", f"{schools} schools, page", "kB", [page.stat().st_size / 1e3], kilobytes)


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "schedule-plan": planner,
    "rollout-present": lambda bench: rollout(bench, 1, 0.5, what="160,000 events"),
    "rollout-large": lambda bench: rollout(bench, 2, 1.5, what="310,000 events"),
    "rollout-as-of": lambda bench: rollout(bench, 2, 6, "--as-of", "2026-11-01", what="the same --as-of"),
    "report-14": lambda bench: report(bench, 14, 1, 150),
    "report-500": lambda bench: report(bench, 500, 5, 3000),
}
