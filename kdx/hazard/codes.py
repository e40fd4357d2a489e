"""気象庁's codes as data: `rules/jma.yml` of the inventory, else the same table that comes with kdx. Decides nothing.

A table of the inventory is used whole: a code that 気象庁 adds can be written there without a new kdx.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_required, read_text, refuse_unknown
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.strict_yaml import read_yaml
from kdx.hazard.items import KNOWN, Level, Peril
from kdx.language import _, current_language

OWN = Path(__file__).with_name("jma.yml")
NAME = "rules/jma.yml"
KEYS = (
    "dated", "source", "warnings", "rivers", "significancies", "outlooks", "ended", "in_force", "may_leave_out",
)
MEANING_KEYS = ("name", "english", "level", "peril")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for."""

    name: str
    english: str
    level: Level
    peril: Peril

    @property
    def shown(self) -> str:
        """Its name in the language of the person who reads."""
        return self.name if current_language() == "ja" else self.english


@dataclass(frozen=True, slots=True)
class Codes:
    """The whole table."""

    dated: str
    source: str
    warnings: Mapping[str, Meaning]
    rivers: Mapping[str, Meaning]
    """By the first of two digits."""
    significancies: Mapping[str, Level]
    outlooks: Mapping[str, Meaning]
    """By the type of 危険度; their level says nothing."""
    ended: frozenset[str]
    in_force: frozenset[str]
    may_leave_out: frozenset[str]
    """Types of report that need not name an inland municipality; where any other leaves it out, that is a doubt."""


def codes_of(folder: Path | None) -> Codes:
    """Return the table of an inventory folder, or kdx's own where it has none or no folder is named.

    ConfigurationMistakes tells all that is wrong in it.
    """
    return _read(folder / NAME if folder and (folder / NAME).exists() else OWN)


@cache
def _read(path: Path) -> Codes:
    found = Findings()
    top = read_yaml(path, found)
    codes = None if top is None else _codes(top, found)
    if codes is None or found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return codes


def _codes(top: Node, found: Findings) -> Codes:
    refuse_unknown(top, KEYS, found)
    values = top.value
    for key in KEYS:
        if key not in values:
            mistake(found, top, _("{key} is missing.").format(key=key))
    return Codes(
        dated=read_text(values.get("dated"), found),
        source=read_text(values.get("source"), found),
        warnings=_meanings(values.get("warnings"), found),
        rivers=_meanings(values.get("rivers"), found),
        significancies={
            code: _level(node, found) for code, node in read_mapping(values.get("significancies"), found).items()
        },
        outlooks={
            name: Meaning(name, read_required(node, "english", found), Level.CLEAR, _peril(node, found))
            for name, node in read_mapping(values.get("outlooks"), found).items()
        },
        ended=_words(values.get("ended"), found),
        in_force=_words(values.get("in_force"), found),
        may_leave_out=_words(values.get("may_leave_out"), found),
    )


def _meanings(node: Node | None, found: Findings) -> dict[str, Meaning]:
    return {code: _meaning(value, found) for code, value in read_mapping(node, found).items()}


def _meaning(node: Node, found: Findings) -> Meaning:
    refuse_unknown(node, MEANING_KEYS, found)
    return Meaning(
        read_required(node, "name", found),
        read_required(node, "english", found),
        _level(read_mapping(node, found).get("level"), found),
        _peril(node, found),
    )


def _level(node: Node | None, found: Findings) -> Level:
    text = read_text(node, found)
    if text in KNOWN:
        return Level(text)
    if node is not None:
        mistake(found, node, _("one of {words} is expected.").format(words=", ".join(KNOWN)))
    return Level.UNKNOWN


def _peril(node: Node, found: Findings) -> Peril:
    text = read_required(node, "peril", found)
    perils = [peril for peril in Peril if peril is not Peril.UNCLEAR]
    if text in perils:
        return Peril(text)
    mistake(found, node, _("one of {words} is expected.").format(words=", ".join(perils)))
    return Peril.NONE


def _words(node: Node | None, found: Findings) -> frozenset[str]:
    return frozenset(read_text(item, found) for item in read_items(node, found))
