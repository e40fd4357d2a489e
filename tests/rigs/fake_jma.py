"""A small 気象庁 on loopback that does what a test tells it: serve, stand still, refuse, drip, cut, swell."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.rigs.in_thread import answering
from tests.rigs.kameyama import OFFICE

BOSAI = {
    "r8.json": f"/bosai/warning/data/r8/{OFFICE}.json",
    "flood_xml.json": "/bosai/flood/data/r8/flood_xml.json",
    "map_time.json": "/bosai/warning/data/r8/map_time.json",
    "warning_timeline.json": f"/bosai/warning_timeline/data/{OFFICE}.json",
    "extra.xml": "/xml/feed/extra.xml",
    "extra_l.xml": "/xml/feed/extra_l.xml",
}
"""Where each file lies."""


@dataclass
class FakeJma:
    """The server. Its files and troubles may be changed at any time; a path that is not there is 404."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Path -> body."""
    trouble: dict[str, str] = field(default_factory=dict)
    """Path, or "*" -> 304, 403, 429, 503, drip, drip-headers, cut, big, silent."""
    requests: list[tuple[str, dict[str, str], int]] = field(default_factory=list)
    """Path, headers in small letters, and the status that was answered."""
    sent: int = 0
    """Bytes of bodies."""
    url: str = ""
    """Address of the server."""

    def put(self, name: str, body: bytes) -> None:
        """Serve a file under the path that goes with its name, or under the name itself where it is a path."""
        self.files[BOSAI.get(name, name)] = body


@contextmanager
def serve_jma() -> Iterator[FakeJma]:
    """Run a server for the length of the block."""
    fake = FakeJma()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    server.block_on_close = False
    with answering(server) as fake.url:
        yield fake


class _Handler(BaseHTTPRequestHandler):
    fake: FakeJma

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        trouble = self.fake.trouble.get(self.path, self.fake.trouble.get("*", ""))
        try:
            status = self._answer(trouble, headers)
        except (ConnectionError, TimeoutError):
            status = 0
        self.fake.requests.append((self.path, headers, status))

    def _answer(self, trouble: str, headers: dict[str, str]) -> int:
        body = self.fake.files.get(self.path)
        if trouble.isdecimal():
            return self._send(int(trouble), b"refused" if trouble != "304" else b"", {})
        if trouble == "silent":
            time.sleep(60)
        if trouble == "drip-headers":
            self._drip(b"HTTP/1.0 200 OK\r\nX-A: " + b"a" * 1000)
        if body is None:
            return self._send(404, b"<html>Not Found</html>", {"Content-Type": "text/html"})
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if headers.get("if-none-match") == etag:
            return self._send(304, b"", {"ETag": etag})
        if trouble == "big":
            body += b" " * (20 << 20)
        if trouble == "cut":
            return self._send(200, body[: len(body) // 2], {"ETag": etag}, announced=len(body))
        if trouble == "drip":
            self._send(200, b"", {}, announced=len(body))
            self._drip(body)
        return self._send(200, body, {"ETag": etag, "Last-Modified": "Wed, 14 Jul 2027 00:00:00 GMT"})

    def _drip(self, body: bytes) -> None:
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.5)

    def _send(self, status: int, body: bytes, headers: dict[str, str], announced: int | None = None) -> int:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)
        self.fake.sent += len(body)
        return status
