"""Every place files live, each on a server of its own kind, with a second way to look into it that is not kdx."""

import getpass
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from local_store import serve_s3
from rigs.cloud import obscured, serve_webdav, webdav, write_config
from rigs.fake_s3 import KEYS, serve_fake
from rigs.smbd import PASSWORD, SHARE, SambaServer, serve_samba
from rigs.sshd import PLAIN, Sshd, busybox_only, serve_ssh

from kdx.config.location import parse_location
from kdx.config.model import Network
from kdx.config.secret import SecretReference
from kdx.remotes import Place
from kdx.remotes.interface import Remote

SERVERS = ("local", "rclone", "moto", "fake", "smb", "sftp", "sftp-plain", "sftp-busybox")
THROUGH_RCLONE = ("local", "webdav", "sftp", "smb", "s3")
"""Kinds of remotes that kdx reaches through rclone; each is a place `rclone:KIND`."""
MORE_PROOF = ("sftp", "smb", "s3")
"""Those that have a room of kdx's own: through rclone they are part of the long proofs."""
_numbers = itertools.count()


class Look(Protocol):
    """A way into a place that is not kdx."""

    def put(self, name: str, data: bytes) -> None:
        """Put a file there."""

    def all(self) -> dict[str, bytes]:
        """Return everything that lies there."""


@dataclass
class Rig:
    """One empty place and the ways into it."""

    kind: str
    place: Place
    remote: Remote
    look: Look

    def name(self, text: str) -> str:
        """Return a name as this server can hold it: over SMB and WebDAV there are no tabs."""
        return text.replace("\t", "'") if self.kind in ("smb", "rclone:smb", "rclone:webdav") else text


@dataclass(frozen=True)
class Endpoint:
    """A running S3 server with a bucket named schools."""

    url: str
    access_key: str
    secret_key: str

    @property
    def client(self) -> Any:
        """An independent client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )


class LookIntoFolder:
    """Plain files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def all(self) -> dict[str, bytes]:
        found = (Path(parent) / name for parent, _, names in os.walk(self.root) for name in names)
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}


class LookIntoBucket:
    """boto3."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client, self.prefix = client, prefix

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket="schools", Key=self.prefix + name, Body=data)

    def all(self) -> dict[str, bytes]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="schools", Prefix=self.prefix)
        keys = [row["Key"] for page in pages for row in page.get("Contents", ())]
        return {
            key.removeprefix(self.prefix): self.client.get_object(Bucket="schools", Key=key)["Body"].read()
            for key in keys
        }


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """`rclone serve s3`: ignores If-None-Match, answers multipart uploads with one tag and lists another."""
    with serve_s3(tmp_path_factory.mktemp("rclone"), "schools") as store:
        yield Endpoint(store.endpoint, store.access_key, store.secret_key)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Endpoint]:
    """moto: honours If-None-Match."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = Endpoint(f"http://{host}:{port}", *KEYS.values())
    endpoint.client.create_bucket(Bucket="schools")
    try:
        yield endpoint
    finally:
        server.stop()


@pytest.fixture(scope="session")
def fake_server() -> Iterator[Endpoint]:
    """Our own, without troubles and with short pages."""
    with serve_fake("schools") as fake:
        fake.page = 7
        yield Endpoint(fake.endpoint, *KEYS.values())


