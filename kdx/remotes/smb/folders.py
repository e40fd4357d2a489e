"""Look into the folders of an SMB share: everything about a folder in one round trip, the next ones on their way.

While a caller works on one folder, the answers for those it will look into next already travel: over a line of 30 ms
this is what makes a walk fast. Whoever goes through a tree goes on with the folder it saw last (walk(), a scan's
worker); for anybody else nothing is wrong, only some answers are not used.

A loop (Samba shows a link to "." as a folder in itself, 40 deep) is found by the ids of a folder's ancestors, confirmed
with the volume, and reported as a link.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from posixpath import relpath
from typing import Any

from kdx.remotes.smb import faults, messages
from kdx.remotes.interface import Entry, Kind, NotFound, SkipReason
from kdx.remotes.smb.line import Answer, Line, Sent
from kdx.remotes.smb.entries import Listed, entries_in
from kdx.remotes.smb.faults import Broken, Refused
from kdx.remotes.smb.messages import (
    ANSWER,
    FOLDER_ONLY,
    LIST_FOLDER,
    NOT_THROUGH_LINKS,
    OWNER_GROUP_AND_RIGHTS,
    READ_ATTRIBUTES,
    READ_CONTROL,
    SECURITY,
)
from kdx.remotes.smb.names import on_server
from kdx.remotes.smb.security import sddl

AHEAD = 12
"""Folders asked for before they are needed."""
KEPT = 2 * AHEAD
"""Answers that may wait to be needed, the oldest are let go."""
SKIPPED = 64
"""A caller may leave out so many folders in a row, by pattern, and is still followed."""
FRESH_SECONDS = 5.0
"""An answer that waited longer is asked for again."""
FOLDERS_KNOWN = 10_000
"""Ids of so many folders are kept to find loops; of others they are asked for."""
_NEED = 64
"""Credits that must be left for whoever asks next."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in a folder, and the folder's own id and rights as SDDL."""

    listed: Sequence[Listed]
    file_id: int
    rights: str


