"""Finish a snapshot: its manifest, the guards, its reference list, and last of all its seal.

Until the seal is there, there is no snapshot. What it relies on is listed once more before it is written.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from kdx.backup.format.absent import treated_as_absent
from kdx.backup.format.chain import NameTaken
from kdx.backup.format.manifest import MOST_ROWS, NOTHING, Held, RowRefused, by_path, lines_in, zipped
from kdx.backup.format.names import MANIFESTS, object_name
from kdx.backup.format.seal import Counts, Link, Part, Seal, State, seal_text
from kdx.backup.saving.assemble import Assembled, Assembler
from kdx.backup.saving.before import Before, held_before
from kdx.backup.saving.comparison import Plan
from kdx.backup.saving.guard import Facts, difference, judge
from kdx.backup.saving.job import Job
from kdx.backup.saving.results import Results
from kdx.errors import DifferenceFound
from kdx.language import N_

CHECKPOINT, RECOVERING = "checkpoint", "recovering"
MOST_AT_ONCE = 60
"""So many runs may seal the same number of one share in the same minute."""


class VaultChanged(DifferenceFound):
    """Objects vanished from the vault while a run relied on them."""

    message = N_(
        "{count} objects vanished from the vault or were marked while the backup ran; it was not sealed. First: {first}"
    )
    advice = N_("Run it again: it stores them anew. If it happens again, find out who removes them.")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A snapshot that has come to be."""

    seal: Seal
    link: Link
    silent: tuple[bytes, ...]
    unread: tuple[tuple[str, str], ...]


