"""probe.yml: what machines show is shown whole and kept, and a check that fails is no success."""

import getpass
from pathlib import Path

import pytest
from rigs.played_day import Player, reached_over
from rigs.probed import ProbedBoard
from rigs.smbd import serve_samba
from rigs.sshd import free_port, serve_ssh

pytestmark = pytest.mark.system


def test_what_fails_or_is_not_known_is_shown_with_the_rest_kept_and_no_success(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    settings = {"server min protocol": "SMB3_11", "server signing": "mandatory"}
    with serve_samba(tmp_path / "good", settings) as good, serve_samba(tmp_path / "open") as unsigned, serve_ssh(
        tmp_path / "ssh"
    ) as ssh:
        ports = {"fs-good": good.port, "fs-open": unsigned.port, "fs-gone": free_port()}
        board.hosts = {
            name: {"shares": [{"name": name, "url": "/nowhere"}], "kdx_smb": f"127.0.0.1:{port}"}
            for name, port in ports.items()
        }
        board.hosts["fs-good"] = {**board.hosts["fs-good"], **reached_over(ssh, getpass.getuser())}
        board.write()
        (board.inventory / "known_hosts").write_text(ssh.known_hosts.read_text())
        play = Player(board.inventory, tmp_path / "state", ssh.known_hosts)
        tried = play("probe.yml", "-e", "school=nishi_es", "--check")
        assert tried.code == 2 and "nothing was kept" in tried.text
        assert '"rows": []' in board.run("status", "--json", "--since", "2026-01-01").stdout
        played = play("probe.yml", "-e", "school=nishi_es")
        assert played.code == 2 and "A check failed (exit code 5)" in played.text
        assert played.changed == 0
        shown = played.text.partition("TASK [Show")[2].partition("TASK [Say")[0]
        for host, check, result in (
            ("fs-good", "SMB signing is required", "passes"), ("fs-open", "SMB signing is required", "fails"),
            ("fs-gone", "SMB signing is required", "not known"), ("fs-good", "the system is supported", "passes"),
        ):
            assert any(all(word in line for word in (host, check, result)) for line in shown.splitlines()), shown
        assert board.state("File sharing is safe") != "未"
    (board.inventory / "kdx.yml").write_text("board: [", "utf-8")
    broken = play("probe.yml", "-e", "school=schools")
    assert broken.code == 2 and "exit code" not in broken.text and '"rc": 10' in broken.text


@pytest.mark.long
def test_a_limit_chooses_schools_and_what_is_not_known_is_no_success(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    board.hosts = {
        name: {"shares": [{"name": name, "url": "/nowhere"}], "kdx_smb": f"127.0.0.1:{free_port()}"}
        for name in ("fs-one", "fs-two")
    }
    board.write()
    play = Player(board.inventory, tmp_path / "state", tmp_path)
    played = play("probe.yml", "-e", "school=schools", "--limit", "fs-one")
    assert played.code == 2 and "something is not known (exit code 6)" in played.text
    # what kdx knows of a school stands or falls together, so it is asked whole
    assert "fs-two" in played.text
