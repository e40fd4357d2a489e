"""The tables of the ledger and the transactions on them, through SQLAlchemy Core.

Nothing assumes SQLite's dialect but what makes and opens its file, begins its transactions and reads its complaints.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from kdx.errors import ConfigurationError, DifferenceFound, DiskFull, KdxError, Locked
from kdx.language import N_
from kdx.state.chain import FIELDS, NOTHING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table

SCHEMA = 1
BUSY_SECONDS = 60
"""How long a writer waits for the one before it. An append holds the lock for milliseconds."""


class OtherDatabase(ConfigurationError):
    """A database other than a state folder was named."""

    message = N_("The state {text} is not a folder.")
    advice = N_("PostgreSQL comes with the cluster extra in a later version; name a folder with --state or KDX_STATE.")


class LedgerUnusable(ConfigurationError):
    """The ledger cannot be opened or written."""

    message = N_("The ledger {path} cannot be used: {why}.")
    advice = N_("Check that this user may write there and that the file is kdx's; never repair it by hand.")


class LedgerMissing(ConfigurationError):
    """There is no ledger where one was asked for."""

    message = N_("There is no ledger yet ({path}).")
    advice = N_("Name the right state folder with --state or KDX_STATE; the first command that acts begins a ledger.")


class LedgerNewer(ConfigurationError):
    """The ledger was written by a newer kdx."""

    message = N_("The ledger {path} was written by a newer kdx (format {found}, this one knows {known}).")
    advice = N_("Update kdx on this machine.")


class LedgerDamaged(DifferenceFound):
    """The ledger's file or its tables are not as kdx made them."""

    message = N_("The ledger {path} is damaged: {why}.")
    advice = N_("Put a copy of the file aside, run kdx audit verify, and bring back the state folder from a backup.")


class LedgerBusy(Locked):
    """Other processes have held the ledger for longer than any append takes."""

    message = N_("The ledger {path} was in use by another process for {seconds} seconds.")
    advice = N_("Look for a kdx or another program that holds this file open, end it, and run the same command again.")


class Tables(NamedTuple):
    """The tables of a ledger."""

    metadata: "MetaData"
    about: "Table"
    events: "Table"
    head: "Table"
    present: "Table"


def refuse_other_databases(text: str) -> None:
    """Raise OtherDatabase where a state is named that is not a folder (`postgresql://…`)."""
    if "://" in text:
        raise OtherDatabase(text=text.partition("://")[0] + "://…")


@cache
def tables() -> Tables:
    """Return the tables. The events are the truth, `head` says where they end, `present` is their fold."""
    from sqlalchemy import Column, Index, Integer, MetaData, Table, Text

    metadata = MetaData()
    number = partial(Column, type_=Integer, autoincrement=False, nullable=False)
    text = partial(Column, type_=Text, nullable=False)
    return Tables(
        metadata,
        about=Table("about", metadata, text("name", primary_key=True), text("value")),
        events=Table(
            "events", metadata, number("id", primary_key=True), *map(text, FIELDS[1:]), text("hash"),
            # what one subject said when, without reading the bodies of five years; nothing relies on its being there
            Index("events_by_subject", "kind", "subject", "time"),
        ),
        head=Table("head", metadata, number("one", primary_key=True), number("id"), text("hash")),
        present=Table(
            "present", metadata, text("kind", primary_key=True), text("subject", primary_key=True), number("event")
        ),
    )


