"""The append-only record of everything that happened. Nothing is ever changed or removed; corrections are new events.

Many processes may append at once: each append is one transaction that holds the write lock while it reads where the
chain ends, so the chain stays one. How events are chained, and how to recompute that without kdx: kdx/state/chain.py.
`present` is the fold: the newest event of each kind and subject, kept beside the events and checked by verify().
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.state.chain import NOTHING, Head, Row, Subject, chain_faults, fold_faults, hash_of
from kdx.state.db import Database, LedgerDamaged, tables
from kdx.state.events.event import Event
from kdx.state.folder import StateFolder
from kdx.state.record import Recorded, body_text, plain, recorded
from kdx.state.verdict import Verdict, Walk, sort_out, verdict_of

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

__all__ = ["Ledger", "Read", "Recorded", "Verdict", "Which", "open_ledger"]

Which = Literal["every", "newest", "first"]
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Read:
    """Events that were read to rely on: each one's hash was computed anew."""

    events: tuple[Recorded, ...]
    changed: tuple[int, ...]
    """Ids of those that are not what was written; they are not among `events`."""


class Ledger:
    """An open ledger. Use as a context manager, or close() it. Reading makes nothing; the first append does."""

    def __init__(self, database: Database, actor: str, request_id: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._actor = actor
        self._request_id = request_id
        self._clock = clock

    def append(self, event: Event) -> Recorded:
        """Add an event and return it as kept. One transaction, whoever else writes: the chain stays one."""
        events, head = tables().events, tables().head
        with self._database.writing() as connection:
            # the update comes first: in every database it waits for whoever else appends, before anything is read
            connection.execute(head.update().values(id=head.c.id + 1))
            last = connection.execute(head.select()).one_or_none()
            if last is None:
                raise LedgerDamaged(path=self._database.path, why=N_("its head is missing"))
            row = {
                "id": last.id,
                "time": self._clock().astimezone(UTC).isoformat(timespec="microseconds"),
                "actor": plain(self._actor),
                "request_id": plain(self._request_id),
                "kind": event.kind,
                "subject": plain(event.subject),
                "body": body_text(event.to_body()),
                "prev_hash": last.hash,
            }
            row["hash"] = hash_of(row)
            connection.execute(events.insert(), row)
            connection.execute(head.update().values(hash=row["hash"]))
            _project(connection, row)
        return recorded(row)

    def events(
        self, kind: str | None = None, subject: str | None = None, as_of: datetime | None = None, after: int = 0,
        since: datetime | None = None,
    ) -> Iterator[Recorded]:
        """Yield events, oldest first: all, of one kind, of one subject, recorded from or up to a time, after an id."""
        if not self._database.exists():
            return
        events = tables().events
        wanted = events.select().order_by(events.c.id)
        if after:
            wanted = wanted.where(events.c.id > after)
        if since:
            # all times are kept in UTC and in one form, so their text has their order
            wanted = wanted.where(events.c.time >= since.astimezone(UTC).isoformat(timespec="microseconds"))
        if kind is not None:
            wanted = wanted.where(events.c.kind == kind)
        if subject is not None:
            wanted = wanted.where(events.c.subject == plain(subject))
        with self._database.reading() as connection:
            for row in _stream(connection, wanted):
                one = recorded(row)
                if as_of is None or one.time <= as_of:
                    yield one

    def present(self, kind: str, subject: str | None = None, as_of: datetime | None = None) -> list[Recorded]:
        """Return the newest event of a kind for each subject, or for one; as it was known at a time."""
        if as_of is not None:
            return list({event.subject: event for event in self.events(kind, subject, as_of)}.values())
        if not self._database.exists():
            return []
        events, present = tables().events, tables().present
        wanted = events.select().join(present, present.c.event == events.c.id).where(present.c.kind == kind)
        if subject is not None:
            wanted = wanted.where(present.c.subject == plain(subject))
        with self._database.reading() as connection:
            return [recorded(row) for row in _stream(connection, wanted.order_by(events.c.id))]

    def read(self, kinds: Sequence[str], which: Which = "every", as_of: datetime | None = None) -> Read:
        """Return events of several kinds, oldest first: every one, or the newest or first of each kind and subject.

        Recorded up to a time, where one is given. Those whose hash does not fit are left out and named.
        """
        if not self._database.exists():
            return Read((), ())
        found: list[Recorded] = []
        changed: list[int] = []
        with self._database.reading() as connection:
            for row in _stream(connection, _choice(kinds, which, as_of)):
                if hash_of(row) == row["hash"]:
                    found.append(recorded(row))
                else:
                    changed.append(row["id"])
        return Read(tuple(found), tuple(changed))

    def before(self, events: Sequence[Recorded]) -> dict[int, str]:
        """Return for each event the hash of the one before it of the same kind and subject; "" for the first."""
        if not events:
            return {}
        table, ids = tables().events, {event.id for event in events}
        kinds, subjects = {event.kind for event in events}, {event.subject for event in events}
        wanted = table.select().where(table.c.kind.in_(kinds), table.c.subject.in_(subjects)).order_by(table.c.id)
        found: dict[int, str] = {}
        last: dict[Subject, str] = {}
        with self._database.reading() as connection:
            for row in _stream(connection, wanted):
                subject = row["kind"], row["subject"]
                if row["id"] in ids:
                    found[row["id"]] = last.get(subject, "")
                last[subject] = row["hash"]
        return found

    def head(self) -> tuple[int, str]:
        """Return id and hash of the last event; (0, zeros) where there is none."""
        if not self._database.exists():
            return 0, NOTHING
        with self._database.reading() as connection:
            head = _head(connection)
        if head is None:
            raise LedgerDamaged(path=self._database.path, why=N_("its head is missing"))
        return head

    def verify(self, progress: Progress = SILENT) -> Verdict:
        """Recompute the chain and the fold from the first event on, and name everything that does not fit.

        Memory grows with the number of subjects, not of events. LedgerMissing where there is no ledger.
        """
        events, present = tables().events, tables().present
        with self._database.reading() as connection:
            head = _head(connection)
            walk = Walk(_stream(connection, events.select().order_by(events.c.id)), progress)
            progress.start(N_("Verifying the ledger"), head.id if head else None, "entries")
            try:
                chain = sort_out(chain_faults(walk, head))
                kept = (((row["kind"], row["subject"]), row["event"]) for row in _stream(connection, present.select()))
                fold = sort_out(fold_faults(walk.fold, kept))
            finally:
                progress.done()
        return verdict_of(walk.count, head or Head(0, NOTHING), chain, fold)

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of the whole ledger into a new file; nothing where there is no ledger yet."""
        if self._database.exists():
            self._database.copy_to(path)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(state: StateFolder, *, actor: str, request_id: str, clock: Callable[[], datetime]) -> Ledger:
    """Return the ledger of a state folder. Looks at nothing yet; errors come from what is asked of it.

    LedgerUnusable, LedgerNewer, LedgerDamaged, LedgerBusy or DiskFull.
    """
    return Ledger(Database(state.ledger), actor, request_id, clock)


def _choice(kinds: Sequence[str], which: Which, as_of: datetime | None) -> "Select[Any]":
    """Return the query for read(). Times are kept as text of one form in UTC, so text compares as time does."""
    from sqlalchemy import func, select

    events, present = tables().events, tables().present
    if which == "newest" and as_of is None:
        chosen = select(present.c.event).where(present.c.kind.in_(kinds))
        return events.select().where(events.c.id.in_(chosen)).order_by(events.c.id)
    wanted: list[ColumnElement[bool]] = [events.c.kind.in_(kinds)]
    if as_of is not None:
        wanted.append(events.c.time <= as_of.astimezone(UTC).isoformat(timespec="microseconds"))
    if which == "every":
        return events.select().where(*wanted).order_by(events.c.id)
    one = func.max if which == "newest" else func.min
    chosen = select(one(events.c.id)).where(*wanted).group_by(events.c.kind, events.c.subject)
    return events.select().where(events.c.id.in_(chosen)).order_by(events.c.id)


def _stream(connection: "Connection", wanted: "Select[Any]") -> Iterator[Row]:
    """Yield rows as they come, never all at once."""
    yield from connection.execute(wanted, execution_options={"yield_per": BATCH}).mappings()


def _head(connection: "Connection") -> Head | None:
    """Return where the ledger says it ends; None where it does not say so in a way that can be right."""
    row = connection.execute(tables().head.select()).one_or_none()
    return Head(row.id, row.hash) if row and isinstance(row.id, int) and isinstance(row.hash, str) else None


def _project(connection: "Connection", row: Row) -> None:
    present = tables().present
    here = (present.c.kind == row["kind"]) & (present.c.subject == row["subject"])
    if not connection.execute(present.update().where(here).values(event=row["id"])).rowcount:
        connection.execute(present.insert(), {"kind": row["kind"], "subject": row["subject"], "event": row["id"]})
