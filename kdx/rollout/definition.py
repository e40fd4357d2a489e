"""rollout.yml -> what the rollout consists of, or everything that is wrong with it at once. Decides no state."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kdx.config.fields import (
    Node,
    is_empty,
    mistake,
    read_items,
    read_mapping,
    read_number,
    read_required,
    read_text,
    read_truth,
    refuse_unknown,
)
from kdx.config.holidays import read_holidays
from kdx.config.mistakes import ConfigurationMistakes, Findings
from kdx.config.naming import nearest_names
from kdx.config.strict_yaml import read_yaml
from kdx.errors import ConfigurationError
from kdx.language import N_, _
from kdx.rollout.calendar import read_calendar, read_day
from kdx.rollout.fields import check_id, read_choice, read_label, read_known
from kdx.rollout.order import check_order
from kdx.rollout.probe.settings import read_probe
from kdx.rollout.reports import read_reports
from kdx.rollout.stream import BUILT_IN, Before, Definition, Label, Milestone, Requirement, Scope, Stream
from kdx.state.events.rollout import Method

FILE = "rollout.yml"
KEYS = ("version", "calendar", "checks", "counterparts", "documents", "reports", "probe", "streams")
STREAM_KEYS = ("label", "source", "milestones")
MILESTONE_KEYS = (
    "number", "label", "column", "scope", "needs", "hard", "before", "evidence", "approval", "avoid", "due", "source",
)
EVIDENCE_KEYS = ("check", "method", "max_age_days", "percent", "vantages")
COLUMN_WIDTH = 12
"""Terminal columns a heading may take; seventeen milestones stand side by side on A4."""


class DefinitionMissing(ConfigurationError):
    """The inventory has no rollout.yml."""

    message = N_("There is no rollout.yml in {folder}.")
    advice = N_("kdx init writes one; make a new inventory beside this one and copy its rollout.yml here.")


def standard_text() -> str:
    """Return the text of a rollout.yml to begin with."""
    return Path(__file__).with_name("standard.yml").read_text("utf-8")


def load_definition(folder: Path) -> Definition:
    """Read rollout.yml of an inventory folder, and its table of holidays.

    ConfigurationMistakes tells everything that is wrong in it; HolidaysUnreadable where the table is no such table.
    """
    if not os.path.lexists(folder / FILE):
        raise DefinitionMissing(folder=folder)
    found = Findings()
    top = read_yaml(folder / FILE, found)
    definition = Definition(()) if top is None else read_definition(top, found)
    if found.mistakes:
        raise ConfigurationMistakes(found.mistakes)
    return replace(definition, calendar=replace(definition.calendar, national=read_holidays(folder)))


def check_definition(folder: Path) -> None:
    """Raise ConfigurationMistakes where an inventory folder has a rollout.yml that is wrong."""
    if os.path.lexists(folder / FILE):
        load_definition(folder)


def read_definition(top: Node, found: Findings) -> Definition:
    """Given the top of rollout.yml, return the definition. What is wrong is noted in `found`."""
    refuse_unknown(top, KEYS, found)
    values = top.value
    if read_number(values.get("version"), 1, 1, found) is None and is_empty(values.get("version")):
        mistake(found, top, _("{key} is missing.").format(key="version"))
    definition = Definition(
        streams=(),
        calendar=read_calendar(values.get("calendar"), found),
        checks=_read_labels(values.get("checks"), found, refused=BUILT_IN),
        counterparts=_read_labels(values.get("counterparts"), found),
        documents=_read_labels(values.get("documents"), found),
    )
    definition = replace(
        definition,
        reports=read_reports(values.get("reports"), definition, found),
        probe=read_probe(values.get("probe"), definition.checks, Path(top.file).parent, found),
    )
    nodes = read_mapping(values.get("streams"), found)
    if not nodes:
        mistake(found, values.get("streams", top), _("{key} is missing.").format(key="streams"))
    streams = tuple(_read_stream(name, node, definition, found) for name, node in nodes.items())
    definition = replace(definition, streams=streams)
    check_order(definition, _milestone_nodes(nodes), found)
    return definition


def _read_labels(node: Node | None, found: Findings, refused: tuple[str, ...] = ()) -> Mapping[str, Label]:
    labels = {}
    for name, value in read_mapping(node, found).items():
        check_id(name, value, found)
        if name in refused:
            mistake(found, value, _("{name} is a check that kdx has already; choose another name.").format(name=name))
        labels[name] = read_label(value, found)
    return labels


def _milestone_nodes(streams: Mapping[str, Node]) -> list[tuple[str, Node]]:
    """Return every milestone with its place; an id may come twice, which is for check_order to see."""
    return [
        (name, node)
        for stream in streams.values()
        if isinstance(stream.value, dict) and isinstance(milestones := stream.value.get("milestones"), Node)
        if isinstance(milestones.value, dict)
        for name, node in milestones.value.items()
    ]


def _read_stream(name: str, node: Node, around: Definition, found: Findings) -> Stream:
    check_id(name, node, found)
    refuse_unknown(node, STREAM_KEYS, found)
    values = read_mapping(node, found)
    if is_empty(values.get("source")):
        mistake(found, node, _("{key} is missing.").format(key="source"))
    milestones = read_mapping(values.get("milestones"), found)
    if not milestones:
        mistake(found, node, _("{key} is missing.").format(key="milestones"))
    return Stream(
        id=name,
        label=read_label(values.get("label"), found, node),
        source=read_text(values.get("source"), found),
        milestones=tuple(_read_milestone(key, one, name, around, found) for key, one in milestones.items()),
    )


def _read_milestone(name: str, node: Node, stream: str, around: Definition, found: Findings) -> Milestone:
    check_id(name, node, found)
    refuse_unknown(node, MILESTONE_KEYS, found)
    values = read_mapping(node, found)
    evidence = (_read_requirement(item, around, found) for item in read_items(values.get("evidence"), found))
    periods = [one.id for one in around.calendar.avoid]
    return Milestone(
        id=name,
        stream=stream,
        number=read_number(values.get("number"), 1, 999, found),
        label=read_label(values.get("label"), found, node),
        column=_read_column(node, found) if values else "",
        scope=Scope(read_choice(values.get("scope"), node, list(Scope), found) or Scope.CITY),
        # whether they exist is asked once all are known
        needs=tuple(read_text(item, found) for item in read_items(values.get("needs"), found)),
        hard=bool(read_truth(values.get("hard"), found)),
        before=_read_before(values.get("before"), around, found),
        evidence=tuple(one for one in evidence if one),
        approval=read_text(values.get("approval"), found),
        avoid=read_known(values.get("avoid"), periods, _("the calendar has no such period."), found),
        due=read_day(values.get("due"), found),
        source=read_text(values.get("source"), found),
    )


def _read_column(node: Node, found: Findings) -> str:
    from wcwidth import wcswidth

    column = read_required(node, "column", found)
    if wcswidth(column) > COLUMN_WIDTH:
        what = _("a column heading has at most {most} kanji; this one is wider.").format(most=COLUMN_WIDTH // 2)
        mistake(found, node.value["column"], what)
    return column


def _read_before(node: Node | None, around: Definition, found: Findings) -> Before:
    if node is None:
        return Before()
    refuse_unknown(node, ("checks", "approval"), found)
    values = read_mapping(node, found)
    checks = (_read_requirement(item, around, found) for item in read_items(values.get("checks"), found))
    return Before(tuple(one for one in checks if one), read_text(values.get("approval"), found))


def _read_requirement(node: Node, around: Definition, found: Findings) -> Requirement | None:
    refuse_unknown(node, EVIDENCE_KEYS, found)
    values = read_mapping(node, found)
    if not values:
        return None
    check = read_required(node, "check", found)
    known = [*BUILT_IN, *around.checks]
    if check and check not in known:
        what = _("there is no such check; write it under checks: with a label.")
        mistake(found, values["check"], what, tuple(nearest_names(check, known)))
    methods = read_known(values.get("method"), list(Method), _("there is no such method."), found)
    return Requirement(
        check=check,
        methods=frozenset(map(Method, methods)) or frozenset(Method),
        max_age_days=read_number(values.get("max_age_days"), 1, 3660, found),
        percent=read_number(values.get("percent"), 1, 100, found) or 100,
        vantages=read_number(values.get("vantages"), 1, 99, found) or 1,
    )
