"""`schedule:`, `hazard:` and `report:` of kdx.yml -> nouns. Strict: what is not known or not possible is a mistake."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar

from kdx.config.bandwidth import BandwidthUnclear, parse_bandwidth
from kdx.config.fields import (
    Node,
    is_empty,
    mistake,
    read_items,
    read_location,
    read_mapping,
    read_number,
    read_secret,
    read_text,
    refuse_unknown,
)
from kdx.config.mistakes import Findings
from kdx.config.model import Publication, Target
from kdx.config.naming import nearest_names
from kdx.config.scheduling import HazardPolicy, OwnLine, Scheduling, Span, Vacation, Wave
from kdx.config.schools import resolve_file
from kdx.language import _

Value = TypeVar("Value")

HOOK_LEVELS = ("advisory", "warning", "danger", "emergency", "clear")
AUDIENCES = ("public", "schools", "board")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def read_scheduling(node: Node | None, folder: Path, found: Findings) -> Scheduling:
    """Return when backups may run; what is not written has its default."""
    values = read_mapping(node, found)
    readers: Mapping[str, Callable[[Node], Any]] = {
        "window": lambda one: _span(one, found),
        "done_by": lambda one: _time(read_text(one, found), one, found),
        "class_hours": lambda one: _span(one, found),
        "class_rate": lambda one: _rate(one, found),
        "line": lambda one: _rate(one, found),
        "wan": lambda one: _rate(one, found),
        "parallel": lambda one: read_number(one, 1, 64, found),
        "second_copy": lambda one: read_text(one, found),
        "vacations": lambda one: _all(one, lambda item: _vacation(item, found), found),
        "closed": lambda one: _all(one, lambda item: _date(item, found), found),
        "speak_at": lambda one: _time(read_text(one, found), one, found),
        "ping": lambda one: _address(one, found),
        "webhook": lambda one: _address(one, found),
        "mail_file": lambda one: _path(one, folder, found),
        "textfile": lambda one: _path(one, folder, found),
        "schools": lambda one: {name: _own_line(line, found) for name, line in read_mapping(one, found).items()},
        "waves": lambda one: _all(one, lambda item: _wave(item, found), found),
    }
    return Scheduling(**_read(node, values, readers, found))


def read_hazard_policy(node: Node | None, found: Findings) -> HazardPolicy:
    """Return what the weather changes; what is not written has its default."""
    values = read_mapping(node, found)
    readers: Mapping[str, Callable[[Node], Any]] = {
        "look_ahead_hours": lambda one: read_number(one, 0, 24, found),
        "unknown_minutes": lambda one: read_number(one, 0, 24 * 60, found),
        "rearm_hours": lambda one: read_number(one, 0, 48, found),
        "line_percent": lambda one: read_number(one, 1, 100, found),
        "jitter_seconds": lambda one: read_number(one, 0, 20, found),
        "hooks": lambda one: _hooks(one, found),
    }
    return HazardPolicy(**_read(node, values, readers, found))


def read_publication(node: Node | None, folder: Path, found: Findings) -> Publication | None:
    """Return where the report is put each morning; None where it is put nowhere."""
    values = read_mapping(node, found)
    if node is None or not values:
        return None
    refuse_unknown(node, ("publish", "at", "audience", "secret"), found)
    location = read_location(values.get("publish"), found)
    if location is None:
        if is_empty(values.get("publish")):
            mistake(found, node, _("{key} is missing.").format(key="publish"))
        return None
    more: dict[str, Any] = {}
    if "at" in values:
        more["at"] = _time(read_text(values["at"], found), values["at"], found)
    if "audience" in values:
        more["audience"] = read_text(values["audience"], found)
        if more["audience"] not in AUDIENCES:
            mistake(found, values["audience"], _("there is no such audience."), AUDIENCES)
    target = Target("report", location, secret=resolve_file(read_secret(values.get("secret"), found), folder))
    return Publication(target, **{key: value for key, value in more.items() if value})


def _read(
    node: Node | None, values: Mapping[str, Node], readers: Mapping[str, Callable[[Node], Any]], found: Findings
) -> dict[str, Any]:
    if node is not None:
        refuse_unknown(node, tuple(readers), found)
    read = {key: readers[key](value) for key, value in values.items() if key in readers and not is_empty(value)}
    return {key: value for key, value in read.items() if value is not None}


def _wave(node: Node, found: Findings) -> Wave | None:
    values = read_mapping(node, found)
    if not values:
        return None
    refuse_unknown(node, ("schools", "start"), found)
    schools = tuple(read_text(item, found) for item in read_items(values.get("schools"), found))
    if not schools:
        mistake(found, node, _("{key} is missing.").format(key="schools"))
    start = values.get("start")
    return Wave(schools, _date(start, found) if start else None)


def check_schools(node: Node | None, schools: Sequence[str], found: Findings) -> None:
    """Say which names under schedule: that should be schools are none."""
    values = read_mapping(node, Findings())
    named = list(read_mapping(values.get("schools"), Findings()).items())
    for wave in read_items(values.get("waves"), Findings()):
        items = read_items(read_mapping(wave, Findings()).get("schools"), Findings())
        named += [(read_text(item, Findings()), item) for item in items]
    for name, one in named:
        if name not in schools:
            near = tuple(nearest_names(name, list(schools)))
            mistake(found, one, _("the inventory has no school with this id."), near)


def _own_line(node: Node, found: Findings) -> OwnLine:
    readers: Mapping[str, Callable[[Node], Any]] = {
        "line": lambda one: _rate(one, found),
        "class_rate": lambda one: _rate(one, found),
        "class_hours": lambda one: _span(one, found),
    }
    return OwnLine(**_read(node, read_mapping(node, found), readers, found))


def _span(node: Node, found: Findings) -> Span | None:
    start, dash, end = read_text(node, found).partition("-")
    if not dash:
        mistake(found, node, _('hours are written as "22:00-05:00".'))
        return None
    times = _time(start.strip(), node, found), _time(end.strip(), node, found)
    return Span(*times) if times[0] and times[1] and times[0] != times[1] else None  # type: ignore[arg-type]


def _time(text: str, node: Node, found: Findings) -> time | None:
    parts = _TIME.fullmatch(text)
    if parts:
        return time(int(parts[1]), int(parts[2]))
    mistake(found, node, _('a time is written as "07:30", in quotation marks.'))
    return None


def _rate(node: Node, found: Findings) -> int | None:
    try:
        return parse_bandwidth(read_text(node, found))
    except BandwidthUnclear as error:
        mistake(found, node, f"{error} {error.advise()}")
        return None


def _vacation(node: Node, found: Findings) -> Vacation | None:
    parts = re.fullmatch(r"([0-9]{2})-([0-9]{2})\.\.([0-9]{2})-([0-9]{2})", read_text(node, found))
    try:
        days = [date(2000, int(parts[first]), int(parts[first + 1])) for first in (1, 3)] if parts else []
    except ValueError:
        days = []
    if not days:
        mistake(found, node, _('days without lessons are written as "07-21..08-31".'))
        return None
    return Vacation(*((day.month, day.day) for day in days))


def _date(node: Node, found: Findings) -> date | None:
    if isinstance(node.value, date):
        return node.value
    try:
        return date.fromisoformat(read_text(node, found))
    except ValueError:
        mistake(found, node, _("a date is written as 2026-08-13."))
        return None


def _all(node: Node, read: Callable[[Node], Value | None], found: Findings) -> tuple[Value, ...]:
    return tuple(value for item in read_items(node, found) if (value := read(item)) is not None)


def _address(node: Node, found: Findings) -> str:
    text = read_text(node, found)
    if text and not re.fullmatch(r"https?://[^\s@]+", text):
        mistake(found, node, _("a web address is expected, such as https://server/folder."))
    return text


def _path(node: Node, folder: Path, found: Findings) -> Path | None:
    text = read_text(node, found)
    return folder.absolute() / text if text else None


def _hooks(node: Node, found: Findings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    refuse_unknown(node, HOOK_LEVELS, found)
    hooks = []
    for level, command in read_mapping(node, found).items():
        words = _all(command, lambda item: read_text(item, found) or None, found)
        if not words:
            mistake(found, command, _("a command is written as a list of words; no shell reads it."))
        hooks.append((level, words))
    return tuple(hooks)
