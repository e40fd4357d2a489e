"""`kdx rollout probe` against real servers, and machines that hang, lie, or say too little: those never pass."""

import hashlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import ANY

import pytest
from rigs.liars import answer_datagrams, clock, drip, resolver
from rigs.nut import serve_nut
from rigs.private_ca import make_certificates, serve_tls
from rigs.probed import KDX, ProbedBoard
from rigs.smbd import PASSWORD, serve_samba
from rigs.sshd import free_port, serve_ssh

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("probe")]
NUMBERS = itertools.count(1)
QUICK = ("--within", "2")
Found = dict[tuple[str, str], tuple[str, str]]
SAMBA = {
    "smb1-on": {"server min protocol": "NT1", "server signing": "mandatory"},
    "unsigned": {"server min protocol": "SMB2_10"},
    "good": {"server min protocol": "SMB3_11", "server signing": "mandatory"},
    "smb1-only": {"server max protocol": "NT1", "server min protocol": "NT1"},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """One run over servers, a UPS that is well, one whose driver is gone, and machines that behave badly."""
    folder = tmp_path_factory.mktemp("probed")
    board = ProbedBoard(folder)
    with ExitStack() as stack:
        for name, settings in SAMBA.items():
            port = stack.enter_context(serve_samba(folder / name, settings)).port
            board.hosts[name] = {"shares": _share(), "kdx_smb": f"127.0.0.1:{port}"}
        for name, byte in (("silent", b""), ("dripping", b"\0")):
            port = stack.enter_context(drip(byte))
            board.hosts[name] = {
                "shares": _share(), "kdx_smb": f"127.0.0.1:{port}", "kdx_ups": f"ups@127.0.0.1:{port}",
                "ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "kdx",
            }
        board.hosts["gone"] = {"shares": _share(), "kdx_smb": f"127.0.0.1:{free_port()}"}
        well, lost = (stack.enter_context(serve_nut(folder / name)) for name in ("well", "lost"))
        lost.lose_driver()
        time.sleep(0.5)
        board.hosts["ups-well"] = {"shares": _share(), "kdx_ups": f"ups@127.0.0.1:{well.port}"}
        board.hosts["ups-lost"] = {"shares": _share(), "kdx_ups": f"ups@127.0.0.1:{lost.port}"}
        board.hosts["ups-other"] = {"shares": _share(), "kdx_ups": f"usv@127.0.0.1:{well.port}"}
        for name, said in (("hour-ahead", clock(3600)), ("unset", clock(0, leap=3)), ("mute", lambda _asked: None)):
            port = stack.enter_context(answer_datagrams(said))
            board.hosts[name] = {"shares": _share(), "kdx_ntp": f"127.0.0.1:{port}"}
        board.probe["clock"] = f"127.0.0.1:{stack.enter_context(answer_datagrams(clock()))}"
        honest = {"www.example.jp": "203.0.113.5", "block.example.jp": "10.0.0.80"}
        leaking = {**honest, "block.example.jp": "198.51.100.1"}
        for answers in (resolver(honest), resolver(honest, otherwise="10.0.0.80"), resolver(leaking)):
            port = stack.enter_context(answer_datagrams(answers))
            board.probe.setdefault("filters", []).append({
                "school": "nishi_es", "resolver": f"127.0.0.1:{port}", "blocked": ["block.example.jp"],
                "allowed": "www.example.jp", "page": ["10.0.0.80"],
            })
        began = time.monotonic()
        results = board.results(*QUICK)
        results["", "took"] = ("", str(time.monotonic() - began))
        yield results


@pytest.mark.xdist_group("probed-samba")
@pytest.mark.parametrize(
    ("server", "check", "result"),
    [
        ("smb1-on", "SMB1 is off", "fails"), ("smb1-on", "SMB signing is required", "passes"),
        ("unsigned", "SMB1 is off", "passes"), ("unsigned", "SMB signing is required", "fails"),
        ("good", "SMB1 is off", "passes"), ("good", "SMB signing is required", "passes"),
        ("good", "SMB 3 is spoken", "passes"), ("good", "the clock is right", "passes"),
        ("smb1-only", "SMB1 is off", "fails"), ("smb1-only", "SMB 3 is spoken", "fails"),
        ("smb1-only", "SMB signing is required", "not known"),
    ],
)
def test_what_samba_speaks_is_told_without_a_login(found: Found, server: str, check: str, result: str) -> None:
    assert found[server, check][0] == result, found[server, check]


@pytest.mark.parametrize("name", ["silent", "dripping", "gone"])
def test_a_machine_that_hangs_or_is_not_there_is_not_known_in_any_respect(found: Found, name: str) -> None:
    results = {result for (target, _check), (result, _why) in found.items() if target == name}
    assert results == {"not known"}


def test_machines_that_hang_keep_nobody_waiting(found: Found) -> None:
    # seven visits that each come to the end of their two seconds, all at once
    assert float(found["", "took"][1]) < 12


@pytest.mark.parametrize(
    ("name", "result", "why"),
    [("ups-well", "passes", "100 %"), ("ups-lost", "not known", "DRIVER-NOT-CONNECTED"),
     ("ups-other", "not known", "UNKNOWN-UPS")],
)
def test_a_ups_is_asked_through_nut_and_one_without_a_driver_is_not_known(
    found: Found, name: str, result: str, why: str
) -> None:
    assert found[name, "the UPS is ready"][0] == result
    assert why in found[name, "the UPS is ready"][1]


@pytest.mark.parametrize(
    ("name", "result"), [("hour-ahead", "fails"), ("unset", "not known"), ("mute", "not known")]
)
def test_clocks_an_hour_apart_fail_and_one_that_does_not_know_the_time_is_not_known(
    found: Found, name: str, result: str
) -> None:
    assert found[name, "the clock is right"][0] == result
    assert found["this machine's clock", "the clock is right"][0] == "passes"


def test_a_resolver_that_answers_everything_is_no_filter(found: Found) -> None:
    results = [result for (_target, check), (result, _why) in found.items() if check.startswith("answers of web")]
    assert sorted(results) == ["fails", "not known", "passes"]
    assert any("cannot exist" in why for _result, why in found.values())


def test_an_evidence_that_later_fails_turns_its_milestone_to_check_again(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    for number, (status, state) in enumerate((("OL", "確"), ("OL RB", "再"))):
        with serve_nut(tmp_path / f"ups-{number}", ups__status=status) as ups:
            board.hosts["fs"] = {"shares": _share(), "kdx_ups": f"ups@127.0.0.1:{ups.port}"}
            board.results(*QUICK)
        assert board.state("Power is kept") == state
        matrix = json.loads(board.run("status", "--stream", "server_migration", "--json").stdout)
        assert [row["power"] for row in matrix["rows"]] == [state]
    # a later silence hides neither: it says that nobody knows
    board.results(*QUICK)
    assert board.state("Power is kept") == "不"


def test_a_dry_run_keeps_nothing_and_an_explained_one_sends_nothing(tmp_path: Path) -> None:
    heard = []
    board = ProbedBoard(tmp_path)
    with answer_datagrams(lambda asked: heard.append(asked)) as port:  # type: ignore[func-returns-value]
        board.hosts["fs"] = {"shares": _share(), "kdx_ntp": f"127.0.0.1:{port}"}
        shown = board.run("probe", "--explain")
        assert shown.returncode == 0 and "Nothing was sent." in shown.stdout
        assert f"UDP 127.0.0.1:{port}" in shown.stdout
        time.sleep(0.2)
        assert not heard and not (tmp_path / "state").exists()
        board.results("--dry-run", "--within", "1")
        assert heard
    assert '"rows": []' in board.run("status", "--json", "--since", "2026-01-01").stdout


def test_ctrl_c_ends_a_probe_at_once_and_keeps_nothing(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    with drip(b"") as port:
        board.hosts["fs"] = {"shares": _share(), "kdx_smb": f"127.0.0.1:{port}", "ansible_host": "127.0.0.1",
                             "ansible_port": port}
        board.write()
        process = subprocess.Popen(
            board.command("probe", "--within", "120"), env=board.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        time.sleep(2.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
    # what began is nowhere in the ledger (opened without kdx)
    assert b"rollout.observed" not in b"".join(path.read_bytes() for path in tmp_path.glob("state/ledger*"))


def test_a_server_that_asks_for_a_password_or_whose_key_is_unknown_is_not_known(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    settings = {"asking": ("PubkeyAuthentication no", "PasswordAuthentication yes"), "unknown-key": ()}
    with ExitStack() as stack:
        known = ""
        for name, lines in settings.items():
            server = stack.enter_context(serve_ssh(tmp_path / name, *lines))
            known += server.known_hosts.read_text() if lines else ""
            board.hosts[name] = {
                "shares": _share(), "ansible_host": "127.0.0.1", "ansible_port": server.port,
                "ansible_ssh_private_key_file": str(server.key),
            }
        board.write()
        (board.inventory / "known_hosts").write_text(known)
        found = board.results("--within", "10")
    assert {result for (target, _check), (result, _why) in found.items() if target in settings} == {"not known"}
    assert "password" in found["asking", "disks are sound"][1]
    assert "host key" in found["unknown-key", "disks are sound"][1]


@pytest.mark.parametrize(
    ("share", "canary", "result"),
    [("  read only = yes\n", True, "passes"), ("", True, "fails"), ("", False, "not known")],
)
def test_a_share_is_read_only_where_a_person_who_wrote_there_is_refused(
    tmp_path: Path, share: str, canary: bool, result: str
) -> None:
    board = ProbedBoard(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    with serve_samba(tmp_path / "smb", share=share) as server:
        (server.root / "成績.xlsx").write_bytes(b"x")
        (server.root / "成績").mkdir()
        if canary:
            (server.root / ".kdx-canary").mkdir()
        board.hosts["fs"] = {"shares": [{"name": "共有", "url": server.url(user="kdx")}]}
        board.probe["read_only"] = [{"school": "nishi_es", "user": server.user, "secret": f"file:{secret}"}]
        before = _listing(server.root)
        assert board.results("--within", "10")["fs 共有", "writing to the old server is refused"][0] == result
        assert _listing(server.root) == before


def test_a_certificate_is_checked_with_the_boards_own_authority(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, days=90)
    board = ProbedBoard(tmp_path)
    with serve_tls(made) as port:
        board.probe["services"] = [{"name": "sis", "address": f"127.0.0.1:{port}"}]
        assert board.results(*QUICK)["sis", "the service's certificate holds"][0] == "fails"
        board.settings = f"ca_bundle: {made.bundle}\n"
        result, why = board.results(*QUICK)["sis", "the service's certificate holds"]
    assert (result, "issued by kdx test authority" in why) == ("passes", True)


def test_nothing_is_written_on_a_machine_that_is_probed_over_ssh(tmp_path: Path) -> None:
    """The server lives in a file system whose every change shows in a folder of its own, and its user is root."""
    assert os.geteuid() == 0, "this test mounts an overlay for a server of its own: run it as root"
    board, layer = ProbedBoard(tmp_path), tmp_path / "layer"
    layer.mkdir()
    script = (
        f"mount -t tmpfs none {layer} && mkdir {layer}/up {layer}/work {layer}/root && mount -t overlay overlay -o "
        f"lowerdir=/,upperdir={layer}/up,workdir={layer}/work {layer}/root && mount --rbind /proc {layer}/root/proc && "
        f"mount --rbind /sys {layer}/root/sys && mount --rbind /dev {layer}/root/dev && "
        f'exec chroot {layer}/root "$@"'
    )
    with serve_ssh(tmp_path / "ssh", prefix=("unshare", "--mount", "sh", "-c", script, "sh")) as server:
        board.hosts["fs"] = {
            "shares": _share(), "ansible_host": "127.0.0.1", "ansible_port": server.port,
            "ansible_ssh_private_key_file": str(server.key),
        }
        board.write()
        (board.inventory / "known_hosts").write_text(server.known_hosts.read_text())

        def changed() -> list[str]:
            """Every change in the layer: name, kind, rights, size, time of change, and of files the SHA-256."""
            names = "find . -mindepth 1 -printf '%p %y %m %s %T@\\n'"
            look = f"cd {layer}/up && {names} && find . -type f -exec sha256sum {{}} +"
            there = ["nsenter", "--mount", "--target", str(server.process.pid), "sh", "-c", look]
            return sorted(subprocess.run(there, check=True, capture_output=True, text=True).stdout.splitlines())

        before = changed()
        found = board.results("--within", "60")
        assert changed() == before
        assert found["fs", "the system is supported"][0] == "passes", found
        assert found["fs", "room on the disk"][0] in ("passes", "fails")
        for written in ("touch /etc/kdx-was-here", "echo x > /etc/kdx-was-here", "echo y > /etc/kdx-was-here"):
            before = changed()
            server.ssh(written)
            assert changed() != before, f"the proof would not have seen it: {written}"


def test_only_what_is_named_is_asked_and_what_nobody_can_be_asked_is_not_known(tmp_path: Path) -> None:
    board = ProbedBoard(tmp_path)
    with serve_nut(tmp_path / "nut") as ups:
        board.hosts["fs"] = {"shares": _share(), "kdx_ups": f"ups@127.0.0.1:{ups.port}", "kdx_smb": "127.0.0.1:9"}
        assert board.results("--check", "ups_ready") == {("fs", "the UPS is ready"): ("passes", ANY)}
        board.hosts["other"] = {"shares": _share(), "kdx_smb": "127.0.0.1:9"}
        assert board.results("--check", "ups_ready", "--server", "fs").keys() == {("fs", "the UPS is ready")}
        nearest = board.run("probe", "--server", "othr")
        assert (nearest.returncode, "other" in nearest.stderr) == (2, True), nearest.stderr
        unknown = board.run("probe", "--check", "ups_ready", "--check", "disk_sound")
        said = "not known: other the UPS is ready, fs disks are sound"
        assert (unknown.returncode, said in unknown.stdout) == (6, True), unknown.stdout
        assert board.run("probe", "--check", "training_attended").returncode == 6
        wrong = board.run("probe", "--check", "ups_redy")
    assert (wrong.returncode, "ups_ready" in wrong.stderr) == (2, True), wrong.stderr


@pytest.fixture
def two_segments() -> Iterator[tuple[str, ...]]:
    """Two network namespaces on one line; the far one drops what goes on to 10.97.1.9, and answers on 10.97.1.1."""
    assert os.geteuid() == 0, "this test makes network namespaces: run it as root"
    here, there = (f"kdx-{os.getpid()}-{side}" for side in ("a", "b"))
    far = ("ip", "netns", "exec", there)
    steps = [
        ["ip", "netns", "add", here], ["ip", "netns", "add", there],
        ["ip", "-n", here, "link", "add", "line", "type", "veth", "peer", "name", "line", "netns", there],
        ["ip", "-n", here, "addr", "add", "10.97.0.1/24", "dev", "line"],
        ["ip", "-n", there, "addr", "add", "10.97.0.2/24", "dev", "line"],
        ["ip", "-n", there, "addr", "add", "10.97.1.1/32", "dev", "lo"],
        *(["ip", "-n", space, "link", "set", name, "up"] for space in (here, there) for name in ("lo", "line")),
        ["ip", "-n", here, "route", "add", "10.97.1.0/24", "via", "10.97.0.2"],
        ["ip", "-n", there, "route", "add", "blackhole", "10.97.1.9/32"],
        [*far, "sysctl", "-qw", "net.ipv4.ip_forward=1"],
    ]
    try:
        for step in steps:
            subprocess.run(step, check=True, capture_output=True, timeout=20)
        yield here, there
    finally:
        for space in (here, there):
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, timeout=20)


def test_open_refused_and_filtered_are_kept_apart_and_closed_needs_something_that_answers(
    tmp_path: Path, two_segments: tuple[str, ...]
) -> None:
    here, there = two_segments
    board = ProbedBoard(tmp_path)
    ways = {
        "open": ("10.97.1.1:445", "open"), "refused": ("10.97.1.1:9", "closed"),
        "silent": ("10.97.1.9:445", "closed"), "missed": ("10.97.1.9:22", "open"),
    }
    board.probe["ways"] = [
        {"check": "segments", "school": "nishi_es", "name": name, "to": to, "expect": expect,
         "control": "10.97.1.1:445"}
        for name, (to, expect) in ways.items()
    ] + [{"check": "segments", "school": "nishi_es", "name": "other", "to": "10.97.1.1:445", "expect": "open",
          "from": ["職員室"]}]
    inside = ("ip", "netns", "exec", here)
    listen = "import socket, time; s = socket.create_server(('', 445)); print(flush=True); time.sleep(600)"
    server = subprocess.Popen(
        ["ip", "netns", "exec", there, KDX.with_name("python"), "-c", listen], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout and server.stdout.readline()
        found = board.results("--within", "1", prefix=inside)
        assert {name: found[name, "reachability between segments"][0] for name in ways} == {
            "open": "passes", "refused": "fails", "silent": "passes", "missed": "fails",
        }
        assert ("other", "reachability between segments") not in found
        assert "other" in board.run("probe", "--within", "1", "--dry-run", prefix=inside).stdout
    finally:
        server.kill()
        server.wait()
    # the same silence, and nothing that answers: nobody knows
    found = board.results("--within", "1", prefix=inside)
    assert found["silent", "reachability between segments"][0] == "not known"


def _share() -> list[dict[str, str]]:
    return [{"name": f"共有{next(NUMBERS)}", "url": "/nowhere"}]


def _listing(root: Path) -> dict[str, tuple[object, ...]]:
    """All of a tree; of the canary's own folder not when it was last written to."""
    return {
        str(path.relative_to(root)): (
            path.stat().st_mode, 0 if path.name == ".kdx-canary" else path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in (root, *root.rglob("*"))
    }
