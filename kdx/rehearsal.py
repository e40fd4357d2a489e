"""A migration on copies of its records: a step can be tried with it, and nothing of it stays."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kdx.inventory.catalog.catalog import latest_catalog
from kdx.migration import Migration
from kdx.state.folder import StateFolder
from kdx.transfer.records import Records


@contextmanager
def rehearsed(migration: Migration) -> Iterator[Migration]:
    """Lend the migration with records and a catalog that go away with the block; its places are the real ones."""
    with TemporaryDirectory(prefix="kdx-rehearsal-") as folder:
        state = StateFolder(Path(folder))
        if catalog := latest_catalog(migration.state.catalogs(migration.share.id)):
            shutil.copy2(catalog, state.catalogs(migration.share.id))
        records = Records(state.migration(migration.share.id, migration.records.folder.name))
        with migration.locked():
            shutil.copytree(migration.records.folder, records.folder, dirs_exist_ok=True)
        yield replace(
            migration,
            state=state,
            records=records,
            destination=replace(migration.destination, scratch=records.uploads),
        )
