"""A playbook asks the real gate, through the real ansible-playbook, before it goes to a machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rigs.rollout_place import Place, drill, make_place, receipt, seen

pytestmark = pytest.mark.system
PROGRAMS = Path(sys.executable).parent


def ask_the_gate(place: Place, checkout: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run retire.yml as far as its gate, limited to the server: the tag leaves out what follows."""
    inventory = place.folder / "inventory"
    return subprocess.run(
        [PROGRAMS / "ansible-playbook", "-i", inventory / "hosts.yml", checkout / "playbooks/retire.yml",
         "--limit", "fs-nishi", "--tags", "gate", "-e", "school=nishi_es", "-e", f"kdx={PROGRAMS / 'kdx'}", *options],
        env={**os.environ, "KDX_INVENTORY": str(inventory), "KDX_STATE": str(place.folder / "state"),
             "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=120,
    )


def test_retire_is_stopped_by_the_gate_and_goes_on_once_the_evidence_exists(tmp_path: Path, checkout: Path) -> None:
    place = make_place(tmp_path, checkout)
    for options in (["--check"], []):
        closed = ask_the_gate(place, checkout, *options)
        assert closed.returncode == 2, closed.stdout + closed.stderr
        assert '"rc": 4' in closed.stdout + closed.stderr

    paper, key = tmp_path / "paper.pdf", tmp_path / "private/tanaka"
    paper.write_bytes(b"%PDF")
    place.append(receipt("nishi"), drill("nishi"), seen("old_share_read_only"))
    place("set", "observe", "西小", "retention_checked", "pass", "--file", paper, "--key", key)
    place("set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number", "第12号",
          "--scan", paper, "--key", key)
    opened = ask_the_gate(place, checkout)
    assert opened.returncode == 0, opened.stdout + opened.stderr
    assert "changed=0" in opened.stdout
