"""Read files of an SMB share: small ones in one round trip, large ones with many requests under way.

Each file is opened, read and asked again how it is, while others may read, write and delete it: nobody is ever kept
from his work. A file that somebody else has locked is said to be locked, by whom where Office left a note of it.
"""

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kdx.language import translate
from kdx.remotes.smb import faults, messages
from kdx.remotes.interface import Entry, NotFound, PlaceSilent, ReadFailed, SkipReason
from kdx.remotes.listed import digest_or_skip
from kdx.remotes.office_owner import holder_in, owner_files_of
from kdx.remotes.smb.line import Answer, Line, Sent
from kdx.remotes.smb.entries import entry_of, is_unchanged
from kdx.remotes.smb.faults import Broken, Refused
from kdx.remotes.smb.folders import asking_id, id_in, name_there
from kdx.remotes.smb.messages import FILE_ONLY, READ_ATTRIBUTES, READ_DATA, Opened

SMALL = 256 << 10
"""Bytes that are asked for with the first message; a file that is larger is opened once more."""
WINDOW = 6
"""Reads of up to 1 MiB under way at once: 16 times what 100 Mbit/s hold in 30 ms."""
AHEAD = 16
"""Small files that are asked for before they are hashed."""
FRESH_SECONDS = 5.0
"""How long bytes that were fetched ahead may wait between stat() and read()."""
QUIET_RETRIES = 2
"""How often digest() begins again when a file changed under it, before it says so."""
_NEED = 96


class Reader:
    """Reads files over one line. One instance per thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._to_come: deque[str] = deque()
        self._under_way: OrderedDict[str, Sent | None] = OrderedDict()
        self._held: tuple[str, bytes, float] | None = None

    def prepare(self, paths: Sequence[str]) -> None:
        """Begin to fetch small files that will be asked for and read next, in this order, several at once."""
        self._to_come, self._held = deque(paths), None
        self._under_way.clear()
        self._fetch()

    def stat(self, path: str) -> Entry:
        """Return one entry as it is now; no lock keeps anybody from that. NotFound, ReadFailed."""
        return self._prepared(path) or self._stat(path)

    def _stat(self, path: str) -> Entry:
        answer, number, _closed = self._line.ask(*asking_id(name_there(self._line, path)))
        if answer.status:
            raise faults.reading_failed(answer.status, path, self._line.location)
        return entry_of(path, messages.opened(answer.body), id_in(number))

    def read(self, path: str, start: int) -> Iterator[bytes]:
        """Yield a file's bytes from `start`. The last chunk is held back until the file is known to be unchanged."""
        held, self._held = self._held, None
        if held and held[0] == path and not start and time.monotonic() - held[2] < FRESH_SECONDS:
            yield from (held[1],) if held[1] else ()
            return
        try:
            before, data = self._small(self._line.ask(*self._requests(path, start)), start)
            if data is not None:
                yield from (data,) if data else ()
            else:
                yield from self._large(path, start, before)
        except Refused as refusal:
            raise self._failed(refusal.status, path) from None

    def digest(self, path: str) -> Entry:
        """Return a file as it is now with its SHA-256. ReadFailed, NotFound."""
        for attempt in range(1 + QUIET_RETRIES):
            try:
                entry = self._stat(path)
                if entry.kind != "file":
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                digest, count = hashlib.sha256(), 0
                for chunk in self.read(path, 0):
                    digest.update(chunk)
                    count += len(chunk)
                after = self._stat(path)
                if (after.size, after.mtime_ns) == (count, entry.mtime_ns):
                    return after._replace(sha256=digest.digest())
            except ReadFailed as failure:
                if failure.reason != SkipReason.CHANGED or attempt == QUIET_RETRIES:
                    raise
        raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")

    def digest_listed(self, entries: Iterable[Entry], remote: Any) -> Iterator[Entry]:
        """Yield files in their order, each with its SHA-256 or a skip; small ones are asked for ahead of time."""
        waiting: deque[tuple[Entry, Sent | None]] = deque()
        for entry in entries:
            waiting.append((entry, self._ask_ahead(entry)))
            if len(waiting) > AHEAD:
                yield self._hashed(*waiting.popleft(), remote)
        while waiting:
            yield self._hashed(*waiting.popleft(), remote)

    def _fetch(self) -> None:
        """Keep as many files under way as do well."""
        while self._to_come and len(self._under_way) < AHEAD:
            path = self._to_come.popleft()
            self._under_way[path] = self._ask_ahead(Entry(path, "file"))

    def _prepared(self, path: str) -> Entry | None:
        """Return a file that was fetched ahead, holding its bytes for read(); None where it goes the ordinary way."""
        sent = self._under_way.pop(path, None)
        self._fetch()
        if sent is None:
            return None
        try:
            facts, data = self._small(self._line.take(sent), 0)
        except (Broken, Refused, ReadFailed):
            return None
        if data is None:
            return None
        self._held = path, data, time.monotonic()
        return entry_of(path, facts, 0)

    def _ask_ahead(self, entry: Entry) -> Sent | None:
        self._line.enter()
        if entry.size > SMALL or not self._line.room(_NEED):
            return None
        try:
            return self._line.send(*self._requests(entry.path, 0))
        except (Broken, NotFound):
            return None

    def _hashed(self, entry: Entry, sent: Sent | None, remote: Any) -> Entry:
        """Return a file with its digest; whatever is not plain goes the careful way."""
        if sent is not None:
            try:
                facts, data = self._small(self._line.take(sent), 0)
                if data is not None:
                    found = entry_of(entry.path, facts, 0)
                    return found._replace(file_id=entry.file_id, sha256=hashlib.sha256(data).digest())
            except (Broken, Refused, ReadFailed):
                pass
        return digest_or_skip(remote, entry)

    def _requests(self, path: str, start: int) -> tuple[Any, ...]:
        return (
            self._opening(path),
            messages.read_file(start, min(SMALL, self._line.largest)),
            messages.close_file(),
        )

    def _opening(self, path: str) -> Any:
        return messages.open_file(name_there(self._line, path), READ_DATA | READ_ATTRIBUTES, FILE_ONLY)

    def _small(self, answers: list[Answer], start: int) -> tuple[Opened, bytes | None]:
        """Return how a file was and its bytes, None for these where it is not a small one. Refused, ReadFailed."""
        opening, reading, closing = answers
        before = messages.opened(opening.must())
        data = b""
        if reading.status != faults.END_OF_FILE:
            data = messages.data_read(reading.must())
        if start + len(data) < before.size and len(data) == min(SMALL, self._line.largest):
            return before, None
        after = messages.closed(closing.must())
        if start + len(data) != max(start, before.size) or not is_unchanged(before, after):
            raise ReadFailed(name="", reason=SkipReason.CHANGED, detail="")
        return before, data

    def _large(self, path: str, start: int, first: Opened) -> Iterator[bytes]:
        """Yield the bytes of a file; where the line breaks, go on over a new one if the file is still the same."""
        offset, progress = start, True
        while True:
            opening = self._line.ask(self._opening(path))[0]
            facts = messages.opened(opening.must())
            stretch = _Stretch(self._line, facts, offset)
            try:
                if not is_unchanged(first, facts):
                    raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
                for chunk in stretch.chunks(path):
                    offset, progress = offset + len(chunk), True
                    yield chunk
                return
            except Broken as error:
                if not progress:
                    raise PlaceSilent(place=self._line.location, why=translate(error.why)) from error
                progress = False
            finally:
                stretch.close()

    def _failed(self, status: int, path: str) -> Exception:
        holder = self._holder(path) if faults.reason_of(status) == SkipReason.LOCKED else ""
        return faults.reading_failed(status, path, self._line.location, holder)

    def _holder(self, path: str) -> str:
        """Return who has a document open, from the note that Office keeps beside it; "" where there is none."""
        folder, slash, name = path.rpartition("/")
        for owner_file in owner_files_of(name):
            try:
                answers = self._line.ask(*self._requests(folder + slash + owner_file, 0))
                _facts, data = self._small(answers, 0)
            except (Refused, ReadFailed, NotFound):
                continue
            if holder := holder_in(data or b""):
                return holder
        return ""


