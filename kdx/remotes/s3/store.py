"""Connections to one bucket, shared by all threads of a process: keys, addresses, time-outs, retries. Moves no data.

Libraries are imported when the first request is made, never before: a process may fork until then.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from kdx.config.location import Location
from kdx.config.model import Network
from kdx.config.secret import SecretReference, SecretUnreadable
from kdx.errors import ConfigurationError
from kdx.language import N_
from kdx.remotes.network import for_boto, for_obstore
from kdx.remotes.s3.body import sign_what_is_known

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Credential, S3Store

REGION = "us-east-1"
KEYS_ASKED_AGAIN = timedelta(minutes=5)


class NoKeys(ConfigurationError):
    """No access key was found for a store."""

    message = N_("There are no keys for {place}.")
    advice = N_(
        "Write access_key and secret_key as references under the target in kdx.yml, or set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY."
    )


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float = 10
    answer: float = 60
    """Between two signs of life while reading."""
    upload: float = 300
    """For one request that sends data: 16 MiB on a slow school line, shared by several."""
    again: float = 60
    """From the first failure of a request until it is no longer tried."""


class Store:
    """One bucket and how to reach it. Safe for threads; makes each connection when it is first used."""

    def __init__(
        self,
        bucket: Location,
        network: Network,
        access_key: SecretReference | None,
        secret_key: SecretReference | None,
        patience: Patience,
        only_boto: bool = False,
    ) -> None:
        self.bucket = bucket
        self.network = network
        self.patience = patience
        self.refuses_overwrite: bool | None = None
        """Whether If-None-Match was tried and held; None while nobody has tried."""
        self.only_boto = only_boto
        """Whether obstore is never used: its threads do not survive a fork, boto3 has none."""
        self.was_seen = False
        """Whether the bucket has answered once, so that a missing name is not a missing bucket."""
        self._references = (access_key, secret_key)
        self._lock = threading.RLock()

    @property
    def reading(self) -> "S3Store":
        """For everything that sends no data."""
        with self._lock:
            return self._reading

    @property
    def writing(self) -> "S3Store":
        """For uploads."""
        with self._lock:
            return self._writing

    @property
    def is_locked(self) -> bool:
        """Whether everything stored there must be locked, as its address says."""
        return self.bucket.option("lock") == "required"

    @property
    def keeps_versions(self) -> bool:
        """Whether only the oldest version of a name counts. Asked once, and only where few large objects lie."""
        with self._lock:
            return self.only_boto and (self.is_locked or self._is_versioned)

    @cached_property
    def _is_versioned(self) -> bool:
        from botocore.exceptions import ClientError

        try:
            return bool(self.boto.get_bucket_versioning(Bucket=self.bucket.host).get("Status"))
        except ClientError:
            # a store that does not know the question keeps none; keys without the right to ask say lock=required
            return False

    @property
    def boto(self) -> Any:
        """For what obstore cannot: names with control characters, ranges, the store's clock."""
        with self._lock:
            return self._boto

    @cached_property
    def _reading(self) -> "S3Store":
        return self._connect(self.patience.answer)

    @cached_property
    def _writing(self) -> "S3Store":
        return self._connect(self.patience.upload)

    @cached_property
    def _keys(self) -> "Callable[[], S3Credential]":
        return find_keys(self.bucket, *self._references)

    @cached_property
    def _boto(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            s3={"addressing_style": "path" if self._endpoint else "auto", "payload_signing_enabled": True},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=self.patience.connect,
            read_timeout=self.patience.upload,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=16,
        )
        keys = self._keys()
        session = boto3.session.Session()
        if not keys["expires_at"]:
            # those that expire were found by botocore itself, which will find the next ones too
            session = boto3.session.Session(keys["access_key_id"], keys["secret_access_key"], keys.get("token"))
        client = session.client(
            "s3",
            endpoint_url=self._endpoint or None,
            region_name=self._region,
            **for_boto(self.network, config),
        )
        sign_what_is_known(client)
        return client

    @property
    def _endpoint(self) -> str:
        return self.bucket.option("endpoint")

    @property
    def _region(self) -> str:
        return self.bucket.option("region", REGION)

    def _connect(self, seconds_between_signs: float) -> "S3Store":
        from obstore.store import S3Store

        where: S3Config = {"bucket": self.bucket.host, "region": self._region, "disable_bulk_delete": True}
        if self._endpoint:
            where["endpoint"] = self._endpoint
        else:
            where["virtual_hosted_style_request"] = True
        client: ClientConfig = {
            "allow_http": self._endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=self.patience.connect),
            "read_timeout": timedelta(seconds=seconds_between_signs),
            # the whole of a large object may take hours on a school's line
            "timeout": timedelta(days=2),
        }
        client.update(for_obstore(self.network))
        return S3Store(
            config=where,
            credential_provider=self._keys,
            client_options=client,
            retry_config={
                "max_retries": 1000,
                "retry_timeout": timedelta(seconds=self.patience.again),
                "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5)},
            },
        )


def open_store(
    location: Location,
    network: Network,
    access_key: SecretReference | None,
    secret_key: SecretReference | None,
    patience: Patience,
    only_boto: bool = False,
) -> Store:
    """Return this process's connections to the bucket of `location`."""
    bucket = Location("s3", "", host=location.host, options=location.options)
    return _shared(os.getpid(), bucket, network, access_key, secret_key, patience, only_boto)


@lru_cache(maxsize=8)
def _shared(process: int, *settings: Any) -> Store:
    # by process: connections do not survive a fork
    return Store(*settings)


def find_keys(
    place: Location, access_key: SecretReference | None, secret_key: SecretReference | None
) -> "Callable[[], S3Credential]":
    """Return what gives the keys, as obstore asks for them: by reference, else the environment, else the AWS files."""
    if access_key and secret_key:
        fixed = _fixed(access_key.read(), secret_key.read(), None)
        return lambda: fixed
    if access_key or secret_key:
        raise NoKeys(place=place)
    found = _from_environment()
    if found:
        return lambda: found
    return _from_aws_files(place)


def _from_environment() -> "S3Credential | None":
    try:
        access = SecretReference("env", "AWS_ACCESS_KEY_ID").read()
        secret = SecretReference("env", "AWS_SECRET_ACCESS_KEY").read()
    except SecretUnreadable:
        return None
    try:
        return _fixed(access, secret, SecretReference("env", "AWS_SESSION_TOKEN").read())
    except SecretUnreadable:
        return _fixed(access, secret, None)


def _from_aws_files(place: Location) -> "Callable[[], S3Credential]":
    import botocore.session

    credentials = botocore.session.get_session().get_credentials()
    if credentials is None:
        raise NoKeys(place=place)

    def ask() -> "S3Credential":
        keys = credentials.get_frozen_credentials()
        return {
            "access_key_id": str(keys.access_key),
            "secret_access_key": str(keys.secret_key),
            "token": keys.token,
            "expires_at": datetime.now(UTC) + KEYS_ASKED_AGAIN,
        }

    return ask


def _fixed(access: str, secret: str, token: str | None) -> "S3Credential":
    return {"access_key_id": access, "secret_access_key": secret, "token": token, "expires_at": None}
