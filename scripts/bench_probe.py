"""What a probe of twelve machines costs over SSH, beside `ansible -m setup` of the same: twelve sshd on loopback."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench_measure import Comparison, Measure, in_pairs
from bench_print import Line
from bench_run import Bench

from tests.rigs.sshd import serve_ssh

MACHINES = 12
LIMIT = 0.15
ANSIBLE = Path(sys.executable).with_name("ansible")
KDX = Path(sys.executable).with_name("kdx")
TO_THE_END = '"$0" rollout probe --quiet --json >&2; case $? in 0|5|6) ;; *) exit 1 ;; esac'
"""Whether this machine is sound is not what is measured: 5 and 6 say that a check failed, or is not known."""


def probe(bench: Bench) -> Iterator[Line]:
    """A whole probe against Ansible's facts, each with its defaults; both know the host keys."""
    with ExitStack() as stack:
        servers = [stack.enter_context(serve_ssh(bench.new_folder() / "sshd")) for _number in range(MACHINES)]
        hosts = {
            f"fs-{number:02}": {
                "ansible_host": "127.0.0.1", "ansible_port": server.port, "ansible_user": _user(server.url()),
                "ansible_ssh_private_key_file": str(server.key), "ansible_python_interpreter": "/usr/bin/python3",
                "shares": [{"name": f"共有{number}", "url": f"/srv/{number}"}],
            }
            for number, server in enumerate(servers)
        }
        inventory, home = bench.new_folder(), bench.new_folder()
        known = "".join(server.known_hosts.read_text() for server in servers)
        _write_board(inventory, hosts, known)
        (home / ".ssh").mkdir(mode=0o700)
        (home / ".ssh" / "known_hosts").write_text(known)
        variables = {
            "HOME": str(home), "KDX_INVENTORY": str(inventory),
            # OpenSSH takes its home from the password file, not from the variable
            "ANSIBLE_SSH_ARGS": f"-F none -o UserKnownHostsFile={home}/.ssh/known_hosts",
        }

        def ours() -> Measure:
            state = bench.new_folder()
            return bench.run("sh", "-c", TO_THE_END, KDX, KDX_STATE=str(state), **variables)

        def theirs() -> Measure:
            return bench.run(ANSIBLE, "-i", inventory / "hosts.yml", "all", "-m", "setup", **variables)

        yield Comparison("probe", "ansible -m setup", "wall", in_pairs(ours, theirs, bench.size.pairs), LIMIT)


def _user(url: str) -> str:
    return url.partition("//")[2].partition("@")[0]


def _write_board(folder: Path, hosts: dict[str, dict[str, object]], known: str) -> None:
    from kdx.rollout.definition import standard_text

    school = {"vars": {"school_name": "試験市立試験小学校", "kind": "elementary"}, "hosts": hosts}
    board = {"all": {"children": {"schools": {"children": {"shiken_es": school}}}}}
    # JSON is YAML
    (folder / "hosts.yml").write_text(json.dumps(board, ensure_ascii=False), "utf-8")
    (folder / "kdx.yml").write_text("board: 試験市教育委員会\n", "utf-8")
    (folder / "rollout.yml").write_text(standard_text(), "utf-8")
    (folder / "known_hosts").write_text(known)


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {"probe": probe}
