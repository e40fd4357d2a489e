"""A line to a server on loopback that a test can make slow, silent or dead. Forwards bytes and understands none."""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_TAKE = 1 << 16
_LOOK = 0.05


@dataclass
class Line:
    """A running line."""

    port: int
    """Where to connect."""
    to: int
    """The port of the server."""
    delay: float = 0.0
    """Seconds each way."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is taken or handed on; connections are accepted all the same."""
    stall_after: int | None = None
    cut_after: int | None = None
    """Stall, or break every connection once, when the server has sent so many bytes."""
    received: int = 0
    """Bytes the server has sent so far."""
    connections: int = 0
    open: set[socket.socket] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection there is."""
        for one in list(self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def note(self, count: int) -> None:
        """Count what came from the server, and do what was to be done after so much."""
        self.received += count
        if self.stall_after is not None and self.received >= self.stall_after:
            self.stalled.set()
        if self.cut_after is not None and self.received >= self.cut_after:
            self.cut_after = None
            self.cut()


@contextmanager
def lay_line(to: int, delay: float = 0.0) -> Iterator[Line]:
    """Lay a line to a port for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = Line(listener.getsockname()[1], to, delay)
    accepting = threading.Thread(target=_accept, args=(listener, line), daemon=True)
    accepting.start()
    try:
        yield line
    finally:
        # closed only when nobody waits on it: a call that is resumed (after SIGSTOP) looks at the number alone, and
        # would take the connections of whoever got that number next
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()
        line.stalled.clear()
        line.cut()


def _accept(listener: socket.socket, line: Line) -> None:
    while True:
        try:
            here = listener.accept()[0]
        except OSError:
            return
        line.connections += 1
        try:
            there = socket.create_connection(("127.0.0.1", line.to), 5)
        except OSError:
            here.close()
            continue
        line.open |= {here, there}
        for source, sink, counted in ((here, there, False), (there, here, True)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_forward, args=(line, source, sink, counted), daemon=True).start()


def _forward(line: Line, source: socket.socket, sink: socket.socket, counted: bool) -> None:
    waiting: deque[tuple[float, bytes]] = deque()
    ended = False
    with suppress(OSError, ValueError):
        while waiting or not ended:
            if line.stalled.is_set():
                time.sleep(_LOOK)
                continue
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else _LOOK
            if ended:
                time.sleep(pause)
            elif select.select([source], [], [], pause)[0]:
                data = source.recv(_TAKE)
                ended = not data
                waiting.append((time.monotonic() + line.delay, data))
            while waiting and waiting[0][0] <= time.monotonic() and not line.stalled.is_set():
                data = waiting.popleft()[1]
                sink.sendall(data)
                if counted:
                    line.note(len(data))
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        line.open.discard(one)
