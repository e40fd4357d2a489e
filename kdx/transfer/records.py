"""The folder of records of one transfer: plan, what was written, what failed, what was verified.

Each record is a table sorted on disk; together they are all a next run needs. What is under way is in journals, so
that a kill loses at most the line being written.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from kdx.inventory.assess.decisions import Decided
from kdx.inventory.catalog.table import read_metadata
from kdx.remotes.interface import Capabilities, Entry
from kdx.state.journal import Journal
from kdx.transfer.course import NOTHING_UNDECIDED, Undecided
from kdx.transfer.plan import Action, propose, settle
from kdx.transfer.rows import (
    CHECKED,
    DECIDED,
    DONE,
    FAILED,
    IN_MEMORY,
    ITEMS,
    ITEMS_BY_TARGET,
    KNOWN,
    Checked,
    Done,
    Failed,
    Item,
    Known,
)
from kdx.transfer.verify import Level, Outcome, expect, judge


NOTED_AT_ONCE = 32
"""Results after which a journal is handed to the kernel."""

ReadBack = Callable[[Iterable[Checked]], Iterator[Checked]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Entries and bytes, by a word (an Action, an Outcome)."""

    entries: dict[str, int]
    bytes: dict[str, int]

    def count(self, *words: str) -> int:
        """Return how many entries have one of these words."""
        return sum(self.entries.get(word, 0) for word in words)

    def size(self, *words: str) -> int:
        """Return how many bytes have one of these words."""
        return sum(self.bytes.get(word, 0) for word in words)


