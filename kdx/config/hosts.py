"""hosts.yml as Ansible understands it: groups, hosts, ranges in names, variables merged. Knows no school.

Merging follows Ansible's documented order: a host's groups from `all` downwards by depth, then
`ansible_group_priority`, then name; the host's own variables last; a later value replaces an earlier one whole.
`group_vars/` and `host_vars/` are not read; kdx inventory check shows what Ansible makes of them.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kdx.config.fields import Node, Vaulted, mistake, read_mapping, refuse_unknown
from kdx.config.mistakes import Findings
from kdx.config.model import AnsibleView, Group
from kdx.language import _

SECTIONS = ("vars", "children", "hosts")
PRIORITY = "ansible_group_priority"
MOST_HOSTS = 10_000
"""More names than this from one range is a slip of the finger."""

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_BOUNDS = re.compile(r"([0-9]{0,9}):([0-9]{1,9})(?::([0-9]{1,9}))?")
_LETTERS = re.compile(r"([A-Za-z]):([A-Za-z])(?::([0-9]{1,9}))?")
_PORT = re.compile(r"([^:\[\]]+):([0-9]{1,5})")


@dataclass(slots=True)
class GroupDraft:
    """A group while the file is read."""

    name: str
    node: Node
    variables: dict[str, Node] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)
    parents: set[str] = field(default_factory=set)
    hosts: dict[str, Node] = field(default_factory=dict)
    depth: int = 1
    priority: int = 1


@dataclass(slots=True)
class Hosts:
    """Groups and hosts of one inventory, variables still with their places."""

    groups: dict[str, GroupDraft] = field(default_factory=dict)
    variables: dict[str, dict[str, Node]] = field(default_factory=dict)
    """Own variables of each host, by name, in the order of the file."""
    memberships: dict[str, set[str]] = field(default_factory=dict)
    """Groups each host stands in directly."""

    def below(self, group: str) -> list[GroupDraft]:
        """Return a group and all groups under it, each once."""
        found: dict[str, GroupDraft] = {}
        waiting = [group]
        while waiting:
            name = waiting.pop()
            if name in self.groups and name not in found:
                found[name] = self.groups[name]
                waiting.extend(reversed(self.groups[name].children))
        return list(found.values())

    def above(self, names: set[str]) -> list[GroupDraft]:
        """Return the groups `names` and all groups over them, in the order their variables are merged."""
        found = {"all"} & set(self.groups)
        waiting = names
        while waiting := waiting - found:
            found |= waiting
            waiting = set().union(*(self.groups[name].parents for name in waiting))
        return sorted(
            (self.groups[name] for name in found), key=lambda group: (group.depth, group.priority, group.name)
        )

    def group_variables(self, name: str) -> dict[str, Node]:
        """Return what a group knows, its own and what it inherits."""
        return _merged([group.variables for group in self.above({name})])

    def host_variables(self, name: str) -> dict[str, Node]:
        """Return what a host knows, its own and what it inherits."""
        above = self.above(self.memberships[name])
        return _merged([*(group.variables for group in above), self.variables[name]])


def read_hosts(top: Node, found: Findings) -> Hosts:
    """Given the top of hosts.yml, return its groups and hosts."""
    hosts = Hosts()
    for name, node in read_mapping(top, found).items():
        _read_group(hosts, name, node, found)
    _set_depths(hosts, found)
    return hosts


def ansible_view(hosts: Hosts) -> AnsibleView:
    """Return the inventory as plain data, as `ansible-inventory --list` would give it."""
    groups = tuple(
        Group(draft.name, tuple(draft.hosts), tuple(draft.children), _plain_mapping(draft.variables))
        for draft in hosts.groups.values()
    )
    return AnsibleView(groups, {name: _plain_mapping(hosts.host_variables(name)) for name in hosts.variables})


def _read_group(hosts: Hosts, name: str, node: Node, found: Findings) -> None:
    """Read one place where a group stands; a group may stand in several, later variables win."""
    group = hosts.groups.setdefault(name, GroupDraft(name, node))
    refuse_unknown(node, SECTIONS, found)
    sections = read_mapping(node, found)
    for key, value in read_mapping(sections.get("vars"), found).items():
        if key == PRIORITY:
            _read_priority(group, value, found)
        else:
            group.variables[key] = value
    for key, value in read_mapping(sections.get("children"), found).items():
        group.children.setdefault(key, value)
        _read_group(hosts, key, value, found)
        hosts.groups[key].parents.add(name)
    for key, value in read_mapping(sections.get("hosts"), found).items():
        pattern, port = _split_port(key)
        own = dict(read_mapping(value, found))
        if port:
            own.setdefault("ansible_port", Node(value.file, value.line, value.path, port))
        for host in expand_range(pattern, value, found):
            group.hosts.setdefault(host, value)
            hosts.variables.setdefault(host, {}).update(own)
            hosts.memberships.setdefault(host, set()).add(name)


def _read_priority(group: GroupDraft, node: Node, found: Findings) -> None:
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        group.priority = node.value
    else:
        mistake(found, node, _("a whole number is expected."))


def _split_port(key: str) -> tuple[str, int | None]:
    match = _PORT.fullmatch(key)
    return (match[1], int(match[2])) if match else (key, None)


def expand_range(pattern: str, node: Node, found: Findings) -> list[str]:
    """Given a host name that may hold ranges ([01:14], [a:f], [0:10:2]), return the names it stands for."""
    if "{{" in pattern:
        mistake(found, node, _("kdx does not fill in Jinja templates; write the value itself."))
        return []
    names = [""]
    rest = pattern
    while match := _RANGE.search(rest):
        values = _range_values(match[1])
        if not values:
            what = _("{range} is not a range; write for example [01:14] or [a:f].").format(range=match[0])
            mistake(found, node, what)
            return []
        if len(names) * len(values) > MOST_HOSTS:
            mistake(found, node, _("this range stands for more than {count} hosts.").format(count=MOST_HOSTS))
            return []
        names = [name + rest[: match.start()] + value for name in names for value in values]
        rest = rest[match.end() :]
    return [name + rest for name in names]


def _range_values(text: str) -> list[str]:
    """Return what a range stands for, both ends included as in Ansible, at most MOST_HOSTS + 1; nothing if none."""
    match = _BOUNDS.fullmatch(text)
    if match:
        first, last, step = match[1] or "0", match[2], int(match[3] or 1)
        width = len(first) if first.startswith("0") and len(first) > 1 else 0
        if not step or (width and len(last) != width):
            return []
        numbers = range(int(first), int(last) + 1, step)[: MOST_HOSTS + 1]
        return [str(number).zfill(width) for number in numbers]
    match = _LETTERS.fullmatch(text)
    if not match or match[3] == "0":
        return []
    letters = string.ascii_letters
    return list(letters[letters.index(match[1]) : letters.index(match[2]) + 1 : int(match[3] or 1)])


def _set_depths(hosts: Hosts, found: Findings) -> None:
    """Set every group's depth: the longest way down from `all`. A circle has none and is a mistake."""
    waiting = dict(hosts.groups)
    while ready := [group for group in waiting.values() if waiting.keys().isdisjoint(group.parents)]:
        for group in ready:
            above = 0 if group.name == "all" else 1
            group.depth = max((hosts.groups[name].depth + 1 for name in group.parents), default=above)
        for group in ready:
            del waiting[group.name]
    for group in waiting.values():
        mistake(found, group.node, _("this group is, by way of others, a child of itself."))


def _merged(layers: list[dict[str, Node]]) -> dict[str, Node]:
    merged: dict[str, Node] = {}
    for layer in layers:
        merged.update(layer)
    return merged


def _plain_mapping(nodes: Mapping[str, Node]) -> dict[str, object]:
    return {name: _plain(node) for name, node in nodes.items()}


def _plain(node: Node) -> object:
    """Return a value as JSON can hold it."""
    value = node.value
    if isinstance(value, dict):
        return _plain_mapping(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Vaulted):
        return {"__ansible_vault": value.text}
    return value.isoformat() if isinstance(value, date) else value
