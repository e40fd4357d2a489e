"""One worker of a run: a process that reads files, packs them and stores the packs. It decides nothing.

It never outlives its parent: when that dies, the line between them closes and the worker ends at once. What it has
stored is in its journal before anybody hears of it, so that the next run need not send it again.
"""

import mmap
import os
import pickle
import socket
import threading
from collections.abc import Sequence
from hashlib import sha256
from typing import NoReturn

from kdx.backup.format.manifest import NOTHING, path_field, unescape
from kdx.backup.format.names import SEGMENT_BYTES, SEGMENTS, object_name
from kdx.backup.format.pack import Pack, PackBuilder, Piece, pack_memory
from kdx.backup.format.vault import Unit
from kdx.backup.saving.errand import (
    CLAIMED,
    MESSAGE_BYTES,
    PACK_MARK,
    SAME,
    Errand,
    Report,
    Task,
    failed_line,
    file_row,
)
from kdx.inventory.file_type import is_packed_already
from kdx.remotes.interface import Entry, Kind, NotFound, ReadFailed, Remote, SkipReason
from kdx.remotes.rights import rights_of
from kdx.remotes.whole import Memory, is_same, read_into

TRIES = 3
"""A file that changes while it is read is begun again so often, before it is said."""
EMPTY = sha256().hexdigest().encode("ascii")