class Database:
    """The database of a ledger. The first transaction that writes makes it; close() lets go of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine: Engine | None = None

    def exists(self) -> bool:
        """Whether there is a database yet."""
        with _explained(self.path):
            return self._engine is not None or self.path.exists()

    @contextmanager
    def reading(self) -> Iterator["Connection"]:
        """One view of everything, the same from the first look to the last, whoever writes meanwhile."""
        with _explained(self.path), self._open().begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator["Connection"]:
        """One transaction that holds the write lock from its beginning: all of it happens, or nothing."""
        with _explained(self.path):
            if not self.exists():
                _create(self.path)
            with self._open().execution_options(writes=True).begin() as connection:
                yield connection

    def copy_to(self, path: Path) -> None:
        """Write a copy that is consistent whoever writes meanwhile, as one file that needs no other beside it."""
        import sqlite3
        from contextlib import closing

        with _explained(self.path):
            with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(path)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")

    def close(self) -> None:
        """Let go of the file."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> "Engine":
        if not self.exists():
            raise LedgerMissing(path=self.path)
        if self._engine is None:
            engine = _engine(self.path)
            try:
                _refuse_newer(engine, self.path)
            except BaseException:
                engine.dispose()
                raise
            self._engine = engine
        return self._engine


def _refuse_newer(engine: "Engine", path: Path) -> None:
    about = tables().about
    with engine.begin() as connection:
        found = connection.execute(about.select().where(about.c.name == "schema")).one_or_none()
    if found is None or not found.value.isdecimal():
        raise LedgerDamaged(path=path, why=PART_MISSING)
    if int(found.value) > SCHEMA:
        raise LedgerNewer(path=path, found=found.value, known=SCHEMA)


def _engine(path: Path) -> "Engine":
    from sqlalchemy import URL, create_engine, event

    # isolation_level None: Python's driver begins nothing by itself, `begin` below does
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None}
    engine = create_engine(URL.create("sqlite", database=os.fspath(path)), connect_args=arguments)

    @event.listens_for(engine, "connect")
    def connect(connection, _record):  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA journal_mode = WAL")
        # text that somebody broke is for verify() to name, not for the driver to stumble over
        connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")

    @event.listens_for(engine, "begin")
    def begin(connection: "Connection") -> None:
        # one that reads first and writes later could find that another wrote in between (SQLITE_BUSY_SNAPSHOT)
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _create(path: Path) -> None:
    """Make the database under another name and give it its own when it is whole: whoever comes second finds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".ledger-") as folder:
        unfinished = Path(folder) / path.name
        engine = _engine(unfinished)
        with engine.execution_options(writes=True).begin() as connection:
            tables().metadata.create_all(connection, checkfirst=False)
            connection.execute(tables().about.insert(), {"name": "schema", "value": str(SCHEMA)})
            connection.execute(tables().head.insert(), {"one": 1, "id": 0, "hash": NOTHING})
        engine.dispose()
        with suppress(FileExistsError):
            os.link(unfinished, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the new name: SQLite does so for its own files only."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


NO_DATABASE = N_("it is not a database")
NOT_WRITABLE = N_("this user may not write there")
NOT_OPENED = N_("the file cannot be opened")
DISK_REFUSED = N_("the disk could not read or write")
PART_MISSING = N_("a part of it is missing")
NOT_CONSISTENT = N_("its content does not fit together")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the database or the disk says in the block into a sentence."""
    import sqlite3

    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _explanation(error, path) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder=path.parent) from error
        raise LedgerUnusable(path=path, why=error.strerror) from error


def _explanation(error: Exception, path: Path) -> KdxError:
    import sqlite3

    cause = getattr(error, "orig", None) or error
    # the low byte is what happened, the rest says where
    match getattr(cause, "sqlite_errorcode", -1) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return DiskFull(folder=path.parent)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LedgerBusy(path=path, seconds=BUSY_SECONDS)
        case sqlite3.SQLITE_NOTADB:
            return LedgerUnusable(path=path, why=NO_DATABASE)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return LedgerUnusable(path=path, why=NOT_WRITABLE)
        case sqlite3.SQLITE_CANTOPEN:
            return LedgerUnusable(path=path, why=NOT_OPENED)
        case sqlite3.SQLITE_IOERR:
            return LedgerUnusable(path=path, why=DISK_REFUSED)
        case sqlite3.SQLITE_ERROR:
            return LedgerDamaged(path=path, why=PART_MISSING)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_CONSTRAINT:
            return LedgerDamaged(path=path, why=NOT_CONSISTENT)
    return LedgerUnusable(path=path, why=str(cause).partition("\n")[0])
