"""Machines that behave badly: they hang, drip, lie about the time, or know an address for every name. Loopback only."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

NTP_OFFSET = 2_208_988_800
"""Seconds from 1900 to 1970."""
Answer = Callable[[bytes], bytes | None]


@contextmanager
def answer_datagrams(answer: Answer) -> Iterator[int]:
    """Answer every datagram with what `answer` makes of it (None: nothing), and give the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    asked, whence = line.recvfrom(4096)
                    if not whence:
                        # shut down
                        return
                    if (said := answer(asked)) is not None:
                        line.sendto(said, whence)

        threading.Thread(target=serve, daemon=True).start()
        yield int(line.getsockname()[1])
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


@contextmanager
def drip(byte: bytes = b"\0", every: float = 0.2) -> Iterator[int]:
    """Take connections and say one byte now and then, for ever; with b"" say nothing at all. Gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        kept: list[socket.socket] = []

        def talk(line: socket.socket) -> None:
            with suppress(OSError):
                while byte:
                    line.send(byte)
                    time.sleep(every)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _whence = door.accept()
                    kept.append(line)
                    threading.Thread(target=talk, args=(line,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(door.getsockname()[1])
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        for line in kept:
            line.close()


def clock(ahead: float = 0.0, stratum: int = 2, leap: int = 0) -> Answer:
    """An SNTP server whose clock is so many seconds ahead."""

    def answer(asked: bytes) -> bytes:
        now = time.time() + ahead + NTP_OFFSET
        stamp = struct.pack(">II", int(now), int(now % 1 * (1 << 32)))
        return bytes([leap << 6 | 4 << 3 | 4, stratum]) + bytes(22) + asked[40:48] + stamp + stamp

    return answer


def resolver(known: dict[str, str], otherwise: str = "") -> Answer:
    """A resolver that knows these addresses; what it does not know has no address, or always `otherwise`."""

    def answer(asked: bytes) -> bytes:
        labels, place = [], 12
        while asked[place]:
            labels.append(asked[place + 1 : place + 1 + asked[place]].decode())
            place += asked[place] + 1
        address = known.get(".".join(labels), otherwise)
        head = asked[:2] + struct.pack(">HHHHH", 0x8180 if address else 0x8183, 1, bool(address), 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address) if address else b""
        return head + asked[12:] + record

    return answer
