"""Walk two sorted streams side by side. Holds one element of each."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")


def path_bytes(path: str) -> bytes:
    """Return what tables and listings are sorted by: the bytes of a surrogate-escaped path."""
    return path.encode("utf-8", "surrogateescape")


def merge(
    left: Iterable[Left], right: Iterable[Right], left_key: Callable[[Left], str], right_key: Callable[[Right], str]
) -> Iterator[tuple[Left | None, Right | None]]:
    """Yield pairs with the same path; None where one side has no partner.

    Both must be sorted by path bytes. Paths on the right are unique; several on the left may meet the same one there.
    """
    left_items = ((path_bytes(left_key(item)), item) for item in left)
    right_items = ((path_bytes(right_key(item)), item) for item in right)
    here, there = next(left_items, None), next(right_items, None)
    met = False
    while here is not None or there is not None:
        if there is None or (here is not None and here[0] < there[0]):
            assert here is not None
            yield here[1], None
            here = next(left_items, None)
        elif here is None or there[0] < here[0]:
            if not met:
                yield None, there[1]
            there, met = next(right_items, None), False
        else:
            yield here[1], there[1]
            here, met = next(left_items, None), True
