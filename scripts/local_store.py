"""An S3 endpoint on this machine alone: `rclone serve s3` on loopback, a free port, random keys, one folder per bucket.

For the demo, the bench and tests. Never listens to a network, and never outlives the block it is used in.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RCLONE = Path(sys.executable).with_name("rclone")
REGION = "us-east-1"
_ADDRESS = re.compile(r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/?\]")


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A running endpoint. `folder` holds one folder per bucket."""

    endpoint: str
    access_key: str
    secret_key: str
    folder: Path

    def keys(self) -> dict[str, str]:
        """The ordinary AWS variables, as a technician would export them."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}

    def rclone_remote(self) -> dict[str, str]:
        """Variables that let rclone reach this endpoint as `local:`, without a configuration file."""
        settings = {
            "TYPE": "s3",
            "PROVIDER": "Rclone",
            "ENDPOINT": self.endpoint,
            "ACCESS_KEY_ID": self.access_key,
            "SECRET_ACCESS_KEY": self.secret_key,
        }
        return {f"RCLONE_CONFIG_LOCAL_{name}": value for name, value in settings.items()}


@contextmanager
def serve_s3(folder: Path, *buckets: str, like: LocalStore | None = None) -> Iterator[LocalStore]:
    """Serve `folder` as S3 with these buckets for the length of the block. RuntimeError if rclone does not start.

    With `like`, at the address and with the keys of an endpoint that was there before: it has come back.
    """
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True, exist_ok=True)
    address = like.endpoint.removeprefix("http://") if like else "127.0.0.1:0"
    access_key = like.access_key if like else secrets.token_hex(10).upper()
    secret_key = like.secret_key if like else secrets.token_hex(20)
    environment = {
        **os.environ,
        "RCLONE_CONFIG": os.devnull,
        # S3 knows ガ and カ + ゛ as two names; without this the server answers for one when asked for the other
        "RCLONE_NO_UNICODE_NORMALIZATION": "true",
        # in the environment, not on the command line: everybody on a machine can read command lines
        "RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"',
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        command = [str(RCLONE), "serve", "s3", "--addr", address, str(folder)]
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield LocalStore(_wait_for_address(server, log.fileno()), access_key, secret_key, folder)
        finally:
            server.terminate()
            server.wait()


def _wait_for_address(server: "subprocess.Popen[bytes]", log: int, patience: float = 20.0) -> str:
    """Return where the server listens, once it says so; `patience` in seconds."""
    end = time.monotonic() + patience
    while True:
        said = os.pread(log, 1 << 16, 0).decode("utf-8", "replace")
        if found := _ADDRESS.search(said):
            return found[1]
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"rclone serve s3 did not start: {said.strip()}")
        time.sleep(0.05)
