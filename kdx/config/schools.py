"""Groups, hosts and variables of hosts.yml -> schools, servers, shares. Knows no file and no target.

Variables kdx does not know belong to Ansible and are left alone, unless they look like a misspelt one of kdx's own.
"""

import difflib
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from kdx.config import codes
from kdx.config.fields import (
    Node,
    is_empty,
    mistake,
    read_items,
    read_location,
    read_number,
    read_required,
    read_secret,
    read_text,
    read_truth,
    refuse_unknown,
    warning,
)
from kdx.config.hosts import Hosts
from kdx.config.ignore import extend, read_patterns
from kdx.config.location import Location
from kdx.config.mistakes import Findings
from kdx.config.model import IgnoreRules, School, Server, Share
from kdx.config.naming import nearest_names
from kdx.config.secret import SecretReference
from kdx.language import _

GROUP = "schools"
SCHOOL_KEYS = ("school_name", "school_kana", "school_code", "kind", "flood_depth_rank", "server_floor", "ups")
KEYS = (*SCHOOL_KEYS, "shares")
SHARE_KEYS = ("name", "url", "id", "secret", "ignore")
KINDS = ("kindergarten", "elementary", "junior_high", "compulsory", "high", "secondary", "special_needs")
MISSPELT = 0.87
"""difflib ratio from which an unknown variable is taken for a misspelt one: school_nmae is, school_kanji is not."""

