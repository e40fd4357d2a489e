"""Hand rclone the bytes of a large file as they come, without a copy on the disk: it fetches them from this process.

They go once, over loopback, to whoever knows a name of 256 random bits, and are read in the thread that writes. rclone
takes them as fast as the service does, so that a cap on the source is a cap on the line.
"""

import secrets
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from email.utils import formatdate
from typing import TypeVar

Answer = TypeVar("Answer")
LOOK_SECONDS = 0.2
HEAD_BYTES = 1 << 14
HEAD_SECONDS = 5


def feed(chunks: Iterable[bytes], size: int, mtime_ns: int, take: Callable[[str], Answer]) -> tuple[Answer | None, int]:
    """Let `take` fetch the bytes from the address it is given; return what it returned and how many bytes there were.

    None for its answer where there were not `size` bytes: it has seen a broken line then, never a shorter or another
    file. Errors of `chunks` and of `take` pass through.
    """
    token = secrets.token_urlsafe(32)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1, "kdx-feed") as other:
        listener.settimeout(LOOK_SECONDS)
        taking = other.submit(take, f"http://127.0.0.1:{listener.getsockname()[1]}/{token}")
        line = _accept(listener, token, taking)
        if line is None:
            return taking.result(), size
        with line:
            count = _send(line, chunks, size, mtime_ns)
        if count is not None and count != size:
            return None, count
        return taking.result(), size


def _accept(listener: socket.socket, token: str, taking: "Future[Answer]") -> socket.socket | None:
    """Return the line of the one who knows the name; None where `take` ended without asking."""
    while not taking.done():
        try:
            line, _address = listener.accept()
        except TimeoutError:
            continue
        with suppress(OSError):
            if _asks_for(line, token):
                return line
        line.close()
    return None


def _asks_for(line: socket.socket, token: str) -> bool:
    head = b""
    line.settimeout(HEAD_SECONDS)
    while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES:
        if not (piece := line.recv(HEAD_BYTES)):
            return False
        head += piece
    line.settimeout(None)
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return len(words) == 3 and secrets.compare_digest(words[1], f"/{token}".encode())


def _send(line: socket.socket, chunks: Iterable[bytes], size: int, mtime_ns: int) -> int | None:
    """Return how many bytes `chunks` had; None where the other side broke off, which says itself why.

    The last chunk is held back until nothing follows it and the sum is right.
    """
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nContent-Type: application/octet-stream\r\n"
        f"Last-Modified: {formatdate(mtime_ns // 10**9, usegmt=True)}\r\nConnection: close\r\n\r\n"
    )
    count, held = 0, head.encode("ascii")
    for chunk in chunks:
        count += len(chunk)
        if count > size:
            return count
        if not _handed(line, held):
            return None
        held = chunk
    if count == size and not _handed(line, held):
        return None
    return count


def _handed(line: socket.socket, data: bytes) -> bool:
    try:
        line.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True
