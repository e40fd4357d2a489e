"""The board's certificate bundle and proxy reach all four libraries, and nothing goes round them."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs.fake_s3 import KEYS, serve_fake
from rigs.private_ca import Certificates, TlsStore, make_certificates, serve_tls_s3
from rigs.proxy import serve_proxy

from kdx.config.location import parse_location
from kdx.config.model import Network
from kdx.errors import KdxError
from kdx.remotes.interface import Expected, Metadata
from kdx.remotes.network import BundleUnusable, for_boto, for_obstore, for_rclone, for_urllib
from kdx.remotes.rclone import find_rclone
from kdx.remotes.s3 import open_s3
from kdx.remotes.s3.store import Patience

QUICK = Patience(connect=3, answer=3, upload=5, again=1)


@dataclass(frozen=True)
class Target:
    """Where a library is sent."""

    endpoint: str
    access_key: str
    secret_key: str


def with_obstore(target: Target, network: Network) -> None:
    import obstore
    from obstore.store import S3Store

    options = {"allow_http": True, "timeout": "3s", **for_obstore(network)}
    store = S3Store(
        "schools",
        endpoint=target.endpoint,
        region="us-east-1",
        access_key_id=target.access_key,
        secret_access_key=target.secret_key,
        client_options=options,
        retry_config={"max_retries": 0},
    )
    list(obstore.list(store))


def with_boto(target: Target, network: Network) -> None:
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=3, s3={"addressing_style": "path"})
    client = boto3.client(
        "s3",
        endpoint_url=target.endpoint,
        region_name="us-east-1",
        aws_access_key_id=target.access_key,
        aws_secret_access_key=target.secret_key,
        **for_boto(network, config),
    )
    client.list_objects_v2(Bucket="schools")


def with_rclone(target: Target, network: Network) -> None:
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENDPOINT": target.endpoint,
        "ACCESS_KEY_ID": target.access_key,
        "SECRET_ACCESS_KEY": target.secret_key,
    }
    remote = {f"RCLONE_CONFIG_STORE_{name}": value for name, value in settings.items()}
    limits = ["--retries", "1", "--low-level-retries", "1", "--contimeout", "3s", "--timeout", "3s"]
    subprocess.run(
        [find_rclone(), "lsjson", *limits, "store:schools"],
        env={**os.environ, **remote, **for_rclone(network)},
        check=True,
        capture_output=True,
        timeout=30,
    )


def with_urllib(target: Target, network: Network) -> None:
    from urllib.error import HTTPError

    try:
        for_urllib(network).open(f"{target.endpoint}/", timeout=3).read()
    except HTTPError as answer:
        # an unsigned request is refused, by somebody whose certificate was accepted
        assert answer.code in (400, 403)


LIBRARIES = {"obstore": with_obstore, "boto3": with_boto, "rclone": with_rclone, "urllib": with_urllib}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsStore]:
    with serve_tls_s3(tmp_path_factory.mktemp("tls"), certificates, "schools") as store:
        yield store


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_private_authority_is_trusted_where_the_bundle_says_so_and_nowhere_else(
    library: str, tls: TlsStore, certificates: Certificates
) -> None:
    target = Target(tls.endpoint, tls.access_key, tls.secret_key)
    LIBRARIES[library](target, Network(ca_bundle=certificates.bundle))
    with pytest.raises(Exception):  # noqa: B017 - each library has its own
        LIBRARIES[library](target, Network())


@pytest.mark.parametrize("library", ["obstore", "boto3", "urllib"])
def test_plain_requests_go_through_the_proxy(library: str) -> None:
    with serve_proxy() as proxy, serve_fake("schools") as fake:
        LIBRARIES[library](Target(fake.endpoint, *KEYS.values()), Network(proxy=proxy.url))
        assert proxy.asked == [f"127.0.0.1:{fake.port}"]


@pytest.mark.parametrize("library", ["obstore", "boto3", "urllib"])
def test_encrypted_requests_go_through_the_proxy(library: str, tls: TlsStore, certificates: Certificates) -> None:
    with serve_proxy() as proxy:
        network = Network(ca_bundle=certificates.bundle, proxy=proxy.url)
        LIBRARIES[library](Target(tls.endpoint, tls.access_key, tls.secret_key), network)
        assert set(proxy.asked) == {tls.endpoint.removeprefix("https://")}


def test_rclone_goes_through_the_proxy() -> None:
    """Go never sends loopback through a proxy: the store is given a name that only the proxy can be asked for."""
    with serve_proxy() as proxy:
        with pytest.raises(subprocess.CalledProcessError):
            with_rclone(Target("http://store.invalid", *KEYS.values()), Network(proxy=proxy.url))
        assert set(proxy.asked) == {"store.invalid"}


def test_a_whole_remote_works_behind_a_proxy_with_a_private_authority(
    tls: TlsStore, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", tls.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", tls.secret_key)
    location = parse_location(f"s3://schools/whole?endpoint={tls.endpoint}")
    with serve_proxy() as proxy:
        remote = open_s3(location, Network(certificates.bundle, proxy.url), patience=QUICK)
        for name in ("a.txt", "b\tc.txt"):
            remote.write(name, [b"x"], 1, Metadata(0), Expected.ABSENT)
        assert sorted(entry.path for entry in remote.walk()) == ["a.txt", "b\tc.txt"]
        assert set(proxy.asked) == {tls.endpoint.removeprefix("https://")}
    with pytest.raises(KdxError, match="certificate"):
        open_s3(location, Network(), patience=QUICK).stat("a.txt")


def test_a_dead_proxy_is_not_gone_round(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_fake("schools") as fake:
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)
        location = parse_location(f"s3://schools?endpoint={fake.endpoint}")
        with pytest.raises(KdxError):
            open_s3(location, Network(proxy="http://127.0.0.1:9"), patience=QUICK).stat("a.txt")
        assert fake.requests == []


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
@pytest.mark.parametrize(
    "use", [for_obstore, for_rclone, for_urllib], ids=["obstore", "rclone", "urllib"]
)
def test_a_bundle_that_is_none_is_named(
    use: Callable[[Network], object], content: bytes | None, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(BundleUnusable, match="bundle.pem"):
        use(Network(ca_bundle=bundle))