class Tallying:
    """Counts rows by a word as they pass through."""

    def __init__(self) -> None:
        self._entries: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def note(self, word: str, size: int) -> None:
        """Count one entry of `size` bytes."""
        self._entries[word] += 1
        self._bytes[word] += size

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on, counted by action."""
        for item in items:
            self.note(item.action, item.size)
            yield item

    def result(self) -> Tally:
        """Return what was counted."""
        return Tally(dict(self._entries), dict(self._bytes))


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one transfer in `folder`."""

    folder: Path

    @property
    def plan(self) -> Path:
        """The last plan (rows: Item, by path)."""
        return self.folder / "plan.parquet"

    @property
    def done(self) -> Path:
        """What this transfer last wrote for every path (rows: Done, by path)."""
        return self.folder / "done.parquet"

    @property
    def failed(self) -> Path:
        """What the last run did not take (rows: Failed, by path)."""
        return self.folder / "failed.parquet"

    @property
    def verified(self) -> Path:
        """The last verification (rows: Checked, by target)."""
        return self.folder / "verified.parquet"

    @property
    def uploads(self) -> Path:
        """Notes on large uploads that are under way."""
        return self.folder / "uploads"

    @property
    def decisions(self) -> Path:
        """What people decided (rows: Decided, by path); absent until a first decisions file was accepted."""
        return self.folder / "decisions.parquet"

    def decided(self) -> dict[str, Decided]:
        """Return every accepted decision, by path."""
        return {row.path: row for row in DECIDED.read(self.decisions)}

    def write_decisions(self, rows: Iterable[Decided], about: Mapping[str, str]) -> None:
        """Keep accepted decisions in place of all earlier ones; `about` says which file they came from."""
        DECIDED.write(self.decisions, rows, about)

    def write_plan(
        self,
        entries: Iterable[Entry],
        listed: Iterable[Entry],
        can: Capabilities,
        about: Mapping[str, str],
        undecided: Undecided = NOTHING_UNDECIDED,
    ) -> Tally:
        """Compare a share's entries (by path) with earlier runs and with what the target lists, and keep the plan.

        `about` (from which catalog, when) is kept in its head. Accepted decisions are applied; `undecided` is blocked.
        """
        self.gather()
        self.forget_failures()
        tally = Tallying()
        items = propose(entries, DONE.read(self.done), can, self.decided(), undecided)
        # what an earlier plan knew of under a name that is used no more lies there still
        remembered = chain(items, ITEMS.read(self.plan, {"action": Action.EXTRA}))
        proposed = ITEMS_BY_TARGET.sort(remembered, self._scratch("proposed"))
        known = KNOWN.sort(map(_known, listed), self._scratch("listed"))
        ITEMS.write(self.plan, tally.items(settle(proposed, known, can.time_step_ns)), about)
        return tally.result()

    def planned(self, *actions: str) -> Iterator[Item]:
        """Yield the plan's items with one of these actions (all where none is named)."""
        return (item for item in ITEMS.read(self.plan) if not actions or item.action in actions)

    def note(self, results: Iterable[Done | Failed]) -> Iterator[Done | Failed]:
        """Write down every result as it passes. What a kill leaves unwritten the next plan finds at the target."""
        with Journal(self._journal(self.done)) as done, Journal(self._journal(self.failed)) as failed:
            for sequence, result in enumerate(results):
                if isinstance(result, Done):
                    done.write_lines((DONE.line(result, sequence),))
                else:
                    failed.write_lines((FAILED.line(result, sequence),))
                if sequence % NOTED_AT_ONCE == 0:
                    done.flush()
                    failed.flush()
                yield result

    def gather(self) -> None:
        """Fold the journals of the last run, finished or killed, into their tables."""
        DONE.fold(self.done, self._journal(self.done))
        FAILED.fold(self.failed, self._journal(self.failed))

    def forget_failures(self) -> None:
        """Drop what an earlier run did not take: a new plan looks at everything again."""
        self.failed.unlink(missing_ok=True)

    def failures(self) -> Iterator[Failed]:
        """Yield what the last run did not take."""
        return FAILED.read(self.failed)

    def write_verification(
        self,
        listed: Iterable[Entry],
        level: Level,
        read_back: ReadBack,
        about: Mapping[str, str],
    ) -> tuple[Tally, Tally]:
        """Hold the plan and what was written against what the target lists; `read_back` settles what only bytes can.

        Returns the entries by Outcome, and the proven ones by How. `about` and the plan it speaks of are kept.
        """
        self.gather()
        outcomes, hows = Tallying(), Tallying()
        expected = expect(self.planned(), DONE.read(self.done), self.failures())
        by_target = CHECKED.sort(expected, self._scratch("expected"))
        judged = judge(by_target, KNOWN.sort(map(_known, listed), self._scratch("listed")), level)
        rows = _counted(self._settled(judged, read_back), outcomes, hows)
        CHECKED.write(self.verified, rows, {**about, "level": level, "plan_sha256": digest_of(self.plan)})
        return outcomes.result(), hows.result()

    def checked(self, *outcomes: str) -> Iterator[Checked]:
        """Yield the last verification's rows with one of these outcomes (all where none is named)."""
        return (row for row in CHECKED.read(self.verified) if not outcomes or row.outcome in outcomes)

    def about_decisions(self) -> dict[str, str]:
        """Return where the last accepted decisions came from; empty where none were."""
        return read_metadata(self.decisions) if self.decisions.exists() else {}

    def about_plan(self) -> dict[str, str]:
        """Return what stands in the head of the plan."""
        return read_metadata(self.plan)

    def about_verification(self) -> dict[str, str]:
        """Return what stands in the head of the last verification; empty where there is none."""
        return read_metadata(self.verified) if self.verified.exists() else {}

    def _journal(self, table: Path) -> Path:
        return table.with_suffix(".journal")

    def _scratch(self, name: str) -> Path:
        return self.folder / f"{name}.scratch.parquet"

    def _settled(self, judged: Iterable[Checked], read_back: ReadBack) -> Iterator[Checked]:
        """Pass on what is decided; what only its bytes can settle waits (many rows: on the disk), then is read back."""
        first: list[Checked] = []
        with TemporaryDirectory(dir=self.folder) as folder, Journal(Path(folder) / "to-read") as waiting:
            for row in judged:
                if row.outcome != Outcome.TO_READ:
                    yield row
                elif len(first) < IN_MEMORY:
                    first.append(row)
                else:
                    waiting.write_lines((CHECKED.line(row, 0),))
            waiting.flush()
            yield from read_back(chain(first, CHECKED.read_lines(waiting.path)))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a record, hexadecimal; empty where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _counted(rows: Iterable[Checked], outcomes: Tallying, hows: Tallying) -> Iterator[Checked]:
    for row in rows:
        outcomes.note(row.outcome, row.size)
        if row.how:
            hows.note(row.how, row.size)
        yield row


def _known(entry: Entry) -> Known:
    return Known(entry.path, entry.size, entry.mtime_ns, entry.etag, entry.kind, entry.link)
