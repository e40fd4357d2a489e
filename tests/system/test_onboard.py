"""onboard.yml, through the real ansible-playbook, on a machine with a real sshd, cron and upsmon, and a UPS in NUT."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs import nut
from rigs.hosts import Machine, start_machine
from rigs.nut import serve_nut
from rigs.played import Played, bundle_of_this, changes, play, write_hosts
from rigs.rollout_place import Place, make_place

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("onboard")]
TICK = "var/lib/kdx"
"""Where kdx keeps its state on a machine made by onboard.yml."""


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


@pytest.mark.long
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
    shown = nut.PASSWORD in first.stdout + first.stderr
    # not within the assertion: pytest would compare half a megabyte letter by letter
    assert not shown
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


@pytest.mark.long
def test_onboard_says_when_the_ups_does_not_let_it_in(beginning: Beginning) -> None:
    machine = beginning.machine
    password = machine.path("/etc/nut/upsmon.password")
    password.write_text(f"{nut.PASSWORD}\n")
    password.chmod(0o600)
    assert changes(beginning.play()) >= 0
    assert changes(beginning.play("--check")) == 0
    password.write_text('another "one" \\\n')
    refused = beginning.play()
    assert refused.returncode == 2
    assert "has not let upsmon of kdx-board in" in refused.stdout
    assert "another" not in refused.stdout
    machine.run("su", "kdx", "-s", "/bin/sh", "-c", "cat /etc/nut/upsmon.conf", code=1)
