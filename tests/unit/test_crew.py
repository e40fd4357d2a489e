"""What one thread takes along, and how much is under way at once."""

import threading
from collections.abc import Iterator, Sequence

from kdx.progress import SILENT
from kdx.transfer.copy import TOGETHER_BYTES, errand_for
from kdx.transfer.crew import ONE_BY_ONE, Errand, bundle_up, work_through
from kdx.transfer.limit import Limiter
from kdx.transfer.pace import Pace


class Lane:
    def close(self) -> None:
        """There is nothing to let go."""


def test_how_much_goes_together_follows_the_cap_of_the_moment() -> None:
    rates = iter([None, 125_000_000, 10_000_000, 1_250_000])
    sizes = [errand_for(48, Limiter(lambda: next(rates))).bytes for _ in range(4)]
    assert sizes == [TOGETHER_BYTES, TOGETHER_BYTES, 2_500_000, ONE_BY_ONE.bytes]
    assert errand_for(0, Limiter(None)) == ONE_BY_ONE


def test_a_bundle_is_as_large_as_the_errand_of_its_moment_says() -> None:
    errands = iter([Errand(2, 100), Errand(9, 30, 4), Errand(9, 100, 4)])
    bundles = list(bundle_up([10] * 6, lambda size: size, lambda: next(errands)))
    assert [(len(bundle.items), bundle.at_once) for bundle in bundles] == [(2, 1), (3, 3), (1, 1)]


def test_bundles_whose_files_go_at_once_count_with_all_of_them() -> None:
    under_way, most, turn = 0, 0, threading.Lock()

    def work(items: Sequence[int], _lane: Lane) -> Iterator[int]:
        nonlocal under_way, most
        with turn:
            under_way += 1
            most = max(most, under_way)
        yield from items
        with turn:
            under_way -= 1

    done = work_through(
        range(400), open_lane=lambda step: Lane(), work=work, weight=lambda item: 0, pace=Pace(8, clock=lambda: 0.0),
        progress=SILENT, errand=lambda: Errand(8, 100, 4),
    )
    assert sorted(done) == list(range(400)) and most <= 2
