"""kdx and Ansible read the same inventory the same way. The oracle is the real ansible-inventory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdx.config import load_board
from kdx.config.ansible import AnsibleFailed, Difference, as_ansible, compare, compare_with_ansible

HOSTS = """\
all:
  vars: {ntp: 10.0.0.1, where: all, day: 2026-11-23, big: 1_000, oct: 017, time: 1:30, yes_: yes, nothing: , f: 1.5e3}
  hosts:
    alone: {where: host}
  children:
    schools:
      vars: {where: schools, kind: elementary, token: !vault "$ANSIBLE_VAULT;1.1;AES256\\n6162\\n"}
      children:
        a_es:
          vars: {school_name: 甲小学校, where: a, path: "{{ ntp }}/x"}
          hosts:
            fs[01:03]:
              ansible_user: kdx
            fs[a:c]-[1:2]: {where: host}
            "gw:2222":
            fs02: {extra: [1, {x: y}]}
        b_es:
          vars: {school_name: 乙小学校}
          children:
            b_servers:
              vars: {where: b_servers}
              hosts: {bs: {shares: [{name: 共有, url: /srv/b}]}}
    windows:
      vars: {where: windows, os: win}
      hosts: {fs01: , bs: , extra01: }
    linux:
      vars: {where: linux, ansible_group_priority: 10, os: lin}
      hosts: {extra01: }
    waves: {children: {wave1: {hosts: {fs03: , bs: }, vars: {where: wave1}}}}
wave1: {vars: {wave: one}}
lab: {hosts: {lab1: }}
aaa: {hosts: {solo: }, vars: {where: aaa}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "kdx.yml").write_text("board: 試験市教育委員会\n")
    return tmp_path


def ansible_list(inventory: Path) -> object:
    program = Path(sys.executable).with_name("ansible-inventory")
    answer = subprocess.run([program, "-i", inventory, "--list"], capture_output=True, check=True)
    return json.loads(answer.stdout)


def test_kdx_sees_every_host_and_variable_as_ansible_does(folder: Path) -> None:
    board = load_board(folder)
    assert len(board.ansible.hosts) == 15
    assert compare_with_ansible(folder, board) == []


def test_what_kdx_hands_to_ansible_is_what_ansible_reads_itself(folder: Path) -> None:
    script = folder / "dynamic"
    (folder / "dynamic.json").write_text(json.dumps(as_ansible(load_board(folder))))
    script.write_text(f"#!/bin/sh\ncat '{folder}/dynamic.json'\n")
    script.chmod(0o755)
    assert ansible_list(script) == ansible_list(folder / "hosts.yml")


def test_what_ansible_adds_from_elsewhere_is_shown(folder: Path) -> None:
    (folder / "host_vars").mkdir()
    (folder / "host_vars" / "bs.yml").write_text("where: elsewhere\nmore: 1\n")
    assert compare_with_ansible(folder, load_board(folder)) == [
        Difference("bs", "more", "-", "1"),
        Difference("bs", "where", '"b_servers"', '"elsewhere"'),
    ]


def test_a_host_or_group_that_only_one_of_both_sees_is_a_difference(folder: Path) -> None:
    board = load_board(folder)
    theirs = as_ansible(board)
    del theirs["_meta"]["hostvars"]["lab1"]
    theirs["lab"]["hosts"] = ["other"]
    assert compare(board.ansible, theirs) == [
        Difference("lab1", "", "present", "-"),
        Difference("other", "", "-", "present"),
        Difference("lab", "hosts", "lab1", "other"),
    ]


def test_an_inventory_ansible_cannot_read_is_an_error_that_names_it(folder: Path) -> None:
    board = load_board(folder)
    (folder / "hosts.yml").write_text("all: [1\n")
    with pytest.raises(AnsibleFailed, match="hosts.yml: "):
        compare_with_ansible(folder, board)


def test_an_executable_inventory_is_never_run(folder: Path) -> None:
    board = load_board(folder)
    (folder / "hosts.yml").write_text(f"#!/bin/sh\ntouch '{folder}/ran'\necho '{{}}'\n")
    (folder / "hosts.yml").chmod(0o755)
    with pytest.raises(AnsibleFailed):
        compare_with_ansible(folder, board)
    assert not (folder / "ran").exists()
