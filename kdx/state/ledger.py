"""The append-only record of everything that happened. Nothing is ever changed or removed; corrections are new events.

The hash of an event is the SHA-256 of a compact JSON array, UTF-8: id, time, actor, request_id, kind, subject, body (as
its text) and prev_hash. `present` is the fold: the newest event of each kind and subject.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from kdx.errors import ExitCode
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.state.db import FIELDS, NOTHING, explained, open_database, tables
from kdx.state.events import Event
from kdx.state.folder import StateFolder

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the ledger keeps it."""

    id: int
    time: datetime
    actor: str
    request_id: str
    """The same for all events of one command."""
    kind: str
    subject: str
    body: dict[str, Any]
    hash: str


class Fault(NamedTuple):
    """Something in the ledger that is not as it was written."""

    event: int
    what: str
    """An N_() string."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying the ledger found."""

    events: int
    head: str
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, removed or added."""
        return all(fault.what in NOT_FAULTS for fault in self.faults)

    @property
    def exit_code(self) -> ExitCode:
        """5 where the ledger is not what was written."""
        return ExitCode.DONE if self.is_whole else ExitCode.DIFFERENCE


CHANGED = N_("the event was changed")
LINK_BROKEN = N_("the event does not follow the one before it")
MISSING = N_("events are missing before this one")
CUT = N_("the ledger does not end where its head says: events were removed or added at the end")
FOLD_DIFFERS = N_("the present state is not what the events say")
CLOCK_BACK = N_("the time is before that of the event before it")

NOT_FAULTS = frozenset({CLOCK_BACK})
"""Worth naming, but no sign of a changed ledger: clocks are set back."""


class Ledger:
    """An open ledger. Use as a context manager, or close() it."""

    def __init__(
        self, engine: "Engine", path: Path, actor: str, request_id: str, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._path = path
        self._actor = actor
        self._request_id = request_id
        self._clock = clock

    def append(self, event: Event) -> Recorded:
        """Add an event and return it as kept. One transaction, whoever else writes: the chain stays one."""
        with explained(self._path), self._engine.begin() as connection:
            # the update comes first: it takes the write lock in SQLite and PostgreSQL alike, before anything is read
            connection.execute(tables().head.update().values(id=tables().head.c.id + 1))
            head = connection.execute(tables().head.select()).one()
            row = {
                "id": head.id,
                "time": self._clock().astimezone(UTC).isoformat(),
                "actor": self._actor,
                "request_id": self._request_id,
                "kind": event.kind,
                "subject": event.subject,
                "body": _text(event.to_body()),
                "prev_hash": head.hash,
            }
            row["hash"] = hash_of(row)
            connection.execute(tables().events.insert(), row)
            connection.execute(tables().head.update().values(hash=row["hash"]))
            _project(connection, row)
        return _recorded(row)

    def events(
        self, kind: str | None = None, subject: str | None = None, as_of: datetime | None = None
    ) -> Iterator[Recorded]:
        """Yield events, oldest first, of one kind, one subject, or as they were known at a time."""
        events = tables().events
        wanted = events.select().order_by(events.c.id)
        if kind is not None:
            wanted = wanted.where(events.c.kind == kind)
        if subject is not None:
            wanted = wanted.where(events.c.subject == subject)
        with explained(self._path), self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=BATCH).execute(wanted):
                recorded = _recorded(row._mapping)
                if as_of is None or recorded.time <= as_of:
                    yield recorded

    def present(self, kind: str, subject: str | None = None) -> list[Recorded]:
        """Return the newest event of a kind for each subject, or for one."""
        events, present = tables().events, tables().present
        wanted = events.select().join(present, present.c.event == events.c.id).where(present.c.kind == kind)
        if subject is not None:
            wanted = wanted.where(present.c.subject == subject)
        with explained(self._path), self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(present.c.subject)).all()
        return [_recorded(row._mapping) for row in rows]

    def head(self) -> tuple[int, str]:
        """Return id and hash of the last event; (0, zeros) where there is none."""
        with explained(self._path), self._engine.connect() as connection:
            row = connection.execute(tables().head.select()).one()
        return row.id, row.hash

    def verify(self, progress: Progress = SILENT) -> Verdict:
        """Recompute the chain and the fold from the first event on, and name everything that does not fit."""
        with explained(self._path), self._engine.connect() as connection:
            head = connection.execute(tables().head.select()).one()
            progress.start(N_("Verifying the ledger"), head.id, "entries")
            events = tables().events
            rows = connection.execution_options(yield_per=BATCH).execute(events.select().order_by(events.c.id))
            chain = _Chain()
            for row in rows:
                chain.take(row._mapping)
                progress.advance(1)
            progress.done()
            faults = [*chain.faults, *chain.end(head.id, head.hash), *_fold_faults(connection, chain.fold)]
        return Verdict(chain.count, chain.hash, tuple(faults))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(state: StateFolder, *, actor: str, request_id: str, clock: Callable[[], datetime]) -> Ledger:
    """Open the ledger of a state folder, made empty where there is none."""
    return Ledger(open_database(state.ledger), state.ledger, actor, request_id, clock)


def hash_of(row: Any) -> str:
    """Return the hash of an event's row, hexadecimal (see the head of this file)."""
    canonical = json.dumps([row[name] for name in FIELDS], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _text(body: dict[str, Any]) -> str:
    """Return a body as text that every database takes: bytes of names that are not UTF-8 stay as JSON escapes."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace").decode("utf-8")


class _Chain:
    """Follows the events from the first on."""

    def __init__(self) -> None:
        self.count = 0
        self.id = 0
        self.hash = NOTHING
        self.time = ""
        self.fold: dict[tuple[str, str], int] = {}
        self.faults: list[Fault] = []

    def take(self, row: Any) -> None:
        number = int(row["id"])
        if number != self.id + 1:
            self.faults.append(Fault(number, MISSING))
        if row["prev_hash"] != self.hash:
            self.faults.append(Fault(number, LINK_BROKEN))
        if hash_of(row) != row["hash"]:
            self.faults.append(Fault(number, CHANGED))
        if row["time"] < self.time:
            self.faults.append(Fault(number, CLOCK_BACK))
        self.count, self.id, self.hash, self.time = self.count + 1, number, row["hash"], row["time"]
        self.fold[row["kind"], row["subject"]] = number

    def end(self, number: int, hash: str) -> Iterator[Fault]:
        if (self.id, self.hash) != (number, hash):
            yield Fault(max(number, self.id), CUT)


def _fold_faults(connection: "Connection", fold: dict[tuple[str, str], int]) -> Iterator[Fault]:
    """Compare the fold of the events with the projection that serves the tables."""
    kept = {(row.kind, row.subject): row.event for row in connection.execute(tables().present.select())}
    for key in sorted(fold.keys() | kept.keys()):
        if fold.get(key) != kept.get(key):
            yield Fault(fold.get(key) or kept[key], FOLD_DIFFERS)


def _project(connection: "Connection", row: dict[str, Any]) -> None:
    present = tables().present
    here = (present.c.kind == row["kind"]) & (present.c.subject == row["subject"])
    if not connection.execute(present.update().where(here).values(event=row["id"])).rowcount:
        connection.execute(present.insert(), {"kind": row["kind"], "subject": row["subject"], "event": row["id"]})


def _recorded(row: Any) -> Recorded:
    try:
        body = json.loads(row["body"])
    except ValueError:
        # a tampered row must still be listed; verify() names it
        body = {}
    return Recorded(
        id=row["id"],
        time=datetime.fromisoformat(row["time"]),
        actor=row["actor"],
        request_id=row["request_id"],
        kind=row["kind"],
        subject=row["subject"],
        body=body,
        hash=row["hash"],
    )
