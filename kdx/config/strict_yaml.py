"""A strict subset of YAML, each value with its file and line. Never guesses and never raises: what is wrong is noted.

Out of the subset, because they change a meaning silently or hide it: tabs, a key written twice, anchors, aliases and
merge keys, tags other than Ansible's `!vault` (kept as it is), several documents in one file, and keys YAML would read
as numbers, dates or truth values. Plain values are resolved as PyYAML and so Ansible resolve them (YAML 1.1).
"""

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kdx.config.fields import Node, Vaulted, mistake
from kdx.config.mistakes import Findings, Mistake
from kdx.language import _

DEEPEST = 40
"""Levels of nesting; an inventory uses about ten, and reading recurses."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.resolver.Resolver()
_TEXT = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "merge", "value"))
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Reading:
    file: str
    events: Iterator[Any]
    found: Findings


class _TooDeep(Exception):
    """Nesting beyond DEEPEST; the rest of the file is not read."""


def read_yaml(path: Path, found: Findings) -> Node | None:
    """Return the top of a file as a mapping, None where it cannot be read or is none."""
    raw = _read_file(path, found)
    text = None if raw is None else _decode(raw, str(path), found)
    return None if text is None else parse_yaml(text, str(path), found)


def parse_yaml(text: str, file: str, found: Findings) -> Node | None:
    """Given the text of a file, return its top mapping, None where it is none. `file` is the name in mistakes."""
    tabs = [number for number, line in enumerate(text.split("\n"), 1) if "\t" in line]
    if tabs:
        more = _(" (and {count} more lines)").format(count=len(tabs) - 1) if len(tabs) > 1 else ""
        found.mistakes.append(Mistake(file, tabs[0], "", _("a tab stands here; write spaces.") + more))
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        what = _("the character {code} cannot stand in YAML.").format(code=f"U+{ord(unprintable[0]):04X}")
        found.mistakes.append(Mistake(file, text.count("\n", 0, unprintable.start()) + 1, "", what))
        return None
    try:
        top = _read_document(_Reading(file, iter(yaml.parse(text, Loader=_LOADER)), found))
    except yaml.MarkedYAMLError as error:
        # a tab already explains why YAML could not be read
        if not tabs:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            what = _("this is not YAML: {problem}.").format(problem=error.problem or error.context)
            found.mistakes.append(Mistake(file, line, "", what))
        return None
    except _TooDeep:
        return None
    if top is not None and not isinstance(top.value, dict):
        mistake(found, top, _("the file must begin with a key and a colon."))
        return None
    return top


def quote_text(text: str) -> str:
    """Return `text` as YAML that every reader takes for text, whatever it looks like."""
    return _UNPRINTABLE.sub(lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False))


def _read_file(path: Path, found: Findings) -> bytes | None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.read_bytes()
        what = _("this is a folder, not a file.") if stat.S_ISDIR(mode) else _("this is not an ordinary file.")
    except FileNotFoundError:
        what = _("there is no such file.")
    except PermissionError:
        what = _("this user may not read it.")
    except OSError as error:
        what = _("it cannot be read: {why}.").format(why=error.strerror)
    found.mistakes.append(Mistake(str(path), 0, "", what))
    return None


def _decode(raw: bytes, file: str, found: Findings) -> str | None:
    if raw.startswith(b"\xef\xbb\xbf"):
        what = _("the file begins with a byte order mark; save it as UTF-8 without BOM.")
        found.mistakes.append(Mistake(file, 1, "", what))
    try:
        return raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = _("the file is not UTF-8 but {encoding}; save it as UTF-8.").format(encoding=_guess(raw))
        found.mistakes.append(Mistake(file, line, "", what))
        return None


def _guess(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    try:
        raw.decode("cp932")
    except UnicodeDecodeError:
        return _("something else")
    return "Shift_JIS (cp932)"


def _read_document(reading: _Reading) -> Node | None:
    next(reading.events)
    if isinstance(next(reading.events), yaml.StreamEndEvent):
        reading.found.mistakes.append(Mistake(reading.file, 0, "", _("the file is empty.")))
        return None
    event = next(reading.events)
    top = _read_node(reading, event, event, "", 0)
    next(reading.events)
    after = next(reading.events)
    if not isinstance(after, yaml.StreamEndEvent):
        mistake(reading.found, _at(reading, after, ""), _("a second document begins here; one file holds one."))
    elif top.value is None:
        reading.found.mistakes.append(Mistake(reading.file, 0, "", _("the file is empty.")))
        return None
    return top


def _read_node(reading: _Reading, event: Any, place: Any, path: str, depth: int) -> Node:
    """Return the node that `event` begins; it is reported at the line of `place` (its key, or itself)."""
    node = _at(reading, place, path)
    if depth > DEEPEST:
        mistake(reading.found, node, _("nested too deeply."))
        raise _TooDeep
    _refuse_extras(reading, event, node)
    value: Any
    if isinstance(event, yaml.MappingStartEvent):
        value = _read_keys(reading, path, depth)
    elif isinstance(event, yaml.SequenceStartEvent):
        value = []
        while not isinstance(item := next(reading.events), yaml.SequenceEndEvent):
            value.append(_read_node(reading, item, item, f"{path}[{len(value)}]", depth + 1))
    elif isinstance(event, yaml.ScalarEvent):
        return _at(reading, place, path, _scalar(reading, event, node), event.value)
    else:
        value = None
    return _at(reading, place, path, value)


def _read_keys(reading: _Reading, path: str, depth: int) -> dict[str, Node]:
    values: dict[str, Node] = {}
    while not isinstance(event := next(reading.events), yaml.MappingEndEvent):
        key = _read_node(reading, event, event, path, depth + 1)
        name = key.value if isinstance(key.value, str) else ""
        value = _read_node(reading, next(reading.events), event, f"{path}.{name}".lstrip(".") or path, depth + 1)
        if not isinstance(key.value, str):
            mistake(reading.found, key, _key_not_text(key))
        elif name == "<<" and not event.style:
            mistake(reading.found, value, _("merge keys (<<) are not read; write the values out."))
        elif name in values:
            what = _("this key stands here a second time; the first is on line {line}.")
            mistake(reading.found, value, what.format(line=values[name].line))
        else:
            values[name] = value
    return values


def _key_not_text(key: Node) -> str:
    if isinstance(key.value, (dict, list)):
        return _("a key must be plain text; put a value that begins with {{ or [ into quotation marks.")
    return _('the key {written} is not read as text; write it in quotation marks: "{written}".').format(
        written=key.written
    )


def _refuse_extras(reading: _Reading, event: Any, node: Node) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        mistake(reading.found, node, _("anchors (&) and aliases (*) are not read; write the value out."))
        return
    if event.tag not in (None, "!vault"):
        mistake(reading.found, node, _("the tag {tag} is not known; only !vault is.").format(tag=event.tag))


def _scalar(reading: _Reading, event: Any, node: Node) -> Any:
    """Return the Python value of a scalar, as PyYAML's safe loader would construct it."""
    if event.tag == "!vault":
        return Vaulted(event.value)
    if event.tag is not None or not event.implicit[0]:
        return event.value
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    if tag in _TEXT:
        return event.value
    try:
        return yaml.constructor.SafeConstructor().construct_object(yaml.ScalarNode(tag, event.value))
    except (ValueError, OverflowError, yaml.YAMLError):
        mistake(reading.found, node, _("this value cannot be read; write it in quotation marks."))
        return event.value


def _at(reading: _Reading, place: Any, path: str, value: Any = None, written: str = "") -> Node:
    return Node(reading.file, place.start_mark.line + 1, path, value, written)
