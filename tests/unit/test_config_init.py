"""`kdx init`, as it is typed."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdx.config import load_board
from kdx.errors import ExitCode
from kdx.signing import load_private_key, load_public_keys

FILES = ["hosts.yml", "kdx.yml", "keys/README.md", "keys/board.pub", "rollout.yml", "rules/README.md"]


@pytest.fixture
def init(kdx: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run kdx init with a state folder of its own."""

    def run(*arguments: str | Path) -> Any:
        return kdx("init", *arguments, "--state", tmp_path / "state")

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_inventory_loads_and_its_key_is_the_one_this_machine_signs_with(
    init: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "schools.csv").write_text(
        "school_id,school_name,share_name,share_url\nshiken_es,試験市立試験小学校,共有,/srv/share\n", "cp932"
    )
    folder = tmp_path / "new" / "inventory"
    done = init(
        folder, "--board", "試験市教育委員会", "--language", "ja", "--municipality-code", "242101",
        "--schools", tmp_path / "schools.csv", "--target", "cloud=s3://bucket?endpoint=http://127.0.0.1:9000",
    )  # fmt: skip
    assert done.returncode == ExitCode.DONE, done.stderr
    assert sorted(contents(folder)) == FILES and all(name in done.stdout for name in FILES)
    board = load_board(folder)
    assert (board.name, board.share("試験小").name, board.target().name) == ("試験市教育委員会", "共有", "cloud")
    (public,) = load_public_keys(folder / "keys")
    assert public.fingerprint == load_private_key(tmp_path / "state" / "keys").public.fingerprint
    assert stat.S_IMODE((tmp_path / "state" / "keys" / "board").stat().st_mode) == 0o600


def test_a_dry_run_shows_what_would_be_written_and_writes_nothing(init: Callable[..., Any], tmp_path: Path) -> None:
    shown = init(tmp_path / "inventory", "--board", "試験市教育委員会", "--dry-run")
    assert shown.returncode == ExitCode.DONE
    assert all(str(tmp_path / "inventory" / name) in shown.stdout for name in FILES)
    assert not (tmp_path / "inventory").exists() and not (tmp_path / "state").exists()


def test_an_existing_inventory_is_never_touched(init: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    assert init(folder).returncode == ExitCode.DONE
    before = contents(tmp_path)
    again = init(folder, "--board", "別の教育委員会")
    assert again.returncode == ExitCode.CONFIGURATION
    assert all(str(folder / name) in again.stderr for name in FILES)
    after = contents(tmp_path)
    assert {name: text for name, text in after.items() if "ledger" not in name} == {
        name: text for name, text in before.items() if "ledger" not in name
    }


def test_a_second_inventory_on_one_machine_publishes_the_same_key(init: Callable[..., Any], tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert init(tmp_path / name).returncode == ExitCode.DONE
    first, second = (load_public_keys(tmp_path / name / "keys")[0] for name in ("first", "second"))
    assert first.fingerprint == second.fingerprint


def test_everything_wrong_with_what_was_typed_is_told_at_once(init: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "schools.csv").write_text("school_id,school_nme\n")
    told = init(
        tmp_path / "inventory", "--municipality-code", "24210", "--target", "x", "--target", "y=srv",
        "--schools", tmp_path / "schools.csv",
    )  # fmt: skip
    assert told.returncode == ExitCode.CONFIGURATION
    for words in ("--municipality-code: ", "--target: ", "--target y: ", "school_nme: ", "school_name: "):
        assert words in told.stderr
    assert "Nearest: school_name" in told.stderr
    assert not (tmp_path / "inventory").exists()


def test_without_a_usable_state_folder_nothing_is_written(init: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    assert init(tmp_path / "inventory").returncode == ExitCode.CONFIGURATION
    assert not (tmp_path / "inventory").exists()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_stands_commented_out_in_kdx_yml_works_without_its_mark(
    init: Callable[..., Any], tmp_path: Path, language: str
) -> None:
    assert init(tmp_path / "inventory", "--language", language).returncode == ExitCode.DONE
    file = tmp_path / "inventory/kdx.yml"
    text = file.read_text("utf-8")
    assert "\n# report: {publish:" in text
    (tmp_path / "secret").write_text("x")
    for word in ("report:", "vault:"):
        text = text.replace(f"\n# {word}", f"\n{word}")
    file.write_text(text.replace("/etc/kdx/office.password", str(tmp_path / "secret")), "utf-8")
    board = load_board(tmp_path / "inventory")
    assert board.report and board.report.place.location.scheme == "smb"
    assert board.report.at.isoformat("minutes") == "06:30"