class Packer:
    """One worker's own life: one pack in its hands, one on its way to the vault."""

    def __init__(self, errand: Errand, number: int, line: socket.socket) -> None:
        self._errand = errand
        self._number = number
        self._line = line
        self._source: Remote = errand.source.open()
        self._rights = rights_of(self._source)
        # one for each thread
        self._unit, self._packs_unit = (errand.vault.unit(errand.school) for _ in range(2))
        self._reading, self._sending = errand.reading, errand.sending
        self._journal = os.open(errand.journal(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._written = os.fstat(self._journal).st_size
        self._lock = threading.Lock()
        self._memory = pack_memory(), pack_memory()
        """Of the pack in hand and of the one on its way, by turns."""
        self._sheet = memoryview(mmap.mmap(-1, SEGMENT_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        """Where a file lies that is to be compressed, or a piece of a large one."""
        self._pack_number = 0
        self._pack = self._new_pack()
        self._bucket = ""
        self._sender: threading.Thread | None = None
        self._broken: BaseException | None = None
        self._objects = self._stored = 0
        self._packs: list[tuple[int, str]] = []

    def work(self) -> NoReturn:
        """Do tasks until the parent has gone. An empty message means: close what is open."""
        while message := self._line.recv(MESSAGE_BYTES):
            task: Task | None = pickle.loads(message)
            if task is None:
                self._close_pack()
                self._wait()
                self._tell(Report(self._number))
            elif not self._errand.stop.is_asked():
                self._do(task)
        os._exit(0)

    def _do(self, task: Task) -> None:
        if task.bucket != self._bucket:
            # a pack holds one fiscal year: what is to be forgotten with that year goes as whole packs
            self._close_pack()
            self._bucket = task.bucket
        with self._errand.todo(task.bucket).open("rb") as file:
            file.seek(task.offset)
            todo = file.read(task.length).split(b"\n")[:-1]
        lines: list[bytes] = []
        for line in todo:
            if self._errand.stop.is_asked():
                break
            path, known = line.split(b"\t")
            lines += self._take(path, known)
        offset, length = self._write(lines)
        self._tell(Report(self._number, task.bucket, task.number, offset, length, task.files, task.bytes))

    def _take(self, path: bytes, known: bytes) -> list[bytes]:
        """Return the rows of one file, or the line that says why there are none. `known`: its last digest, or `-`."""
        name = unescape(path).decode("utf-8", "surrogateescape")
        is_raw = is_packed_already(name)
        room = self._room_in_pack if is_raw else self._room_on_sheet
        reason = SkipReason.CHANGED
        for _try in range(TRIES):
            try:
                entry, content = read_into(self._source, name, room)
                if content is None:
                    return self._take_large(entry, path)
                return [self._take_small(entry, content, path, known, is_raw)]
            except NotFound:
                reason = SkipReason.VANISHED
                break
            except ReadFailed as failure:
                reason = failure.reason
                if reason != SkipReason.CHANGED:
                    break
        return [failed_line(Kind.FILE.value, reason.value, path)]

    def _room_in_pack(self, size: int) -> Memory | None:
        """Where a file lies that is kept as it is: there it becomes a member without being copied."""
        if size >= SEGMENT_BYTES:
            return None
        self._make_room(size)
        return self._pack.room(size)

    def _room_on_sheet(self, size: int) -> Memory | None:
        return (self._sheet[:size],) if size < SEGMENT_BYTES else None

    def _take_small(self, entry: Entry, content: Memory, path: bytes, known: bytes, is_raw: bool) -> bytes:
        self._reading.take(entry.size)
        acl = self._acl(entry)
        if not entry.size:
            return file_row(entry, acl, EMPTY, path, NOTHING, 0, 0)
        hashed = sha256()
        for view in content:
            hashed.update(view)
        digest = hashed.hexdigest()
        if digest.encode("ascii") == known:
            place = SAME, 0, 0
        elif found := self._errand.lookup.find(hashed.digest()):
            place = found.object.encode("ascii"), found.offset, found.length
        elif not self._errand.claims.claim(hashed.digest()):
            place = CLAIMED, 0, 0
        elif is_raw:
            place = self._in_pack(self._pack.keep(digest, entry.size))
        else:
            place = self._put_into_pack(digest, content[0])
        return file_row(entry, acl, digest.encode("ascii"), path, *place)

    def _acl(self, entry: Entry) -> bytes:
        return path_field(self._rights(entry)) or NOTHING

    def _put_into_pack(self, digest: str, content: Piece) -> tuple[bytes, int, int]:
        self._make_room(len(content))
        return self._in_pack(self._pack.add(digest, content))

    def _in_pack(self, frame: tuple[int, int]) -> tuple[bytes, int, int]:
        """Given offset and length of a frame in the pack in hand, return its place."""
        return PACK_MARK + b"%d" % self._pack_number, *frame

    def _make_room(self, size: int) -> None:
        if not self._pack.has_room(size):
            self._close_pack()

    def _take_large(self, entry: Entry, path: bytes) -> list[bytes]:
        """Cut a file into segments. What a change in the middle leaves behind is referred to by nobody."""
        whole, places = sha256(), []
        held = 0
        for chunk in self._source.read(entry.path):
            self._reading.take(len(chunk))
            whole.update(chunk)
            rest = memoryview(chunk)
            while rest:
                part = rest[: SEGMENT_BYTES - held]
                self._sheet[held : held + len(part)] = part
                held, rest = held + len(part), rest[len(part) :]
                if held == SEGMENT_BYTES:
                    places.append(self._put_segment(self._sheet))
                    held = 0
                    if self._errand.stop.is_asked():
                        return []
        if held:
            places.append(self._put_segment(self._sheet[:held]))
        if not is_same(entry, self._source.stat(entry.path)):
            raise ReadFailed(name=entry.path, reason=SkipReason.CHANGED, detail="")
        digest, acl = whole.hexdigest().encode("ascii"), self._acl(entry)
        return [file_row(entry, acl, digest, path, *place) for place in places]

    def _put_segment(self, content: memoryview) -> tuple[bytes, int, int]:
        digest = sha256(content).hexdigest()
        name = object_name(SEGMENTS, digest)
        if self._errand.present.get(name) != len(content):
            if self._is_taken(name) or not self._store(self._unit, name, (content,), len(content)):
                # damaged bytes have its own name, and nothing is ever written over
                return self._put_into_pack(digest, content)
            self._errand.present[name] = len(content)
        return name.encode("ascii"), 0, len(content)

    def _is_taken(self, name: str) -> bool:
        """Whether something has this name that is not what it says: noted, marked, or of another size."""
        return name in self._errand.taken or name in self._errand.present

    def _store(self, unit: Unit, name: str, pieces: Sequence[Piece], size: int) -> bool:
        pace = self._sending.take if self._sending.is_capped else None
        if not unit.put(name, pieces, size, pace):
            return False
        with self._lock:
            self._objects, self._stored = self._objects + 1, self._stored + size
        return True

    def _close_pack(self) -> None:
        """Hand the pack to the thread that stores it; wait only for the one before."""
        if self._pack:
            self._wait()
            pack, number = self._pack.finish(), self._pack_number
            self._sender = threading.Thread(target=self._send, args=(pack, number), daemon=True)
            self._sender.start()
            self._pack_number = number + 1
            self._pack = self._new_pack()

    def _new_pack(self) -> PackBuilder:
        return PackBuilder(self._memory[self._pack_number % 2], self._errand.taken)

    def _send(self, pack: Pack, number: int) -> None:
        try:
            # a killed run may have stored this very pack
            is_there = self._errand.present.get(pack.name) == pack.size
            while not is_there and (
                self._is_taken(pack.name) or not self._store(self._packs_unit, pack.name, pack.pieces, pack.size)
            ):
                pack = pack.under_another_name()
            self._packs.append((number, pack.name))
            self._write([b"%s\t%d\t%s\t%d\n" % (PACK_MARK, number, pack.name.encode("ascii"), pack.size)])
        except BaseException as error:
            self._broken = error

    def _wait(self) -> None:
        if self._sender:
            self._sender.join()
            self._sender = None
        if self._broken:
            raise self._broken

    def _write(self, lines: list[bytes]) -> tuple[int, int]:
        """Write lines down and return where they stand."""
        data = b"".join(lines)
        with self._lock:
            offset = self._written
            left = memoryview(data)
            while left:
                left = left[os.write(self._journal, left) :]
            self._written += len(data)
        return offset, len(data)

    def _tell(self, report: Report) -> None:
        with self._lock:
            objects, stored, packs = self._objects, self._stored, tuple(self._packs)
            self._objects = self._stored = 0
            self._packs.clear()
        self._line.send(pickle.dumps(report._replace(objects=objects, stored=stored, packs=packs)))
