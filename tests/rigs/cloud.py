"""What stands for a cloud here: servers that rclone itself serves on loopback, and a configuration of rclone's own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RCLONE = Path(sys.executable).with_name("rclone")
START_SECONDS = 30
_ADDRESS = re.compile(r"on \[?(http://127\.0\.0\.1:\d+)/?")


@contextmanager
def serve_webdav(folder: Path, *words: str) -> Iterator[str]:
    """Serve a folder by WebDAV for the length of the block; yields the address. `words` are more of rclone's own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(RCLONE), "serve", "webdav", "--addr", "127.0.0.1:0", *words, f":local,encoding=Raw:{folder}"]
    # what is put into the folder behind its back is seen at once, and ガ is not カ + ゛; with 0s for "at once" rclone
    # starts a cleaning of each folder without end, which takes a whole core and in the end all of its locks
    settings = {
        "RCLONE_CONFIG": os.devnull, "RCLONE_NO_UNICODE_NORMALIZATION": "true", "RCLONE_DIR_CACHE_TIME": "1ms",
        "RCLONE_LOG_LEVEL": "NOTICE",
    }
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield _address(server, log.fileno())
        finally:
            server.terminate()
            server.wait()


def write_config(path: Path, remotes: Mapping[str, Mapping[str, str]]) -> Path:
    """Write rclone's configuration: remotes by name, each with its settings."""
    sections = (
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
        for name, settings in remotes.items()
    )
    path.write_text("\n".join(sections), "utf-8")
    path.chmod(0o600)
    return path


def obscured(secret: str) -> str:
    """A secret as rclone's configuration keeps it."""
    run = subprocess.run([RCLONE, "obscure", "-"], input=secret, capture_output=True, check=True, encoding="utf-8")
    return run.stdout.strip()


def webdav(address: str, vendor: str = "rclone") -> dict[str, str]:
    """The settings of a WebDAV remote. Its pause between two requests is for servers far away."""
    return {"type": "webdav", "url": address, "vendor": vendor, "pacer_min_sleep": "0"}


def _address(server: "subprocess.Popen[bytes]", log: int) -> str:
    until = time.monotonic() + START_SECONDS
    while True:
        said = os.pread(log, 1 << 16, 0).decode("utf-8", "replace")
        if found := _ADDRESS.search(said):
            return found[1]
        assert server.poll() is None and time.monotonic() < until, f"rclone serve did not start: {said}"
        time.sleep(0.02)
