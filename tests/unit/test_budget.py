"""One budget for the line all schools share: fair by weight, never wasted, never more; the dead take nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.transfer.budget import Claim, Weight, joined, part_of
from kdx.transfer.limit import Limiter, Rate

claims = st.lists(
    st.builds(Claim, st.sampled_from(list(Weight)), st.one_of(st.none(), st.integers(1, 10**9))),
    min_size=1, max_size=14,
)


def endless() -> None:
    return None


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        ([Claim(2)], [1200]),
        ([Claim(2), Claim(2)], [600, 600]),
        ([Claim(2), Claim(4)], [400, 800]),
        ([Claim(2, 100), Claim(2)], [100, 1100]),
        ([Claim(2, 100), Claim(2, 200), Claim(4)], [100, 200, 900]),
        ([Claim(2, 5000), Claim(2, 5000)], [600, 600]),
        ([Claim(8, 300), Claim(1), Claim(2)], [300, 300, 600]),
    ],
)
def test_what_one_may_not_take_goes_to_the_others_by_weight(wanted: list[Claim], parts: list[int]) -> None:
    assert [part_of(wanted, number, 1200) for number in range(len(wanted))] == parts


@given(claims, st.integers(10**4, 10**9))
def test_together_all_take_the_whole_line_or_all_they_may_and_never_more(wanted: list[Claim], total: int) -> None:
    parts = [part_of(wanted, number, total) for number in range(len(wanted))]
    assert sum(parts) <= total + len(wanted)
    assert all(part <= (claim.most or total) for part, claim in zip(parts, wanted, strict=True))
    if any(claim.most is None for claim in wanted):
        assert sum(parts) >= total - len(wanted)
    satisfied = [claim.most is not None and part >= claim.most - 1 for part, claim in zip(parts, wanted, strict=True)]
    levels = [part / claim.weight for part, claim, full in zip(parts, wanted, satisfied, strict=True) if not full]
    assert not levels or max(levels) - min(levels) <= 1, "who could take more gets the same for the same weight"


def test_a_job_that_comes_and_goes_changes_what_the_others_get(tmp_path: Path) -> None:
    with joined(tmp_path, Weight.MIGRATION, endless, 900) as first:
        assert first() == 900
        with joined(tmp_path, Weight.BACKUP, endless, 900) as second:
            assert (first(), second()) == (300, 600)
        assert first() == 900
    assert list(tmp_path.iterdir()) == []


def test_a_schools_own_limit_is_asked_anew_each_time(tmp_path: Path) -> None:
    lessons = [100]
    with joined(tmp_path, Weight.MIGRATION, lambda: lessons[0], 900) as slow:
        with joined(tmp_path, Weight.MIGRATION, endless, 900) as other:
            assert (slow(), other()) == (100, 800)
            lessons[0] = 5000
            assert slow() == 450
            assert other() == 450


def test_a_job_that_was_killed_takes_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom kdx.transfer.budget import Weight, joined\n"
        "with joined(Path(sys.argv[1]), Weight.RESTORE, lambda: None, 900):\n"
        "    print(flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with joined(tmp_path, Weight.MIGRATION, endless, 900) as mine:
            assert mine() == 180
            os.kill(other.pid, signal.SIGKILL)
            other.wait()
            assert mine() == 900
            assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"x", b"-3 -5", b"99999999 0", b"1", b"\xff" * 40])
def test_a_claim_that_makes_no_sense_counts_as_one_that_wants_its_part(tmp_path: Path, content: bytes) -> None:
    with joined(tmp_path, Weight.MIGRATION, endless, 900), joined(tmp_path, Weight.MIGRATION, endless, 900) as mine:
        for path in tmp_path.iterdir():
            path.write_bytes(content)
        assert 0 < (mine() or 0) < 900


def test_two_schools_at_once_keep_the_line_within_five_percent(tmp_path: Path) -> None:
    total, moved, now = 1_000_000, {"a": 0, "b": 0}, {"a": 0.0, "b": 0.0}

    def limiter(name: str, rate: Rate) -> Limiter:
        def wait(seconds: float) -> None:
            now[name] += seconds

        return Limiter(rate, lambda: now[name], wait)

    with joined(tmp_path, Weight.MIGRATION, endless, total) as a, joined(tmp_path, Weight.BACKUP, endless, total) as b:
        limiters = {"a": limiter("a", a), "b": limiter("b", b)}
        while min(now.values()) < 60:
            name = min(now, key=lambda one: now[one])
            limiters[name].take(50_000)
            moved[name] += 50_000
    assert sum(moved.values()) == pytest.approx(60 * total, rel=0.05)
    assert moved["b"] == pytest.approx(2 * moved["a"], rel=0.05)


def test_a_worker_that_let_go_of_all_it_inherited_still_learns_its_part(tmp_path: Path) -> None:
    with joined(tmp_path, Weight.BACKUP, endless, 900) as rate, joined(tmp_path, Weight.MIGRATION, endless, 900):
        worker = os.fork()
        if worker == 0:
            try:
                os.closerange(3, 1024)
                os._exit(0 if rate() == 600 else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0
