"""A school to move: a share, an inventory with a signing key, a target. The proof is read with boto3 and hashlib."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from local_store import LocalStore, serve_s3
from sample_board import BOARD, SCHOOL, SCHOOL_NAME

from tests.conftest import PROGRAMS, Run
from tests.rigs.cloud_site import Cloud, serve_cloud
from tests.rigs.rgw import Gateway, serve_rgw

SHARE = "共有"


@dataclass(frozen=True)
class Site:
    """One school with one share and one target, as a technician would have it."""

    share: Path
    board: Path
    state: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The environment its commands run in."""
        return {
            **os.environ, "KDX_INVENTORY": str(self.board), "KDX_STATE": str(self.state), **self.environment,
        }

    def kdx(self, *words: str | Path, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        """Run one kdx command to its end; `prefix` is a program to run it under."""
        return subprocess.run(
            [*prefix, str(PROGRAMS / "kdx"), *map(str, words)],
            env=self.variables(), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=280,
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start one kdx command in a process group of its own."""
        return subprocess.Popen(
            [PROGRAMS / "kdx", *words], env=self.variables(), start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8",
        )

    def reading(self, share: Path) -> "Site":
        """The same site with another share folder, written into its inventory."""
        text = (self.board / "hosts.yml").read_text("utf-8")
        (self.board / "hosts.yml").write_text(text.replace(str(self.share), str(share)), "utf-8")
        return replace(self, share=share)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """An S3 endpoint of the test's own, with the bucket `school`."""
    with serve_s3(tmp_path / "buckets", "school") as running:
        yield running


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """Ceph's gateway, one for all tests of the group "rgw"."""
    with serve_rgw() as running:
        yield running


@pytest.fixture
def make_site(tmp_path: Path, kdx: Run) -> Callable[..., Site]:
    """Make a site whose target is this address."""

    def make(target: str, environment: Mapping[str, str] | None = None) -> Site:
        site = Site(tmp_path / "share", tmp_path / "board", tmp_path / "state", environment or {})
        site.share.mkdir()
        schools = tmp_path / "schools.csv"
        schools.write_text(
            f"school_id,school_name,share_name,share_url\n{SCHOOL},{SCHOOL_NAME},{SHARE},{site.share}\n", "utf-8"
        )
        words = ("init", site.board, "--board", BOARD, "--schools", schools, "--target", f"cloud={target}")
        made = kdx(*words, env=site.variables())
        assert made.returncode == 0, made.stderr
        return site

    return make


@pytest.fixture
def s3_site(make_site: Callable[..., Site], store: LocalStore) -> Site:
    """A site that migrates to the S3 endpoint."""
    return make_site(f"s3://school/moved?endpoint={store.endpoint}&region=us-east-1", store.keys())


@pytest.fixture
def folder_site(make_site: Callable[..., Site], tmp_path: Path) -> Site:
    """A site that migrates to a folder."""
    (tmp_path / "target").mkdir()
    return make_site(str(tmp_path / "target"))


@pytest.fixture
def cloud(make_site: Callable[..., Site], tmp_path: Path) -> Iterator[Cloud]:
    """A site that migrates to a cloud behind rclone, and the proxy that makes its troubles."""
    with serve_cloud(make_site, tmp_path) as running:
        yield running


def s3_client(store: LocalStore) -> Any:
    """A boto3 client of this endpoint: the witness that is not kdx."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=store.endpoint, region_name="us-east-1",
        aws_access_key_id=store.access_key, aws_secret_access_key=store.secret_key,
    )


def download(store: LocalStore, folder: Path, prefix: str = f"moved/{SCHOOL}/") -> Path:
    """Fetch every object under `prefix` into `folder` with boto3, names as they are, and return the folder."""
    client = s3_client(store)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="school", Prefix=prefix):
        for item in page.get("Contents", ()):
            path = folder / item["Key"].removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            # not download_file: it writes under a longer name first
            with path.open("wb") as file:
                shutil.copyfileobj(client.get_object(Bucket="school", Key=item["Key"])["Body"], file)
    return folder


def readable_name(path: bytes) -> bytes:
    """Return how a name that is not UTF-8 reads: the old servers wrote cp932."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return b"/".join(
            part if _is_utf8(part) else part.decode("cp932").encode("utf-8") for part in path.split(b"/")
        )
    return path


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_utf8(part: bytes) -> bool:
    try:
        part.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
