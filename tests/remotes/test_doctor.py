"""What doctor finds: each thing that can be wrong with a machine is named, with what to do and the right exit code."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rigs.fake_s3 import KEYS, FakeS3, Trouble, serve_fake

from kdx import signing
from kdx.config import load_board
from kdx.config.model import Board
from kdx.doctor import Check, State, examine
from kdx.errors import ExitCode
from kdx.report.doctor import doctor_exit_code
from kdx.state.folder import StateFolder

HOSTS = """\
all:
  children:
    schools:
      children:
        shiken_es:
          vars: {{school_name: 試験市立試験小学校, kind: elementary}}
          hosts:
            fs-shiken:
              shares: [{{name: 共有, url: {share}}}]
"""
SETTINGS = """\
board: 試験市教育委員会
targets: {{cloud: "s3://schools/p?endpoint={endpoint}"}}
"""

Kdx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with serve_fake("schools") as fake:
        yield fake


@pytest.fixture
def inventory(tmp_path: Path, fake: FakeS3) -> Path:
    """A board where everything works."""
    share, folder = tmp_path / "share", tmp_path / "inventory"
    share.mkdir()
    (share / "file.txt").write_text("x")
    folder.mkdir()
    (folder / "hosts.yml").write_text(HOSTS.format(share=share), "utf-8")
    (folder / "kdx.yml").write_text(SETTINGS.format(endpoint=fake.endpoint), "utf-8")
    (folder / "keys").mkdir()
    state = StateFolder(tmp_path / "state")
    signing.create_board_key(state.keys(), folder / "keys", owner="board", now=datetime.now(UTC))
    return folder


def look(inventory: Path, clock_off: timedelta = timedelta()) -> list[Check]:
    state = StateFolder(inventory.parent / "state")
    return list(examine(lambda: load_board(inventory), state, lambda: datetime.now(UTC) + clock_off))


def not_ok(checks: list[Check]) -> list[tuple[str, str]]:
    assert all(check.next_step for check in checks if check.state != State.OK)
    return [(check.name, check.state.value) for check in checks if check.state != State.OK]


def test_a_machine_where_everything_works_has_nothing_to_do(inventory: Path, fake: FakeS3) -> None:
    checks = look(inventory)
    assert not_ok(checks) == []
    assert doctor_exit_code(checks) == ExitCode.DONE
    seen = {check.name for check in checks}
    assert seen == {"configuration", "state folder", "version", "signing key", "share", "target", "clock"}
    assert {"kdx", "Python", "rclone", "obstore", "boto3"} <= {check.subject for check in checks}


def test_nothing_is_written_at_shares_and_targets(inventory: Path, fake: FakeS3) -> None:
    before = sorted((inventory.parent / "share").iterdir())
    look(inventory)
    assert sorted((inventory.parent / "share").iterdir()) == before
    assert {request.method for request in fake.requests} <= {"GET", "HEAD"}


def test_a_configuration_that_is_wrong_is_said_and_the_rest_is_still_looked_at(inventory: Path) -> None:
    (inventory / "kdx.yml").write_text("bord: x\n")
    checks = look(inventory)
    assert ("configuration", "fail") in not_ok(checks)
    assert doctor_exit_code(checks) == ExitCode.CONFIGURATION
    assert {"state folder", "version", "signing key"} <= {check.name for check in checks}


def test_a_share_that_is_gone_and_one_that_is_empty(inventory: Path) -> None:
    share = inventory.parent / "share"
    (share / "file.txt").unlink()
    assert not_ok(look(inventory)) == [("share", "warn")]
    share.rmdir()
    checks = look(inventory)
    assert not_ok(checks) == [("share", "fail")]
    assert doctor_exit_code(checks) == ExitCode.UNREACHABLE


def test_a_bucket_that_is_not_there(inventory: Path, fake: FakeS3) -> None:
    fake.buckets.clear()
    checks = look(inventory)
    assert not_ok(checks) == [("target", "fail")]
    assert doctor_exit_code(checks) == ExitCode.UNREACHABLE


def test_a_store_that_is_silent_is_said_in_seconds(inventory: Path, fake: FakeS3) -> None:
    fake.stop()
    started = datetime.now(UTC)
    checks = look(inventory)
    assert not_ok(checks) == [("target", "fail"), ("clock", "fail")]
    assert datetime.now(UTC) - started < timedelta(seconds=20)


def test_missing_keys_of_the_store(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    checks = look(inventory)
    assert not_ok(checks) == [("target", "fail")]
    assert doctor_exit_code(checks) == ExitCode.CONFIGURATION


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("off", "state"),
    [
        (timedelta(seconds=30), []),
        (timedelta(minutes=2), [("clock", "warn")]),
        (timedelta(hours=1), [("clock", "fail")]),
    ],
)
def test_a_clock_that_is_off(
    off: timedelta, sign: int, state: list[tuple[str, str]], inventory: Path
) -> None:
    checks = look(inventory, sign * off)
    assert not_ok(checks) == state
    (clock,) = (check for check in checks if check.name == "clock")
    assert abs(int(clock.detail.split()[0].replace(",", "")) - off.total_seconds()) <= 3


def test_a_clock_is_seen_even_where_the_store_refuses(inventory: Path, fake: FakeS3) -> None:
    fake.clock_off = timedelta(hours=-1)
    fake.troubles.append(Trouble("skew", times=1000))
    assert not_ok(look(inventory)) == [("target", "fail"), ("clock", "fail")]


def test_a_machine_without_a_key_may_work_and_one_whose_key_nobody_knows_may_not(inventory: Path) -> None:
    (public,) = (inventory / "keys").iterdir()
    public.rename(public.with_suffix(".away"))
    checks = look(inventory)
    assert not_ok(checks) == [("signing key", "fail")]
    assert doctor_exit_code(checks) == ExitCode.CONFIGURATION
    for key in (inventory.parent / "state/keys").iterdir():
        key.unlink()
    checks = look(inventory)
    assert not_ok(checks) == [("signing key", "warn")]
    assert doctor_exit_code(checks) == ExitCode.DONE


def test_a_state_folder_that_is_none(inventory: Path) -> None:
    def board() -> Board:
        return load_board(inventory)

    checks = list(examine(board, StateFolder(inventory / "hosts.yml"), lambda: datetime.now(UTC)))
    assert ("state folder", "fail") in not_ok(checks)
    assert doctor_exit_code(checks) == ExitCode.CONFIGURATION


def test_the_installed_command_shows_it_all(inventory: Path, fake: FakeS3, kdx: Kdx) -> None:
    arguments = ("doctor", "--inventory", inventory, "--state", inventory.parent / "state", "--json")
    answer = kdx(*arguments)
    assert answer.returncode == ExitCode.DONE, answer.stderr
    assert {row["state"] for row in json.loads(answer.stdout)["rows"]} == {"ok"}
    fake.buckets.clear()
    answer = kdx(*arguments)
    assert answer.returncode == ExitCode.UNREACHABLE
    (row,) = (row for row in json.loads(answer.stdout)["rows"] if row["check"] == "target")
    assert row["state"] == "fails"
    assert "no bucket" in row["detail"]
