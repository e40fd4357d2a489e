"""The inventory towards Ansible: handed over as a dynamic inventory, and compared with what Ansible itself reads.

kdx reads hosts.yml on its own; that both see the same is checked here, never assumed. Runs `ansible-inventory` with a
list of arguments and a time-out, and only the YAML plugin: an executable hosts.yml is never run.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdx.config import HOSTS
from kdx.config.model import AnsibleView, Board
from kdx.errors import ConfigurationError
from kdx.language import N_, _

PROGRAM = "ansible-inventory"
SECONDS = 120
"""How long ansible-inventory may take; it needs about one second, and two for a thousand hosts."""

_SETTINGS = (
    "LC_ALL=C.UTF-8",
    "ANSIBLE_INVENTORY_ENABLED=yaml",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=1",
    "ANSIBLE_NOCOLOR=1",
)


class AnsibleFailed(ConfigurationError):
    """ansible-inventory is installed but could not read the inventory."""

    message = N_("ansible-inventory could not read {file}: {why}")
    advice = N_("Run ansible-inventory -i {file} --list and correct what it names.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing kdx and Ansible see differently. `kdx` and `ansible` are what each sees, "-" for nothing."""

    host: str
    """Name of the host; a group's name where `key` is "hosts"."""
    key: str
    kdx: str
    ansible: str


def as_ansible(board: Board) -> dict[str, Any]:
    """Return the inventory as a dynamic inventory gives it, with `_meta.hostvars` so that one call is enough."""
    groups: dict[str, Any] = {"_meta": {"hostvars": {name: dict(known) for name, known in board.ansible.hosts.items()}}}
    for group in board.ansible.groups:
        parts = {"hosts": list(group.hosts), "children": list(group.children), "vars": dict(group.variables)}
        groups[group.name] = {key: value for key, value in parts.items() if value}
    return groups


def compare_with_ansible(folder: Path, board: Board) -> list[Difference] | None:
    """Return what Ansible sees differently in hosts.yml, host by host; None where Ansible is not installed.

    AnsibleFailed where it is installed and cannot read the file.
    """
    program = _find_program()
    if program is None:
        return None
    return compare(board.ansible, _ask(program, folder / HOSTS))


def compare(ours: AnsibleView, theirs: Mapping[str, Any]) -> list[Difference]:
    """Given kdx's view and the output of `ansible-inventory --list`, return every difference."""
    hostvars = theirs.get("_meta", {}).get("hostvars", {})
    listed = {name: set(group.get("hosts", ())) for name, group in theirs.items() if name != "_meta"}
    everyone = set(hostvars).union(*listed.values())
    differences = []
    for host in sorted(everyone ^ set(ours.hosts)):
        known = host in ours.hosts
        differences.append(Difference(host, "", _("present") if known else "-", "-" if known else _("present")))
    for host in sorted(everyone & set(ours.hosts)):
        differences += _compare_host(host, ours.hosts[host], hostvars.get(host, {}))
    for group in ours.groups:
        if group.name == "all":
            # Ansible lists hosts written directly under all as ungrouped
            continue
        mine, other = set(group.hosts), listed.get(group.name, set())
        if mine != other:
            differences.append(Difference(group.name, "hosts", _listed(mine - other), _listed(other - mine)))
    return differences


def _compare_host(host: str, ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[Difference]:
    return [
        Difference(host, key, _shown(ours, key), _shown(theirs, key))
        for key in sorted({*ours, *theirs})
        if _shown(ours, key) != _shown(theirs, key)
    ]


def _shown(variables: Mapping[str, object], key: str) -> str:
    if key not in variables:
        return "-"
    return json.dumps(variables[key], ensure_ascii=False, sort_keys=True, default=str)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "-"


def _find_program() -> str | None:
    """Return ansible-inventory beside this Python, else on the PATH, else None."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.is_file() else shutil.which(PROGRAM)


def _ask(program: str, hosts: Path) -> Mapping[str, Any]:
    # env(1) sets the locale for the child alone: Ansible refuses to start in cron's
    command = ["env", *_SETTINGS, program, "-i", str(hosts.absolute()), "--list"]
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnsibleFailed(file=hosts, why=error) from error
    if answer.returncode:
        lines = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise AnsibleFailed(file=hosts, why=lines[-1] if lines else answer.returncode)
    try:
        listed: Mapping[str, Any] = json.loads(answer.stdout)
    except ValueError as error:
        raise AnsibleFailed(file=hosts, why=error) from error
    return listed
