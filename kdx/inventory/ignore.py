"""Which names are never taken. Pure; a name is left by rule only if a pattern says so, and the pattern can be named.

Case does not count: the shares come from Windows, where Thumbs.db and THUMBS.DB are one name.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence

WILDCARDS = re.compile(r"[*?\[]")


def ignore_matcher(patterns: Sequence[str]) -> Callable[[str], str | None]:
    """Given fnmatch patterns for one path component, return a function: name -> the pattern that fits, or None."""
    exact = {pattern.lower(): pattern for pattern in patterns if not WILDCARDS.search(pattern)}
    wild = [
        (re.compile(fnmatch.translate(pattern), re.IGNORECASE).match, pattern)
        for pattern in patterns
        if WILDCARDS.search(pattern)
    ]

    def match(name: str) -> str | None:
        found = exact.get(name.lower())
        if found is None:
            for fits, pattern in wild:
                if fits(name):
                    return pattern
        return found

    return match
