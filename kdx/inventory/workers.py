"""Processes that look at a share: they list folders, hash files and write down what they saw. They decide nothing.

All wait at one queue that the kernel keeps, and whoever is free takes the next task. A worker that holds several tasks
puts one back whenever nothing waits there, so nobody idles, and no list of names grows in one place. Workers write
their own journals and tell the parent numbers only. They never outlive it: when it dies, however it dies, the line
between them closes and each ends at once.
"""

import errno
import os
import pickle
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn

from kdx.errors import KdxError
from kdx.inventory.catalog.rows import journal_line
from kdx.inventory.ignore import ignore_matcher
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason
from kdx.state.journal import Journal

BATCH_FILES = 256
BATCH_BYTES = 32 << 20
"""Up to so many files and bytes are hashed as one task: some 3 to 30 ms of work on one core, so that the last tasks of
a scan keep all cores busy, and so few messages that they cost nothing."""
REPORT_SECONDS = 0.1
FILE, DIRECTORY = Kind.FILE.value, Kind.DIRECTORY.value
LEFT = {Kind.LINK.value: SkipReason.LINK.value, Kind.OTHER.value: SkipReason.SPECIAL.value}
"""Kinds that are catalogued and left by rule: links are not followed, pipes and devices not opened."""
MESSAGE_BYTES = 1 << 18
"""Longer than any message."""
BATCH_LINES = 1000
"""So many lines are written at once: a folder may hold a million names, and they must not stand in memory."""
BATCH_LETTERS = 20_000
"""What the paths of one task may weigh: at four bytes a letter well below what a Unix socket takes as one message."""


class Task(NamedTuple):
    """One thing to do: go through a folder with all below it, or hash files of one folder."""

    folder: Entry | None = None
    files: Sequence[Entry] = ()


class Report(NamedTuple):
    """What a worker says. Tasks are counted so that the parent knows when all is done."""

    given: int = 0
    """Tasks put back into the queue for others, said before they are put there."""
    finished: int = 0
    entries: int = 0
    """Entries written down."""
    hashed: int = 0
    """Files among them whose content was read."""
    bytes: int = 0
    failure: tuple[type[KdxError], dict[str, object]] | str | None = None
    """A KdxError taken apart, or the trace of a bug."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What all workers of a scan need to know."""

    place: Place
    ignore: tuple[str, ...]
    read_content: bool
    """Hash files at once while walking; otherwise only those that are sent as tasks."""
    journals: Path
    """How the names of journals begin: a worker writes …-walk-NUMBER.ndjson or …-names-NUMBER.ndjson (what it saw, with
    content and without) and …-hash-NUMBER.ndjson (what it was sent to hash after a walk of names)."""

    def journal(self, stage: str, number: int) -> Path:
        """Return the journal of one worker."""
        return self.journals.with_name(f"{self.journals.name}-{stage}-{number}.ndjson")


class WorkerDied(KdxError):
    """A worker process ended without having been told to."""

    message = N_("A worker process of the scan ended unexpectedly (signal or exit code {code}).")
    advice = N_("It may have run out of memory. Run the same command again; it goes on where it stopped.")


class WorkerFailed(KdxError):
    """A worker met something nobody thought of."""

    message = N_("A worker process of the scan failed: {trace}")


class Workers:
    """The parent's side. Use as a context manager: leaving it ends every worker, whatever they were doing."""

    def __init__(self, errand: Errand, processes: int) -> None:
        # what a worker needs is loaded before it is forked: once, not once in each
        errand.place.open().close()
        self._put, self._take = _socket_pair()
        self._hear, self._tell = _socket_pair()
        self._outstanding = 0
        self._limit = 2 * processes + 2
        self._pids = [self._start(errand, number) for number in range(processes)]

    def _start(self, errand: Errand, number: int) -> int:
        # forked, not started afresh: 1 ms against 50 ms of processor time each, and a rescan of 20,000 files has 300.
        # A worker runs Python only and touches nothing a thread of the parent may have held: it closes what it
        # inherited, opens its own Remote and ends without looking back.
        pid = os.fork()
        if pid == 0:
            self._hear.close()
            _be_worker(errand, number, self._put, self._take, self._tell)
        return pid

    def __enter__(self) -> "Workers":
        self._tell.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        for pid in self._pids:
            os.waitpid(pid, 0)

    def dismiss(self) -> None:
        """End every worker, whatever it is doing; nothing can be sent any more."""
        for line in (self._hear, self._put, self._take):
            line.close()
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def send(self, task: Task) -> None:
        """Put a task into the queue."""
        self._put.send(_packed(task))
        self._outstanding += 1

    def run(self, tasks: Iterable[Task], tell: Callable[[Report], None]) -> Report:
        """Send the tasks as fast as they are done, and return the sum of all reports when nothing is left to do.

        `tell` hears every report. Raises what a worker raised, or WorkerDied.
        """
        total = Report()
        for task in tasks:
            while self._outstanding >= self._limit:
                total = self._hear_one(total, tell)
            self.send(task)
        while self._outstanding:
            total = self._hear_one(total, tell)
        return total

    def _hear_one(self, total: Report, tell: Callable[[Report], None]) -> Report:
        while not select.select([self._hear], [], [], 1.0)[0]:
            self._count_heads()
        message = self._hear.recv(MESSAGE_BYTES)
        if not message:
            self._count_heads()
            raise WorkerDied(code="?")
        report: Report = pickle.loads(message)
        if isinstance(report.failure, str):
            raise WorkerFailed(trace=report.failure)
        if report.failure:
            raise report.failure[0](**report.failure[1])
        self._outstanding += report.given - report.finished
        tell(report)
        return Report(
            entries=total.entries + report.entries,
            hashed=total.hashed + report.hashed,
            bytes=total.bytes + report.bytes,
        )

    def _count_heads(self) -> None:
        for pid in list(self._pids):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._pids.remove(pid)
                raise WorkerDied(code=os.waitstatus_to_exitcode(status))


