"""The name to propose for an entry that cannot keep its own. Pure and deterministic: the same folder, the same names.

A proposal is accepted by every rule of the target, and no other entry of the folder has it or is taken for it, even by
a person who reads it: so the map from old to new names can be read both ways.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from kdx.inventory.assess.finding import Seen, Severity
from kdx.inventory.assess.profile import Profile
from kdx.inventory.assess.twins import by_reader

ROUNDS = 4
"""What one rule mends may be another's fault: a name without its space may be a reserved one."""
MOST = 1000
HIDDEN = {"Cf": "", "Cc": "_", "Cs": "_", "Zl": "_", "Zp": "_", "Cn": "〓"}


def taken_names(going: Iterable[Seen]) -> "Counter[str]":
    """Return what the names of one folder look like to a reader, and how many look so."""
    return Counter(by_reader(seen.name) for seen in going)


def propose(seen: Seen, profile: Profile, taken: "Counter[str]") -> str:
    """Return a new name and count it in `taken`; empty where no name helps (too large, too deep)."""
    own = by_reader(seen.name)
    for number in range(1, MOST):
        wanted = seen._replace(name=_numbered(seen.name, number))
        # a name that shows is one that can be written down and read back from a spreadsheet
        name = _mended(wanted._replace(name=_shown(_mended(wanted, profile))), profile)
        if not name or not is_acceptable(seen._replace(name=name), profile):
            return ""
        key = by_reader(name)
        if taken[key] - (key == own) <= 0:
            taken[key] += 1
            return name
    return ""


def is_acceptable(seen: Seen, profile: Profile) -> bool:
    """Whether the target can hold this name at this place, as far as one entry alone tells."""
    return not any(
        find(seen, row) for rule, row, find in profile.one_entry if rule.severity == Severity.BLOCKS
    )


def _mended(seen: Seen, profile: Profile) -> str:
    for _round in range(ROUNDS):
        before = seen.name
        for rule, row, find in profile.one_entry:
            if rule.mend and find(seen, row):
                seen = seen._replace(name=rule.mend(seen, row))
                if not seen.name:
                    return ""
        if seen.name == before:
            break
    return seen.name


def _shown(name: str) -> str:
    return "".join(HIDDEN.get(unicodedata.category(one), one) for one in name) or "_"


def _numbered(name: str, number: int) -> str:
    if number == 1:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}"
