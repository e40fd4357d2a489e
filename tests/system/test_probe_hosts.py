"""Machines behind a real sshd: one session each, and what says too little, or what cannot be so, never passes."""

import getpass
import json
from pathlib import Path

import pytest
from rigs.played_day import reached_over
from rigs.probed import ProbedBoard
from rigs.sshd import serve_ssh

from kdx.rollout.probe.checks import CHECKS

pytestmark = pytest.mark.system
SOUND = '{"smart_status": {"passed": true}}'
# as smartctl 7.3 says them
RAID = '{"smartctl": {"messages": [{"string": "DELL or MegaRaid controller, try -d megaraid,N"}], "exit_status": 2}}'
VIRTUAL = '{"smartctl": {"messages": [{"string": "Unable to detect device type"}], "exit_status": 1}}'
OVER_SSH = {
    "SMB encryption is required", "the system is supported", "security updates are installed", "room on the disk",
    "disks are sound", "the clock is right",
}


def probed(folder: Path, *settings: str, path: str = "") -> dict[str, tuple[str, str]]:
    """Probe one machine over SSH, and return result and reason of each check."""
    board = ProbedBoard(folder)
    with serve_ssh(folder / "ssh", *settings, path=path) as server:
        share = [{"name": "共有", "url": "/nowhere"}]
        board.hosts["fs"] = {"shares": share, **reached_over(server, getpass.getuser())}
        board.write()
        (board.inventory / "known_hosts").write_text(server.known_hosts.read_text())
        results = board.results("--within", "20")
        # one session a machine, however much is asked
        assert (folder / "ssh/log").read_text().count("Accepted publickey") == 1
        return {check: found for (_target, check), found in results.items()}


def plant(folder: Path, name: str, *lines: str) -> str:
    """Put a program before those of this machine, and return where programs are looked for then."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / name).write_text("\n".join(("#!/bin/sh", *lines, "")))
    (programs / name).chmod(0o755)
    return f"{programs}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("said", "code", "result"),
    [(SOUND, 0, "passes"), (RAID, 2, "not known"), (VIRTUAL, 1, "not known"), (SOUND, 8, "fails")],
)
def test_a_disk_behind_raid_is_not_known_however_well_the_others_are(
    tmp_path: Path, said: str, code: int, result: str
) -> None:
    path = plant(tmp_path, "smartctl", f"echo '{said}'", f"exit {code}")
    assert [one for one in Path("/sys/block").iterdir() if not one.name.startswith(("loop", "ram"))], "no disk here"
    found = probed(tmp_path, path=path)
    assert found["disks are sound"][0] == result, found


@pytest.mark.parametrize(
    "script",
    [
        "echo Welcome",
        # the first two answers, and then the line is cut
        "printf '\\n== kdx clock_right\\n'; date +%s; printf '\\n== kdx smb_encryption\\n[global]\\n server smb encr'",
        # what is asked for comes in another order, or twice
        "printf '\\n== kdx end\\n\\n== kdx os_supported\\nID=debian\\nVERSION_ID=12\\n'",
        "yes | head -c 5000000",
        "exit 1",
    ],
)
def test_a_machine_that_answers_something_else_passes_in_nothing_but_what_it_said_whole(
    tmp_path: Path, script: str
) -> None:
    plant(tmp_path, "answer", script)
    found = probed(tmp_path, f"ForceCommand {tmp_path}/programs/answer")
    assert found.keys() == OVER_SSH
    known = {check for check, (result, _why) in found.items() if result != "not known"}
    assert not known, found


@pytest.mark.parametrize(
    ("lines", "result"),
    [
        ("server smb encrypt = required", "passes"), ("server smb encrypt = desired", "fails"), ("", "fails"),
        ("server smb encrypt = required\n[scan]\n  path = /srv\n  server smb encrypt = off", "fails"),
    ],
)
def test_whether_samba_requires_encryption_is_what_its_own_testparm_says(
    tmp_path: Path, lines: str, result: str
) -> None:
    config = tmp_path / "smb.conf"
    config.write_text(f"[global]\n  server role = standalone server\n  {lines}\n")
    path = plant(tmp_path, "testparm", f'exec /usr/bin/testparm "$@" {config}')
    assert probed(tmp_path, path=path)["SMB encryption is required"][0] == result


def test_every_command_of_every_check_is_shown_before_it_is_sent(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    login = {"ansible_host": "127.0.0.1", "ansible_user": "kdx"}
    board.hosts = {"fs": {"shares": [{"name": "共有", "url": "/nowhere"}], **login}, "pc": login}
    shown = json.loads(board.run("probe", "--explain", "--json").stdout)["rows"]
    commands = {check.command for check in CHECKS if check.command}
    assert len(commands) > 5 and commands <= {row["sent"] for row in shown}
    # each for one check says why, and where that is from
    assert all(row["why"] and row["source"] for row in shown if row["sent"] in commands)