def _packed(task: Task) -> bytes:
    # entries as plain tuples: a class by name for each would double the message
    return pickle.dumps((task.folder and tuple(task.folder), [tuple(entry) for entry in task.files]))


def _unpacked(message: bytes) -> Task:
    folder, files = pickle.loads(message)
    return Task(folder and Entry._make(folder), [Entry._make(entry) for entry in files])


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _be_worker(
    errand: Errand, number: int, put: socket.socket, take: socket.socket, tell: socket.socket
) -> NoReturn:
    _close_all_but(0, 1, 2, put.fileno(), take.fileno(), tell.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(tell,), daemon=True).start()
    try:
        Worker(errand, number, put, take, tell).work()
    except BaseException as error:
        _tell_failure(tell, error)
    finally:
        os._exit(1)


def _close_all_but(*kept: int) -> None:
    """Let go of what was inherited: locks, the ledger, pipes that others wait to see closed."""
    for last, following in pairwise(sorted(kept)):
        os.closerange(last + 1, following)
    os.closerange(max(kept) + 1, os.sysconf("SC_OPEN_MAX"))


def _end_with_parent(tell: socket.socket) -> None:
    try:
        tell.recv(1)
    finally:
        # nothing is ever sent this way: an end, or an error where reports were left unread, is the parent's end
        os._exit(0)


def _tell_failure(tell: socket.socket, error: BaseException) -> None:
    import traceback

    failure = (type(error), error.values) if isinstance(error, KdxError) else "".join(traceback.format_exception(error))
    tell.send(pickle.dumps(Report(failure=failure)))


class Worker:
    """One worker's own life: take a task, do it with all that grows out of it, say so."""

    def __init__(
        self, errand: Errand, number: int, put: socket.socket, take: socket.socket, tell: socket.socket
    ) -> None:
        self._remote: Remote = errand.place.open()
        self._read_content = errand.read_content
        self._ignored = ignore_matcher(errand.ignore)
        self._seen = Journal(errand.journal("walk" if errand.read_content else "names", number))
        self._hashed = self._seen if errand.read_content else Journal(errand.journal("hash", number))
        self._put, self._take, self._tell = put, take, tell
        self._queue = select.poll()
        self._queue.register(take, select.POLLIN)
        self._folders: deque[Entry] = deque()
        self._entries = self._files = self._bytes = 0
        self._report_at = 0.0

    def work(self) -> NoReturn:
        """Do tasks until the parent has gone."""
        while True:
            task = _unpacked(self._take.recv(MESSAGE_BYTES))
            if task.folder is None:
                self._hash(task.files)
            else:
                self._walk(task.folder)
            self._report(finished=1)

    def _walk(self, folder: Entry) -> None:
        self._folders.append(folder)
        while self._folders:
            if len(self._folders) > 1:
                self._share_folder()
            self._look_into(self._folders.pop())
            self._report_if_due()

    def _look_into(self, folder: Entry) -> None:
        """Write down a folder and what lies in it; its folders are kept for later."""
        reason = None
        try:
            files = self._list(folder)
        except ReadFailed as failure:
            files, reason = [], failure.reason.value
        except NotFound:
            files, reason = [], SkipReason.VANISHED.value
        if folder.path:
            self._write(self._seen, [journal_line(folder._replace(skip=reason))])
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
        digested = self._remote.digest_listed(files)
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
            self._put.send(_packed(task), socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EMSGSIZE):
                raise
            self._report(finished=1)
            return False
        return True

    def _report(self, given: int = 0, finished: int = 0) -> None:
        self._seen.flush()
        self._hashed.flush()
        self._tell.send(pickle.dumps(Report(given, finished, self._entries, self._files, self._bytes)))
        self._entries = self._files = self._bytes = 0
        self._report_at = time.monotonic() + REPORT_SECONDS
