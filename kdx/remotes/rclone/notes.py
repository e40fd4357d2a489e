"""Which uploads have begun and are not known to be whole, noted in a folder of this machine, file by file.

Some services (WebDAV) keep what came until the line broke, under the file's own name. Such a piece is ours only where a
note says that it was begun here; whoever finishes it compares its bytes besides (transfer/copy). Without a folder
nothing is noted, and a piece is somebody else's file. Files that go together share one note while they go; what a kill
leaves of it is unfolded into notes of their own by the first who asks.
"""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

_going: set[str] = set()
"""Names of the shared notes of uploads that are under way in this process."""
_unfolding = threading.Lock()


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
        self._is_unfolded = False

    @contextmanager
    def kept(self, path: str, note: Note) -> Iterator[None]:
        """Keep a note for the length of a block, and after it where the block ends with an error or not at all."""
        if self._folder is None:
            yield
            return
        self._write(self._place(self._folder, path), json.dumps(note))
        yield
        self.forget(path)

    @contextmanager
    def shared(self, sizes: Mapping[str, int]) -> Iterator[set[str]]:
        """Keep one note about files, each with its size, for the length of a block.

        Who has it adds the paths of which no piece can lie there; the others keep a note of their own after it, and all
        of them where the block ends with an error or not at all.
        """
        settled: set[str] = set()
        if self._folder is None:
            yield settled
            return
        place = self._folder / f"{secrets.token_hex(16)}.together"
        _going.add(place.name)
        try:
            self._write(place, json.dumps(sizes))
            yield settled
            self._unfold(place, {path: size for path, size in sizes.items() if path not in settled})
        finally:
            _going.discard(place.name)

    def find(self, path: str) -> Note | None:
        """Return what is noted about a file; None where nothing is, or where it cannot be read."""
        if self._folder is None:
            return None
        self._unfold_earlier(self._folder)
        with suppress(OSError, ValueError, TypeError):
            size, part = json.loads(self._place(self._folder, path).read_text("ascii"))
            return Note(int(size), str(part))
        return None

    def forget(self, path: str) -> None:
        """Drop the note about a file."""
        if self._folder is not None:
            self._place(self._folder, path).unlink(missing_ok=True)

    def _unfold_earlier(self, folder: Path) -> None:
        if self._is_unfolded:
            return
        with _unfolding:
            for place in folder.glob("*.together"):
                if place.name not in _going:
                    with suppress(OSError, ValueError, AttributeError):
                        self._unfold(place, json.loads(place.read_text("ascii")))
        self._is_unfolded = True

    def _unfold(self, shared: Path, sizes: Mapping[str, int]) -> None:
        """Put notes of their own in place of a shared one."""
        for path, size in sizes.items():
            self._write(self._place(shared.parent, path), json.dumps(Note(size, "")))
        shared.unlink()

    def _write(self, place: Path, text: str) -> None:
        try:
            place.write_text(text, "ascii")
        except FileNotFoundError:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_text(text, "ascii")

    def _place(self, folder: Path, path: str) -> Path:
        return folder / f"{sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.begun"
