"""The archive that installs without a network."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from rigs.hosts import start_machine
from rigs.played import changes, play, write_hosts
from rigs.rollout_place import make_place

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(600), pytest.mark.xdist_group("bundle")]


@pytest.fixture(scope="module")
def unpacked(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, made and unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    made = subprocess.run(
        [checkout / "scripts" / "bundle", folder], capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL
    )
    assert made.returncode == 0, made.stderr
    archive = Path(made.stdout.splitlines()[-1])
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", folder], check=True)
    return folder / archive.name.removesuffix(".tar.gz")


def install(bundle: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    """Run its install script where no package index can be asked."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath), "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/", "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    return subprocess.run(
        [bundle / "install", target], env=environment, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL
    )


def test_the_bundle_installs_a_working_kdx_and_rclone_without_a_network(unpacked: Path, tmp_path: Path) -> None:
    installed = install(unpacked, tmp_path / "kdx")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    for program, word in (("kdx", "--version"), ("rclone", "version")):
        shown = subprocess.run([tmp_path / "kdx/bin" / program, word], capture_output=True, text=True, env={})
        assert shown.returncode == 0 and shown.stdout.startswith(program), shown.stderr
    assert os.access(tmp_path / "kdx/scripts/rescue", os.X_OK), "the sheet on the wall names it"
    made = subprocess.run([tmp_path / "kdx/bin/kdx", "init", tmp_path / "board"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


def test_the_bundle_carries_the_licences_of_what_it_carries(unpacked: Path) -> None:
    assert "Apache License" in (unpacked / "LICENSE").read_text("utf-8")
    assert "Nick Craig-Wood" in (unpacked / "LICENSE.rclone").read_text("utf-8")


def test_an_installation_that_was_killed_is_done_again(unpacked: Path, tmp_path: Path) -> None:
    target = tmp_path / "kdx"
    process = subprocess.Popen(
        [unpacked / "install", target], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not (target / "pyvenv.cfg").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (target / "bin/kdx").exists()
    again = install(unpacked, target)
    assert again.returncode == 0, again.stdout + again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kdx"]


def test_a_changed_bundle_refuses_to_install(unpacked: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", unpacked, tmp_path / "changed"], check=True)
    with (tmp_path / "changed" / "README.md").open("a") as file:
        file.write("one line more\n")
    refused = install(tmp_path / "changed", tmp_path / "kdx")
    assert refused.returncode == 1
    assert "damaged" in refused.stderr
    assert not (tmp_path / "kdx").exists()


def test_the_bundle_is_what_onboard_installs(unpacked: Path, checkout: Path, tmp_path: Path) -> None:
    place = make_place(tmp_path, checkout)
    with (tmp_path / "inventory/kdx.yml").open("a", encoding="utf-8") as settings:
        settings.write("vault: {url: /var/lib/kdx/vault}\n")
    with start_machine(tmp_path / "machine", "kdx-board") as machine:
        write_hosts(place, machine)
        machine.run("sh", "-c", "mkdir /srv/nishi /srv/kabuto && touch /srv/nishi/a /srv/kabuto/a")
        named = ("-e", "machine=kdx-board", "-e", f"bundle={unpacked}.tar.gz")
        assert changes(play(tmp_path / "inventory", "onboard.yml", *named)) > 0
        assert changes(play(tmp_path / "inventory", "onboard.yml", *named)) == 0
        line = machine.run("crontab", "-u", "kdx", "-l").splitlines()[1]
        assert "/opt/kdx/bin/python" in line
        ticked = ["runuser", "-u", "kdx", "--", "/opt/kdx/bin/kdx", "--inventory", "/etc/kdx/inventory"]
        assert "kabuto" in machine.run(*ticked, "inventory", "list", "--json")