class _Stretch:
    """One opened file that is being read, with requests under way. Closed once, whatever happens."""

    def __init__(self, line: Line, facts: Opened, offset: int) -> None:
        self._line, self._facts, self._offset = line, facts, offset
        self._under_way: deque[tuple[int, Sent]] = deque()
        self._open = True

    def chunks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes up to the end. Broken, Refused, ReadFailed(changed)."""
        held, place, size = b"", self._offset, self._facts.size
        while place < size:
            self._ask(size)
            start, sent = self._under_way.popleft()
            data = messages.data_read(self._line.take(sent)[0].must(faults.END_OF_FILE))
            if start != place or not data:
                raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
            place += len(data)
            if self._under_way and self._under_way[0][0] != place:
                self._ask_again_from(place)
            if held:
                yield held
            held = data
        self._open = False
        closing = self._line.send(messages.close_file(self._facts.file_id))
        after = messages.closed(self._line.take(closing)[0].must())
        if not is_unchanged(self._facts, after):
            raise ReadFailed(name=path, reason=SkipReason.CHANGED, detail="")
        if held:
            yield held

    def close(self) -> None:
        """Take what is still under way and close the file, unless the line is gone."""
        try:
            while self._under_way:
                self._line.take(self._under_way.popleft()[1])
            if self._open and self._line.is_open:
                self._open = False
                self._line.take(self._line.send(messages.close_file(self._facts.file_id)))
        except (Broken, PlaceSilent):
            self._under_way.clear()

    def _ask(self, size: int) -> None:
        """Keep the window full, as far as the server's credits go."""
        step = self._line.largest
        while self._offset < size and len(self._under_way) < WINDOW:
            length = min(step, size - self._offset)
            if self._under_way and not self._line.room(1 + (length >> 16)):
                return
            request = messages.read_file(self._offset, length, self._facts.file_id)
            self._under_way.append((self._offset, self._line.send(request)))
            self._offset += length

    def _ask_again_from(self, place: int) -> None:
        """A server gave less than was asked for: what is under way begins at the wrong place."""
        while self._under_way:
            self._line.take(self._under_way.popleft()[1])
        self._offset = place