class Folders:
    """Lists folders over one line. One instance per thread."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._ahead: OrderedDict[str, tuple[float, Sent]] = OrderedDict()
        self._expected: deque[str] = deque(maxlen=FOLDERS_KNOWN)
        self._last: tuple[str, str] = "", ""

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries of a folder in the order of their names' bytes. Raises as Remote.list() says."""
        found = self._look(folder)
        self._last = folder, found.rights
        self._learn(folder, found.file_id)
        ancestors = self._ancestors(folder)
        prefix = f"{folder}/" if folder else ""
        entries = []
        for name, entry, file_id, _changed in found.listed:
            if entry.kind == Kind.DIRECTORY and file_id in ancestors and entry.skip is None:
                entry = self._loop(prefix + name, ancestors[file_id], entry)
            entries.append(entry._replace(path=prefix + name))
        entries.sort(key=lambda entry: entry.path.encode("utf-8"))
        self._follow(folder)
        self._expected.extend(entry.path for entry in entries if entry.kind == Kind.DIRECTORY and entry.skip is None)
        self._look_ahead()
        yield from entries

    def rights(self, folder: str) -> str:
        """Return the SDDL of the folder that was listed last, "" where it may not be known."""
        listed, text = self._last
        return text if listed == folder else ""

    def forget(self) -> None:
        """Take no answer that is on its way any more, and expect nothing."""
        self._ahead.clear()
        self._expected.clear()

    def _look(self, folder: str) -> Folder:
        try:
            answers = self._ahead_of(folder) or self._line.ask(*self._requests(folder))
            if answers[0].status == faults.ACCESS_DENIED:
                # who may list a folder need not be allowed to read its rights
                answers = self._line.ask(*self._requests(folder, rights=False))
            return self._whole(folder, answers)
        except Refused as refusal:
            raise faults.reading_failed(refusal.status, folder, self._line.location) from None

    def _whole(self, folder: str, answers: Sequence[Answer]) -> Folder:
        opened, first, second, rights, _closed = answers
        opened.must()
        listed = list(_entries(first))
        if listed and second.status != faults.NO_MORE_FILES:
            second.must()
            listed = list(self._long(folder))
        own = next((found.file_id for found in listed if found.name == "."), 0)
        return Folder([found for found in listed if found.name not in (".", "..")], own, _sddl(rights))

    def _long(self, folder: str) -> Iterator[Listed]:
        """Yield the entries of a folder that is too long for one answer."""
        handle = messages.opened(self._line.ask(self._opening(folder, LIST_FOLDER))[0].must()).file_id
        try:
            while True:
                # another connection would not know the handle: what breaks here breaks the listing
                answer = self._line.ask_once(messages.list_folder("*", self._line.largest, handle))[0]
                if answer.status == faults.NO_MORE_FILES:
                    return
                yield from _entries(answer)
        finally:
            self._line.ask_once(messages.close_file(handle))

    def _requests(self, folder: str, rights: bool = True) -> Sequence[Any]:
        access = LIST_FOLDER | READ_ATTRIBUTES | (READ_CONTROL if rights else 0)
        return (
            self._opening(folder, access),
            messages.list_folder("*", self._line.largest),
            messages.list_folder("*", ANSWER),
            messages.ask_about(SECURITY, additional=OWNER_GROUP_AND_RIGHTS),
            messages.close_file(),
        )

    def _opening(self, folder: str, access: int) -> Any:
        return messages.open_file(self._name(folder), access, FOLDER_ONLY | NOT_THROUGH_LINKS)

    def _name(self, folder: str) -> str:
        return name_there(self._line, folder)

    def _ahead_of(self, folder: str) -> Sequence[Answer] | None:
        """Return the answers that are on their way for a folder, None where there are none that count."""
        since, sent = self._ahead.pop(folder, (0.0, None))
        if sent is None:
            return None
        try:
            answers = self._line.take(sent)
        except Broken:
            self.forget()
            return None
        return answers if time.monotonic() - since < FRESH_SECONDS else None

    def _follow(self, folder: str) -> None:
        """Take note of where the caller is: what it passed over it will not ask for."""
        for _count in range(min(SKIPPED, len(self._expected))):
            if self._expected.pop() == folder:
                return
        # it began somewhere else
        self._expected.clear()

    def _look_ahead(self) -> None:
        """Ask for the folders the caller will look into next, as far as the server's credits go."""
        for folder in list(islice(reversed(self._expected), AHEAD)):
            if folder in self._ahead:
                continue
            while len(self._ahead) >= KEPT:
                self._ahead_of(next(iter(self._ahead)))
            if not self._line.room(_NEED):
                return
            try:
                self._ahead[folder] = time.monotonic(), self._line.send(*self._requests(folder))
            except Broken:
                self.forget()
                return

    def _learn(self, folder: str, file_id: int) -> None:
        self._ids[folder] = file_id
        self._ids.move_to_end(folder)
        if len(self._ids) > FOLDERS_KNOWN:
            self._ids.popitem(last=False)

    def _ancestors(self, folder: str) -> dict[int, str]:
        """Return the ids of a folder and of all it lies in, with their paths."""
        found: dict[int, str] = {}
        above: str | None = folder
        while above is not None:
            if above not in self._ids:
                self._learn(above, self._id_of(above))
            self._ids.move_to_end(above)
            if self._ids[above]:
                found[self._ids[above]] = above
            above = (above.rpartition("/")[0] if "/" in above else "") if above else None
        return found

    def _id_of(self, folder: str) -> int:
        _opened, answer, _closed = self._line.ask(*asking_id(self._name(folder)))
        return id_in(answer)

    def _loop(self, path: str, ancestor: str, entry: Entry) -> Entry:
        """Return a folder that has the id of one it lies in as a link, if it is that one indeed."""
        same = [self._disk_id(one) for one in (path, ancestor)]
        if same[0] is None or same[0] != same[1]:
            # ids may repeat from volume to volume (Samba puts the disk's number into them, others need not)
            return entry
        link = relpath(ancestor or ".", path.rpartition("/")[0] or ".")
        return entry._replace(kind=Kind.LINK.value, link=link, skip=SkipReason.LINK.value)

    def _disk_id(self, folder: str) -> tuple[object, ...] | None:
        opening = messages.open_file(self._name(folder), READ_ATTRIBUTES, FOLDER_ONLY, with_disk_id=True)
        answer, _closed = self._line.ask(opening, messages.close_file())
        if answer.status:
            return None
        facts = messages.opened(answer.body)
        return facts.disk_id, facts.made, facts.changed


def name_there(line: Line, path: str) -> str:
    """Return a path as the server takes it. NotFound where no such name can be there."""
    from kdx.remotes.interface import NameRefused

    try:
        return on_server(line.base, path)
    except NameRefused:
        raise NotFound(name=path) from None


def asking_id(name: str) -> Sequence[Any]:
    """Return the requests that tell how something is, and its id."""
    return (
        messages.open_file(name, READ_ATTRIBUTES, NOT_THROUGH_LINKS),
        messages.ask_about(messages.FILE, messages.INTERNAL_INFORMATION),
        messages.close_file(),
    )


def id_in(answer: Answer) -> int:
    """Return the file id that was asked for, 0 where the server does not say."""
    return 0 if answer.status else int.from_bytes(messages.data_answered(answer.body)[:8], "little")


def _entries(answer: Answer) -> Iterator[Listed]:
    """Yield what one answer holds. Refused. The root of an empty disk has not even a "."."""
    if answer.status not in (faults.NO_MORE_FILES, faults.NOT_FOUND_IN_FOLDER):
        yield from entries_in(messages.data_answered(answer.must()))


def _sddl(answer: Answer) -> str:
    return "" if answer.status else sddl(messages.data_answered(answer.body))
