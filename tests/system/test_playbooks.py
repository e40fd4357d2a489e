"""The playbooks, through the real ansible-playbook, on a machine with a real sshd, Samba, cron and NUT.

Systemd is not the first process there: services are started and stopped by Debian's own init scripts.
"""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from rigs import nut
from rigs.hosts import PASSWORD, Machine, bundle_of_this, play, start_machine
from rigs.liars import answer_datagrams, clock
from rigs.nut import serve_nut
from rigs.probed import KDX
from rigs.rollout_place import HOSTS, Place, drill, make_place, receipt, seen

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("playbooks")]
TICK = "var/lib/kdx"
"""Where kdx keeps its state on a machine made by onboard.yml."""
Played = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The old server of a school."""
    with start_machine(tmp_path_factory.mktemp("server"), "fs-nishi") as machine:
        machine.offer({"共有": "/srv/nishi"})
        yield machine


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


@pytest.fixture(scope="module")
def place(server: Machine, tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Place:
    """The board, with evidence that does not suffice yet."""
    place = make_place(tmp_path_factory.mktemp("board"), checkout)
    write_hosts(place, server)
    return place


@pytest.mark.parametrize("options", [
    ("-e", "school=all"), ("-e", "school=nishi"), ("-e", "school=seki_jh"),
    ("-e", "school=kabuto_es", "--limit", "fs-nishi"), (),
    *(pytest.param(options, marks=pytest.mark.long) for options in (
        ("-e", "school=schools"), ("-e", "school=nishi_es:kabuto_es"), ("-e", "school=fs-nishi"),
        ("-e", '{"school": ["nishi_es"]}'), ("-e", "school=nishi_es", "--limit", "pc-nishi"),
    )),
])
def test_a_school_that_is_not_named_exactly_is_refused(place: Place, options: tuple[str, ...]) -> None:
    refused = play(place.folder / "inventory", "retire.yml", *options)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "No school of the inventory has the id" in refused.stdout or "No file server of" in refused.stdout


def test_retire_leaves_a_server_running_while_the_gate_is_closed(place: Place, server: Machine) -> None:
    before = server.written()
    for options in (("--check",), ("--limit", "fs-nishi")):
        closed = play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es", *options)
        assert closed.returncode == 2, closed.stdout + closed.stderr
        assert '"rc": 4' in closed.stdout + closed.stderr
    assert server.written() == before
    assert server.runs("smbd")


def test_retire_stops_a_server_once_the_evidence_exists(place: Place, server: Machine) -> None:
    open_the_gate(place)
    before = server.written()
    assert changes(play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es", "--check")) == 1
    assert server.written() == before
    assert server.runs("smbd")
    assert changes(play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es")) == 1
    assert not server.runs("smbd")
    after = server.written()
    # and it does not start again with the machine
    assert not list(server.path("/etc").glob("rc[2345].d/S*smbd"))
    changed = [path for path in after if after[path] != before.get(path) and not stat.S_ISDIR(after[path][0])]
    assert changed and all("smbd" in path for path in changed)
    assert changes(play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es")) == 0

    # an init script knows only what it started itself
    server.run("smbd", "--daemon", "--option=pid directory=/run")
    stopped = play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es")
    assert stopped.returncode == 2
    assert "smbd --daemon" in stopped.stdout


def open_the_gate(place: Place) -> None:
    """Leave the evidence that the old server may be stopped."""
    paper, key = place.folder / "paper.pdf", place.folder / "private/tanaka"
    paper.write_bytes(b"%PDF")
    place.append(receipt("nishi"), drill("nishi"), seen("old_share_read_only"))
    place("set", "observe", "西小", "retention_checked", "pass", "--file", paper, "--key", key)
    place("set", "approve", "西小", "23", "--office", "校長", "--date", "2026-11-20", "--number", "第12号",
          "--scan", paper, "--key", key)


@dataclass(frozen=True)
class Beginning:
    """A machine that is to run kdx, and what the board has for it."""

    machine: Machine
    place: Place
    bundle: Path
    ups: str

    def play(self, *options: str) -> Played:
        named = ("-e", "machine=kdx-board", "-e", f"bundle={self.bundle}")
        return play(self.place.folder / "inventory", "onboard.yml", *named, *options)


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Iterator[Beginning]:
    folder = tmp_path_factory.mktemp("beginning")
    place = make_place(folder, checkout)
    with start_machine(folder / "machine", "kdx-board") as machine, serve_nut(folder / "nut") as nut:
        ups = f"ups@127.0.0.1:{nut.port}"
        write_hosts(place, machine, kdx_ups=ups)
        with (folder / "inventory/kdx.yml").open("a", encoding="utf-8") as settings:
            settings.write("vault: {url: /var/lib/kdx/vault}\n")
        for share in ("/srv/nishi", "/srv/kabuto"):
            machine.run("mkdir", share)
            machine.run("touch", f"{share}/名簿.xlsx")
        yield Beginning(machine, place, bundle_of_this(folder / "bundle"), ups)


@pytest.mark.parametrize(("options", "said"), [
    (("-e", "machine=all"), "No machine of the inventory is named"),
    ((), "Write the password of upsmon"),
    *(pytest.param(options, said, marks=pytest.mark.long) for options, said in (
        (("--limit", "fs-nishi"), "is not among the machines"),
        (("-e", "bundle=/nowhere/kdx-1.tar.gz"), "There is no bundle at"),
        (("-e", "kdx_ups=ups@there\\nRUN_AS_USER"), "is not understood"),
    )),
])
def test_onboard_names_what_is_missing_before_it_changes_anything(
    beginning: Beginning, options: tuple[str, ...], said: str
) -> None:
    before = beginning.machine.written()
    refused = beginning.play(*options)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert said in refused.stdout
    assert beginning.machine.written() == before


def test_onboard_makes_a_machine_that_runs_kdx(beginning: Beginning) -> None:
    machine, keys = beginning.machine, beginning.place.folder / "inventory/keys"
    machine.path("/etc/nut/upsmon.password").write_text(f"{nut.PASSWORD}\n")
    machine.path("/etc/nut/upsmon.password").chmod(0o600)
    before, public = machine.written(), sorted(keys.iterdir())
    assert changes(beginning.play("--check", "--diff")) > 0
    assert machine.written() == before
    assert sorted(keys.iterdir()) == public

    first = beginning.play("--diff", "-vvv")
    assert changes(first) > 0
    assert nut.PASSWORD not in first.stdout + first.stderr
    # the key was made there, and only its public half is here
    made = (keys / "machine-kdx-board.pub").read_text("ascii")
    assert machine.run("ssh-keygen", "-yf", "/var/lib/kdx/keys/machine").split()[1] in made
    assert stat.S_IMODE(machine.path("/var/lib/kdx/keys/machine").stat().st_mode) == 0o600
    private = machine.path("/var/lib/kdx/keys/machine").read_bytes()
    here = [path for path in beginning.place.folder.rglob("*") if path.is_file()]
    assert not [path for path in here if private in path.read_bytes()]
    assert "schedule run" in machine.run("crontab", "-u", "kdx", "-l")
    assert machine.runs("cron") and machine.runs("upsmon")
    assert "127.0.0.1" in machine.run("upsc", "-c", beginning.ups)

    after = machine.written()
    second = beginning.play()
    assert changes(second) == 0, second.stdout
    again = machine.written()
    # cron ticks meanwhile, and a tick leaves its traces in the state
    assert not [path for path in after.keys() | again if after.get(path) != again.get(path) and TICK not in path]


@dataclass(frozen=True)
class Returning:
    """A school's server after a storm, backed up the night before."""

    machine: Machine
    place: Place
    smb: int
    disk: str
    """The kernel's name of the disk its share lies on."""

    def play(self, *options: str) -> Played:
        return play(self.place.folder / "inventory", "return.yml", "-e", "school=nishi_es", *options)

    def client(self, *command: str) -> list[str]:
        """Samba's own client: the witness that is not Ansible."""
        return ["smbclient", "//127.0.0.1/共有", "-p", str(self.smb), "-U", f"root%{PASSWORD}", *command]

    def may_write(self) -> bool:
        done = subprocess.run(self.client("-c", "mkdir tried"), capture_output=True, encoding="utf-8", timeout=60)
        tried = self.machine.path("/srv/nishi/tried")
        if tried.exists():
            tried.rmdir()
            return True
        assert "ACCESS_DENIED" in done.stdout or "WRITE_PROTECTED" in done.stdout, done
        return False


