"""What somebody typed -> the one thing it names; where it names none or several, the names it may have meant."""

import difflib
from collections.abc import Callable, Sequence
from typing import TypeVar

from kdx.errors import UsageMistake
from kdx.language import N_, translate

Noun = TypeVar("Noun")


class UnknownName(UsageMistake):
    """A school, share or target was named that the inventory does not hold."""

    message = N_("The inventory has no {kind} named {name!r}.")
    advice = N_("Nearest: {nearest}. All of them: kdx inventory list.")


class AmbiguousName(UsageMistake):
    """A part of a name fits several schools or shares."""

    message = N_("{name!r} fits more than one {kind}: {nearest}.")
    advice = N_("Write one of them in full.")


def find(text: str, items: Sequence[Noun], kind: str, names: Callable[[Noun], tuple[str, str]]) -> Noun:
    """Return the one of `items` whose id or name (`names`) this is, or the only one whose id or name holds it.

    `kind` is what they are, an N_ constant. UnknownName, AmbiguousName.
    """
    exact = [item for item in items if text in names(item)]
    if len(exact) == 1:
        return exact[0]
    partial = [item for item in items if text and any(text in name for name in names(item))]
    if len(partial) == 1:
        return partial[0]
    if partial or (not text and items):
        several = ", ".join(names(item)[1] for item in partial or items)
        raise AmbiguousName(name=text, kind=translate(kind), nearest=several)
    near = nearest_names(text, [name for item in items for name in names(item)])
    raise UnknownName(name=text, kind=translate(kind), nearest=", ".join(near) or "-")


def nearest_names(text: str, names: list[str], most: int = 3) -> list[str]:
    """Given what was written and what exists, return up to `most` names it may have meant, nearest first."""
    return difflib.get_close_matches(text, names, n=most, cutoff=0.4)
