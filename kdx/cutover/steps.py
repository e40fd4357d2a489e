"""Rehearse, move for good, go back: what is done on the way, each step recorded as soon as it has happened.

Killed at any moment, the same step is begun again: it looks at everything afresh and does what is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from kdx import migration as moving
from kdx.cutover.changes import Changed, baseline_of, changes_since, keep_baseline
from kdx.cutover.course import Cutover, Stage
from kdx.cutover.freeze import Canary, try_to_write
from kdx.cutover.holders import HELD, Held, held_documents
from kdx.cutover.judgement import Decision, Facts, judge
from kdx.errors import GateClosed, gravest
from kdx.inventory.catalog.catalog import Catalog, open_catalog
from kdx.inventory.overview import find_differences
from kdx.inventory.scan import scan_share
from kdx.language import N_
from kdx.migration import Clock, Level, Migration, Ran, Verdict
from kdx.progress import SILENT, Progress
from kdx.state.events.cutover import CutoverDecided, CutoverRehearsed, CutoverRolledBack, FreezeChecked
from kdx.state.events.event import Event
from kdx.transfer.limit import Rate


class NotCutOver(GateClosed):
    """Somebody wants to go back from where nobody has gone."""

    message = N_("The teachers of {school} were not let in at {target} yet; there is nothing to take back.")
    advice = N_("See how far it is: kdx migrate cutover {school} --to {target}")


class StillReadOnly(GateClosed):
    """A school cannot work again at a server that takes no writes."""

    message = N_("The old share {share} still refuses a write; the teachers cannot work there.")
    advice = N_("Make it writable again at the server, then give the same command once more; nothing was recorded.")


class AlreadyDone(GateClosed):
    """A rehearsal or final run was asked for, but the teachers work at the new place already."""

    message = N_("The teachers of {school} have worked at {target} since {date}; nothing is moved there any more.")
    advice = N_("To go back to the old server: kdx migrate cutover {school} --to {target} --roll-back")


@dataclass(frozen=True, slots=True)
class Work:
    """What a step works with."""

    migration: Migration
    clock: Clock
    read_course: Callable[[], Cutover]
    """How far the cutover has come, asked afresh."""
    facts: Callable[[Cutover], Facts]
    """What a decision rests on."""
    record: Callable[[Event], object]
    """Appends to the ledger."""
    rate: int | None | Rate = None
    level: Level = Level.CHECKSUM
    canary: str | None = None
    """Folder of the share in which a write may be tried."""
    progress: Progress = SILENT

    @property
    def names(self) -> dict[str, str]:
        """What every event says first."""
        return self.migration.names

    def move(self) -> tuple[Ran, Verdict]:
        """Move the delta and verify it. Undecided, TargetTaken and whatever a place raises pass through."""
        ran = moving.run(self.migration, self.clock, self.rate, self.progress)
        self.record(ran.event(self.names))
        verdict = moving.verify(self.migration, self.level, self.clock, self.progress, self.rate, self.rate)
        self.record(verdict.event(self.names))
        return ran, verdict

    def look(self) -> Catalog:
        """Look through the names of the share."""
        scan = scan_share(
            self.migration.share, self.migration.source, self.migration.state, read_content=False, clock=self.clock,
            processes=1, progress=self.progress,
        )
        return open_catalog(scan.catalog)

    def try_canary(self) -> Canary:
        """Try the write that a frozen share must refuse, where a person asked for it."""
        return try_to_write(self.migration.source, self.canary, self.migration.share.name, self.clock())


def rehearse(work: Work) -> Decision:
    """Move and prove the delta as on the day, and time it. The teachers go on working meanwhile."""
    migration, before = work.migration, work.read_course()
    _refuse_done(work, before)
    canary = work.try_canary()
    ran, verdict = work.move()
    held = _held(migration, open_catalog(ran.planned.scan.catalog))
    scan = (ran.planned.scan.ended - ran.planned.scan.started).total_seconds()
    work.record(
        CutoverRehearsed(
            **work.names,
            since=before.last_run,
            changed=sum(ran.sent.entries.values()),
            changed_bytes=sum(ran.sent.bytes.values()),
            scan_seconds=scan,
            move_seconds=max(0.0, (ran.ended - ran.started).total_seconds() - scan),
            verify_seconds=(verdict.ended - verdict.started).total_seconds(),
            open_documents=_fresh(held, ran.started),
            canary=canary,
            exit_code=gravest((ran.exit_code, verdict.exit_code)),
            started=ran.started,
            ended=work.clock(),
        )
    )
    return judge(work.facts(work.read_course()), work.clock())


def move_for_good(work: Work) -> Decision:
    """Check that the share is frozen, move what is left, prove it, look once more, decide, and record the decision.

    A share that takes the canary is not frozen: then nothing is moved.
    """
    migration, before = work.migration, work.read_course()
    _refuse_done(work, before)
    started = work.clock()
    canary = work.try_canary()
    proves = canary is Canary.REFUSED and before.write_accepted is not None
    first = work.look()
    held = _held(migration, first)
    checked = FreezeChecked(
        **work.names, canary=canary, canary_proves=proves, differences=None, open_documents=_fresh(held, started),
        started=started, ended=work.clock(),
    )
    work.record(checked)
    if canary is not Canary.ACCEPTED:
        work.move()
        differences = len(find_differences(first, work.look()))
        work.record(replace(checked, differences=differences, ended=work.clock()))
    return _decide(work)


def changes(migration: Migration, course: Cutover) -> list[Changed]:
    """Return what changed at the target since the teachers were let in. NotCutOver where they were not."""
    if course.decided is None or not baseline_of(migration).exists():
        raise NotCutOver(school=migration.school.id, target=migration.target.name)
    return changes_since(migration)


def roll_back(work: Work) -> list[Changed]:
    """Record that the school works at the old server again, and return what changed at the target since the cutover.

    StillReadOnly where a canary was asked for and is refused. What lies at the target stays there.
    """
    course, started = work.read_course(), work.clock()
    if course.stage is not Stage.DONE:
        raise NotCutOver(school=work.migration.school.id, target=work.migration.target.name)
    found = changes(work.migration, course)
    canary = work.try_canary()
    if canary is Canary.REFUSED:
        raise StillReadOnly(share=work.migration.share.name)
    counts = {word: sum(one.change == word for one in found) for word in dict.fromkeys(one.change for one in found)}
    work.record(
        CutoverRolledBack(
            **work.names, changes={str(word): count for word, count in counts.items()}, canary=canary, started=started,
            ended=work.clock(),
        )
    )
    return found


def _decide(work: Work) -> Decision:
    """Judge, and record the decision. What lies at the target is listed first: without that list no way leads back."""
    course = work.read_course()
    decision = judge(work.facts(course), work.clock())
    work.record(
        CutoverDecided(
            **work.names,
            go=decision.go,
            against=decision.against,
            plan_sha256=course.moved.plan_sha256 if course.moved else "",
            verified_sha256=course.proven.verified_sha256 if course.proven else "",
            baseline_sha256=keep_baseline(work.migration, work.clock()) if decision.go else "",
            decided=decision.at,
        )
    )
    return decision


def _refuse_done(work: Work, course: Cutover) -> None:
    if course.stage is Stage.DONE:
        raise AlreadyDone(
            school=work.migration.school.id, target=work.migration.target.name,
            date=course.decided.date() if course.decided else "?",
        )


def _held(migration: Migration, catalog: Catalog) -> list[Held]:
    """Find the open documents, and keep them for whoever asks later."""
    held = held_documents(catalog, migration.source)
    HELD.write(migration.records.folder / "held.parquet", held)
    return held


def held(migration: Migration) -> list[Held]:
    """Return the documents that were open at the last look."""
    return list(HELD.read(migration.records.folder / "held.parquet"))


def _fresh(held: list[Held], now: datetime) -> int:
    return sum(one.is_fresh(now) for one in held)
