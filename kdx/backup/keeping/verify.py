"""Look for what is flipped, cut or missing in a vault, and name all of it. Writes nothing but notes.

Without reading content: every seal and reference list, every part of every manifest, and that all objects are there.
`full`: every byte of every object too.
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from kdx import signing
from kdx.backup.format.chain import Chain, Keys, shares_in
from kdx.backup.format.manifest import LENGTH, NOTHING, OBJECT, OFFSET
from kdx.backup.format.names import digest_in, is_content
from kdx.backup.format.note import DAMAGED, MISSING, Damage
from kdx.backup.format.vault import ObjectDamaged, ObjectMissing, ObjectUnread, Unit, Vault
from kdx.errors import DifferenceFound, ExitCode, KdxError, gravest
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes.buckets import hidden, is_versioned
from kdx.remotes.interface import SkipReason
from kdx.remotes.key_trials import FOLDER
from kdx.remotes.once import write_once
from kdx.state.events.saving import VaultVerified
from kdx.transfer.limit import Limiter, Rate

SEAL_WRONG, LIST_WRONG = N_("seal wrong"), N_("list wrong")
WRITTEN_OVER = N_("written over or deleted by somebody; the first version is kept and read")
WORDS = {MISSING: N_("missing"), DAMAGED: N_("damaged")}
UNREAD = N_("cannot be read")
NOT_TOLD = (SkipReason.DENIED, SkipReason.LOCKED)
"""Why an object cannot be read that says nothing of its bytes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the vault that is not what it must be."""

    school: str
    what: str
    """An N_() string."""
    name: str
    """Relative to the unit."""
    needed_by: int = 0
    """Snapshots that need it."""
    error: KdxError | None = None


@dataclass(slots=True)
class Verified:
    """What verifying one unit found."""

    school: str
    full: bool
    objects: int = 0
    bytes: int = 0
    """Looked at; read where `full`."""
    snapshots: int = 0
    findings: list[Finding] = field(default_factory=list)
    noted: int = 0
    """Notes written for findings that had none."""

    @property
    def exit_code(self) -> ExitCode:
        """5 where a snapshot needs what is not what it must be, or somebody wrote over or deleted what was there.

        What a signature says may be graver or not. A damaged object that no snapshot needs, left by a killed run, is
        named and noted, and harms nobody.
        """
        return gravest(
            finding.error.exit_code if finding.error else ExitCode.DIFFERENCE
            for finding in self.findings
            if finding.needed_by or finding.error or finding.what == WRITTEN_OVER
        )

    def event(self, vault: Vault) -> VaultVerified:
        """Return what the ledger keeps of it."""
        return VaultVerified(
            self.school, vault.about.id, str(vault.place.location), self.full, self.objects, self.bytes,
            len(self.findings), int(self.exit_code),
        )


def verify_unit(
    vault: Vault, school: str, keys: Keys, *, full: bool, board_key: signing.SigningKey | None, now: datetime,
    bandwidth: int | None | Rate = None, progress: Progress = SILENT,
) -> Verified:
    """Verify one school's part of a vault, "-" being the board's. Writes damage notes where the board's key is here.

    `bandwidth` is bytes per second that objects may be read with, or what tells them at any moment.
    """
    with closing(vault.unit(school)) as unit:
        found = Verified(school, full)
        present = unit.objects()
        needed = _snapshots(unit, school, keys, found)
        for name in sorted(needed.keys() - present.keys()):
            found.findings.append(Finding(school, WORDS[MISSING], name, needed[name]))
        found.objects = len(present)
        for name, word, error in _damaged(unit, present, full, found, Limiter(bandwidth), progress):
            found.findings.append(Finding(school, word, name, needed.get(name, 0), error))
        found.findings += _hidden(unit)
        if board_key:
            _write_notes(unit, found, board_key, now)
    return found


def _hidden(unit: Unit) -> Iterator[Finding]:
    """Yield what somebody wrote over or deleted: where versions are kept, readers go on with the first one."""
    place = unit.vault.place
    if is_versioned(place):
        for name in hidden(replace(place, location=place.location.child(*unit.folder.split("/")))):
            # where keys are tried is nothing of the vault's
            if not name.startswith(f"{FOLDER}/"):
                yield Finding(unit.school, WRITTEN_OVER, name)


def _snapshots(unit: Unit, school: str, keys: Keys, found: Verified) -> dict[str, int]:
    """Look at all seals and reference lists; return how many snapshots need each object."""
    needed: dict[str, int] = {}
    for share in ["board"] if school == "-" else shares_in(unit):
        chain = Chain(unit, share, keys)
        for stored in chain.newest_first():
            found.snapshots += 1
            names = {part.object for part in stored.seal.parts} | ({stored.seal.unread_list} - {""})
            try:
                names.update(chain.references(stored.seal))
            except DifferenceFound as error:
                found.findings.append(Finding(school, LIST_WRONG, f"{share}/{stored.seal.name}.refs.gz", 1, error))
            for name in names:
                needed[name] = needed.get(name, 0) + 1
        for snapshot, fault in chain.faults.items():
            found.findings.append(Finding(school, SEAL_WRONG, f"{share}/{snapshot}.seal", 0, fault))
    return needed


def _damaged(
    unit: Unit, present: dict[str, int], full: bool, found: Verified, limiter: Limiter, progress: Progress
) -> Iterator[tuple[str, str, KdxError | None]]:
    """Yield the objects whose bytes are not those their names say, as far as they are read: name, what it is, why."""
    cut = {} if full else _least_sizes(unit, present)
    progress.start(N_("Verifying the vault"), sum(present.values()), "bytes")
    try:
        for name, size in sorted(present.items()):
            if full or not is_content(name):
                found.bytes += size
                yield from _found_in(unit, name, limiter)
            elif size < cut.get(name, 0):
                yield name, WORDS[DAMAGED], None
            progress.advance(size)
    finally:
        progress.done()


def _found_in(unit: Unit, name: str, limiter: Limiter) -> Iterator[tuple[str, str, KdxError | None]]:
    """Yield what is wrong with an object, nothing where it is what its name says."""
    digest = hashlib.sha256()
    try:
        for chunk in unit.read(name):
            limiter.take(len(chunk))
            digest.update(chunk)
    except ObjectUnread as error:
        # a bad sector is damage; who may not read knows nothing of the object, and must not note it as lost for ever
        yield name, UNREAD if error.values["reason"] in NOT_TOLD else WORDS[DAMAGED], error
    except ObjectMissing:
        yield name, WORDS[MISSING], None
    else:
        if digest.hexdigest() != digest_in(name):
            yield name, WORDS[DAMAGED], None


def _least_sizes(unit: Unit, present: dict[str, int]) -> dict[str, int]:
    """Return how long each object must at least be, by the manifests that can be read."""
    least: dict[str, int] = {}
    from kdx.backup.format.manifest import lines_in

    for part in present:
        if is_content(part):
            continue
        try:
            for line in lines_in([unit.fetch(part)], part):
                fields = line.split(b"\t")
                if len(fields) > LENGTH and fields[OBJECT] != NOTHING:
                    name = fields[OBJECT].decode("ascii", "replace")
                    least[name] = max(least.get(name, 0), int(fields[OFFSET]) + int(fields[LENGTH]))
        except (ObjectDamaged, DifferenceFound, ValueError):
            continue
    return least


def _write_notes(unit: Unit, found: Verified, key: signing.SigningKey, now: datetime) -> None:
    for finding in found.findings:
        if finding.what not in WORDS.values():
            continue
        word = MISSING if finding.what == WORDS[MISSING] else DAMAGED
        text = Damage(unit.vault.about.id, unit.school, finding.name, word, now).text(key)
        path = f"{unit.folder}/damaged/{digest_in(finding.name)}"
        if not _is_there(unit, path):
            write_once(unit.remote, path, [text], len(text))
            found.noted += 1


def _is_there(unit: Unit, path: str) -> bool:
    from kdx.remotes.interface import NotFound

    try:
        unit.remote.stat(path)
    except NotFound:
        return False
    return True
