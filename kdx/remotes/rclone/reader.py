"""Read a file through rclone, and prove that it is one file: opened, read and looked at again."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from email.utils import formatdate
from http.client import HTTPResponse

from kdx.config.location import Location
from kdx.language import translate
from kdx.remotes.interface import Entry, PlaceSilent, ReadFailed, SkipReason
from kdx.remotes.rclone import faults
from kdx.remotes.rclone.engine import CHUNK, Refused

Opened = Callable[[str, int], AbstractContextManager[HTTPResponse]]
"""Given a path and where to begin, gives rclone's answer."""


def pieces(
    path: str, start: int, opened: Opened, stat: Callable[[str], Entry], place: Location
) -> Generator[bytes, None, Entry]:
    """Yield a file's bytes and return its entry as it was at the end, by which it is the file that was opened.

    Refused and Gone are rclone's own; PlaceSilent and ReadFailed where fewer bytes came, or others than were opened.
    """
    held, count = b"", start
    try:
        with opened(path, start) as answer:
            size, changed = _announced(answer, start), answer.headers["Last-Modified"]
            while piece := answer.read(CHUNK):
                if held:
                    yield held
                held = piece
                count += len(piece)
    except Refused:
        # what is asked for from its end on, each service refuses in a way of its own
        if start and start >= (now := stat(path)).size:
            return now
        raise
    if count != size:
        raise PlaceSilent(place=place, why=translate(faults.NO_LINE))
    now = stat(path)
    if now.size != size or (changed and formatdate(now.mtime_ns // 10**9, usegmt=True) != changed):
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
    if held:
        yield held
    return now


def _announced(answer: HTTPResponse, start: int) -> int:
    """Return the size of a whole file as the head of an answer says."""
    return start + int(answer.headers["Content-Length"] or 0)
