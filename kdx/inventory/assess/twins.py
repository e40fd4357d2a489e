"""Rules on the names of one folder held against each other: which of them a target takes for one and the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from kdx.inventory.assess.characters import compose_kana
from kdx.inventory.assess.finding import Finding, Row, Rule, Seen, Severity, cite
from kdx.inventory.names import readable
from kdx.language import N_

IGNORED = re.compile("[\u180b-\u180d\ufe00-\ufe0f\U00010000-\U0010ffff]")
"""Variation selectors and everything beyond the basic plane: OneDrive does not see them when it compares."""
WIDE = re.compile("[\uff01-\uff9f\uffe0-\uffe6]+")


def by_case(name: str) -> str:
    """Return what Windows and SharePoint compare: without case, composed."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def by_looks(name: str) -> str:
    """Return by_case without variation selectors and what lies beyond the basic plane."""
    return by_case(name) if name.isascii() else by_case(IGNORED.sub("", name))


@lru_cache(maxsize=65536)
def by_reader(name: str) -> str:
    """Return by_looks with wide and narrow forms as one: what a person takes for the same name."""
    return by_looks(WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), name))


BYTES = "bytes"
"""Names need not be Unicode; each keeps its bytes and is compared by them."""
FOLDINGS: dict[str, Callable[[str], str]] = {BYTES: str, "exact": str, "case": by_case, "alike": by_looks}
"""How targets compare names, from the one that sees every difference to the one that sees least."""


def twins(going: Sequence[Seen], rows: Mapping[Rule, Row]) -> Iterator[tuple[int, Finding, bool]]:
    """Given the entries of one folder, yield those that meet others there: index, finding, whether it must give way.

    One of those that meet may keep its name: the first that is written as Windows writes it. Each is told under the
    gravest rule only.
    """
    told: set[int] = set()
    for rule in RULES:
        for group in _groups(going, rule, rows[rule]) if rule in rows else ():
            keeper = min(group, key=lambda index: (compose_kana(going[index].name) != going[index].name, index))
            for index in group:
                if index not in told:
                    yield index, _twin(rule, rows[rule], going, index, group), index != keeper and rule is not NEAR
            told.update(group)


def _groups(going: Sequence[Seen], rule: Rule, row: Row) -> list[list[int]]:
    fold = by_reader if rule is NEAR else FOLDINGS[row.folding]
    keys = [_raw(seen) if row.folding == BYTES else fold(seen.name) for seen in going]
    counts = Counter(keys)
    return list(_met(keys, counts).values()) if len(counts) < len(keys) else []


def _met(keys: Sequence[str], counts: Mapping[str, int]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        if counts[key] > 1:
            groups.setdefault(key, []).append(index)
    return groups


def _twin(rule: Rule, row: Row, going: Sequence[Seen], index: int, group: Sequence[int]) -> Finding:
    others = [going[other].name for other in group[:4] if other != index][:3]
    entry = going[index].entry
    return Finding(rule, entry.path, " | ".join(others), cite(row), kind=entry.kind)


def _raw(seen: Seen) -> str:
    """Return the name with the bytes it has at the source, unless a person gave it another."""
    raw = seen.entry.path.rpartition("/")[2]
    return raw if readable(raw) == seen.name else seen.name


TWIN = Rule("twin", Severity.BLOCKS, N_("another entry would get the same name at this target"), needs=("folding",))
LOOK_ALIKE = Rule(
    "look-alike-twin", Severity.DECIDE, N_("the target may take another entry's name for the same"), needs=("folding",)
)
NEAR = Rule("near-twin", Severity.NOTE, N_("another entry's name differs only in case, width or variant"))

RULES = (TWIN, LOOK_ALIKE, NEAR)
"""The gravest first: names that meet under one rule are not told again under the next."""
