"""A scan's memory does not grow with the share, and its time no faster than the number of entries."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench_measure import Measure, measure
from sample_board import SCHOOL, write_board
from sample_share import entries, write_samples
from tests.conftest import PROGRAMS

pytestmark = pytest.mark.system

MEGABYTE = 1_000_000

Scan = Callable[[int], Measure]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Make a share of so many entries, scan it twice, and return the dearer of the two."""

    def run(count: int) -> Measure:
        share = tmp_path / str(count)
        share.mkdir()
        write_samples(share, entries(count), 1)
        board = write_board(tmp_path / f"board-{count}", {"共有": share})
        environment = {**os.environ, "KDX_INVENTORY": str(board), "KDX_STATE": str(tmp_path / f"state-{count}")}
        words = (PROGRAMS / "kdx", "inventory", "scan", SCHOOL)
        first, again = (measure(words, environment, tmp_path / "log") for _ in range(2))
        return Measure(first.wall, first.cpu, max(first.peak, again.peak))

    return run


@pytest.mark.long
def test_a_scan_of_a_hundred_thousand_entries_stays_small(scan: Scan) -> None:
    assert scan(100_000).peak < 300 * MEGABYTE


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_scan_of_a_million_entries_stays_below_400_megabytes_and_its_time_is_linear(scan: Scan) -> None:
    quarter, whole = scan(250_000), scan(1_000_000)
    assert whole.peak < 400 * MEGABYTE
    assert whole.cpu < 4 * 1.3 * quarter.cpu
