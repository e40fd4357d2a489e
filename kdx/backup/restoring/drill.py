"""A drill: restore a part of a share to scratch, compare it byte for byte with what the manifest says, time it.

The restore is the real one. What came back is read again from the disk and hashed here: neither the restore's word nor
the vault's is taken. Scratch is removed however the drill ends, because it holds what children and teachers wrote.
"""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import BinaryIO

from kdx.backup.format.chain import Stored
from kdx.backup.format.manifest import escape, unescape
from kdx.backup.restoring.drill_result import Drill
from kdx.backup.restoring.restore import pick, restore
from kdx.backup.restoring.restored import Restored, Source, Wish
from kdx.backup.restoring.stock import Stock, take_stock, turn_of_entry
from kdx.backup.restoring.turns import TURNS, Choice, Drilled, week_of
from kdx.backup.restoring.wanted import Fault, Selection, Wanted
from kdx.config.location import parse_location
from kdx.errors import DiskFull, KdxError
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import Kind
from kdx.state.folder import StateFolder, StateUnusable, full_disk_explained
from kdx.transfer.limit import Rate

DIFFERENT = N_("what came back is not what was stored")
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms drills are done."""

    state: StateFolder
    zone: tzinfo
    week_bytes: int
    """So much may be read back of a school in a week."""
    scratch: Path | None = None
    """A folder to restore to instead of the state folder's own: other hardware."""
    whole: bool = False
    """Bring back everything, whatever the budget says."""
    dry_run: bool = False
    rate: int | None | Rate = None
    """Bytes per second, or what tells them at any moment."""


def drill_school(
    sources: list[Source], terms: Terms, clock: Callable[[], datetime], progress: Progress = SILENT
) -> Iterator[Drill | KdxError]:
    """Drill the shares of one school, the one whose turn is longest ago first, until the week's budget is spent.

    A share that cannot be drilled is its error: it does not stop the others.
    """
    memory = {source.share: Memory(terms.state, source) for source in sources}
    week = week_of(clock(), terms.zone)
    left = terms.week_bytes - sum(one.load().spent_since(week) for one in memory.values())
    for source in sorted(sources, key=lambda source: memory[source.share].load().last):
        try:
            before = memory[source.share].load().spent_since(week)
            yield _drill(source, memory[source.share], terms, left, clock, progress)
            left -= memory[source.share].load().spent_since(week) - before
        except KdxError as error:
            yield error


class Memory:
    """What the drills of a share have read, in the state folder."""

    def __init__(self, state: StateFolder, source: Source) -> None:
        self._file = state.drill(source.share) / "drilled.json"
        self._vault = source.vault.about.id

    def load(self) -> Drilled:
        """Return it; nothing where there is none, where it is of another vault, or where it cannot be read."""
        try:
            facts = json.loads(self._file.read_text("ascii"))
            if facts["vault"] != self._vault or facts["turns"] != TURNS:
                return Drilled(self._vault)
            read = {int(turn): datetime.fromisoformat(when) for turn, when in facts["read"].items()}
            spent = tuple((datetime.fromisoformat(when), int(size)) for when, size in facts["spent"])
            return Drilled(self._vault, read, spent)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # forgetting costs one more rotation and nothing else
            return Drilled(self._vault)

    def save(self, drilled: Drilled) -> None:
        """Write it, whole or not at all."""
        facts = {
            "vault": drilled.vault,
            "turns": TURNS,
            "read": {turn: when.isoformat() for turn, when in sorted(drilled.read.items())},
            "spent": [(when.isoformat(), size) for when, size in drilled.spent],
        }
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(facts), "ascii")
        part.replace(self._file)


def _drill(
    source: Source, memory: Memory, terms: Terms, left: int, clock: Callable[[], datetime], progress: Progress
) -> Drill:
    with terms.state.lock(f"drill-{source.share}"):
        stored, alarms = pick(source, None)
        stock = take_stock(source, stored)
        drilled = memory.load()
        choice = stock.choose(drilled, terms.whole, left, terms.week_bytes)
        done = _described(source, stored, stock, choice, alarms, terms, clock())
        if choice.turns and not terms.dry_run:
            with _scratch(terms, source, stock.restored(choice)) as folder:
                done = _carry_out(done, frozenset(choice.turns), folder, terms.rate, clock, progress)
            drilled = drilled.after(choice.turns, choice.bytes, done.started, passed=not done.faults)
            memory.save(drilled)
        return replace(done, proven=stock.part(drilled.read), oldest=drilled.oldest(stock.held))


