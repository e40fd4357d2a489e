"""probe.yml and end_of_life.yml -> the words and figures of every check, or all that is wrong with them at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from kdx.config.fields import (
    Node,
    mistake,
    read_items,
    read_mapping,
    read_number,
    read_required,
    refuse_unknown,
)
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.rule_tables import END_OF_LIFE, PROBE, read_table
from kdx.language import _
from kdx.rollout.fields import read_choice, read_label
from kdx.rollout.probe.check import EndOfLife
from kdx.rollout.probe.checks import BY_ID
from kdx.rollout.stream import Label

KEYS = ("of", "days", "label", "why", "fix", "figures", "source")
KINDS = ("server", "terminal", "any", "place")
SYSTEM_KEYS = ("name", "ends", "source", "date")
MOST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Rule:
    """What people read of a check, and its figures."""

    of: str
    """server, terminal, any of the two, or place: what rollout.yml names."""
    days: int
    """So long a result holds."""
    label: Label
    why: Label
    fix: Label
    source: str
    figures: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """Both tables."""

    version: str
    checks: Mapping[str, Rule]
    ends: tuple[EndOfLife, ...]


def load_rules(folder: Path) -> Rules:
    """Read the tables of an inventory folder, else the shipped ones. ConfigurationMistakes tells what is wrong."""
    found = Findings()
    probe, systems = (read_table(name, folder, found) for name in (PROBE, END_OF_LIFE))
    checks: dict[str, Rule] = {}
    if probe is not None:
        refuse_unknown(probe, ("version", "checks"), found)
        nodes = read_mapping(probe.value.get("checks"), found)
        checks = {name: _read_rule(name, node, found) for name, node in nodes.items()}
        for missing in BY_ID.keys() - checks.keys():
            mistake(found, probe, _("{key} is missing.").format(key=f"checks.{missing}"))
    ends = tuple(_read_system(node, found) for node in _items(systems, "systems", found))
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    version = read_required(probe, "version", found) if probe else ""
    return Rules(version, checks, ends)


def _read_rule(name: str, node: Node, found: Findings) -> Rule:
    refuse_unknown(node, KEYS, found)
    if name not in BY_ID:
        mistake(found, node, _("kdx has no such check."))
    values = read_mapping(node, found)
    figures = read_mapping(values.get("figures"), found)
    return Rule(
        of=read_choice(values.get("of"), node, list(KINDS), found) or "any",
        days=read_number(values.get("days"), 1, MOST_DAYS, found) or 1,
        label=read_label(values.get("label"), found, node),
        why=read_label(values.get("why"), found, node),
        fix=read_label(values.get("fix"), found, node),
        source=read_required(node, "source", found),
        figures={key: read_number(value, 0, 10**9, found) or 0 for key, value in figures.items()},
    )


def _items(top: Node | None, key: str, found: Findings) -> list[Node]:
    return read_items(top.value.get(key), found) if top is not None else []


def _read_system(node: Node, found: Findings) -> EndOfLife:
    refuse_unknown(node, SYSTEM_KEYS, found)
    ends = node.value.get("ends")
    day = ends.value if ends is not None and isinstance(ends.value, date) else None
    if day is None:
        mistake(found, node, _("a day is expected here, such as 2027-01-12."))
    for key in ("source", "date"):
        read_required(node, key, found)
    return EndOfLife(read_required(node, "name", found).lower(), day or date.min)
