"""Move one share to one target: scan -> plan -> copy -> verify, each step with a record of its own.

Every step begins from what lies on the disk and at the target now, so that a killed run needs no repair: the next one
plans again and does what is left. Nothing is ever deleted at the source or the target.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial

from kdx.errors import GateClosed, KdxError
from kdx.inventory.catalog.catalog import open_catalog
from kdx.inventory.scan import scan_share
from kdx.inventory.scanned import ScanResult
from kdx.language import N_
from kdx.migration.migration import Migration, NothingPlanned, destination_entries, entries_at, open_migration
from kdx.migration.open_questions import Undecided, open_questions
from kdx.progress import SILENT, Progress
from kdx.state.events.moving import MigrationStopped
from kdx.transfer.altered import Originals
from kdx.transfer.begun import begun
from kdx.transfer.copy import CONFLICT, copy
from kdx.transfer.limit import Limiter, Rate
from kdx.transfer.outcome import Planned, Ran, Verdict
from kdx.transfer.plan import TO_MOVE, Action
from kdx.transfer.records import Tallying, digest_of
from kdx.transfer.rows import Done
from kdx.transfer.settle import settle_by_bytes
from kdx.transfer.verify import Level

__all__ = [
    "Level", "Migration", "NothingPlanned", "Planned", "Ran", "Undecided", "Verdict",
    "destination_entries", "open_migration", "plan", "run", "verify",
]

Clock = Callable[[], datetime]


class TargetTaken(GateClosed):
    """At the target lie objects that this migration did not write and that differ from the source."""

    message = N_("{count} names are taken at the target by something else; nothing new was sent. The first: {first}")
    advice = N_("Look at them, then move them away by hand or choose another target; kdx never replaces them.")


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
                    begun(entries_at(migration, target)),
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
        listed = begun(entries_at(migration, destination))
        tally = migration.records.write_plan(
            catalog.entries(), listed, can, _about(migration, scan), open_questions(migration, catalog)
        )
    return Planned(tally, scan, digest_of(migration.records.plan))


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
