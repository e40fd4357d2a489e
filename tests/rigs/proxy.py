"""A small HTTP proxy that counts: CONNECT for https, plain forwarding for http."""

import http.client
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.rigs.in_thread import answering


@dataclass
class Proxy:
    """A running proxy and the addresses (host:port) it was asked for, in order."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve_proxy() -> Iterator[Proxy]:
    """Run a proxy for the length of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    with answering(server) as url:
        proxy = Proxy(url)
        server.RequestHandlerClass = type("Handler", (_Handler,), {"proxy": proxy})
        yield proxy


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        self.proxy.asked.append(self.path)
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response_only(200)
            self.end_headers()
            self._pump(there)
        self.close_connection = True

    def _pump(self, there: socket.socket) -> None:
        pairs = {self.connection: there, there: self.connection}
        while True:
            for ready in select.select(list(pairs), [], [], 30)[0]:
                data = ready.recv(1 << 16)
                if not data:
                    return
                pairs[ready].sendall(data)

    def _forward(self) -> None:
        parts = urlsplit(self.path)
        self.proxy.asked.append(parts.netloc)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = http.client.HTTPConnection(parts.netloc)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        upstream.request(self.command, path, body, {**dict(self.headers.items()), "Connection": "close"})
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _forward
