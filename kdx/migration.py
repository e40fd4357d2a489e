"""Move one share to one target: scan -> plan -> copy -> verify, each step with a record of its own.

Every step begins from what lies on the disk and at the target now, so that a killed run needs no repair: the next one
plans again and does what is left. Nothing is ever deleted at the source or the target.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from kdx.config.model import Board, School, Share, Target
from kdx.errors import GateClosed, KdxError
from kdx.inventory.assess.assessment import assess, place_at
from kdx.inventory.assess.finding import Severity
from kdx.inventory.assess.profile import load_tables
from kdx.inventory.catalog.catalog import Catalog, open_catalog
from kdx.inventory.scan import ScanResult, scan_share
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes import Place, place_of_share, place_of_target, profile_behind
from kdx.remotes.interface import Entry, PlaceMissing, Remote
from kdx.state.events.moving import MigrationStopped
from kdx.state.folder import StateFolder
from kdx.transfer.altered import Originals
from kdx.transfer.begun import begun
from kdx.transfer.copy import CONFLICT, copy
from kdx.transfer.limit import Limiter, Rate
from kdx.transfer.outcome import Planned, Ran, Verdict
from kdx.transfer.plan import TO_MOVE, Action
from kdx.transfer.records import Records, Tallying, digest_of
from kdx.transfer.rows import Done
from kdx.transfer.settle import settle_by_bytes
from kdx.transfer.verify import Level

__all__ = ["Level", "Migration", "Planned", "Ran", "Verdict", "open_migration", "plan", "run", "verify"]

Clock = Callable[[], datetime]


class NothingPlanned(GateClosed):
    """A step was asked for that needs one before it."""

    message = N_("Nothing has been migrated yet from {share} to {target}.")
    advice = N_("Start with: kdx migrate run {school} --to {target}")


class Undecided(GateClosed):
    """Some entries cannot go to this target as they are, and nobody has decided what to do."""

    message = N_("{count} entries cannot be moved as they are; nothing was sent. The first: {first}")
    advice = N_(
        "See them all with: kdx assess {school} --to {target} -o FILE.xlsx. Let the school decide, "
        "then run: kdx migrate run {school} --to {target} --decisions FILE.xlsx"
    )


class TargetTaken(GateClosed):
    """At the target lie objects that this migration did not write and that differ from the source."""

    message = N_("{count} names are taken at the target by something else; nothing new was sent. The first: {first}")
    advice = N_("Look at them, then move them away by hand or choose another target; kdx never replaces them.")


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


def plan(migration: Migration, clock: Clock, progress: Progress = SILENT, accept_smaller: bool = False) -> Planned:
    """Scan the share, compare it with what was written and with what lies at the target, and write the plan."""
    with migration.locked():
        return _plan(migration, clock, progress, accept_smaller)


def run(
    migration: Migration,
    clock: Clock,
    bandwidth: int | None | Rate = None,
    progress: Progress = SILENT,
    accept_smaller: bool = False,
) -> Ran:
    """Plan afresh and move what is to be moved. `bandwidth` is bytes per second, or what tells them at any moment.

    Undecided where the plan holds blocked entries, TargetTaken where foreign objects are in the way: nothing new is
    sent then.
    """
    with migration.locked():
        started = clock()
        listed = time.monotonic()
        planned = _plan(migration, clock, progress, accept_smaller)
        if blocked := next(migration.records.planned(Action.BLOCKED), None):
            raise Undecided(
                count=planned.tally.count(Action.BLOCKED),
                first=blocked.path,
                school=migration.school.id,
                target=migration.target.name,
            )
        sent, failed = Tallying(), Tallying()
        crew = partial(_move, migration, listed, Limiter(bandwidth), sent, failed, progress)
        progress.start(N_("Moving"), planned.tally.size(*TO_MOVE), "bytes")
        try:
            # what must be compared goes first: a name that is taken stops the run before anything new is sent
            crew(Action.COMPARE)
            if taken := next((row for row in migration.records.failures() if row.reason == CONFLICT), None):
                raise TargetTaken(count=failed.result().count(CONFLICT), first=taken.target)
            crew(Action.SEND, Action.REPLACE)
        finally:
            progress.done()
        return Ran(planned, sent.result(), failed.result().entries, started, clock())


def verify(
    migration: Migration,
    level: Level,
    clock: Clock,
    progress: Progress = SILENT,
    bandwidth: int | None | Rate = None,
    at_school: int | None | Rate = None,
) -> Verdict:
    """Ask the target afresh for everything the last plan names, and keep how each entry was proven.

    `bandwidth` holds for what must be read back, as in run(), `at_school` for what a service altered and is read at
    the source once more.
    """
    with migration.locked():
        if not migration.records.plan.exists():
            raise NothingPlanned(
                share=migration.share.name, target=migration.target.name, school=migration.school.id
            )
        started = clock()
        limiter = Limiter(bandwidth)
        originals = Originals(migration.source, (limiter, Limiter(at_school)), migration.records.folder)
        progress.start(N_("Verifying"), None, "bytes")
        try:
            with closing(migration.destination.open()) as target, closing(originals):
                tally, how = migration.records.write_verification(
                    begun(_listed(migration, target)),
                    level,
                    lambda rows: settle_by_bytes(
                        rows, target, migration.destination, level, originals, progress, limiter
                    ),
                    {"verified": started.isoformat()},
                )
        finally:
            progress.done()
        return Verdict(
            level=level,
            tally=tally,
            how=how,
            started=started,
            ended=clock(),
            plan_sha256=digest_of(migration.records.plan),
            verified_sha256=digest_of(migration.records.verified),
        )


def stop_of(migration: Migration, error: KdxError) -> MigrationStopped:
    """Return what the ledger keeps of a run that an error ended."""
    # only where something failed: what rclone says is loaded by nobody else here
    from kdx.remotes.rclone.faults import NeedsLogin

    return MigrationStopped(
        **migration.names,
        error=type(error).__name__,
        needs_login=isinstance(error, NeedsLogin),
        undecided=isinstance(error, Undecided),
        exit_code=error.exit_code,
        message=str(error),
    )


def _plan(migration: Migration, clock: Clock, progress: Progress, accept_smaller: bool) -> Planned:
    # not those of the root: the school's and the share's names count towards the longest name
    with closing(migration.destination.open()) as destination:
        can = destination.capabilities
    scan = scan_share(
        migration.share,
        migration.source,
        migration.state,
        read_content=False,
        clock=clock,
        # names only: one process walks a folder as fast as the disk answers
        processes=1,
        progress=progress,
        accept_smaller=accept_smaller,
    )
    catalog = open_catalog(scan.catalog)
    with closing(migration.destination.open()) as destination:
        listed = begun(_listed(migration, destination))
        tally = migration.records.write_plan(
            catalog.entries(), listed, can, _about(migration, scan), _undecided(migration, catalog)
        )
    return Planned(tally, scan, digest_of(migration.records.plan))


def _undecided(migration: Migration, catalog: Catalog) -> dict[str, str]:
    """Return what a person must decide before it is moved, and why, by path.

    A target that names its profile, or a service behind rclone that has one, is held to it. Once a school was asked,
    what is new is asked about too.
    """
    answered = migration.records.decisions.exists()
    behind = profile_behind(migration.root)
    if not answered and not (migration.target.profile or behind):
        return {}
    tables = load_tables(migration.inventory)
    stops = (Severity.BLOCKS, Severity.DECIDE) if answered else (Severity.BLOCKS,)
    found: dict[str, str] = {}
    profile, place = tables.profile_of(migration.target, behind), place_at(migration.target, migration.share)
    for finding in assess(catalog, profile, place, tables, migration.records.decided()):
        if finding.path and finding.severity in stops:
            found.setdefault(finding.path, finding.rule.sentence)
    return found


def _about(migration: Migration, scan: ScanResult) -> dict[str, str]:
    return {
        "catalog": scan.catalog.name,
        "catalog_sha256": scan.catalog_sha256,
        "scanned": scan.ended.isoformat(),
        "source": str(migration.share.location),
        "ignore_version": migration.share.ignore.version,
        "ignore_patterns": json.dumps(migration.share.ignore.patterns),
        "decisions_sha256": digest_of(migration.records.decisions),
    }


def _move(
    migration: Migration,
    listed: float,
    limiter: Limiter,
    sent: Tallying,
    failed: Tallying,
    progress: Progress,
    *actions: str,
) -> None:
    """Carry out the plan's items with these actions, noting each result before the next is looked at."""
    with closing(migration.root.open()) as root:
        can = root.capabilities
        if can.directories:
            root.make_directory(f"{migration.school.id}/{migration.share.name}")
    records = migration.records
    results = copy(
        records.planned(*actions),
        migration.source,
        migration.destination,
        parallel=can.parallel,
        # what is to be compared first goes one by one
        together=0 if actions == (Action.COMPARE,) else can.together,
        listed=listed,
        limiter=limiter,
        progress=progress,
    )
    try:
        for result in records.note(results):
            if isinstance(result, Done):
                sent.note(result.kind, result.size)
            else:
                failed.note(result.reason, 0)
    finally:
        records.gather()


def destination_entries(migration: Migration) -> Iterator[Entry]:
    """Yield what lies at the destination, over a connection of its own."""
    with closing(migration.destination.open()) as destination:
        yield from _listed(migration, destination)


def _listed(migration: Migration, destination: Remote) -> Iterator[Entry]:
    """Yield what lies at the destination; nothing where the target is there and the destination is not yet."""
    try:
        yield from destination.walk()
    except PlaceMissing:
        with closing(migration.root.open()) as root:
            next(iter(root.list()), None)
