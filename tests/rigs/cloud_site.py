"""A school whose target is a cloud behind rclone: a WebDAV server, and before it a proxy that makes the troubles.

No real cloud can be reached from a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sample_share
from rigs.cloud import serve_webdav, webdav, write_config
from rigs.trouble import Proxy, serve_trouble
from sample_board import SCHOOL

if TYPE_CHECKING:
    from tests.system.conftest import Site

HARD_NAMES = ("何？比率3：1＊～.txt", "$(touch x).txt", "[最終].xlsx")


@dataclass
class Cloud:
    """The site, the proxy, the folder the server keeps, and rclone's configuration, in which it is `cloud:`."""

    site: Site
    proxy: Proxy
    disk: Path
    config: Path

    @property
    def arrived(self) -> Path:
        """Where the share's files come to lie on the server's disk."""
        return self.disk / "moved" / SCHOOL / "共有"

    def use(self, vendor: str) -> None:
        """Let rclone take the server for another product."""
        write_config(self.config, {"cloud": webdav(self.proxy.url, vendor)})

    def done(self, *words: str, code: int = 0, language: str = "en") -> str:
        """Run kdx and return what it said."""
        result = self.site.kdx("--lang", language, *words)
        said = result.stdout + result.stderr
        assert result.returncode == code, said
        assert "Traceback" not in said
        return said


@contextmanager
def serve_cloud(make_site: Callable[..., Site], folder: Path) -> Iterator[Cloud]:
    """Yield a share of some thirty files with hard names, and a cloud with an empty folder `moved`."""
    disk, config = folder / "disk", folder / "rclone.conf"
    (disk / "moved").mkdir(parents=True)
    with serve_webdav(disk) as address, serve_trouble(address) as proxy:
        site = make_site("rclone:cloud:moved", {"RCLONE_CONFIG": str(config)})
        sample_share.write_samples(site.share, sample_share.school_shaped(25, mean=9_000), seed=3)
        for name in HARD_NAMES:
            (site.share / name).write_text(name, "utf-8")
        cloud = Cloud(site, proxy, disk, config)
        cloud.use("rclone")
        yield cloud
