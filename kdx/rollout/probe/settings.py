"""The section probe: of rollout.yml -> what is looked at beside the servers of hosts.yml. Like all readers: notes what
is wrong and goes on."""

import re
from collections.abc import Collection
from pathlib import Path

from kdx.config.fields import (
    Node,
    mistake,
    read_items,
    read_mapping,
    read_required,
    read_secret,
    read_text,
    refuse_unknown,
)
from kdx.config.mistakes import Findings
from kdx.config.naming import nearest_names
from kdx.config.schools import resolve_file
from kdx.language import _
from kdx.remotes.dialogues import Address
from kdx.remotes.dialogues.dns import PORT as DNS_PORT
from kdx.remotes.dialogues.sntp import PORT as NTP_PORT
from kdx.remotes.dialogues.tls import PORT as TLS_PORT
from kdx.rollout.probe.section import NameFilter, ProbeSettings, Service, Shut, Way

KEYS = ("vantage", "clock", "services", "filters", "ways", "read_only")
WAY_KEYS = ("check", "school", "name", "to", "expect", "control", "from")
EXPECTED = ("open", "closed")
REACH_CHECKS = ("segments", "old_server_silent")

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:]+)\]|([^\s:/\[\]@]+))(?::([0-9]{1,5}))?")


def read_probe(node: Node | None, checks: Collection[str], folder: Path, found: Findings) -> ProbeSettings:
    """Return the section; nothing where it is not written. `checks` are the ids of rollout.yml."""
    if node is None:
        return ProbeSettings()
    refuse_unknown(node, KEYS, found)
    values = read_mapping(node, found)
    return ProbeSettings(
        vantage=read_text(values.get("vantage"), found),
        clock=read_address(values.get("clock"), NTP_PORT, found),
        services=tuple(filter(None, (_service(one, found) for one in read_items(values.get("services"), found)))),
        filters=tuple(filter(None, (_filter(one, found) for one in read_items(values.get("filters"), found)))),
        ways=tuple(filter(None, (_way(one, checks, found) for one in read_items(values.get("ways"), found)))),
        shut=tuple(_shut(one, folder, found) for one in read_items(values.get("read_only"), found)),
    )


def parse_address(text: str, port: int | None) -> Address | None:
    """Return host:port, host or [address]:port as an Address; None where it is none, or lacks a port and needs one."""
    match = _ADDRESS.fullmatch(text)
    number = int(match[3]) if match and match[3] else port
    return Address(match[1] or match[2], number) if match and number and number < 1 << 16 else None


def read_address(node: Node | None, port: int | None, found: Findings) -> Address | None:
    """Return an address, None where nothing was written; what is none is noted."""
    text = read_text(node, found)
    if node is None or not text:
        return None
    address = parse_address(text, port)
    if address is None:
        mistake(found, node, _("a machine and a port are expected here, such as fs-west.example.jp:445."))
    return address


def _required_address(node: Node, key: str, port: int | None, found: Findings) -> Address | None:
    read_required(node, key, found)
    return read_address(node.value.get(key), port, found) if isinstance(node.value, dict) else None


def _service(node: Node, found: Findings) -> Service | None:
    refuse_unknown(node, ("name", "address"), found)
    address = _required_address(node, "address", TLS_PORT, found)
    return Service(read_required(node, "name", found), address) if address else None


def _filter(node: Node, found: Findings) -> NameFilter | None:
    refuse_unknown(node, ("school", "resolver", "blocked", "allowed", "page"), found)
    resolver = _required_address(node, "resolver", DNS_PORT, found)
    blocked = tuple(_names(node, "blocked", found))
    allowed = read_required(node, "allowed", found)
    page = tuple(_names(node, "page", found))
    school = read_required(node, "school", found)
    return NameFilter(school, resolver, blocked, allowed, page) if resolver else None


def _names(node: Node, key: str, found: Findings) -> list[str]:
    items = read_items(node.value.get(key), found) if isinstance(node.value, dict) else []
    return [text for item in items if (text := read_text(item, found))]


def _way(node: Node, checks: Collection[str], found: Findings) -> Way | None:
    refuse_unknown(node, WAY_KEYS, found)
    values = read_mapping(node, found)
    if not values:
        return None
    check = read_required(node, "check", found)
    if check and (check not in checks or check not in REACH_CHECKS):
        mistake(found, values["check"], _("there is no such check."), tuple(nearest_names(check, list(REACH_CHECKS))))
    expect = read_required(node, "expect", found)
    if expect and expect not in EXPECTED:
        mistake(found, values["expect"], _("this is not one of the words known here."), EXPECTED)
    control = read_address(values.get("control"), None, found)
    if expect == "closed" and values.get("control") is None:
        mistake(found, node, _("closed is shown only where something on the same way answers: write control: too."))
    to = _required_address(node, "to", None, found)
    school, name = read_required(node, "school", found), read_required(node, "name", found)
    return Way(check, school, name, to, expect, control, tuple(_names(node, "from", found))) if to else None


def _shut(node: Node, folder: Path, found: Findings) -> Shut:
    refuse_unknown(node, ("school", "share", "user", "secret"), found)
    values = read_mapping(node, found)
    return Shut(
        school=read_required(node, "school", found),
        share=read_text(values.get("share"), found),
        user=read_required(node, "user", found),
        secret=resolve_file(read_secret(values.get("secret"), found), folder),
    )
