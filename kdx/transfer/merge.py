"""Walk two sorted streams side by side. Holds one element of each."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")


def merge(
    left: Iterable[Left], right: Iterable[Right], left_key: Callable[[Left], bytes], right_key: Callable[[Right], bytes]
) -> Iterator[tuple[Left | None, Right | None]]:
    """Yield pairs of equal key; None where one side has no partner.

    Both must be sorted. Keys on the right are unique; several on the left may meet the same one on the right.
    """
    left_items, right_items = iter(left), iter(right)
    here, there = next(left_items, None), next(right_items, None)
    met = False
    while here is not None or there is not None:
        if there is None or (here is not None and left_key(here) < right_key(there)):
            yield here, None
            here = next(left_items, None)
        elif here is None or right_key(there) < left_key(here):
            if not met:
                yield None, there
            there, met = next(right_items, None), False
        else:
            yield here, there
            here, met = next(left_items, None), True
