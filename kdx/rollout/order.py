"""Whether the milestones of rollout.yml can come one after the other: ids, prerequisites, cycles, dates."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from kdx.config.fields import Node, mistake
from kdx.config.mistakes import Findings
from kdx.config.naming import nearest_names
from kdx.language import _
from kdx.rollout.stream import Definition, Milestone

Places = Sequence[tuple[str, Node]]
"""Every milestone's id and where it stands, in the order of the file."""


def check_order(definition: Definition, places: Places, found: Findings) -> None:
    """Note ids and numbers that come twice, prerequisites that are not there, cycles, and dates that cannot be kept."""
    # where an id comes twice, the first is meant
    known: dict[str, Milestone] = {}
    for one in definition.milestones:
        known.setdefault(one.id, one)
    nodes = dict(reversed(places))
    _refuse_repeated(definition, places, found)
    for one in known.values():
        for index, need in enumerate(one.needs):
            if need and need not in known:
                what = _("there is no milestone {name}.").format(name=need)
                mistake(found, _item(nodes[one.id], "needs", index), what, tuple(nearest_names(need, list(known))))
    for cycle in _cycles(known):
        what = _("these milestones wait for each other: {names}.").format(names=" -> ".join(cycle))
        mistake(found, nodes[cycle[0]], what)
    _refuse_impossible_dates(known, nodes, found)


def _refuse_repeated(definition: Definition, places: Places, found: Findings) -> None:
    seen: dict[str, Node] = {}
    numbers: dict[tuple[str, int], str] = {}
    for name, node in places:
        if name in seen:
            what = _("the milestone {name} stands here a second time; the first is on line {line}.")
            mistake(found, node, what.format(name=name, line=seen[name].line))
        seen.setdefault(name, node)
    for one in definition.milestones:
        if one.number is not None and numbers.setdefault((one.stream, one.number), one.id) != one.id:
            what = _("the number {number} is that of {name} already.")
            name = numbers[one.stream, one.number]
            mistake(found, _child(seen[one.id], "number"), what.format(number=one.number, name=name))


def _refuse_impossible_dates(known: Mapping[str, Milestone], nodes: Mapping[str, Node], found: Findings) -> None:
    for one in known.values():
        for need in one.needs:
            before = known.get(need)
            if before and before.due and one.due and one.due < before.due:
                what = _("it is due on {due}, before {name}, which it needs ({other}).")
                mistake(found, _child(nodes[one.id], "due"), what.format(due=one.due, name=need, other=before.due))


def _cycles(known: Mapping[str, Milestone]) -> list[list[str]]:
    """Return each cycle, from a milestone to what it needs and on until it comes back."""
    needs = {one.id: {need for need in one.needs if need in known} for one in known.values()}
    cycles: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(needs).prepare()
            return cycles
        except CycleError as error:
            path: list[str] = error.args[1]
            cycles.append(path[::-1])
            # without this link the next cycle shows
            needs[path[1]].discard(path[0])


def _child(node: Node, key: str) -> Node:
    child = node.value.get(key) if isinstance(node.value, dict) else None
    return child if isinstance(child, Node) else node


def _item(node: Node, key: str, index: int) -> Node:
    items = _child(node, key).value
    return items[index] if isinstance(items, list) and index < len(items) else node
