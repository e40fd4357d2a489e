"""The snapshots of one share, as a vault shows them: listed, read, proven, judged by what the board accepted.

A seal that does not hold raises; whoever goes on without it says so to a person.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from kdx import signing
from kdx.backup.format.manifest import MOST_ROWS, Held, ManifestDamaged, RowRefused, by_path, lines_in, zipped
from kdx.backup.format.names import (
    ACCEPTED,
    PACK_BYTES,
    PRUNED,
    REFERENCES,
    SEAL,
    SnapshotName,
    digest_in,
    seals_folder,
    snapshot_name,
)
from kdx.backup.format.note import GOOD, Acceptance, read_acceptance, read_pruned
from kdx.backup.format.promise import counts
from kdx.backup.format.seal import Link, Part, Seal, SealPlace, State, newest, read_seal
from kdx.backup.format.signed_text import TextDamaged
from kdx.backup.format.unread import unread_in
from kdx.backup.format.vault import ObjectMissing, Unit, whole_file
from kdx.errors import DifferenceFound, KdxError
from kdx.language import N_, _
from kdx.remotes.interface import Entry, NotFound, PlaceMissing, ReadFailed
from kdx.remotes.once import write_once

Keys = Sequence[signing.PublicKey]


class NameTaken(DifferenceFound):
    """Another run has just sealed a snapshot of the same number in the same second."""

    message = N_("In the vault, {name} is there already.")
    advice = N_("Run the same command again.")


@dataclass(frozen=True, slots=True)
class Stored:
    """A seal as it lies in the vault."""

    seal: Seal
    link: Link
    stored: datetime
    """The store's own time of the seal's file."""
    acceptance: Acceptance | None = None

    @property
    def state(self) -> State:
        """Its state, what a person accepted taken into account."""
        if self.seal.state == State.SUSPECT and self.acceptance and self.acceptance.word == GOOD:
            whole = not self.seal.counts.unread and not self.seal.counts.waiting
            return State.COMPLETE if whole else State.PARTIAL
        return self.seal.state

    @property
    def may_be_compared(self) -> bool:
        """Whether a run may take entries of it for unchanged: a suspect one only after a person's word."""
        return self.state != State.SUSPECT or self.acceptance is not None


