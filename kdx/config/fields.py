"""Values of the configuration with their places, and how each kind is read. Opens no file, raises nothing.

Whatever does not fit becomes a mistake; the reader then returns the empty value of its kind and goes on, so that one
run tells everything that is wrong.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from kdx.config.location import Location, parse_location
from kdx.config.mistakes import Findings, Mistake
from kdx.config.naming import nearest_names
from kdx.config.secret import SecretReference, parse_reference
from kdx.errors import ConfigurationError
from kdx.language import _


@dataclass(frozen=True, slots=True)
class Vaulted:
    """An Ansible `!vault` value: kept as it is, never read."""

    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands."""

    file: str
    line: int
    path: str
    """Keys from the top of the file, joined by dots."""
    value: Any
    """dict of str to Node, list of Node, str, int, float, bool, date, None or Vaulted."""
    written: str = ""
    """A scalar as it stands in the file."""


def mistake(found: Findings, node: Node, what: str, nearest: tuple[str, ...] = ()) -> None:
    """Note that `node` is wrong."""
    found.mistakes.append(Mistake(node.file, node.line, node.path, what, nearest))


def warning(found: Findings, node: Node, what: str, nearest: tuple[str, ...] = ()) -> None:
    """Note that `node` is doubtful."""
    found.warnings.append(Mistake(node.file, node.line, node.path, what, nearest))


def is_empty(node: Node | None) -> bool:
    """Whether nothing was written: an absent key, `key:` or `key: ""`."""
    return node is None or node.value is None or (isinstance(node.value, str) and not node.value.strip())


def read_mapping(node: Node | None, found: Findings) -> Mapping[str, Node]:
    """Return keys and values below `node`; empty where nothing was written."""
    if node is None or node.value is None:
        return {}
    if isinstance(node.value, dict):
        return node.value
    mistake(found, node, _("keys with values are expected here, not {found}.").format(found=_kind(node)))
    return {}


def read_items(node: Node | None, found: Findings) -> list[Node]:
    """Return the items of a list; empty where nothing was written."""
    if node is None or node.value is None:
        return []
    if isinstance(node.value, list):
        return node.value
    mistake(found, node, _("a list is expected here, not {found}.").format(found=_kind(node)))
    return []


def refuse_unknown(node: Node, known: tuple[str, ...], found: Findings) -> None:
    """Note every key of the mapping `node` that is not in `known`, with the nearest that is."""
    if isinstance(node.value, dict):
        for name, value in node.value.items():
            if name not in known:
                mistake(found, value, _("kdx does not know this key."), tuple(nearest_names(name, list(known))))


def read_text(node: Node | None, found: Findings) -> str:
    """Return one line of text; "" where nothing was written."""
    if node is None or is_empty(node):
        return ""
    value = node.value
    if not isinstance(value, str):
        mistake(found, node, _not_text(node))
    elif "{{" in value or "{%" in value:
        mistake(found, node, _("kdx does not fill in Jinja templates; write the value itself."))
    elif any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        mistake(found, node, _("one line of text is expected, without control characters."))
    else:
        return value
    return ""


def read_required(parent: Node, key: str, found: Findings) -> str:
    """Return the text under `key` of the mapping `parent`, which must be there."""
    node = parent.value.get(key) if isinstance(parent.value, dict) else None
    if is_empty(node):
        mistake(found, parent if node is None else node, _("{key} is missing.").format(key=key))
        return ""
    return read_text(node, found)


def read_number(node: Node | None, lowest: int, highest: int, found: Findings) -> int | None:
    """Return a whole number from `lowest` to `highest`; None where nothing was written."""
    if node is None or is_empty(node):
        return None
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    what = _("a whole number from {lowest} to {highest} is expected; leave it empty where it is not known.")
    mistake(found, node, what.format(lowest=lowest, highest=highest))
    return None


def read_truth(node: Node | None, found: Findings) -> bool | None:
    """Return true or false; None where nothing was written."""
    if node is None or is_empty(node):
        return None
    if isinstance(node.value, bool):
        return node.value
    mistake(found, node, _("true or false is expected; leave it empty where it is not known."))
    return None


def read_location(node: Node | None, found: Findings) -> Location | None:
    """Return an address; None where nothing was written or it is not one."""
    text = read_text(node, found)
    if node is None or not text:
        return None
    try:
        return parse_location(text)
    except ConfigurationError as error:
        mistake(found, node, f"{error} {error.advise()}")
        return None


def read_secret(node: Node | None, found: Findings) -> SecretReference | None:
    """Return a reference to a secret; a literal one is refused. Relative file: paths stay relative."""
    text = read_text(node, found)
    if node is None or not text:
        return None
    try:
        return parse_reference(text)
    except ConfigurationError as error:
        mistake(found, node, f"{error} {error.advise()}")
        return None


def _not_text(node: Node) -> str:
    if isinstance(node.value, (dict, list, Vaulted)):
        return _("text is expected here, not {found}.").format(found=_kind(node))
    what = _("without quotation marks this is read as {found} ({value}), not as text; write {quoted}.")
    value = str(node.value).lower() if isinstance(node.value, bool) else node.value
    return what.format(found=_kind(node), value=value, quoted=f'"{node.written}"')


def _kind(node: Node) -> str:
    if isinstance(node.value, dict):
        return _("keys with values")
    if isinstance(node.value, list):
        return _("a list")
    if isinstance(node.value, Vaulted):
        return _("a value only Ansible can decrypt")
    if isinstance(node.value, bool):
        return _("true or false")
    if isinstance(node.value, (int, float)):
        return _("a number")
    return _("a date") if isinstance(node.value, date) else _("text")
