"""Connections lent to readers: as many as the place bears, and the reason where it bears none."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import pytest

from kdx.config.secret import SecretUnreadable
from kdx.remotes import Place
from kdx.remotes.interface import Capabilities, Entry, Kind, PlaceSilent
from kdx.transfer.sources import Sources


@dataclass
class Nas:
    """A place that takes so many connections, and says `parallel` of itself."""

    takes: int
    parallel: int = 8
    opened: int = 0
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> "Connection":
        with self.lock:
            self.opened += 1
            return Connection(self, self.opened)


@dataclass
class Connection:
    nas: Nas
    number: int
    closed: bool = False

    @property
    def capabilities(self) -> Capabilities:
        self.stat("")
        return Capabilities(parallel=self.nas.parallel)

    def stat(self, path: str) -> Entry:
        if self.number > self.nas.takes:
            raise PlaceSilent(place="nas", why="refused")
        return Entry(path, Kind.DIRECTORY)

    def close(self) -> None:
        self.closed = True


def use(nas: Nas, threads: int, strained: list[None] | None = None) -> Sources:
    """Let many threads borrow at once, each until all that can have one do."""
    sources = Sources(cast(Place, nas), lambda: strained.append(None) if strained is not None else None)

    def read(_number: int) -> None:
        with sources.borrow():
            with nas.lock:
                nas.busy += 1
                nas.most_busy = max(nas.most_busy, nas.busy)
            gate.wait(0.05)
            with nas.lock:
                nas.busy -= 1

    gate = threading.Event()
    with ThreadPoolExecutor(threads) as crew:
        list(crew.map(read, range(3 * threads)))
    return sources


def test_no_more_connections_are_open_than_the_place_says_do_well() -> None:
    nas = Nas(takes=100, parallel=3)
    use(nas, 12).close()
    assert (nas.opened, nas.most_busy) == (3, 3)


def test_a_place_that_takes_fewer_than_it_says_is_read_with_those() -> None:
    nas, strained = Nas(takes=2), list[None]()
    use(nas, 12, strained)
    assert nas.most_busy == 2
    assert strained


def test_a_place_that_takes_none_is_asked_once_and_all_hear_why() -> None:
    nas = Nas(takes=0)
    with pytest.raises(PlaceSilent):
        use(nas, 12)
    assert nas.opened == 1


def test_whatever_keeps_the_first_from_opening_nobody_waits_for_ever() -> None:
    class Locked(Nas):
        def open(self) -> Connection:
            with self.lock:
                self.opened += 1
            raise SecretUnreadable(reference="file:/x", why="mode")

    nas = Locked(takes=0)
    with pytest.raises(SecretUnreadable):
        use(nas, 12)
    assert nas.opened == 1


def test_a_reader_that_fails_gives_its_connection_back() -> None:
    sources = Sources(cast(Place, Nas(takes=1, parallel=1)))
    for _ in range(3):
        with pytest.raises(ValueError), sources.borrow():
            raise ValueError