class Sealer:
    """Makes the snapshots of one run: checkpoints, and the last one."""

    def __init__(
        self, job: Job, before: Before, plan: Plan, scratch: Path, outline: Path, results: Results,
        clock: Callable[[], datetime], *, recovering: bool, reread_days: int, marker_missing: bool,
    ) -> None:
        self._job = job
        self._before = before
        self._plan = plan
        self._scratch = scratch
        self._outline = outline
        self._results = results
        self._clock = clock
        self._recovering = recovering
        self._reread_days = reread_days
        self._marker_missing = marker_missing
        self._previous = before.previous.link if before.previous else None
        self._written: dict[str, Path] = {}
        self._objects = self._stored = 0

    def seal(self) -> Sealed:
        """Make a snapshot of what is done until now. VaultChanged, or what the vault's place raises."""
        with self._outline.open("rb") as lines:
            made = Assembler(self._results.streams(), self._before.since, self._put_part).run(lines)
        unread_list = self._put(b"".join(made.unread)) if made.unread else ""
        objects = {name.decode("ascii") for name in (self._plan.objects | made.objects) - {NOTHING}}
        objects.update(part.object for part in made.parts)
        objects.update({unread_list} - {""})
        facts = self._facts(made)
        self._list_again(objects)
        seal = self._put_seal(self._draft(made, facts, unread_list), sorted(objects))
        assert self._previous is not None
        return Sealed(seal, self._previous, tuple(made.silent), _first_unread(made.unread))

    def _put_seal(self, draft: Seal, objects: list[str]) -> Seal:
        """Write the reference list and the seal, under the first name no other run has taken."""
        chain, previous = self._before.chain, self._previous.name if self._previous else None
        for later in range(MOST_AT_ONCE):
            name = self._before.name(previous, later)
            with suppress(NameTaken):
                seal = replace(draft, name=name, references=chain.put_references(name, objects), sealed=self._clock())
                self._previous = chain.put_seal(name, seal_text(seal, self._job.signer))
                return seal
        raise NameTaken(name=f"{self._before.name(previous, 0)}.seal")

    def _draft(self, made: Assembled, facts: Facts, unread_list: str) -> Seal:
        """Return the seal but for its name and time."""
        state, reasons = self._judge(facts, made)
        return Seal(
            vault=self._job.vault.about.id,
            school=self._before.unit.school,
            share=self._job.share.id,
            title=self._job.share.name,
            name=self._before.name(None, 0),
            previous=self._previous,
            sealed=self._before.started,
            state=state,
            reasons=tuple(reasons),
            counts=self._counts(made, facts),
            compared=self._before.good.seal.name if self._before.good else None,
            rotation=self._before.advanced(self._reread_days) if not made.waiting else self._before.rotation(0)[0],
            references="",
            unread_list=unread_list,
            parts=tuple(made.parts),
        )

    def _judge(self, facts: Facts, made: Assembled) -> tuple[State, list[str]]:
        """Say how the snapshot came out, and why."""
        reasons = judge(facts, self._job.limits)
        if reasons and not self._recovering:
            return State.SUSPECT, reasons
        if self._recovering:
            reasons.insert(0, RECOVERING)
        if made.waiting:
            reasons.append(CHECKPOINT)
        reasons += (f"{reason} {count}" for reason, count in sorted(made.reasons.items()))
        return State.PARTIAL if reasons else State.COMPLETE, reasons

    def _counts(self, made: Assembled, facts: Facts) -> Counts:
        return Counts(
            entries=facts.entries,
            files=facts.now,
            bytes=self._plan.bytes + made.size,
            new=facts.new if self._before.good else facts.now,
            changed=facts.changed,
            gone=facts.gone,
            unread=len(made.unread),
            ignored=sum(self._plan.left.values()),
            waiting=made.waiting,
            stored_objects=self._results.objects + self._objects,
            stored_bytes=self._results.stored + self._stored,
        )

    def _facts(self, made: Assembled) -> Facts:
        """Compare with the last good snapshot: only the parts that differ are looked at."""
        good = self._before.good
        numbers = Facts(
            before=good.seal.counts.files if good else None,
            now=self._plan.files + made.files,
            entries=self._plan.entries + made.entries,
            marker_missing=self._marker_missing,
        )
        if good is None:
            return numbers
        common = {part.object for part in good.seal.parts} & {part.object for part in made.parts}
        old = self._rows([part for part in good.seal.parts if part.object not in common])
        new = self._rows([part for part in made.parts if part.object not in common])
        found = difference(old, new, held_before(self._before, self._job))
        return replace(
            found, before=numbers.before, now=numbers.now, entries=numbers.entries,
            marker_missing=numbers.marker_missing,
        )

    def _rows(self, parts: list[Part]) -> Iterator[Held]:
        for part in parts:
            name = part.object
            here = self._written.get(name)
            try:
                data = here.read_bytes() if here else self._before.unit.fetch(name)
                yield from by_path(lines_in([data], name, MOST_ROWS))
            except (DifferenceFound, RowRefused):
                # of the last good snapshot: it was told when the run looked at the vault, or verify will
                continue

    def _put_part(self, text: bytes, rows: int) -> Part:
        name = self._put(text)
        return Part(name, rows, self._written[name].stat().st_size)

    def _put(self, text: bytes) -> str:
        """Store text as a manifest object, under a name that no damaged bytes have."""
        salt = 0
        while True:
            data = zipped(text, salt)
            name = object_name(MANIFESTS, sha256(data).hexdigest())
            if name in self._written:
                return name
            if name not in self._before.taken and self._is_stored(name, data):
                self._written[name] = self._scratch / f"{sha256(data).hexdigest()}.part"
                self._written[name].write_bytes(data)
                return name
            salt += 1

    def _is_stored(self, name: str, data: bytes) -> bool:
        if name in self._before.present:
            return self._before.present[name] == len(data)
        if not self._before.unit.put(name, (data,), len(data)):
            return False
        self._objects, self._stored = self._objects + 1, self._stored + len(data)
        return True

    def _list_again(self, objects: set[str]) -> None:
        """See that everything the snapshot needs is in the vault now, and that nobody is about to remove it.

        VaultChanged. What was marked since the run began may be gone in 14 days.
        """
        unit, before = self._before.unit, self._before
        unit.confirm(self._job.vault.about.board)
        there = unit.objects()
        marked = treated_as_absent(unit, there, self._job.keys, []) - before.taken
        missing = sorted((objects - there.keys()) | (objects & marked))
        if missing:
            raise VaultChanged(count=len(missing), first=missing[0])


def _first_unread(lines: list[bytes], most: int = 1000) -> tuple[tuple[str, str], ...]:
    rows = (line[:-1].split(b"\t") for line in lines[:most])
    return tuple((row[3].decode("utf-8", "surrogateescape"), row[1].decode("ascii")) for row in rows)