@pytest.fixture(scope="module")
def returning(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Iterator[Returning]:
    folder = tmp_path_factory.mktemp("returning")
    place = make_place(folder, checkout)
    with (
        start_machine(folder / "machine", "fs-nishi") as machine, serve_nut(folder / "nut") as nut,
        answer_datagrams(clock()) as right_time,
    ):
        disk = machine.give_disk("/srv/nishi")
        for number in range(5):
            machine.path(f"/srv/nishi/名簿{number}.xlsx").write_text(str(number))
        smb = machine.offer({"共有": "/srv/nishi"})
        share = {
            "name": "共有", "id": "nishi-1", "url": f"sftp://root@127.0.0.1:{machine.server.port}/srv/nishi",
            "secret": f"file:{machine.server.key}",
        }
        write_hosts(place, machine, shares=[share], kdx_ups=f"ups@127.0.0.1:{nut.port}")
        shutil.copy(machine.server.known_hosts, folder / "inventory")
        plan = folder / "inventory/rollout.yml"
        written = plan.read_text("utf-8").replace("\nprobe:\n", f"\nprobe:\n  clock: 127.0.0.1:{right_time}\n")
        plan.write_text(written, "utf-8")
        with (folder / "inventory/kdx.yml").open("a", encoding="utf-8") as settings:
            settings.write(f"vault: {{url: {folder}/vault}}\n")
        for words in (("init",), ("run", "nishi_es")):
            environment = {**os.environ, "KDX_INVENTORY": f"{folder}/inventory", "KDX_STATE": f"{folder}/state"}
            done = subprocess.run([KDX, "backup", *words], env=environment, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
        yield Returning(machine, place, smb, disk)


LOOKED_AT = ("-e", '{"looked_at": ["disk_sound"]}')
"""No disk of a virtual machine tells how it is."""


def test_return_gives_shares_back_only_when_all_was_looked_at(returning: Returning) -> None:
    machine = returning.machine
    before = machine.written()
    assert changes(returning.play("--check", *LOOKED_AT)) > 0
    assert machine.written() == before
    assert returning.may_write()

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(returning.client(), **pipes, encoding="utf-8") as connected:
        unknown = returning.play()
        said, _nothing = connected.communicate("mkdir here", timeout=60)
    assert unknown.returncode == 2
    assert "disks are sound" in unknown.stdout and "The shares of fs-nishi are read-only" in unknown.stdout
    assert not returning.may_write()
    # nor may who was connected before
    assert "NT_STATUS" in said and not machine.path("/srv/nishi/here").exists()

    assert changes(returning.play(*LOOKED_AT)) > 0
    assert returning.may_write()
    after = machine.written()
    second = returning.play(*LOOKED_AT)
    assert changes(second) == 0, second.stdout
    assert machine.written() == after


@pytest.mark.long
def test_return_gives_nothing_back_that_has_errors_or_was_emptied(returning: Returning) -> None:
    assert returning.play(*LOOKED_AT).returncode == 0
    kept = returning.machine.run("sh", "-c", "mkdir /srv/kept && mv /srv/nishi/*.xlsx /srv/kept && ls /srv/kept")
    emptied = returning.play(*LOOKED_AT)
    assert emptied.returncode == 2 and kept
    assert "Save what the storm left" in emptied.stdout.rpartition("was not answered well")[0]
    assert '"rc": 4' in emptied.stdout
    assert not returning.may_write()
    returning.machine.run("sh", "-c", "mv /srv/kept/* /srv/nishi")
    assert returning.play(*LOOKED_AT).returncode == 0
    assert returning.may_write()

    # the kernel itself writes an error into the superblock
    Path(f"/sys/fs/ext4/{returning.disk}/trigger_fs_error").write_text("lightning")
    broken = returning.play(*LOOKED_AT)
    assert broken.returncode == 2
    assert "has errors" in broken.stdout
    assert not returning.may_write()


@pytest.mark.long
@pytest.mark.parametrize("what", ["nothing", "smb", ["smb1_off"]])
def test_return_takes_nobodys_word_for_what_it_does_not_ask(returning: Returning, what: object) -> None:
    refused = returning.play("-e", json.dumps({"looked_at": what}))
    assert refused.returncode == 2
    assert "looked_at names what a person has looked at" in refused.stdout
