"""retire.yml and what holds for all, through the real ansible-playbook, on a machine with a real sshd and Samba.

Systemd is not the first process there: services are started and stopped by Debian's own init scripts.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from rigs.hosts import Machine, start_machine
from rigs.played import changes, play, write_hosts
from rigs.rollout_place import Place, drill, make_place, receipt, seen

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("playbooks")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The old server of a school."""
    with start_machine(tmp_path_factory.mktemp("server"), "fs-nishi") as machine:
        machine.offer({"共有": "/srv/nishi"})
        yield machine


@pytest.fixture(scope="module")
def place(server: Machine, tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Place:
    """The board, with evidence that does not suffice yet."""
    place = make_place(tmp_path_factory.mktemp("board"), checkout)
    write_hosts(place, server)
    return place


def test_ansible_understands_every_playbook(place: Place, checkout: Path) -> None:
    more = [str(path) for path in sorted((checkout / "playbooks").glob("*.yml"))]
    understood = play(
        place.folder / "inventory", "retire.yml", *more, "--syntax-check", "-e", "school=nishi_es machine=kdx-board"
    )
    assert understood.returncode == 0, understood.stdout + understood.stderr
    assert "WARNING" not in understood.stderr


REFUSED = {
    "without a server": ("-e", "school=seki_jh"), "every host": ("-e", "school=all"), "nothing": (),
    "a server of another school": ("-e", "school=kabuto_es", "--limit", "fs-nishi"),
}


@pytest.mark.parametrize("options", [
    *REFUSED.values(), ("-e", "school=nishi"),
    *(pytest.param(options, marks=pytest.mark.long) for options in (
        ("-e", "school=schools"), ("-e", "school=nishi_es,kabuto_es"), ("-e", "school=nishi_es:kabuto_es"),
        ("-e", "school=fs-nishi"), ("-e", '{"school": ["nishi_es"]}'), ("-e", "school=nishi_es", "--limit", "pc-nishi"),
    )),
])
def test_a_school_that_is_not_named_exactly_is_refused(place: Place, options: tuple[str, ...]) -> None:
    refuses(place, "retire.yml", *options)


@pytest.mark.parametrize("playbook", ["cutover.yml", "probe.yml", "return.yml"])
@pytest.mark.parametrize("options", [
    REFUSED["without a server"], *(pytest.param(REFUSED[why], marks=pytest.mark.long) for why in list(REFUSED)[1:]),
])
def test_every_playbook_for_a_school_refuses_what_names_none(
    place: Place, playbook: str, options: tuple[str, ...]
) -> None:
    refuses(place, playbook, *options, "-e", "step=back")


@pytest.mark.parametrize("school", [
    "nishi_es,nothere", pytest.param("nishi_es:kabuto_es", marks=pytest.mark.long),
    pytest.param("kabuto_es,", marks=pytest.mark.long),
])
def test_of_several_schools_each_is_named_exactly(place: Place, school: str) -> None:
    refuses(place, "probe.yml", "-e", f"school={school}")


def refuses(place: Place, playbook: str, *options: str) -> None:
    """See a playbook refuse a school before it has touched a host."""
    refused = play(place.folder / "inventory", playbook, *options)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "No school of the inventory has the id" in refused.stdout or "No file server of" in refused.stdout
    assert refused.stdout.count("PLAY [") == 1 and "WARNING" not in refused.stderr


def test_retire_leaves_a_server_running_while_the_gate_is_closed(place: Place, server: Machine) -> None:
    before = server.written()
    for options in (("--check",), ("--limit", "fs-nishi")):
        closed = play(place.folder / "inventory", "retire.yml", "-e", "school=nishi_es", *options)
        assert closed.returncode == 2, closed.stdout + closed.stderr
        assert '"rc": 4' in closed.stdout + closed.stderr
    assert server.written() == before
    assert server.runs("smbd")


@pytest.mark.long
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