def _described(
    source: Source, stored: Stored, stock: Stock, choice: Choice, alarms: list[KdxError], terms: Terms, now: datetime
) -> Drill:
    """Return the drill as it will be, if all goes well."""
    return Drill(
        source=source,
        snapshot=stored,
        whole=terms.whole,
        files=sum(stock.files[turn] for turn in choice.turns),
        bytes=stock.restored(choice),
        faults=(),
        alarms=tuple(alarms),
        started=now,
        ended=now,
        proven=0.0,
        oldest=None,
        too_large=sum(stock.stored[turn] for turn in choice.too_large),
    )


class Sample(Selection):
    """The files of some turns; with `whole`, folders and links too. Writes down what was chosen, to be compared."""

    def __init__(self, turns: frozenset[int], whole: bool, listed: BinaryIO) -> None:
        super().__init__()
        self._turns = turns
        self._whole = whole
        self._listed = listed
        self.is_part = True

    def where(self, entry: Wanted) -> str | None:
        """Return where an entry goes: to its own path, or nowhere."""
        if entry.kind != Kind.FILE:
            return entry.path if self._whole else None
        if turn_of_entry(entry) not in self._turns:
            return None
        path = escape(os.fsencode(entry.path))
        self._listed.write(b"%s\t%d\t%s\n" % (entry.sha256.encode("ascii"), entry.size, path))
        return entry.path


def _carry_out(
    drill: Drill, turns: frozenset[int], folder: Path, rate: int | None | Rate, clock: Callable[[], datetime],
    progress: Progress,
) -> Drill:
    listed, target = folder / "listed", folder / "files"
    target.mkdir()
    with listed.open("wb") as file:
        wish = Wish(Sample(turns, drill.whole, file), bandwidth=rate)
        # a state of its own: a drill must neither hold up a real restore nor be taken for one that was begun
        done = restore(
            drill.source, drill.snapshot, (), Place(parse_location(str(target))), wish, StateFolder(folder / "state"),
            clock, progress,
        )
    return replace(drill, faults=_faults(drill, done, listed, target), started=done.started, ended=done.ended)


def _faults(drill: Drill, done: Restored, listed: Path, target: Path) -> tuple[Fault, ...]:
    """Compare what came back with what was to come back. A file the restore has named is named once."""
    faults, named, count = list(done.faults), {fault.path for fault in done.faults}, 0
    with listed.open("rb") as lines:
        for line in lines:
            digest, size, path = line[:-1].split(b"\t")
            name = unescape(path)
            count += 1
            if os.fsdecode(name) not in named and not _is_whole(os.fsencode(target) + b"/" + name, digest, int(size)):
                faults.append(Fault(os.fsdecode(name), DIFFERENT))
    if count != drill.files:
        text = f"{count} / {drill.files}"
        faults.append(Fault(str(drill.snapshot.seal.name), DIFFERENT, text))
    return tuple(faults)


def _is_whole(path: bytes, sha256: bytes, size: int) -> bool:
    try:
        # its owner may have had no right to read it
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            whole = os.fstat(file.fileno()).st_size == size
            return whole and hashlib.file_digest(file, "sha256").hexdigest().encode("ascii") == sha256
    except OSError:
        return False


@contextmanager
def _scratch(terms: Terms, source: Source, size: int) -> Iterator[Path]:
    """Lend an empty folder with room for so many bytes, and leave nothing of it behind."""
    folder = (terms.scratch or terms.state.drill(source.share)) / f"kdx-drill-{source.share}"
    _remove(folder)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise StateUnusable(folder=folder, why=error.strerror) from error
    try:
        if shutil.disk_usage(folder).free < size + size // 20:
            raise DiskFull(folder=folder.parent)
        with full_disk_explained(folder):
            yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder of our own, those in it that nobody may enter too."""
    for parent, folders, _files in os.walk(folder):
        for name in folders:
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                os.chmod(path, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
