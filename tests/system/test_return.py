"""return.yml, through the real ansible-playbook, on a machine with a real sshd, Samba and disk."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs.hosts import PASSWORD, Machine, start_machine
from rigs.liars import answer_datagrams, clock
from rigs.nut import serve_nut
from rigs.played import Played, changes, play, write_hosts
from rigs.probed import KDX
from rigs.rollout_place import Place, make_place

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("return")]


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


@pytest.mark.long
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

    # what an administrator wrote below our line has the last word: nothing is called read-only that is not
    config = machine.path("/etc/samba/smb.conf")
    written = config.read_text("utf-8")
    config.write_text(f"{written}\n[共有]\n  read only = no\n", "utf-8")
    loosened = returning.play()
    assert loosened.returncode == 2 and "Ask Samba whether they are read-only" in loosened.stdout
    assert "The shares of fs-nishi are read-only" not in loosened.stdout
    config.write_text(written, "utf-8")

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
