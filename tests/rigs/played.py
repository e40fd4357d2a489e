"""The project's playbooks, run as a person runs them, on a board whose server is a machine of tests/rigs/hosts.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from rigs.hosts import CHECKOUT, Machine
from rigs.rollout_place import HOSTS, Place

Played = subprocess.CompletedProcess[str]


def play(inventory: Path, name: str, *options: str, **variables: str) -> Played:
    """Run a playbook of the project as a person would, in an environment with these variables besides."""
    programs = Path(sys.executable).parent
    home = inventory.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [programs / "ansible-playbook", "-i", inventory / "hosts.yml", CHECKOUT / "playbooks" / name, *options],
        env={
            **os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "ANSIBLE_PIPELINING": "1",
            "PATH": f"{programs}:{os.environ['PATH']}", "KDX_INVENTORY": str(inventory),
            "KDX_STATE": str(inventory.parent / "state"), **variables,
        },
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=280,
    )


def bundle_of_this(folder: Path) -> Path:
    """Make an archive with the form of scripts/bundle's that installs the kdx under test within a second.

    The real one takes minutes; that it installs what it says is shown by test_bundle.py.
    """
    name = f"kdx-0-python{sys.version_info.major}.{sys.version_info.minor}-x86_64"
    (folder / name).mkdir(parents=True)
    for file, text in (
        ("kdx", f'exec {Path(sys.executable).with_name("kdx")} "$@"'),
        ("install", 'mkdir -p "$1/bin" && cp "${0%/*}/kdx" "$1/bin/kdx"'),
    ):
        (folder / name / file).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name / file).chmod(0o755)
    subprocess.run(["tar", "-czf", folder / f"{name}.tar.gz", "-C", folder, "--owner=0", "--group=0", name], check=True)
    return folder / f"{name}.tar.gz"


def write_hosts(place: Place, machine: Machine, **variables: object) -> None:
    """Give the school's server the address of a real machine; beside it a terminal and a machine of the board."""
    hosts = yaml.safe_load(HOSTS)
    school = hosts["all"]["children"]["schools"]["children"]["nishi_es"]
    school["hosts"]["fs-nishi"].update(machine.variables | variables)
    school["hosts"]["pc-nishi"] = machine.variables
    board = {name: value for name, value in variables.items() if name != "shares"}
    hosts["all"]["children"]["machines"] = {"hosts": {"kdx-board": machine.variables | board}}
    (place.folder / "inventory/hosts.yml").write_text(json.dumps(hosts, ensure_ascii=False), "utf-8")


def changes(played: Played) -> int:
    """Return how many tasks changed something, of a run that went through."""
    assert played.returncode == 0, played.stdout + played.stderr
    recap = played.stdout.rpartition("PLAY RECAP")[2]
    assert "changed=" in recap
    return sum(int(part.split()[0]) for part in recap.split("changed=")[1:])
