"""The tables of the ledger and how they are opened, through SQLAlchemy Core.

Nothing assumes SQLite's dialect but the two functions that open and make its file.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from kdx.errors import ConfigurationError, DiskFull
from kdx.language import N_

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData, Table

SCHEMA = 1
FIELDS = ("id", "time", "actor", "request_id", "kind", "subject", "body", "prev_hash")
"""What the hash of an event is over, in this order."""
NOTHING = "0" * 64
"""What the first event has for the hash before it."""
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


class LedgerNewer(ConfigurationError):
    """The ledger was written by a newer kdx."""

    message = N_("The ledger {path} was written by a newer kdx (format {found}, this one knows {known}).")
    advice = N_("Update kdx on this machine.")


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
    from sqlalchemy import Column, Integer, MetaData, String, Table, Text

    metadata = MetaData()
    number = partial(Column, type_=Integer, autoincrement=False, nullable=False)
    text = partial(Column, type_=Text, nullable=False)
    return Tables(
        metadata,
        about=Table("about", metadata, Column("name", String(40), primary_key=True), text("value")),
        events=Table("events", metadata, number("id", primary_key=True), *map(text, FIELDS[1:]), text("hash")),
        head=Table("head", metadata, number("one", primary_key=True), number("id"), text("hash")),
        present=Table(
            "present",
            metadata,
            Column("kind", String(80), primary_key=True),
            Column("subject", String(400), primary_key=True),
            number("event"),
        ),
    )


def open_database(path: Path) -> "Engine":
    """Open the ledger's SQLite file, made whole and empty first where there is none."""
    if not path.exists():
        _create(path)
    engine = _engine(path)
    with explained(path), engine.connect() as connection:
        found = connection.execute(tables().about.select().where(tables().about.c.name == "schema")).one().value
    if int(found) > SCHEMA:
        engine.dispose()
        raise LedgerNewer(path=path, found=found, known=SCHEMA)
    return engine


def _engine(path: Path) -> "Engine":
    from sqlalchemy import URL, create_engine
    from sqlalchemy.pool import NullPool

    url = URL.create("sqlite", database=str(path))
    return create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})


def _create(path: Path) -> None:
    """Make the database under another name and give it its own when it is whole: whoever comes second finds it."""
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".ledger-") as folder, explained(path):
        unfinished = Path(folder) / path.name
        engine = _engine(unfinished)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with engine.begin() as connection:
            tables().metadata.create_all(connection)
            connection.execute(tables().about.insert(), {"name": "schema", "value": str(SCHEMA)})
            connection.execute(tables().head.insert(), {"one": 1, "id": 0, "hash": NOTHING})
        engine.dispose()
        with suppress(FileExistsError):
            os.link(unfinished, path)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the database or the disk says in the block into a sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        if "disk is full" in cause:
            raise DiskFull(folder=path.parent) from error
        raise LedgerUnusable(path=path, why=cause) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder=path.parent) from error
        raise LedgerUnusable(path=path, why=error.strerror) from error
