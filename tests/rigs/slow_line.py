"""A line between a client and a server on loopback that is as long, as thin, or as dead as a test wants."""

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SlowLine:
    """Carries TCP to one server. `delay` is seconds one way, `rate` bytes a second one way (0: as fast as it goes)."""

    def __init__(self, server_port: int, delay: float, rate: float) -> None:
        self.delay, self.rate = delay, rate
        self.stalled = threading.Event()
        """While set, nothing passes and nothing is closed: what a dead router does."""
        self.carried = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection that is open now; new ones are carried."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def close(self) -> None:
        """End everything."""
        # closing alone leaves the port open while a thread waits in accept()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                here, _address = self._listener.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                here.close()
                continue
            for one in (here, there):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [here, there]
            for source, target in ((here, there), (there, here)):
                self._carry(source, target)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        waiting: deque[tuple[float, bytes]] = deque()
        arrived = threading.Semaphore(0)

        def take() -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    waiting.append((time.monotonic() + self.delay, data))
                    arrived.release()
            waiting.append((time.monotonic() + self.delay, b""))
            arrived.release()

        def give() -> None:
            free = 0.0
            with suppress(OSError):
                while True:
                    arrived.acquire()
                    due, data = waiting.popleft()
                    while self.stalled.is_set():
                        time.sleep(0.02)
                    now = time.monotonic()
                    free = max(free, due, now if not self.rate else free)
                    time.sleep(max(0.0, free - now))
                    if not data:
                        target.shutdown(socket.SHUT_WR)
                        return
                    if self.rate:
                        free += len(data) / self.rate
                    self.carried += len(data)
                    target.sendall(data)

        threading.Thread(target=take, daemon=True).start()
        threading.Thread(target=give, daemon=True).start()


@contextmanager
def slow_line(server_port: int, delay: float = 0.0, rate: float = 0.0) -> Iterator[SlowLine]:
    """Put a line before a server for the length of the block."""
    line = SlowLine(server_port, delay, rate)
    try:
        yield line
    finally:
        line.close()
