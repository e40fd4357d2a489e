"""A school moved to a cloud through rclone, and every trouble a cloud makes, with the installed program.

No real cloud can be reached from a test: rclone serves WebDAV here, and a proxy before it makes the troubles.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs.cloud import serve_webdav, webdav, write_config
from rigs.trouble import Proxy, serve_trouble
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


@pytest.fixture
def cloud(make_site: Callable[..., Site], tmp_path: Path) -> Iterator[Cloud]:
    """A share of some thirty files with hard names, and a cloud with an empty folder `moved`."""
    disk, config = tmp_path / "disk", tmp_path / "rclone.conf"
    (disk / "moved").mkdir(parents=True)
    with serve_webdav(disk) as address, serve_trouble(address) as proxy:
        site = make_site("rclone:cloud:moved", {"RCLONE_CONFIG": str(config)})
        for name in ("何？比率3：1＊～.txt", "$(touch x).txt", "[最終].xlsx"):
            (site.share / name).write_text(name, "utf-8")
        cloud = Cloud(site, proxy, disk, config)
        cloud.use("rclone")
        yield cloud


def test_a_busy_service_is_waited_for(cloud: Cloud, tree: Tree) -> None:
    busy = iter([429, 503, 429])
    cloud.proxy.trouble = lambda method, path, before: next(busy, 0) if method == "PUT" else 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert cloud.proxy.made == 3 and tree(cloud.arrived) == tree(cloud.site.share)


def test_a_login_that_ends_midway_pauses_the_run_which_then_goes_on(cloud: Cloud, tree: Tree) -> None:
    asked = iter(range(1000))
    cloud.proxy.trouble = lambda method, path, before: 401 if next(asked) > 8 else 0
    said = cloud.done("migrate", "run", SCHOOL, code=12)
    assert "needs-login" in said and "rclone config reconnect cloud:" in said
    cloud.proxy.trouble = lambda method, path, before: 0
    cloud.done("migrate", "run", SCHOOL)
    cloud.done("migrate", "verify", SCHOOL)
    assert tree(cloud.arrived) == tree(cloud.site.share)


def test_office_files_that_the_service_rewrites_are_named_so_with_both_digests(cloud: Cloud) -> None:
    cloud.use("sharepoint-ntlm")
    cloud.proxy.rewrite = lambda path, body: body + b"SharePoint" if path.endswith("xlsx") else body
    cloud.done("migrate", "run", SCHOOL)
    said = cloud.done("migrate", "verify", SCHOOL, code=3)
    assert "altered by the service" in said and "[最終].xlsx" in said
    assert "different" not in said
    (cloud.arrived / "[最終].xlsx").write_text("先生の版", "utf-8")
    os.utime(cloud.arrived / "[最終].xlsx", (1, 1))
    cloud.done("migrate", "verify", SCHOOL, code=5)
