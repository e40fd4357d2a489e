"""One share on its way to one target: where both lie, and where the records of the way do."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from kdx.config.model import Board, School, Share, Target
from kdx.errors import GateClosed
from kdx.language import N_
from kdx.remotes import Place, place_of_share, place_of_target
from kdx.remotes.interface import Entry, PlaceMissing, Remote
from kdx.state.folder import StateFolder
from kdx.transfer.records import Records


class NothingPlanned(GateClosed):
    """A step was asked for that needs one before it."""

    message = N_("Nothing has been migrated yet from {share} to {target}.")
    advice = N_("Start with: kdx migrate run {school} --to {target}")


@dataclass(frozen=True, slots=True)
class Migration:
    """One share on its way to one target, and where its records lie."""

    school: School
    share: Share
    target: Target
    source: Place
    destination: Place
    """`<target>/<school id>/<share name>`."""
    root: Place
    """The target itself: it must exist, `destination` need not yet."""
    state: StateFolder
    records: Records
    inventory: Path
    """Folder with the rule tables."""

    @property
    def names(self) -> dict[str, str]:
        """What every event of this migration says first."""
        return {
            "school": self.school.id,
            "share": self.share.name,
            "share_id": self.share.id,
            "target": str(self.target.location),
        }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this migration alone."""
        with self.state.lock(f"migration-{self.share.id}-{self.records.folder.name}"):
            yield


def open_migration(board: Board, state: StateFolder, school: str, share: str | None, to: str | None) -> Migration:
    """Given names as typed, return the migration they mean. Touches neither source nor target."""
    found, target = board.share(school, share), board.target(to)
    root = place_of_target(board, target)
    records = Records(state.migration(found.id, sha256(str(target.location).encode()).hexdigest()[:12]))
    location = target.location.child(found.school, found.name)
    return Migration(
        school=board.school(found.school),
        share=found,
        target=target,
        source=place_of_share(board, found),
        destination=replace(root, location=location, scratch=records.uploads),
        root=root,
        state=state,
        inventory=board.folder,
        records=records,
    )


def destination_entries(migration: Migration) -> Iterator[Entry]:
    """Yield what lies at the destination, over a connection of its own."""
    with closing(migration.destination.open()) as destination:
        yield from entries_at(migration, destination)


def entries_at(migration: Migration, destination: Remote) -> Iterator[Entry]:
    """Yield what lies at the destination; nothing where the target is there and the destination is not yet."""
    try:
        yield from destination.walk()
    except PlaceMissing:
        with closing(migration.root.open()) as root:
            next(iter(root.list()), None)
