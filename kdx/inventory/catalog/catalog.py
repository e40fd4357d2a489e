"""A catalog: everything one scan of one share saw, as one Parquet file that any engine can read (design 4.3).

Never changed once written. Names of files are `<UTC>.parquet`, so that the last by name is the last by time.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kdx import __version__
from kdx.config.model import IgnoreRules, Share
from kdx.errors import GateClosed
from kdx.inventory.catalog.rows import CATALOG, ENTRY_COLUMNS, entry_of
from kdx.inventory.catalog.table import Database, TableDamaged, connect, metadata_in, read_table
from kdx.language import N_
from kdx.remotes.interface import Entry

FORMAT = "kdx-catalog/1"
NAME_FORMAT = "%Y%m%dT%H%M%SZ"


class NoCatalog(GateClosed):
    """A share has not been scanned yet."""

    message = N_("The share {share} of {school} has no catalog yet.")
    advice = N_("Scan it first: kdx inventory scan {school}")


@dataclass(frozen=True, slots=True)
class CatalogMetadata:
    """What a catalog says about itself."""

    school: str
    """Id of the school."""
    share: str
    """Name of the share as people know it."""
    share_id: str
    root: str
    """Address the share had."""
    started: datetime
    ended: datetime
    ignore: IgnoreRules
    rights: Mapping[str, str] = field(default_factory=dict)
    """Texts of access rights (SDDL or POSIX) by the id that entries hold in `acl`; "" is the share's own folder."""
    kdx_version: str = __version__
    format: str = FORMAT

    def as_text(self) -> dict[str, str]:
        """Return it as the key-value metadata of a file."""
        return {
            "format": self.format,
            "school": self.school,
            "share": self.share,
            "share_id": self.share_id,
            "root": self.root,
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat(),
            "kdx_version": self.kdx_version,
            "ignore_version": self.ignore.version,
            "ignore_patterns": json.dumps(self.ignore.patterns, ensure_ascii=False),
            "rights": json.dumps(self.rights),
        }


def metadata_of(
    share: Share, started: datetime, ended: datetime, rights: Mapping[str, str] | None = None
) -> CatalogMetadata:
    """Return what a catalog of this share says about itself; times aware, in UTC."""
    return CatalogMetadata(
        school=share.school,
        share=share.name,
        share_id=share.id,
        root=str(share.location),
        started=started,
        ended=ended,
        ignore=share.ignore,
        rights=rights or {},
    )


class Catalog:
    """A catalog file that was found to be one."""

    def __init__(self, path: Path, metadata: CatalogMetadata) -> None:
        self.path = path
        self.metadata = metadata

    def entries(self) -> Iterator[Entry]:
        """Yield every entry in the order of its path's bytes, in bounded memory."""
        return map(entry_of, read_table(self.path, CATALOG, ENTRY_COLUMNS))


def open_catalog(path: Path) -> Catalog:
    """Return the catalog at `path`. TableDamaged where it cannot be read or is not a catalog."""
    with connect(path.parent) as database:
        return catalog_in(database, path)


def catalog_in(database: Database, path: Path) -> Catalog:
    """The same as open_catalog with a database that is open already."""
    text = metadata_in(database, path)
    try:
        if text["format"] != FORMAT:
            raise TableDamaged(path=path, why=f"format {text['format']}")
        return Catalog(
            path,
            CatalogMetadata(
                school=text["school"],
                share=text["share"],
                share_id=text["share_id"],
                root=text["root"],
                started=datetime.fromisoformat(text["started"]),
                ended=datetime.fromisoformat(text["ended"]),
                ignore=IgnoreRules(text["ignore_version"], tuple(json.loads(text["ignore_patterns"]))),
                rights=json.loads(text.get("rights", "{}")),
                kdx_version=text["kdx_version"],
                format=text["format"],
            ),
        )
    except (KeyError, ValueError) as error:
        raise TableDamaged(path=path, why=f"metadata {error}") from error


def all_catalogs(folder: Path) -> list[Path]:
    """Return the catalogs in a share's folder, oldest first."""
    return sorted(folder.glob("????????T??????Z.parquet"))


def latest_catalog(folder: Path) -> Path | None:
    """Return the last catalog in a share's folder, None where it was never scanned."""
    return max(all_catalogs(folder), default=None)


def catalog_name(moment: datetime) -> str:
    """Return the file name of a catalog of a scan that began at this moment."""
    return f"{moment.astimezone(UTC).strftime(NAME_FORMAT)}.parquet"


def new_catalog_path(folder: Path, started: datetime) -> Path:
    """Return the file name of a new catalog. Two scans within one second: the later is named a second later."""
    while (path := folder / catalog_name(started)).exists():
        started += timedelta(seconds=1)
    return path
