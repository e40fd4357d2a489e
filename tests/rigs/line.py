"""A line to a server on loopback that a test makes long, thin, silent or dead. Forwards bytes and understands none."""

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
_QUEUE_SECONDS = 0.05
"""What waits at most before a thin line, as in the router of a school; then nothing more is taken."""
_QUEUE_BYTES = 4 << 20
"""The same for a line that is only long."""


@dataclass
class Line:
    """A running line. All its connections share its rate, as all programs of a school share one line."""

    port: int
    """Where to connect."""
    to: int
    """The port of the server."""
    delay: float = 0.0
    """Seconds each way."""
    rate: float = 0.0
    """Bytes a second each way; 0: as fast as it goes."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is taken or handed on; connections are accepted all the same: what a dead router does."""
    stall_after: int | None = None
    cut_after: int | None = None
    """Stall, or break every connection once, when the server has sent so many bytes."""
    received: int = 0
    """Bytes the server has sent so far."""
    connections: int = 0
    open: set[socket.socket] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    free: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    """When all that was taken will have left, from the server (True) and to it."""

    def cut(self) -> None:
        """Break every connection there is; new ones are carried."""
        for one in list(self.open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def note(self, count: int) -> None:
        """Count what came from the server, and do what was to be done after so much."""
        with self.lock:
            self.received += count
            cut = self.cut_after is not None and self.received >= self.cut_after
            self.cut_after = None if cut else self.cut_after
        if self.stall_after is not None and self.received >= self.stall_after:
            self.stalled.set()
        if cut:
            self.cut()

    def arrival(self, count: int, from_server: bool) -> float:
        """Return when so many bytes that are taken now come out at the other end (time.monotonic())."""
        with self.lock:
            begin = max(time.monotonic(), self.free[from_server])
            self.free[from_server] = begin + (count / self.rate if self.rate else 0.0)
            return self.free[from_server] + self.delay


@contextmanager
def lay_line(to: int, delay: float = 0.0, rate: float = 0.0) -> Iterator[Line]:
    """Lay a line to a port for the length of the block."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    line = Line(listener.getsockname()[1], to, delay, rate)
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
        there.settimeout(None)
        line.open |= {here, there}
        for source, sink, from_server in ((here, there, False), (there, here, True)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_forward, args=(line, source, sink, from_server), daemon=True).start()


def _forward(line: Line, source: socket.socket, sink: socket.socket, from_server: bool) -> None:
    waiting: deque[tuple[float, bytes]] = deque()
    queued, ended = 0, False
    with suppress(OSError, ValueError):
        while waiting or not ended:
            if line.stalled.is_set():
                time.sleep(_LOOK)
                continue
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else _LOOK
            late = line.free[from_server] - time.monotonic() - _QUEUE_SECONDS
            if ended or late > 0 or queued > _QUEUE_BYTES:
                time.sleep(min(pause, late) if late > 0 else pause)
            elif select.select([source], [], [], pause)[0]:
                data = source.recv(_TAKE)
                ended = not data
                queued += len(data)
                waiting.append((line.arrival(len(data), from_server), data))
            while waiting and waiting[0][0] <= time.monotonic() and not line.stalled.is_set():
                data = waiting.popleft()[1]
                queued -= len(data)
                sink.sendall(data)
                if from_server:
                    line.note(len(data))
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        line.open.discard(one)