_GROUP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SHARE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]{1,63}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a share takes from the board: where relative paths begin, and the names ignored everywhere."""

    folder: Path
    ignore: IgnoreRules


def read_schools(top: Node, hosts: Hosts, around: Surroundings, found: Findings) -> tuple[School, ...]:
    """Return the schools of an inventory in the order of the file."""
    _refuse_misspelt(hosts, found)
    schools_group = hosts.groups.get(GROUP)
    if schools_group is None:
        what = _("the group {group} is missing; each school is a group below it.").format(group=GROUP)
        mistake(found, top, what, tuple(nearest_names(GROUP, list(hosts.groups))))
    school_of: dict[str, str] = {}
    shares: list[tuple[Node, Share]] = []
    schools = []
    for name in schools_group.children if schools_group else ():
        servers = []
        for host, node in _hosts_of(name, hosts).items():
            if school_of.setdefault(host, name) != name:
                what = _("the host {host} belongs to {first} and to {second}; a server stands in one school.")
                mistake(found, node, what.format(host=host, first=school_of[host], second=name))
                continue
            server, listed = _read_server(name, host, hosts, around, found)
            servers.append(server)
            shares += listed
        schools.append(replace(_read_school(name, hosts, found), servers=tuple(servers)))
    _refuse_repeated(shares, found)
    _refuse_strays(hosts, set(school_of), found)
    return tuple(schools)


def check_school_id(name: str, node: Node, found: Findings) -> None:
    """Note a school id that Ansible would not take as a group name."""
    if not _GROUP_NAME.fullmatch(name):
        what = _("a school id has ASCII letters, digits and _ only (at most 64) and does not begin with a digit.")
        mistake(found, node, what)


def read_school_facts(name: str, facts: Node, found: Findings) -> School:
    """Given the variables of a school as one mapping, return it, without servers."""
    kind = read_text(facts.value.get("kind"), found)
    if kind and kind not in KINDS:
        near = tuple(nearest_names(kind, list(KINDS))) or KINDS
        warning(found, facts.value["kind"], _("kdx does not know this kind of school."), near)
    return School(
        id=name,
        name=read_required(facts, "school_name", found),
        kana=read_text(facts.value.get("school_kana"), found),
        code=_read_school_code(facts.value.get("school_code"), found),
        kind=kind,
        flood_depth_rank=read_number(facts.value.get("flood_depth_rank"), 0, 6, found),
        server_floor=read_number(facts.value.get("server_floor"), -9, 99, found),
        ups=read_truth(facts.value.get("ups"), found),
    )


def check_share_name(name: str, node: Node, found: Findings) -> None:
    """Note a share name that could not be one folder name."""
    if "/" in name or name in (".", ".."):
        mistake(found, node, _("a share name is one plain name, without /."))


def share_id(school: str, name: str) -> str:
    """Return the id of a share that was given none: readable where the name is plain, else by its SHA-256."""
    plain = _PLAIN_NAME.fullmatch(name)
    return f"{school}-{name if plain else hashlib.sha256(name.encode()).hexdigest()[:8]}"


def resolve_file(secret: SecretReference | None, folder: Path) -> SecretReference | None:
    """Return the reference with a relative file: path counted from the inventory folder."""
    if secret is None or secret.kind != "file" or secret.name.startswith("~"):
        return secret
    return SecretReference("file", str(folder.absolute() / secret.name))


def _read_school(name: str, hosts: Hosts, found: Findings) -> School:
    node = hosts.groups[name].node
    check_school_id(name, node, found)
    return read_school_facts(name, replace(node, value=hosts.group_variables(name)), found)


def _read_school_code(node: Node | None, found: Findings) -> str:
    code = read_text(node, found)
    if node is None or not code:
        return ""
    if not codes.SCHOOL.fullmatch(code):
        mistake(found, node, _("a school code has 13 characters: a letter and twelve digits, such as C124221030010."))
    elif not codes.school_code_is_likely(code):
        warning(found, node, _("the check digit of this school code does not fit; compare it with the official list."))
    return code


def _hosts_of(group: str, hosts: Hosts) -> dict[str, Node]:
    return {host: node for draft in hosts.below(group) for host, node in draft.hosts.items()}


def _read_server(
    school: str, host: str, hosts: Hosts, around: Surroundings, found: Findings
) -> tuple[Server, list[tuple[Node, Share]]]:
    variables = hosts.host_variables(host)
    shares = []
    for item in read_items(variables.get("shares"), found):
        share = _read_share(school, host, item, around, found)
        if share:
            shares.append((item, share))
    others = tuple(
        (name, str(node.value))
        for name, node in variables.items()
        if name not in KEYS and isinstance(node.value, (str, int, float, bool))
    )
    return Server(host, tuple(share for _node, share in shares), others), shares


def _read_share(school: str, host: str, item: Node, around: Surroundings, found: Findings) -> Share | None:
    if not isinstance(item.value, dict):
        mistake(found, item, _("a share is written as {name: …, url: …}."))
        return None
    refuse_unknown(item, SHARE_KEYS, found)
    name = read_required(item, "name", found)
    if name:
        check_share_name(name, item.value["name"], found)
    if is_empty(item.value.get("url")):
        mistake(found, item, _("{key} is missing.").format(key="url"))
    location = read_location(item.value.get("url"), found)
    given = read_text(item.value.get("id"), found)
    if given and not _SHARE_ID.fullmatch(given):
        what = _("a share id has ASCII letters, digits, . _ and - only (at most 128) and begins with none of . and -.")
        mistake(found, item.value["id"], what)
    return Share(
        id=given or share_id(school, name),
        name=name,
        school=school,
        server=host,
        location=location or Location("file", "/"),
        ignore=extend(around.ignore, read_patterns(item.value.get("ignore"), found)),
        secret=resolve_file(read_secret(item.value.get("secret"), found), around.folder),
    )


def _refuse_misspelt(hosts: Hosts, found: Findings) -> None:
    everywhere = [*(group.variables for group in hosts.groups.values()), *hosts.variables.values()]
    for variables in everywhere:
        for name, node in variables.items():
            if name in KEYS or name.startswith("ansible_"):
                continue
            near = tuple(difflib.get_close_matches(name.lower(), KEYS, n=1, cutoff=MISSPELT))
            if near:
                mistake(found, node, _("this looks like a misspelt variable of kdx; rename it if it is not."), near)


def _refuse_repeated(shares: list[tuple[Node, Share]], found: Findings) -> None:
    ids: dict[str, Node] = {}
    names: dict[tuple[str, str], Node] = {}
    for node, share in shares:
        first = names.setdefault((share.school, share.name), node)
        if first is not node and share.name:
            what = _("the school has a share of this name already, on line {line}.")
            mistake(found, node.value["name"], what.format(line=first.line))
            continue
        first = ids.setdefault(share.id, node)
        if first is not node:
            what = _("the share id {id} is already used on line {line}; write another id:.")
            mistake(found, node, what.format(id=share.id, line=first.line))


def _refuse_strays(hosts: Hosts, placed: set[str], found: Findings) -> None:
    """A share that belongs to no school would be passed over in silence."""
    for host in hosts.variables:
        node = hosts.host_variables(host).get("shares")
        if host not in placed and node is not None and not is_empty(node):
            what = _("the host {host} has shares but stands below no school; list it in a group below {group}.")
            mistake(found, node, what.format(host=host, group=GROUP))
