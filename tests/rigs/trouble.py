"""A reverse proxy before an HTTP server that makes the troubles of a cloud: busy, broken off, logged out, rewriting."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from tests.rigs.in_thread import answering

CUT, DEAD = -1, -2
"""Break the line in the midst of the body (of an upload the first half arrives); close it without a word."""
Trouble = Callable[[str, str, int], int]
"""Method, path and how many times they were asked for before -> a status to answer, CUT, DEAD, or 0 to let it pass."""


@dataclass
class Proxy:
    """A running proxy; `trouble` and `rewrite` may be changed while it runs."""

    url: str
    trouble: Trouble = lambda method, path, before: 0
    rewrite: Callable[[str, bytes], bytes] = lambda path, body: body
    """What the service makes of an upload."""
    asked: dict[tuple[str, str], int] = field(default_factory=dict)
    made: int = 0
    """Troubles so far."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, method: str) -> int:
        """Return how often a method was asked for."""
        with self.lock:
            return sum(times for (asked, _path), times in self.asked.items() if asked == method)


@contextmanager
def serve_trouble(upstream: str) -> Iterator[Proxy]:
    """Stand before `upstream` (http://host:port) for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    with answering(server) as url:
        proxy = Proxy(url)
        server.RequestHandlerClass = type("Handler", (_Handler,), {"proxy": proxy, "upstream": upstream})
        yield proxy


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked may have been killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    upstream: str

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _pass_on(self) -> None:
        path = unquote(self.path)
        with self.proxy.lock:
            before = self.proxy.asked.get((self.command, path), 0)
            self.proxy.asked[self.command, path] = before + 1
        trouble = self.proxy.trouble(self.command, path, before)
        self.proxy.made += trouble != 0
        body = self._body()
        if trouble == DEAD:
            self.close_connection = True
            return
        if trouble > 0:
            self._answer(trouble, [("Retry-After", "1")], b"")
            return
        if self.command == "PUT":
            body = self.proxy.rewrite(path, body[: len(body) // 2] if trouble == CUT else body)
        own = ("content-length", "transfer-encoding")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in own}
        upstream = http.client.HTTPConnection(self.upstream.removeprefix("http://"))
        # the server takes the host into its answers' addresses
        upstream.request(self.command, self.path, body or None, {**headers, "Connection": "close"})
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        if trouble == CUT:
            if self.command != "PUT":
                self._answer(answer.status, answer.getheaders(), data, whole=False)
            self.close_connection = True
            return
        self._answer(answer.status, answer.getheaders(), data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, whole: bool = True) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if whole else data[: len(data) // 2])

    do_GET = do_PUT = do_HEAD = do_DELETE = do_MKCOL = do_PROPFIND = do_MOVE = do_COPY = do_OPTIONS = _pass_on
