"""A school moved to and from a cloud through rclone, with the installed program. rclone serves WebDAV in its place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sample_share
from rigs.cloud import write_config
from sample_board import SCHOOL

from tests.rigs.cloud_site import Cloud
from tests.system.conftest import SHARE

pytestmark = pytest.mark.system

Tree = Callable[[Path], dict[bytes, str]]


def test_a_share_arrives_under_its_own_names_and_is_proven(cloud: Cloud, tree: Tree, tmp_path: Path) -> None:
    (cloud.site.share / "大きい.mp4").write_bytes(os.urandom(1 << 20) * 9)
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    cloud.done("migrate", "receipt", SCHOOL, "-o", str(tmp_path / "receipt"))
    assert tree(cloud.arrived) == tree(cloud.site.share)
    cloud.done("migrate", "run", SCHOOL)


def test_what_a_teacher_changed_at_the_target_is_a_conflict_and_stays(cloud: Cloud) -> None:
    cloud.done("migrate", "run", SCHOOL)
    (cloud.arrived / "[最終].xlsx").write_text("先生の版", "utf-8")
    (cloud.site.share / "[最終].xlsx").write_text("あとの版", "utf-8")
    assert "taken" in cloud.done("migrate", "run", SCHOOL, code=4)
    assert (cloud.arrived / "[最終].xlsx").read_text("utf-8") == "先生の版"


def test_doctor_says_what_the_cloud_can_prove_and_a_missing_remote_what_to_do(cloud: Cloud) -> None:
    said = cloud.done("doctor")
    assert "verify reads every file back" in said and "no profile" in said and "seconds apart" in said
    assert "written and removed again" in said and said.count("when it ends is not known") == 1
    assert list((cloud.disk / "moved").iterdir()) == []
    write_config(cloud.config, {"other": {"type": "memory"}})
    assert "rclone's configuration has no cloud; it has: other" in cloud.done("doctor", "--format", "csv", code=10)
    assert "rclone knows no remote named cloud" in cloud.done("migrate", "run", SCHOOL, code=10)


def test_a_share_in_a_cloud_is_a_source_too(cloud: Cloud, tree: Tree, tmp_path: Path) -> None:
    sample_share.write_samples(cloud.disk / "先生", sample_share.school_shaped(10, mean=9_000), seed=4)
    hosts, settings = cloud.site.board / "hosts.yml", cloud.site.board / "kdx.yml"
    hosts.write_text(hosts.read_text("utf-8").replace(str(cloud.site.share), "rclone:cloud:先生"), "utf-8")
    (tmp_path / "target").mkdir()
    settings.write_text(settings.read_text("utf-8").replace("rclone:cloud:moved", str(tmp_path / "target")), "utf-8")
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(tmp_path / "target" / SCHOOL / SHARE) == tree(cloud.disk / "先生")


def test_what_the_service_cannot_hold_or_takes_for_one_name_is_found_before_anything_is_sent(cloud: Cloud) -> None:
    cloud.use("sharepoint-ntlm")
    for name in ("案.txt", "README.txt", "readme.TXT"):
        (cloud.site.share / name).write_text(name, "utf-8")
    for name in ("[最終].xlsx", "何？比率3：1＊～.txt"):
        (cloud.site.share / name).unlink()
    said = cloud.done("migrate", "run", SCHOOL, code=4)
    assert "readme.TXT" in said or "README.txt" in said
    assert not cloud.arrived.exists() or not any(cloud.arrived.iterdir())
    assert "another entry would get the same name" in cloud.done("assess", SCHOOL, code=4)
    cloud.done("migrate", "status")


def test_a_second_vault_in_a_cloud_is_filled_and_verified(cloud: Cloud, tmp_path: Path, tree: Tree) -> None:
    with (cloud.site.board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"\nvault: {{url: {tmp_path / 'vault'}}}\n")
    (cloud.disk / "second").mkdir()
    for words in (("init",), ("run", SCHOOL), ("copy", "--to", "rclone:cloud:second")):
        cloud.done("backup", *words)
    assert tree(cloud.disk / "second") == tree(tmp_path / "vault")
    _name_vault(cloud.site.board, tmp_path / "vault", "rclone:cloud:second")
    cloud.done("backup", "verify", "--full")
    pack = next((cloud.disk / "second").rglob("*.tar.zst"))
    pack.chmod(0o600)
    pack.write_bytes(b"X" + pack.read_bytes()[1:])
    cloud.done("backup", "verify", "--full", code=5)


def _name_vault(board: Path, before: Path, after: str) -> None:
    text = (board / "kdx.yml").read_text("utf-8")
    (board / "kdx.yml").write_text(text.replace(f"url: {before}", f'url: "{after}"'), "utf-8")
