"""Names never taken, as versioned rules. A change to PATTERNS is a change of VERSION: receipts print it."""

import hashlib
from collections.abc import Iterable

from kdx.config.fields import Node, mistake, read_items, read_text
from kdx.config.mistakes import Findings
from kdx.config.model import IgnoreRules
from kdx.language import _

VERSION = "2026-11-23"
PATTERNS = ("Thumbs.db", "desktop.ini", "~$*", "$RECYCLE.BIN", "System Volume Information", ".DS_Store")
DEFAULT = IgnoreRules(VERSION, PATTERNS)


def extend(rules: IgnoreRules, extra: Iterable[str]) -> IgnoreRules:
    """Return the rules with more patterns. The version then also names what was added, by its SHA-256."""
    patterns = tuple(dict.fromkeys((*rules.patterns, *extra)))
    added = patterns[len(PATTERNS) :]
    mark = "+" + hashlib.sha256("\n".join(added).encode()).hexdigest()[:8] if added else ""
    return IgnoreRules(VERSION + mark, patterns)


def read_patterns(node: Node | None, found: Findings) -> list[str]:
    """Return the patterns listed under `ignore:`."""
    patterns = []
    for item in read_items(node, found):
        pattern = read_text(item, found)
        if not pattern:
            continue
        if "/" in pattern:
            mistake(found, item, _("a pattern fits one name, not a path; it cannot hold /."))
        elif not pattern.strip("*?"):
            mistake(found, item, _("this pattern would leave every name out."))
        else:
            patterns.append(pattern)
    return patterns
