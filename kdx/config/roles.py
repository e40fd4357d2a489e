"""`roles` of kdx.yml -> who may put a name to what. Says nothing about keys: those lie in inventory/keys."""

import re

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_text, refuse_unknown
from kdx.config.mistakes import Findings
from kdx.config.model import Person
from kdx.config.naming import nearest_names
from kdx.language import _

RIGHTS = ("approve", "waive", "examine")

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def read_roles(node: Node | None, found: Findings) -> tuple[Person, ...]:
    """Return the people by the names of their keys; none where nothing was written."""
    return tuple(_read_person(name, one, found) for name, one in read_mapping(node, found).items())


def _read_person(name: str, node: Node, found: Findings) -> Person:
    if not _NAME.fullmatch(name):
        mistake(found, node, _("the name of a key has small letters, digits, - and _ and begins with a letter."))
    refuse_unknown(node, ("may", "user"), found)
    values = read_mapping(node, found)
    may = set()
    for item in read_items(values.get("may"), found):
        right = read_text(item, found)
        if right and right not in RIGHTS:
            mistake(found, item, _("there is no such right."), tuple(nearest_names(right, list(RIGHTS))) or RIGHTS)
        may.add(right)
    if not may:
        mistake(found, node, _("{key} is missing.").format(key="may"))
    return Person(name, read_text(values.get("user"), found) or name, frozenset(may))
