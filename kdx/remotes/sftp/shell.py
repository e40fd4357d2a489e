"""What a server can do by itself (list its whole tree: see tree), and how it hashes files without sending them.

Only where it is seen to work: a server that has not the programs, or whose shell sees other folders than its SFTP (a
NAS with virtual roots, chroot), is treated as one without a shell.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from kdx.remotes.interface import Entry, SkipReason
from kdx.remotes.sftp.commands import BY_ANY, BY_GNU, END, NOTHING, TRIAL_ANSWERS, TRY, Hashing
from kdx.remotes.sftp.connection import Connection
from kdx.remotes.sftp.faults import LineBroken, Refusal, line_broken
from kdx.remotes.sftp.paths import SECOND, Paths
from kdx.remotes.sftp.program import NoProgram, Program
from kdx.remotes.sftp.wire import STAT as LOOK
from kdx.remotes.sftp.wire import question

TRY_SECONDS = 15
"""How long a shell may take over the trial: what asks questions of its own (menus of a NAS) never ends."""
SLOWEST_HASH = 4 << 20
"""Bytes a second that the oldest NAS still hashes; a silence may last as long as its files take at that speed."""
AHEAD_BYTES = 1 << 20
"""Names of so many bytes, and two batches, may be under way: the next waits at the server while one is hashed. Less
than the windows of either side, so that nobody ever waits for the other to listen."""
WEIGHT = 256 << 20
"""Files of so many bytes are a batch whatever their number: what a broken line takes away is hashed again."""
FILLER = Entry(".", "directory")
"""No file: fills up a batch that is to begin now."""

_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server's shell can do for us."""

    lists: bool = False
    hashing: Hashing | None = None
    """How it computes SHA-256; None where it cannot."""


def try_shell(connection: Connection) -> Abilities:
    """Try what the server can do by itself: nothing where it has no shell, or one that sees other folders than SFTP."""
    try:
        with Program(connection, TRY, TRY_SECONDS) as program:
            program.end_input()
            expected = landmarks(connection)
            *answers, end = islice(program.strings(), TRIAL_ANSWERS + 1)
    except (NoProgram, LineBroken, Refusal, ValueError):
        if not connection.transport.is_active():
            raise
        return Abilities()
    return judge_trial(answers, expected) if end == END else Abilities()


def judge_trial(answers: Sequence[bytes], expected: Sequence[bytes]) -> Abilities:
    """Given what a trial answered and what SFTP sees, return what the shell can do."""
    *seen, lists, ending_with_nul, plain = answers
    if seen != expected:
        return Abilities()
    if lists and ending_with_nul.startswith(NOTHING):
        return Abilities(True, BY_GNU)
    return Abilities(bool(lists), BY_ANY if plain.startswith(NOTHING) else None)


def landmarks(connection: Connection) -> list[bytes]:
    """Return what SFTP says of the first folder and of /, in the words of the commands: a shell must see the same."""
    looks = connection.wire.ask(*(question(LOOK, folder) for folder in (b".", b"/")))
    seen = [look.attributes() for look in looks]
    return [f"{look.size} {look.mtime} {look.mode:x}".encode() for look in seen]


def hash_listed(
    connection: Connection, paths: Paths, hashing: Hashing, files: Iterable[Entry]
) -> Iterator[Entry]:
    """Yield each file as it is now with its SHA-256, in order, as the server computes them.

    With a skip where that was not to be had: CHANGED where it was not the same file before and after, VANISHED where it
    is gone or for any other reason there was no hash; the caller finds out which.
    """
    patience = connection.patience.answer
    with Program(connection, hashing.command, patience) as program:
        program.send(paths.root + b"\n")
        rest, waiting = _filled_up(files, hashing.batch), deque[Entry]()
        strings = program.strings()
        ended = False
        while True:
            if not ended:
                ended = not _send_names(program, rest, waiting, 2 * hashing.batch)
            if not waiting:
                return
            program.wait = patience + sum(entry.size for entry in waiting) / SLOWEST_HASH
            batch = _next_batch(strings)
            if not 0 < batch.count <= len(waiting):
                raise line_broken(ValueError(), connection.location)
            for _ in range(batch.count):
                entry = waiting.popleft()
                if entry is not FILLER:
                    yield batch.result(entry)


def _filled_up(files: Iterable[Entry], batch: int) -> Iterator[Entry]:
    """Yield files, and fill up a batch where they weigh enough before it has its number."""
    count = weight = 0
    for entry in files:
        yield entry
        count, weight = (count + 1) % batch, weight + entry.size
        if weight >= WEIGHT or not count:
            yield from (FILLER for _ in range((batch - count) % batch))
            count = weight = 0


def _send_names(program: Program, rest: Iterator[Entry], waiting: deque[Entry], most: int) -> bool:
    """Send more names, as many as may be under way. False where there are no more."""
    names, size = [], sum(len(entry.path) for entry in waiting)
    for entry in rest:
        name = b"./" + entry.path.encode("utf-8", "surrogateescape") + b"\0"
        names.append(name)
        waiting.append(entry)
        size += len(name)
        if len(waiting) >= most or size >= AHEAD_BYTES:
            program.send(b"".join(names))
            return True
    program.send(b"".join(names))
    program.end_input()
    return False


class Batch:
    """What the server said of some files."""

    def __init__(self) -> None:
        self.count = 0
        self.facts: dict[bytes, list[bytes]] = {}
        self.hashes: dict[bytes, bytes] = {}

    def result(self, entry: Entry) -> Entry:
        """Return the entry with what was found."""
        name = b"./" + entry.path.encode("utf-8", "surrogateescape")
        facts, digest = self.facts.get(name, ()), self.hashes.get(name)
        if len(facts) != 2 or digest is None:
            return entry._replace(skip=SkipReason.VANISHED.value)
        before, after = facts
        if before != after:
            return entry._replace(skip=SkipReason.CHANGED.value)
        _kind, size, mtime, _ctime, mode, number, owner = after.split(b" ")
        return _new(
            Entry,
            (
                entry.path,
                "file",
                int(size),
                seconds(mtime) * SECOND,
                digest,
                None,
                "",
                int(mode, 8) & 0o7777,
                # a walk tells the user's name
                entry.owner or owner.decode(),
                "",
                number.decode(),
                "",
            ),
        )


def _next_batch(strings: Iterator[bytes]) -> Batch:
    """Read what the server says of one batch: paths begin with "./", so nothing else can look like its end."""
    batch = Batch()
    for head in strings:
        if head.startswith(b"f "):
            batch.facts.setdefault(next(strings, b""), []).append(head)
        elif head.startswith(b"= "):
            batch.count = int(head[2:])
            break
        elif len(head) > 66:
            batch.hashes[head[66:]] = bytes.fromhex(head[:64].decode("ascii"))
    return batch


def seconds(time: bytes) -> int:
    """Return a time as SFTP shows it: whole seconds, in 32 bits without a sign."""
    return int(time.partition(b".")[0]) & 0xFFFFFFFF
