"""Ask early: a far place begins to answer while something else is still being read."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import chain, islice
from typing import TypeVar

Found = TypeVar("Found")


def begun(items: Iterator[Found]) -> Iterator[Found]:
    """Ask for the first item now, in a thread, and return all of them. What asking raises is raised by the first."""
    first: Future[list[Found]] = Future()

    def ask() -> None:
        try:
            first.set_result(list(islice(items, 1)))
        except BaseException as error:
            first.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()

    def all_of_them() -> Iterator[Found]:
        yield from chain(first.result(), items)

    return all_of_them()
