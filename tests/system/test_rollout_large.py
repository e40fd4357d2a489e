"""Five years and 300,000 events: the answer comes from the projection, in bounded memory, and is what the fold says."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench_measure import measure
from rigs.large_ledger import Dated, five_years, write_ledger

from kdx.config import load_board
from kdx.rollout.evidence import EVERY, NEWEST
from kdx.state.folder import StateFolder
from kdx.state.ledger import open_ledger
from tests.conftest import PROGRAMS

pytestmark = [
    pytest.mark.system, pytest.mark.long, pytest.mark.timeout(300), pytest.mark.xdist_group("rollout_large"),
]
START = datetime(2021, 11, 23, 3, tzinfo=UTC)
TODAY = datetime(2026, 11, 25, 3, tzinfo=UTC)


def twice(events: Iterator[Dated]) -> Iterator[Dated]:
    """Every probe made at noon and again in the afternoon."""
    for when, event in events:
        yield when, event
        if event.kind == "rollout.observed":
            yield when, event


@pytest.fixture(scope="module")
def state(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    schools = [school.id for school in load_board(checkout / "inventory").schools]
    assert write_ledger(folder, twice(five_years(schools, START))) > 300_000
    return folder


def rows(checkout: Path, state: Path, *words: str) -> list[dict[str, object]]:
    """Ask the installed program, and hold it to its memory."""
    log = state / "answer.json"
    environment = {**os.environ, "KDX_INVENTORY": str(checkout / "inventory"), "KDX_STATE": str(state)}
    measured = measure((PROGRAMS / "kdx", "rollout", *words, "--json", "-o", log), environment, state / "log")
    assert measured.peak < 200_000_000
    found: list[dict[str, object]] = json.loads(log.read_text("utf-8"))["rows"]
    return found


def test_a_ledger_written_fast_is_one_that_kdx_would_have_written(tmp_path: Path) -> None:
    write_ledger(tmp_path, five_years(["a_es", "b_es"], START, days=40))
    with open_ledger(StateFolder(tmp_path), actor="a", request_id="r", clock=lambda: TODAY) as ledger:
        assert ledger.verify().faults == ()


def test_the_present_is_read_from_a_few_rows_and_is_what_the_full_fold_says(checkout: Path, state: Path) -> None:
    with open_ledger(StateFolder(state), actor="a", request_id="r", clock=lambda: TODAY) as ledger:
        read = len(ledger.read(NEWEST, "newest").events) + len(ledger.read(EVERY, "every").events)
    assert read < 1500
    assert rows(checkout, state, "export") == rows(checkout, state, "export", "--as-of", "2099-12-31")


def test_the_past_and_the_forecast_stay_within_memory_too(checkout: Path, state: Path) -> None:
    assert rows(checkout, state, "status", "--as-of", "2023-04-01")
    assert rows(checkout, state, "forecast")
