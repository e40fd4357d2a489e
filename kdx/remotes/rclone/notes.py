"""Which uploads have begun and are not known to be whole, noted in a folder of this machine, file by file.

Some services (WebDAV) keep what came until the line broke, under the file's own name. Such a piece is ours only where a
note says that it was begun here; whoever finishes it compares its bytes besides (transfer/copy). Without a folder
nothing is noted, and a piece is somebody else's file.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple


class Note(NamedTuple):
    """One upload that was begun."""

    size: int
    """Bytes the whole file has."""
    part: str
    """The other name it grows under; "" where it has its own from the first byte."""


class Notes:
    """Notes about uploads below one root."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextmanager
    def kept(self, path: str, note: Note) -> Iterator[None]:
        """Keep a note for the length of a block, and after it where the block ends with an error or not at all."""
        if self._folder is None:
            yield
            return
        place = self._place(self._folder, path)
        try:
            place.write_text(json.dumps(note), "ascii")
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_text(json.dumps(note), "ascii")
        yield
        self.forget(path)

    def find(self, path: str) -> Note | None:
        """Return what is noted about a file; None where nothing is, or where it cannot be read."""
        with suppress(OSError, ValueError, TypeError):
            if self._folder is not None:
                size, part = json.loads(self._place(self._folder, path).read_text("ascii"))
                return Note(int(size), str(part))
        return None

    def forget(self, path: str) -> None:
        """Drop the note about a file."""
        if self._folder is not None:
            self._place(self._folder, path).unlink(missing_ok=True)

    def _place(self, folder: Path, path: str) -> Path:
        return folder / f"{sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.begun"
