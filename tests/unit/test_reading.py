"""A file read over a line that breaks: whole, of one version, and not for ever."""

from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdx.remotes.interface import Entry, Kind, PlaceSilent, ReadFailed, Remote, SkipReason
from kdx.transfer.reading import LONGEST_PAUSE, PATIENCE_SECONDS, read_on

DATA = bytes(range(251)) * 4


class BreakingSource:
    """A file behind a line that breaks after so many bytes each time; what it is may change at a break."""

    def __init__(self, breaks: list[int], data: bytes = DATA, later: bytes | None = None) -> None:
        self.breaks, self.data, self.later = list(breaks), data, later
        self.mtime_ns, self.asked = 7, list[int]()

    def stat(self, path: str) -> Entry:
        return Entry(path, Kind.FILE, len(self.data), self.mtime_ns)

    def read(self, path: str, *, start: int = 0) -> Iterator[bytes]:
        self.asked.append(start)
        until = start + self.breaks.pop(0) if self.breaks else len(self.data)
        for offset in range(start, min(until, len(self.data)), 10):
            yield self.data[offset : min(offset + 10, until)]
        if until < len(self.data):
            if self.later is not None:
                self.data, self.mtime_ns = self.later, 8
            raise PlaceSilent(place="fs", why="cut")


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def reading(source: BreakingSource, time: Time) -> Iterator[bytes]:
    remote = cast(Remote, source)
    return read_on(remote, "a", len(DATA), 7, clock=lambda: time.now, sleep=time.sleep)


def read(source: BreakingSource) -> bytes:
    return b"".join(reading(source, Time()))


@given(st.lists(st.integers(1, 400), max_size=8))
def test_however_often_the_line_breaks_the_bytes_are_the_file_and_none_is_asked_for_twice(breaks: list[int]) -> None:
    source = BreakingSource(breaks)
    assert read(source) == DATA
    assert source.asked == sorted(set(source.asked))


@pytest.mark.parametrize("later", [DATA[::-1], DATA[:-1], DATA + b"x"], ids=["rewritten", "shorter", "longer"])
def test_a_file_that_changed_while_the_line_was_broken_is_never_taken_for_one(later: bytes) -> None:
    with pytest.raises(ReadFailed) as raised:
        read(BreakingSource([500], later=later))
    assert raised.value.reason == SkipReason.CHANGED


def test_a_source_that_stays_away_ends_the_reading() -> None:
    source = BreakingSource([100] + [0] * 1000)
    time = Time()
    with pytest.raises(PlaceSilent):
        list(reading(source, time))
    assert PATIENCE_SECONDS <= time.now <= PATIENCE_SECONDS + LONGEST_PAUSE
