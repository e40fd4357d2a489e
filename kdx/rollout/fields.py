"""How the kinds of values of rollout.yml are read. Like kdx/config/fields.py: notes what is wrong and goes on."""

import re
from collections.abc import Sequence

from kdx.config.fields import Node, mistake, read_items, read_mapping, read_required, read_text, refuse_unknown
from kdx.config.mistakes import Findings
from kdx.config.naming import nearest_names
from kdx.language import _
from kdx.rollout.stream import Label

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")


def check_id(name: str, node: Node, found: Findings) -> None:
    """Note an id that is not small letters, digits and _: it stands in the ledger for good."""
    if not _ID.fullmatch(name):
        mistake(found, node, _("an id has small letters, digits and _ (at most 64) and begins with a letter."))


def read_label(node: Node | None, found: Findings, parent: Node | None = None) -> Label:
    """Return a label written as {ja: …, en: …}; the Japanese one must be there."""
    if node is None:
        if parent is not None:
            mistake(found, parent, _("{key} is missing.").format(key="label"))
        return Label("", "")
    refuse_unknown(node, ("ja", "en"), found)
    values = read_mapping(node, found)
    return Label(read_required(node, "ja", found) if values else "", read_text(values.get("en"), found))


def read_choice(node: Node | None, parent: Node, known: Sequence[str], found: Findings) -> str:
    """Return one of the known words, which must be there; "" where it is not."""
    text = read_text(node, found)
    if node is None or not text:
        key = _("{key} is missing.").format(key="scope")
        mistake(found, node or parent, key)
        return ""
    return text if _is_known(text, node, known, _("this is not one of the words known here."), found) else ""


def read_known(node: Node | None, known: Sequence[str], what: str, found: Findings) -> tuple[str, ...]:
    """Return the items of a list that are known words; `what` is said of the others."""
    items = ((read_text(item, found), item) for item in read_items(node, found))
    return tuple(text for text, item in items if text and _is_known(text, item, known, what, found))


def _is_known(text: str, node: Node, known: Sequence[str], what: str, found: Findings) -> bool:
    if text in known:
        return True
    mistake(found, node, what, tuple(nearest_names(text, list(known))) or tuple(known[:5]))
    return False
