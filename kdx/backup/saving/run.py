"""Back up one share: compare, read what is new, seal. Killed at any moment, the next run goes on.

Objects are stored as they come; a long run seals a checkpoint each hour or 5 GiB, and the snapshot itself comes last.
One that is asked to stop seals what it has, and the next run goes on from there.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

from kdx.backup.format.chain import Chain
from kdx.backup.format.manifest import by_path
from kdx.backup.format.names import SnapshotName
from kdx.backup.format.vault import Unit
from kdx.backup.saving.before import Before, contents, entries_before, look_at_vault
from kdx.backup.saving.comparison import Comparison, Last, Plan, open_todo_in
from kdx.backup.saving.errand import Errand, Report, Task
from kdx.backup.saving.job import Job, Ran, event_of, refuse_untrusted
from kdx.backup.saving.outline import OutlineWriter
from kdx.backup.saving.packers import Packers
from kdx.backup.saving.places import Claims, Lookup, write_lookup
from kdx.backup.saving.results import Results
from kdx.backup.saving.sealing import Sealed, Sealer
from kdx.backup.saving.stop import Stop, StoppedEarly
from kdx.backup.saving.walk import Walk
from kdx.language import _
from kdx.progress import SILENT, Progress
from kdx.state.events.saving import SnapshotSealed
from kdx.state.folder import full_disk_explained
from kdx.transfer.limit import Rate, SharedLimiter

CHECKPOINT_SECONDS, CHECKPOINT_BYTES = 3600.0, 5 << 30
KEPT = (".rows",)
"""What a killed run leaves behind that the next one uses."""

Record = Callable[[SnapshotSealed], object]
Tail = Callable[[], Mapping[str, object] | None]
"""Says what the ledger knows of the newest seal of a share: the body of its snapshot.sealed."""


def back_up(
    job: Job,
    clock: Callable[[], datetime],
    *,
    processes: int,
    record: Record,
    tail: Tail = lambda: None,
    bandwidth: int | None | Rate = None,
    recovering: bool = False,
    reread: bool = True,
    checkpoint_bytes: int = CHECKPOINT_BYTES,
    stop: Stop | None = None,
    progress: Progress = SILENT,
) -> Ran:
    """Back up one share. `record` hears of every seal; `tail` is asked while the share is being looked through.

    `bandwidth` is bytes per second, or what tells them at any moment. Locked, VaultChanged, DiskFull, or what source
    and vault raise. Files that cannot be read raise nothing: they make the snapshot partial. KeyboardInterrupt where
    `stop` is asked before there is anything new to seal.
    """
    stop = stop or Stop()
    with job.state.lock(f"backup-{job.share.id}"), full_disk_explained(job.state.root):
        with closing(job.vault.unit(job.share.school)) as unit:
            started = clock()
            refuse_untrusted(job, started)
            with Walk(job.source, job.share.ignore.patterns) as walk:
                before = look_at_vault(job, unit, started, tail())
                run = _Run(job, before, clock, record, recovering, job.settings.reread_days if reread else 0, progress)
                plan = run.compare(walk)
            sealed = run.read_and_seal(plan, processes, bandwidth, checkpoint_bytes, stop)
            ran = _ran(job, before, sealed, _forks(unit, job, before, sealed), stop, clock())
            if not ran.interruption:
                run.forget()
    return ran


def preview(job: Job, clock: Callable[[], datetime], progress: Progress = SILENT) -> Plan:
    """Say what a run would read, without reading or storing anything."""
    with job.state.lock(f"backup-{job.share.id}"), closing(job.vault.unit(job.share.school)) as unit:
        started = clock()
        with Walk(job.source, job.share.ignore.patterns) as walk:
            before = look_at_vault(job, unit, started, None)
            run = _Run(job, before, clock, lambda event: None, False, job.settings.reread_days, progress)
            return run.compare(walk)


class _Run:
    """One run over one share, and the files it works with."""

    def __init__(
        self, job: Job, before: Before, clock: Callable[[], datetime], record: Record, recovering: bool,
        reread_days: int, progress: Progress,
    ) -> None:
        self._job = job
        self._before = before
        self._clock = clock
        self._record = record
        self._recovering = recovering
        self._reread_days = reread_days
        self._progress = progress
        self._scratch = job.state.backup(job.share.id)
        numbers = [int(path.name.partition("-")[0]) for path in self._scratch.glob("*.rows")]
        self._goes_on = bool(numbers)
        self._attempt = f"{max(numbers, default=0) + 1:06d}"
        self._outline = self._scratch / f"{self._attempt}.outline"
        for path in self._scratch.iterdir():
            if path.suffix not in KEPT:
                path.unlink()

    def compare(self, walk: Walk) -> Plan:
        """Compare the share as it is looked through with its last snapshot."""
        job, before = self._job, self._before
        rotation, shares = before.rotation(self._reread_days)
        usable = {name.encode("ascii"): size for name, size in before.usable.items()}
        base = before.base.seal if before.base else None
        expected = base.counts.entries if base else None
        self._progress.start(_("Looking through {share}").format(share=job.share.name), expected, "entries")
        try:
            with self._outline.open("wb") as file:
                outline = OutlineWriter(file, base.parts if base else ())
                last = Last(entries_before(before, self._scratch), usable, before.since, rotation, shares)
                todo = open_todo_in(self._scratch, self._attempt)
                comparison = Comparison(outline, todo, last, ZoneInfo(job.zone), job.settings.marker)
                plan = comparison.run(by_path(_telling(walk, self._progress)))
                plan.left = walk.left
                return plan
        finally:
            self._progress.done()

    def read_and_seal(
        self, plan: Plan, processes: int, bandwidth: int | None | Rate, checkpoint_bytes: int, stop: Stop
    ) -> Sealed:
        """Read what is to be read, newest fiscal year first, and seal: checkpoints on the way, the snapshot last.

        Where `stop` is asked, what is in the vault until then is sealed; KeyboardInterrupt where that is nothing new.
        """
        tasks = list(plan.tasks())
        workers = min(processes, len(tasks))
        errand = self._errand(plan, bandwidth, stop)
        results = Results(errand.journal)
        sealer = Sealer(
            self._job, self._before, plan, self._scratch, self._outline, results, self._clock,
            recovering=self._recovering, reread_days=self._reread_days, marker_missing=plan.marker_missing,
        )
        with stop.ending_well():
            if tasks:
                checkpoint = self._read(errand, workers, _Rounds(tasks, checkpoint_bytes, stop), results, sealer)
                if checkpoint:
                    return checkpoint
            results.is_cut_short = stop.is_asked()
            if stop.is_asked() and not self._is_worth_a_seal(plan, results):
                raise KeyboardInterrupt
            return self._sealed(sealer)

    def _read(
        self, errand: Errand, workers: int, rounds: "_Rounds", results: Results, sealer: Sealer
    ) -> Sealed | None:
        """Have everything read. Returns the last checkpoint where the run was asked to stop while it was sealed."""

        def tell(report: Report) -> None:
            results.note(report)
            self._progress.advance(report.bytes)

        self._progress.start(_("Reading {share}").format(share=self._job.share.name), rounds.bytes, "bytes")
        try:
            with Packers(errand, workers) as packers:
                packers.run(rounds.next(), tell)
                while rounds.is_more and not errand.stop.is_asked():
                    checkpoint = self._sealed(sealer)
                    if errand.stop.is_asked():
                        return checkpoint
                    packers.run(rounds.next(), tell)
        finally:
            self._progress.done()
        return None

    def _is_worth_a_seal(self, plan: Plan, results: Results) -> bool:
        """Whether a seal would hold anything that the last one does not."""
        return self._goes_on or (plan.files_to_read > plan.again and results.has_any)

    def _sealed(self, sealer: Sealer) -> Sealed:
        sealed = sealer.seal()
        self._record(event_of(self._job, sealed.seal, sealed.link.sha256))
        return sealed

    def _errand(self, plan: Plan, bandwidth: int | None | Rate, stop: Stop) -> Errand:
        job, before, lookup = self._job, self._before, self._scratch / "contents.lookup"
        # what is only read again is compared with the digest it had
        entries = contents(before, job, self._scratch) if plan.files_to_read > plan.again else iter(())
        write_lookup(lookup, entries, before.usable)
        return Errand(
            source=job.source,
            vault=job.vault,
            school=job.share.school,
            scratch=self._scratch,
            attempt=self._attempt,
            lookup=Lookup(lookup),
            claims=Claims(plan.files_to_read),
            present=dict(before.usable),
            taken=before.taken,
            reading=SharedLimiter(bandwidth),
            sending=SharedLimiter(bandwidth),
            stop=stop,
        )

    def forget(self) -> None:
        """Remove what was only needed until the snapshot was sealed."""
        for path in self._scratch.iterdir():
            path.unlink()


class _Rounds:
    """Hands out tasks until it is time for a checkpoint, or the run is to stop."""

    def __init__(self, tasks: list[Task], most_bytes: int, stop: Stop) -> None:
        self.bytes = sum(task.bytes for task in tasks)
        self._tasks = tasks
        self._next = 0
        self._most_bytes = most_bytes
        self._stop = stop

    @property
    def is_more(self) -> bool:
        """Whether something is left for another round."""
        return self._next < len(self._tasks)

    def next(self) -> Iterator[Task]:
        """Yield the tasks of one round."""
        size, end = 0, time.monotonic() + CHECKPOINT_SECONDS
        while self.is_more and (not size or (size < self._most_bytes and time.monotonic() < end)):
            if self._stop.is_asked():
                return
            task = self._tasks[self._next]
            self._next += 1
            size += max(1, task.bytes)
            yield task


def _telling(walk: Iterable[bytes], progress: Progress) -> Iterator[bytes]:
    for number, row in enumerate(walk, 1):
        if not number % 1000:
            progress.advance(1000)
        yield row


def _ran(
    job: Job, before: Before, sealed: Sealed, forks: tuple[SnapshotName, ...], stop: Stop, ended: datetime
) -> Ran:
    return Ran(
        job=job,
        seal=sealed.seal,
        alarms=tuple(before.alarms),
        forks=forks,
        silent=tuple(path.decode("utf-8", "surrogateescape") for path in sealed.silent),
        unread=sealed.unread,
        interruption=_interruption(job, sealed, stop),
        started=before.started,
        ended=ended,
    )


def _interruption(job: Job, sealed: Sealed, stop: Stop) -> StoppedEarly | None:
    """Return what to say where a run was stopped before it had come to everything."""
    waiting = sealed.seal.counts.waiting
    if not stop.is_asked() or not waiting:
        return None
    return StoppedEarly(snapshot=sealed.seal.name, waiting=waiting, share=job.share.name)


def _forks(unit: Unit, job: Job, before: Before, sealed: Sealed) -> tuple[SnapshotName, ...]:
    """Return the snapshots that another run sealed while this one was at work."""
    known = set(before.chain.names)
    own = {sealed.seal.name}
    now = Chain(unit, job.share.id, job.keys).names
    return tuple(name for name in now if name not in known and name not in own and name.started != before.started)
