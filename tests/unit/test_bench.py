"""How the bench measures and judges."""

import os
import sys
from pathlib import Path

import pytest
from bench_measure import CommandFailed, Comparison, Measure, judge, measure


@pytest.mark.parametrize(
    ("values", "limit", "verdict"),
    [
        ([0.40, 0.45, 0.41], 0.5, "met"),
        ([0.60, 0.65, 0.61], 0.5, "missed"),
        ([0.40, 0.45, 0.90], 0.5, "too noisy to tell"),
        ([0.48, 0.49, 0.52], 0.5, "met"),
        ([0.48, 0.51, 0.52], 0.5, "missed"),
        ([0.10, 0.30, 0.40], 0.5, "met"),
    ],
)
def test_a_limit_is_decided_only_where_the_pairs_agree(values: list[float], limit: float, verdict: str) -> None:
    assert judge(values, limit) == verdict


def test_a_ratio_is_taken_pair_by_pair() -> None:
    pairs = ((Measure(1, 1, 1), Measure(2, 1, 1)), (Measure(10, 1, 1), Measure(20, 1, 1)))
    assert Comparison("x", "y", "wall", pairs, 0.6).ratios == [0.5, 0.5]


def test_a_measure_counts_every_process_of_a_command(tmp_path: Path) -> None:
    burn = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    assert measure([sys.executable, "-c", orphan], os.environ, tmp_path / "log").cpu > 0.4


def test_a_measure_sees_the_memory_of_a_child(tmp_path: Path) -> None:
    child = "import time; block = b'x' * (80 << 20); time.sleep(0.6)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert measure([sys.executable, "-c", parent], os.environ, tmp_path / "log").peak > 80 << 20


def test_a_command_that_fails_is_never_a_figure(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no such day"):
        measure([sys.executable, "-c", "import sys; sys.exit('no such day')"], os.environ, tmp_path / "log")
