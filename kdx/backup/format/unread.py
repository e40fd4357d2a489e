"""The unread list of a snapshot (FORMAT.md, section 7): what a run came to and could not read, and why."""

from datetime import datetime
from typing import NamedTuple

from kdx.backup.format.manifest import MOST_ROWS, ManifestDamaged, lines_in, unescape
from kdx.backup.format.names import moment_of
from kdx.backup.format.seal import Seal
from kdx.backup.format.vault import Unit
from kdx.errors import DifferenceFound, KdxError
from kdx.language import _


class Unread(NamedTuple):
    """One row of an unread list."""

    kind: str
    reason: str
    since: datetime | None
    """When the version that the snapshot holds was read; None where it holds none."""
    path: str


def unread_in(unit: Unit, seal: Seal, faults: list[KdxError]) -> list[Unread]:
    """Return the unread list of a snapshot; what is wrong with it is added to `faults`."""
    name = seal.unread_list
    if not name:
        return []
    try:
        return [_unread(line[:-1]) for line in lines_in([unit.fetch(name)], name, MOST_ROWS)]
    except DifferenceFound as error:
        faults.append(error)
    except ValueError:
        faults.append(ManifestDamaged(name=name, why=_("a row of it is malformed")))
    return [Unread("other", "faulty", None, "?")]


def _unread(row: bytes) -> Unread:
    kind, reason, since, path = row.split(b"\t")
    return Unread(
        kind.decode("ascii"), reason.decode("ascii"), None if since == b"-" else moment_of(since.decode("ascii")),
        unescape(path).decode("utf-8", "surrogateescape"),
    )
