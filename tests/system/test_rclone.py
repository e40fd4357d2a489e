"""A school moved to a cloud through rclone, and every trouble a cloud makes, with the installed program.

No real cloud can be reached from a test: rclone serves WebDAV here, and a proxy before it makes the troubles.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sample_share
from rigs.cloud import serve_webdav, webdav, write_config
from rigs.trouble import CUT, Proxy, serve_trouble
from sample_board import SCHOOL

from tests.system.conftest import SHARE, Site

pytestmark = pytest.mark.system

Tree = Callable[[Path], dict[bytes, str]]


@dataclass
class Cloud:
    """A site whose target is reached through rclone, the proxy before it, and the folder the server keeps."""

    site: Site
    proxy: Proxy
    disk: Path
    config: Path

    @property
    def arrived(self) -> Path:
        return self.disk / "moved" / SCHOOL / SHARE

    def use(self, vendor: str) -> None:
        """Let rclone take the server for another product."""
        write_config(self.config, {"cloud": webdav(self.proxy.url, vendor)})

    def done(self, *words: str, code: int = 0) -> str:
        """Run kdx and return what it said."""
        result = self.site.kdx("--lang", "en", *words)
        said = result.stdout + result.stderr
        assert result.returncode == code, said
        assert "Traceback" not in said
        return said

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return self.site.start("--lang", "en", *words)


@pytest.fixture
def cloud(make_site: Callable[..., Site], tmp_path: Path) -> Iterator[Cloud]:
    """A share of some thirty files with hard names, and a cloud with an empty folder `moved`."""
    disk, config = tmp_path / "disk", tmp_path / "rclone.conf"
    (disk / "moved").mkdir(parents=True)
    with serve_webdav(disk) as address, serve_trouble(address) as proxy:
        site = make_site("rclone:cloud:moved", {"RCLONE_CONFIG": str(config)})
        sample_share.write_samples(site.share, sample_share.school_shaped(25, mean=9_000), seed=3)
        for name in ("何？比率3：1＊～.txt", "比率／案.txt", "‛印.txt", "$(touch x).txt", "[最終].xlsx"):
            (site.share / name).write_text(name, "utf-8")
        cloud = Cloud(site, proxy, disk, config)
        cloud.use("rclone")
        yield cloud


def rclones() -> set[int]:
    """The processes that kdx left running."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"rclone\0rcd" in entry.read_bytes():
                found.add(int(entry.parent.name))
        except OSError:
            continue
    return found


def test_a_share_arrives_under_its_own_names_and_is_proven(cloud: Cloud, tree: Tree, tmp_path: Path) -> None:
    (cloud.site.share / "大きい.mp4").write_bytes(os.urandom(1 << 20) * 9)
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    cloud.done("migrate", "receipt", SCHOOL, "-o", str(tmp_path / "receipt"))
    assert tree(cloud.arrived) == tree(cloud.site.share)
    puts = sum(count for (method, _path), count in cloud.proxy.asked.items() if method == "PUT")
    cloud.done("migrate", "run", SCHOOL)
    assert puts == sum(count for (method, _), count in cloud.proxy.asked.items() if method == "PUT"), "nothing twice"


def test_a_busy_service_is_waited_for(cloud: Cloud, tree: Tree) -> None:
    busy = iter([429, 503, 429])
    cloud.proxy.trouble = lambda method, path, before: next(busy, 0) if method == "PUT" else 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert cloud.proxy.made == 3 and tree(cloud.arrived) == tree(cloud.site.share)


def test_a_line_that_breaks_in_the_midst_of_files_costs_no_file_and_proves_none_too_many(
    cloud: Cloud, tree: Tree
) -> None:
    cuts = iter([CUT] * 3)
    cloud.proxy.trouble = lambda method, path, before: next(cuts, 0) if method == "PUT" and "txt" in path else 0
    for _ in range(6):
        if cloud.site.kdx("migrate", "run", SCHOOL).returncode == 0:
            break
    cloud.done("migrate", "verify", SCHOOL)
    assert cloud.proxy.made == 3 and tree(cloud.arrived) == tree(cloud.site.share)


def test_a_login_that_ends_midway_pauses_the_run_which_then_goes_on(cloud: Cloud, tree: Tree) -> None:
    asked = iter(range(1000))
    cloud.proxy.trouble = lambda method, path, before: 401 if next(asked) > 40 else 0
    said = cloud.done("migrate", "run", SCHOOL, code=12)
    assert "needs-login" in said and "rclone config reconnect cloud:" in said
    cloud.proxy.trouble = lambda method, path, before: 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_what_a_teacher_changed_at_the_target_is_a_conflict_and_stays(cloud: Cloud) -> None:
    cloud.done("migrate", "run", SCHOOL)
    (cloud.arrived / "[最終].xlsx").write_text("先生の版", "utf-8")
    (cloud.site.share / "[最終].xlsx").write_text("あとの版", "utf-8")
    assert "taken" in cloud.done("migrate", "run", SCHOOL, code=4)
    assert (cloud.arrived / "[最終].xlsx").read_text("utf-8") == "先生の版"


def test_office_files_that_the_service_rewrites_are_named_so_with_both_digests(cloud: Cloud) -> None:
    cloud.use("sharepoint-ntlm")
    (cloud.site.share / "比率／案.txt").unlink()
    cloud.proxy.rewrite = lambda path, body: body + b"SharePoint" if path.endswith("xlsx") else body
    cloud.done("migrate", "run", SCHOOL)
    said = cloud.done("migrate", "verify", SCHOOL, code=3)
    assert "altered by the service" in said and "[最終].xlsx" in said
    assert "different" not in said
    (cloud.arrived / "[最終].xlsx").write_text("先生の版", "utf-8")
    os.utime(cloud.arrived / "[最終].xlsx", (1, 1))
    cloud.done("migrate", "verify", SCHOOL, code=5)


def test_a_killed_rclone_or_kdx_leaves_no_orphan_and_the_next_run_goes_on(cloud: Cloud, tree: Tree) -> None:
    for victim in ("rclone", "kdx"):
        before = rclones()
        slow = iter(range(1000))
        cloud.proxy.trouble = lambda method, path, before: time.sleep(0.2 if next(slow) > 10 else 0) or 0
        run = cloud.start("migrate", "run", SCHOOL)
        until = time.monotonic() + 60
        while not any(method == "PUT" for method, _path in list(cloud.proxy.asked)) and time.monotonic() < until:
            time.sleep(0.05)
        (engine,) = rclones() - before
        os.kill(engine if victim == "rclone" else run.pid, signal.SIGKILL)
        run.communicate(timeout=120)
        assert run.returncode == (12 if victim == "rclone" else -signal.SIGKILL)
        while rclones() - before and time.monotonic() < until:
            time.sleep(0.05)
        assert not rclones() - before
        cloud.proxy.asked.clear()
    cloud.proxy.trouble = lambda method, path, before: 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_doctor_says_what_the_cloud_can_prove_and_a_missing_remote_what_to_do(cloud: Cloud) -> None:
    said = cloud.done("doctor")
    assert "verify reads every file back" in said and "no profile" in said and "seconds apart" in said
    write_config(cloud.config, {"other": {"type": "memory"}})
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