@pytest.fixture(scope="session")
def smb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SambaServer]:
    """Samba on a disk that tells capitals apart, as its clients do not."""
    with serve_samba(tmp_path_factory.mktemp("samba")) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """OpenSSH with a shell and GNU's programs."""
    with serve_ssh(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """OpenSSH that gives nothing but SFTP."""
    with serve_ssh(tmp_path_factory.mktemp("sftp-plain"), PLAIN) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_busybox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """OpenSSH whose shell finds busybox's programs only, as on an old NAS."""
    folder = tmp_path_factory.mktemp("sftp-busybox")
    with serve_ssh(folder, path=busybox_only(folder / "bin")) as server:
        yield server


@pytest.fixture(scope="session")
def webdav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """`rclone serve webdav`, and the folder it serves."""
    folder = tmp_path_factory.mktemp("webdav")
    with serve_webdav(folder) as address:
        yield address, folder


def through_rclone(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Place, Look]:
    """Return an empty folder of a remote of this kind, and the other way into it."""
    name = f"試験 {next(_numbers)}"
    look: Look
    if kind == "local":
        base, settings, look = str(tmp_path), {"type": "local"}, LookIntoFolder(tmp_path / name)
    elif kind == "webdav":
        address, folder = request.getfixturevalue("webdav_server")
        base, settings, look = "", webdav(address), LookIntoFolder(folder / name)
    elif kind == "sftp":
        server = request.getfixturevalue("sftp_server")
        settings = {
            "type": "sftp", "host": "127.0.0.1", "port": str(server.port), "user": getpass.getuser(),
            "key_file": str(server.key), "known_hosts_file": str(server.known_hosts), "disable_hashcheck": "true",
        }
        base, look = str(tmp_path), LookIntoFolder(tmp_path / name)
    elif kind == "smb":
        samba = request.getfixturevalue("smb_server")
        settings = {
            "type": "smb", "host": "127.0.0.1", "port": str(samba.port), "user": samba.user,
            "pass": obscured(PASSWORD),
        }
        base, look = SHARE, LookIntoFolder(samba.root / name)
    else:
        endpoint = request.getfixturevalue("rclone_server")
        settings = {
            "type": "s3", "provider": "Rclone", "endpoint": endpoint.url, "access_key_id": endpoint.access_key,
            "secret_access_key": endpoint.secret_key,
        }
        base, look = "schools", LookIntoBucket(endpoint.client, f"{name}/")
    if isinstance(look, LookIntoFolder):
        look.root.mkdir()
    base_folder = request.getfixturevalue("tmp_path_factory").getbasetemp()
    config = write_config(base_folder / f"rclone-{kind}.conf", {kind: settings})
    monkeypatch.setenv("RCLONE_CONFIG", str(config))
    return Place(parse_location(f"rclone:{kind}:{base}/{name}")), look


def marked(kind: str) -> Any:
    """A remote reached through rclone as a parameter of the suite."""
    return pytest.param(f"rclone:{kind}", marks=[pytest.mark.long] if kind in MORE_PROOF else [])


@pytest.fixture(params=[*SERVERS, *map(marked, THROUGH_RCLONE)])
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """One empty place of each kind."""
    kind = request.param
    if kind == "local":
        root = tmp_path / "root"
        root.mkdir()
        place, look = Place(parse_location(str(root))), LookIntoFolder(root)
    elif kind == "smb":
        place, look = samba_place(request.getfixturevalue("smb_server"), monkeypatch)
    elif kind.startswith("rclone:"):
        place, look = through_rclone(kind.removeprefix("rclone:"), request, tmp_path, monkeypatch)
    elif kind.startswith("sftp"):
        root = tmp_path / "root"
        root.mkdir()
        server = request.getfixturevalue(f"{kind.replace('-', '_')}_server")
        place, look = server_place(server, root), LookIntoFolder(root)
    else:
        endpoint = request.getfixturevalue(f"{kind}_server")
        place, look = bucket_place(endpoint, monkeypatch)
    remote = place.open()
    yield Rig(kind, place, remote, look)
    remote.close()


def server_place(server: Sshd, root: Path) -> Place:
    """Return a folder on a server, with the key it lets in and its host key known."""
    network = Network(known_hosts=server.known_hosts)
    return Place(parse_location(server.url(root)), network, secret=SecretReference("file", str(server.key)))


def bucket_place(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> tuple[Place, LookIntoBucket]:
    """Return an empty prefix of the bucket and the other way into it."""
    prefix = f"試験 {next(_numbers)}"
    monkeypatch.setenv("RIG_ACCESS", endpoint.access_key)
    monkeypatch.setenv("RIG_SECRET", endpoint.secret_key)
    location = parse_location(f"s3://schools/{prefix}?endpoint={endpoint.url}")
    place = Place(
        location,
        access_key=SecretReference("env", "RIG_ACCESS"),
        secret_key=SecretReference("env", "RIG_SECRET"),
    )
    return place, LookIntoBucket(endpoint.client, f"{prefix}/")


def samba_place(server: SambaServer, monkeypatch: pytest.MonkeyPatch) -> tuple[Place, LookIntoFolder]:
    """Return an empty folder of the share, and the way to it on the server's own disk."""
    name = f"試験 {next(_numbers)}"
    (server.root / name).mkdir()
    monkeypatch.setenv("RIG_PASSWORD", PASSWORD)
    place = Place(parse_location(server.url(name)), secret=SecretReference("env", "RIG_PASSWORD"))
    return place, LookIntoFolder(server.root / name)