class Chain:
    """All snapshots of one share. Reads each seal once."""

    def __init__(self, unit: Unit, share: str, keys: Keys) -> None:
        self._unit = unit
        self._share = share
        self._keys = keys
        self._folder = seals_folder(unit.school, share)
        self._read: dict[SnapshotName, Stored] = {}
        self.faults: dict[SnapshotName, KdxError] = {}
        """Seals that do not hold, and why; they are no snapshots."""
        self.files = self._list()
        self.all_names = self._names(SEAL)
        self.names = sorted(self.all_names - self._names(PRUNED), key=lambda name: name.rank)
        """Oldest first; pruned ones are no snapshots any more."""

    def _list(self) -> dict[str, Entry]:
        try:
            return {entry.path.rpartition("/")[2]: entry for entry in self._unit.remote.list(self._folder)}
        except (NotFound, PlaceMissing):
            return {}

    def _names(self, ending: str) -> set[SnapshotName]:
        found = set()
        for file in self.files:
            with suppress(ValueError):
                if file.endswith(ending):
                    found.add(snapshot_name(file.removesuffix(ending)))
        return found

    @property
    def folder(self) -> str:
        """Where its files lie, relative to the vault."""
        return self._folder

    @property
    def place(self) -> SealPlace:
        """What its seals must say of themselves."""
        return SealPlace(self._unit.vault.about.id, self._unit.school, self._share)

    def newest(self) -> SnapshotName | None:
        """Return the name of the newest snapshot."""
        return newest(self.names)

    def read(self, name: SnapshotName) -> Stored:
        """Return one snapshot, proven. TextDamaged, SealReplayed, SignerUnlisted or SignerRefused."""
        if name not in self._read:
            data = self._file(f"{name}{SEAL}")
            seal = read_seal(data, self.place, name, self._keys)
            link = Link(name, hashlib.sha256(data).hexdigest())
            stored = datetime.fromtimestamp(self.files[f"{name}{SEAL}"].mtime_ns / 1e9, UTC)
            self._read[name] = Stored(seal, link, stored, self._acceptance(link))
        return self._read[name]

    def _acceptance(self, link: Link) -> Acceptance | None:
        file = f"{link.name}{ACCEPTED}"
        if file not in self.files:
            return None
        try:
            acceptance = read_acceptance(self._file(file), file, self._keys)
            place = SealPlace(acceptance.vault, acceptance.school, acceptance.share)
            if place != self.place or acceptance.seal != link:
                raise TextDamaged(name=file, why=_("it speaks of another snapshot"))
        except (DifferenceFound, signing.KeyUnlisted) as fault:
            # whoever may write to the vault must not be able to hide a snapshot behind a false note
            self.faults[link.name] = fault
            return None
        return acceptance

    def _file(self, name: str) -> bytes:
        with _missing_or_damaged(name):
            return whole_file(self._unit.remote, f"{self._folder}/{name}")

    def _chunks(self, name: str) -> Iterator[bytes]:
        with _missing_or_damaged(name):
            yield from self._unit.remote.read(f"{self._folder}/{name}")

    def newest_first(self) -> Iterator[Stored]:
        """Yield all snapshots that hold, newest first; those that do not are in `faults` then."""
        kept = set(self.names)
        for name in sorted(self.all_names, key=lambda name: name.rank, reverse=True):
            try:
                if name in kept or not self._is_pruned(name):
                    yield self.read(name)
            except (DifferenceFound, signing.KeyUnlisted) as fault:
                self.faults[name] = fault

    def _is_pruned(self, name: SnapshotName) -> bool:
        """Whether the board really said that this is no snapshot any more.

        A note that does not hold hides nothing: whoever may write to the vault could hide all of it. It is a fault.
        """
        file = f"{name}{PRUNED}"
        try:
            note = read_pruned(self._file(file), file, self._keys)
            if (note.vault, note.school, note.share) != (self.place.vault, self.place.school, self.place.share):
                raise TextDamaged(name=file, why=_("it speaks of another snapshot"))
            if note.seal.name != name:
                raise TextDamaged(name=file, why=_("it speaks of another snapshot"))
        except (DifferenceFound, signing.KeyUnlisted) as fault:
            self.faults[name] = fault
            return False
        return True

    def base(self) -> Stored | None:
        """Return the newest snapshot a run may compare with, None where there is none yet."""
        return next((stored for stored in self.newest_first() if stored.may_be_compared), None)

    def last_good(self, exceptions: Sequence[str]) -> Stored | None:
        """Return the newest snapshot that counts for the recovery point: what guards compare with.

        Not only complete ones: in a school somebody has a file open every night.
        """
        for stored in self.newest_first():
            if counts(stored.seal, stored.state, unread_in(self._unit, stored.seal, []), exceptions):
                return stored
        return None

    def entries(self, seal: Seal, damaged: list[KdxError] | None = None) -> Iterator[Held]:
        """Yield the rows of a snapshot path by path.

        A part that is missing or damaged raises (DifferenceFound); with `damaged` it is noted there and passed over.
        """
        for number, part in enumerate(seal.parts):
            try:
                held = list(by_path(rows_of(self._unit, part), number))
            except RowRefused as error:
                raise ManifestDamaged(name=part.object, why=str(error)) from error
            except DifferenceFound as error:
                if damaged is None:
                    raise
                damaged.append(error)
                continue
            yield from held

    def references(self, seal: Seal) -> list[str]:
        """Return the names of all objects a snapshot needs. ObjectMissing or TextDamaged."""
        file = f"{seal.name}{REFERENCES}"
        # nothing limits it: one that is larger than memory is read twice, and proven before it is unfolded
        is_long = file in self.files and self.files[file].size > PACK_BYTES
        data = self._chunks(file) if is_long else [self._file(file)]
        digest = hashlib.sha256()
        for chunk in data:
            digest.update(chunk)
        if digest.hexdigest() != seal.references:
            raise TextDamaged(name=file, why=_("its bytes are not those the seal says"))
        lines = lines_in(self._chunks(file) if is_long else data, file)
        try:
            names = [line[:-1].decode("ascii") for line in lines]
            for name in names:
                digest_in(name)
        except ValueError as error:
            raise TextDamaged(name=file, why=_("a line of it is malformed")) from error
        return names

    def put_references(self, name: SnapshotName, objects: Sequence[str]) -> str:
        """Write the reference list of a snapshot that is about to be sealed, and return its SHA-256. NameTaken."""
        data = zipped("".join(f"{each}\n" for each in objects).encode("ascii"))
        self._put(f"{name}{REFERENCES}", data)
        return hashlib.sha256(data).hexdigest()

    def put_seal(self, name: SnapshotName, text: bytes) -> Link:
        """Make a snapshot what it is. Everything it needs must be there already. NameTaken."""
        self._put(f"{name}{SEAL}", text)
        return Link(name, hashlib.sha256(text).hexdigest())

    def put_acceptance(self, link: Link, text: bytes) -> None:
        """Write down a person's word on a snapshot. NameTaken."""
        self._put(f"{link.name}{ACCEPTED}", text)

    def put_pruned(self, link: Link, text: bytes) -> None:
        """Write down that a snapshot is none any more. One that another sweep wrote is as good."""
        if f"{link.name}{PRUNED}" not in self._list():
            with suppress(NameTaken):
                self._put(f"{link.name}{PRUNED}", text)

    def _put(self, name: str, data: bytes) -> None:
        # these names do not say what the bytes are: another run's file of the same size is not ours
        whole = write_once(self._unit.remote, f"{self._folder}/{name}", [data], len(data))
        if not whole or self._file(name) != data:
            raise NameTaken(name=name)


def rows_of(unit: Unit, part: Part) -> Iterator[bytes]:
    """Yield the rows of a part of a manifest as they stand. ManifestDamaged, ObjectMissing or ObjectDamaged."""
    return lines_in([unit.fetch(part.object)], part.object, min(part.rows, MOST_ROWS))


@contextmanager
def _missing_or_damaged(name: str) -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise ObjectMissing(name=name) from error
    except ReadFailed as error:
        raise TextDamaged(name=name, why=str(error)) from error


def shares_in(unit: Unit) -> list[str]:
    """Return the ids of the shares a unit holds snapshots of."""
    try:
        entries = list(unit.remote.list(f"{unit.folder}/snapshots"))
    except (NotFound, PlaceMissing):
        return []
    return [entry.path.rpartition("/")[2] for entry in entries if entry.kind == "directory"]
