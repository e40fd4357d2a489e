"""The nouns of an assessment: a rule, its row in the table of a target, what it looks at, what it finds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kdx.remotes.interface import Entry


class Severity(StrEnum):
    """What a finding asks of a person, the gravest first."""

    BLOCKS = "blocks"
    """The target cannot hold it so."""
    DECIDE = "decide"
    """The target can hold it; whether it should go there so is for the school to say."""
    NOTE = "note"
    """Good to know; nothing waits for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a target's table: the figures and lists of one rule, and where they come from."""

    source: str
    date: str
    """When the source was last looked at."""
    characters: str = ""
    control: bool = False
    private_use: bool = False
    leading: str = ""
    trailing: str = ""
    names: frozenset[str] = frozenset()
    """Names and pieces of names here and below are casefolded."""
    stems: frozenset[str] = frozenset()
    """Reserved with any ending: CON, CON.txt."""
    top_folders: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    folder_starts: tuple[str, ...] = ()
    endings: frozenset[str] = frozenset()
    most: int = 0
    unit: str = ""
    folding: str = ""
    rights: bool = True
    """Whether what was closed to some stays closed to them."""


def cite(row: Row) -> str:
    """Return where a row comes from and when that was looked at, for people."""
    return f"{row.source} ({row.date})"


class Seen(NamedTuple):
    """One entry as it would stand at the target."""

    entry: Entry
    name: str
    """Its last component there: valid Unicode, after every decision that was taken."""
    parent: str
    """The folder it would lie in there, with everything the target puts before it; ends with `/` or is empty."""
    depth: int
    """Folders above it inside the target."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.entry.kind == "directory"


class Finding(NamedTuple):
    """One entry and one rule it meets. An empty path means the share as a whole."""

    rule: "Rule"
    path: str
    """At the source, surrogate-escaped."""
    detail: str
    source: str
    proposal: str = ""
    """A name the target can hold and no other entry has; empty where there is nothing to propose."""
    kind: str = ""

    @property
    def severity(self) -> Severity:
        """What it asks of a person."""
        return self.rule.severity


Find = Callable[[Seen, Row], str]
Mend = Callable[[Seen, Row], str]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule. `id` stands in tables, files and JSON and never changes."""

    id: str
    severity: Severity
    sentence: str
    """An N_() string: what is the matter."""
    find: Find | None = None
    """What is wrong with one entry, as a short detail; empty where nothing is. None: it looks at more than one."""
    mend: Mend | None = None
    """The nearest name this rule accepts."""
    needs: tuple[str, ...] = ()
    """Keys its row must have."""
