"""What a run finds before it begins: the vault as it is, what to compare with, what a killed run left behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from kdx.backup.format.absent import treated_as_absent
from kdx.backup.format.chain import Chain, Stored, shares_in
from kdx.backup.format.manifest import Held, overlaid, path_field
from kdx.backup.format.names import SnapshotName, stamp
from kdx.backup.format.seal import Rotation, is_from_the_future
from kdx.backup.format.unread import unread_in
from kdx.backup.format.vault import Unit
from kdx.backup.saving.job import Job
from kdx.backup.saving.results import read_leftover
from kdx.errors import DifferenceFound, KdxError
from kdx.language import N_

SHARES = 4096
"""Into so many equal shares the unchanged files are divided for reading them again."""


class OlderTail(DifferenceFound):
    """The vault shows less than this machine knows to be there."""

    message = N_("The vault no longer shows the snapshot {snapshot} of {share}, which this machine has sealed.")
    advice = N_("Somebody or something removed it or put an old state back. Tell the board; do not delete anything.")


class ClockWrong(DifferenceFound):
    """A seal and the store disagree about the time."""

    message = N_("The snapshot {snapshot} says it was sealed at {sealed}; the store has {stored}.")
    advice = N_("Check the clock of the machine that backs up. The earlier time counts.")


@dataclass(slots=True)
class Before:
    """What a run found."""

    unit: Unit
    chain: Chain
    started: datetime
    present: dict[str, int]
    """Everything that is there, by its size."""
    usable: dict[str, int]
    """What of it may be relied on."""
    taken: frozenset[str]
    """What of it may not."""
    previous: Stored | None
    """The newest snapshot: the next one names it."""
    base: Stored | None
    """What is compared with."""
    good: Stored | None
    """What the guards compare with."""
    alarms: list[KdxError] = field(default_factory=list)
    unread: Mapping[bytes, str] = field(default_factory=dict)
    """Since when the entries were not read that the base could not read, by path field."""

    def since(self, path: bytes) -> str:
        """Return when the version of an entry that the base holds was really read."""
        assert self.base is not None
        seal = self.base.seal
        # a checkpoint holds older versions of what it had not come to yet
        read = seal.compared.started if seal.counts.waiting and seal.compared else seal.name.started
        return self.unread.get(path, stamp(read))

    def rotation(self, reread_days: int) -> tuple[Rotation | None, int]:
        """Return how far reading again has come, and how many shares are due in this run."""
        if self.base is None or not reread_days:
            return self.base.seal.rotation if self.base else None, 0
        return self.base.seal.rotation or Rotation(0, SHARES, self.started), -(-SHARES // reread_days)

    def advanced(self, reread_days: int) -> Rotation | None:
        """Return how far it has come after this run."""
        rotation, shares = self.rotation(reread_days)
        if rotation is None:
            return Rotation(0, SHARES, self.started) if reread_days else None
        reached = rotation.next + shares
        began = self.started if reached >= rotation.of else rotation.began
        return Rotation(reached % rotation.of, rotation.of, began)

    def name(self, after: SnapshotName | None, later: int) -> SnapshotName:
        """Return the name of the next snapshot of this run, so many seconds later where its own is taken."""
        previous = after or (self.previous.seal.name if self.previous else None)
        sequence = previous.sequence + 1 if previous else 1
        return SnapshotName(self.started + timedelta(seconds=later), sequence)


def look_at_vault(job: Job, unit: Unit, now: datetime, tail: Mapping[str, object] | None) -> Before:
    """Look at the vault before a run. `tail` is the body of the ledger's newest snapshot.sealed of this share."""
    unit.confirm(job.vault.about.board)
    alarms: list[KdxError] = []
    chain = Chain(unit, job.share.id, job.keys)
    present = unit.objects()
    taken = treated_as_absent(unit, present, job.keys, alarms)
    previous = next(chain.newest_first(), None)
    before = Before(
        unit=unit,
        chain=chain,
        started=now.replace(microsecond=0),
        present=present,
        usable={name: size for name, size in present.items() if name not in taken},
        taken=taken,
        previous=previous,
        base=chain.base(),
        good=chain.last_good(job.settings.exceptions),
        alarms=alarms,
    )
    alarms += chain.faults.values()
    alarms += _chain_alarms(job, chain, previous, tail)
    if before.base and before.base.seal.unread_list:
        rows = unread_in(unit, before.base.seal, alarms)
        before.unread = {path_field(row.path): stamp(row.since) for row in rows if row.since}
    return before


def _chain_alarms(
    job: Job, chain: Chain, previous: Stored | None, tail: Mapping[str, object] | None
) -> Iterator[KdxError]:
    known = str(tail["snapshot"]) if tail and tail.get("vault") == job.vault.about.id else ""
    if known and known not in set(map(str, chain.all_names)):
        yield OlderTail(snapshot=known, share=job.share.name)
    if previous:
        yield from future_alarm(previous)


def future_alarm(stored: Stored) -> Iterator[KdxError]:
    """Yield what to tell of a snapshot that says it was sealed later than the store has it."""
    if is_from_the_future(stored.seal, stored.stored):
        yield ClockWrong(snapshot=stored.seal.name, sealed=stamp(stored.seal.sealed), stored=stamp(stored.stored))


def entries_before(before: Before, scratch: Path) -> Iterator[Held]:
    """Yield what is compared with: the base, and over it what a killed run has stored already."""
    base = before.chain.entries(before.base.seal, before.alarms) if before.base else iter(())
    leftover = read_leftover(sorted(scratch.glob("*.rows")), before.usable)
    return overlaid(base, leftover) if leftover else base


def contents(before: Before, job: Job, scratch: Path) -> Iterator[Held]:
    """Yield everything whose content may be reused: of this share's newest snapshots, and of the school's others."""
    seen = set()
    for stored in (before.base, before.previous, before.good):
        if stored and stored.link not in seen:
            seen.add(stored.link)
            yield from before.chain.entries(stored.seal, [])
    yield from read_leftover(sorted(scratch.glob("*.rows")), before.usable)
    for share in shares_in(before.unit):
        if share != job.share.id:
            chain = Chain(before.unit, share, job.keys)
            stored = chain.base()
            yield from chain.entries(stored.seal, []) if stored else ()


def held_before(before: Before, job: Job) -> frozenset[bytes]:
    """Return the objects that the good snapshots of the whole school need: content in them is not new."""
    chains = [before.chain]
    chains += (Chain(before.unit, share, job.keys) for share in shares_in(before.unit) if share != job.share.id)
    found: set[str] = set()
    for chain in chains:
        stored = chain.last_good(job.settings.exceptions)
        try:
            found.update(chain.references(stored.seal) if stored else ())
        except DifferenceFound as error:
            before.alarms.append(error)
            # what is there is the next best; a guard that cries every night is soon switched off
            found.update(before.usable)
    return frozenset(name.encode("ascii") for name in found)
