"""Read a file of a source to its end, over a line that breaks: on from where it broke, and never another version of it.

What was handed out cannot be taken back, so that the bytes are one file's is settled before the last of them counts:
size and time must be those that were announced, at every new beginning and once more at the end.
"""

import time
from collections.abc import Callable, Iterator

from kdx.remotes.interface import PlaceSilent, ReadFailed, Remote, SkipReason

PATIENCE_SECONDS = 60.0
"""How long a source may stay silent before the run ends; what has arrived until then is not lost on large uploads."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


def read_on(
    source: Remote,
    path: str,
    size: int,
    mtime_ns: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """Yield the bytes of a file that is `size` bytes long and was last changed at `mtime_ns`.

    ReadFailed(changed) where it is not that file any more; PlaceSilent where the source stays away too long; what
    read() raises passes through.
    """
    offset, broken = 0, False
    last_sign, pause = clock(), FIRST_PAUSE
    while True:
        try:
            if broken:
                _same(source, path, size, mtime_ns)
            if not broken or offset < size:
                for chunk in source.read(path, start=offset):
                    offset += len(chunk)
                    last_sign, pause = clock(), FIRST_PAUSE
                    yield chunk
            if broken:
                _same(source, path, size, mtime_ns)
            return
        except PlaceSilent:
            if clock() - last_sign > PATIENCE_SECONDS:
                raise
            broken = True
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _same(source: Remote, path: str, size: int, mtime_ns: int) -> None:
    entry = source.stat(path)
    if (entry.size, entry.mtime_ns) != (size, mtime_ns):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
