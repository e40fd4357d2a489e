"""One worker of a scan: a process that lists folders, hashes files and writes down what it saw. It decides nothing.

It never outlives its parent: when that dies, however it dies, the line between them closes and the worker ends at once.
Nothing it meets in the share stops it but the share's own end; a file it cannot read becomes a row that says so.
"""

import errno
import pickle
import select
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from kdx.inventory.access import mode_text
from kdx.inventory.catalog.rows import journal_line
from kdx.inventory.errand import BATCH_BYTES, BATCH_FILES, MESSAGE_BYTES, Errand, Report, Task, packed, unpacked
from kdx.inventory.ignore import ignore_matcher
from kdx.inventory.rights import RightsJournal
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.listed import digest_paced
from kdx.state.journal import Journal

REPORT_SECONDS = 0.1
FILE, DIRECTORY = Kind.FILE.value, Kind.DIRECTORY.value
LEFT = {Kind.LINK.value: SkipReason.LINK.value, Kind.OTHER.value: SkipReason.SPECIAL.value}
"""Kinds that are catalogued and left by rule: links are not followed, pipes and devices not opened."""
BATCH_LINES = 1000
"""So many lines are written at once: a folder may hold a million names, and they must not stand in memory."""


class Worker:
    """One worker's own life: take a task, do it with all that grows out of it, say so."""

    def __init__(
        self, errand: Errand, number: int, put: socket.socket, take: socket.socket, tell: socket.socket
    ) -> None:
        self._remote: Remote = errand.place.open()
        self._walks_at_once = errand.place.walks_at_once
        self._read_content, self._pace = errand.read_content, errand.take
        self._ignored = ignore_matcher(errand.ignore)
        self._seen = Journal(errand.journal("walk" if errand.read_content else "names", number))
        self._hashed = self._seen if errand.read_content else Journal(errand.journal("hash", number))
        self._rights = RightsJournal(errand.journal("rights", number))
        self._put, self._take, self._tell = put, take, tell
        self._queue = select.poll()
        self._queue.register(take, select.POLLIN)
        self._folders: deque[Entry] = deque()
        self._entries = self._files = self._bytes = 0
        self._report_at = 0.0

    def work(self) -> NoReturn:
        """Do tasks until the parent has gone."""
        while True:
            task = unpacked(self._take.recv(MESSAGE_BYTES))
            if task.folder is None:
                self._hash(task.files)
            elif task.folder.path:
                self._walk(task.folder)
            elif self._walks_at_once:
                self._walk_at_once()
            else:
                self._note_root()
                self._walk(task.folder)
            self._report(finished=1)

    def _note_root(self) -> None:
        """Keep the mode of the share's own folder, with which those in it are compared; an access list replaces it."""
        try:
            self._rights.note_root(mode_text(self._remote.stat("").mode))
        except (NotFound, ReadFailed):
            # listing it says what is the matter
            return

    def _walk(self, folder: Entry) -> None:
        self._folders.append(folder)
        while self._folders:
            if len(self._folders) > 1:
                self._share_folder()
            self._look_into(self._folders.pop())
            self._report_if_due()

    def _walk_at_once(self) -> None:
        """Write down the whole share in one walk; its files are hashed as they come, never all kept."""
        files = self._files_of(self._remote.walk())
        lines, weight = [], 0
        for entry in self._digested(files) if self._read_content else files:
            lines.append(journal_line(entry))
            self._files += entry.sha256 is not None
            self._bytes += entry.size if entry.sha256 is not None else 0
            weight += entry.size
            if len(lines) >= BATCH_LINES or weight >= BATCH_BYTES:
                self._write(self._hashed, lines)
                self._report_if_due()
                lines, weight = [], 0
        self._write(self._hashed, lines)

    def _files_of(self, walk: Iterator[Entry]) -> Iterator[Entry]:
        """Write down what a walk finds, and yield the files that are left to be hashed."""
        lines: list[str] = []
        ignored: set[str] = set()
        for entry in walk:
            folder, _slash, name = entry.path.rpartition("/")
            if folder in ignored:
                # a walk goes on below a folder that is left by rule; nothing there is anybody's business
                if entry.kind == DIRECTORY:
                    ignored.add(entry.path)
                continue
            if self._ignored(name):
                if entry.kind == DIRECTORY:
                    ignored.add(entry.path)
                entry = entry._replace(skip=SkipReason.IGNORED.value)
            elif entry.skip is None and entry.kind in LEFT:
                entry = entry._replace(skip=LEFT[entry.kind])
            elif entry.skip is None and entry.kind == FILE and self._read_content:
                yield entry
                continue
            lines.append(journal_line(entry))
            if len(lines) >= BATCH_LINES:
                self._write(self._seen, lines)
                self._report_if_due()
                lines = []
        self._write(self._seen, lines)
        # asked while the server hashes what is left
        self._note_root()

    def _look_into(self, folder: Entry) -> None:
        """Write down a folder and what lies in it; its folders are kept for later."""
        reason, rights = None, ""
        try:
            files = self._list(folder)
            rights = self._rights.note(folder.path, self._remote.access(folder.path))
        except ReadFailed as failure:
            files, reason = [], failure.reason.value
        except NotFound:
            files, reason = [], SkipReason.VANISHED.value
        if folder.path:
            self._write(self._seen, [journal_line(folder._replace(skip=reason, acl=rights))])
        self._hash(files)

    def _list(self, folder: Entry) -> list[Entry]:
        """Write down what lies in a folder, and return the files that are left to be hashed."""
        start = len(folder.path) + 1 if folder.path else 0
        lines: list[str] = []
        files: list[Entry] = []
        for entry in self._remote.list_names(folder.path) if self._read_content else self._remote.list(folder.path):
            kind = entry.kind
            if self._ignored(entry.path[start:]):
                entry = self._whole(entry)._replace(skip=SkipReason.IGNORED.value)
            elif entry.skip is None and kind == DIRECTORY:
                self._folders.append(entry)
                continue
            elif entry.skip is None and kind == FILE and self._read_content:
                files.append(entry)
                if len(files) >= BATCH_FILES:
                    self._share_or_hash(files)
                    files = []
                continue
            elif entry.skip is None and kind in LEFT:
                entry = entry._replace(skip=LEFT[kind])
            lines.append(journal_line(entry))
            if len(lines) >= BATCH_LINES:
                self._write(self._seen, lines)
                lines = []
        self._write(self._seen, lines)
        return files

    def _whole(self, entry: Entry) -> Entry:
        """Return an entry with size and time; list_names() leaves them out."""
        try:
            return self._remote.stat(entry.path) if entry.kind == FILE and self._read_content else entry
        except (NotFound, ReadFailed):
            return entry

    def _hash(self, files: Sequence[Entry]) -> None:
        """Hash files; of many bytes half of what is left goes to whoever is free."""
        lines = []
        weight = 0
        digested = self._digested(files)
        for done, entry in enumerate(digested, 1):
            lines.append(journal_line(entry))
            if entry.sha256 is not None:
                self._files += 1
                self._bytes += entry.size
                weight += entry.size
                if weight >= BATCH_BYTES:
                    self._write(self._hashed, lines)
                    self._report_if_due()
                    lines, weight = [], 0
                    half = (done + len(files) + 1) // 2
                    if half < len(files) and self._nothing_waits and self._give(Task(files=files[half:])):
                        self._hash(files[done:half])
                        break
        self._write(self._hashed, lines)

    def _digested(self, files: Iterable[Entry]) -> Iterator[Entry]:
        if self._pace is None:
            return self._remote.digest_listed(files)
        return digest_paced(self._remote, files, self._pace)

    def _write(self, journal: Journal, lines: list[str]) -> None:
        journal.write_lines(lines)
        self._entries += len(lines)

    def _share_folder(self) -> None:
        if self._nothing_waits and self._give(Task(folder=self._folders[0])):
            self._folders.popleft()

    def _share_or_hash(self, files: list[Entry]) -> None:
        if not (self._nothing_waits and self._give(Task(files=files))):
            self._hash(files)
            self._report_if_due()

    def _report_if_due(self) -> None:
        if time.monotonic() >= self._report_at:
            self._report()

    @property
    def _nothing_waits(self) -> bool:
        return not self._queue.poll(0)

    def _give(self, task: Task) -> bool:
        """Put a task into the queue for whoever is free. False where it does not fit; it is still ours then."""
        # told before it is put: the parent must not hear that it is finished before it hears that it exists
        self._report(given=1)
        try:
            self._put.send(packed(task), socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EMSGSIZE):
                raise
            self._report(finished=1)
            return False
        return True

    def _report(self, given: int = 0, finished: int = 0) -> None:
        self._seen.flush()
        self._hashed.flush()
        self._rights.flush()
        self._tell.send(pickle.dumps(Report(given, finished, self._entries, self._files, self._bytes)))
        self._entries = self._files = self._bytes = 0
        self._report_at = time.monotonic() + REPORT_SECONDS
