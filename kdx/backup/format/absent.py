"""What is there and must not be relied on (FORMAT.md, section 10): the notes of damage and the sweep's marks."""

from collections.abc import Iterator
from contextlib import contextmanager

from kdx import signing
from kdx.backup.format.chain import Keys
from kdx.backup.format.note import MISSING, read_damage, read_mark
from kdx.backup.format.vault import Unit, whole_file
from kdx.errors import DifferenceFound, KdxError
from kdx.remotes.interface import NotFound, PlaceMissing, ReadFailed


def treated_as_absent(
    unit: Unit, present: dict[str, int], keys: Keys, faults: list[KdxError]
) -> frozenset[str]:
    """Return the objects nothing new may rely on though they are there: noted as damaged, or marked for removal.

    A note that does not hold is no note; it is added to `faults`.
    """
    absent = set()
    for file, path in _notes(unit, "damaged"):
        with _noted(faults):
            damage = read_damage(whole_file(unit.remote, path), file, keys)
            if damage.found != MISSING:
                absent.add(damage.object)
    for file, path in _notes(unit, "marks"):
        with _noted(faults):
            absent.update(read_mark(whole_file(unit.remote, path), file, keys))
    return frozenset(absent & present.keys())


@contextmanager
def _noted(faults: list[KdxError]) -> Iterator[None]:
    try:
        yield
    except (DifferenceFound, ReadFailed, signing.KeyUnlisted) as fault:
        faults.append(fault)


def _notes(unit: Unit, folder: str) -> Iterator[tuple[str, str]]:
    try:
        entries = list(unit.remote.list(f"{unit.folder}/{folder}"))
    except (NotFound, PlaceMissing):
        return
    for entry in entries:
        if entry.kind == "file":
            yield f"{folder}/{entry.path.rpartition('/')[2]}", entry.path
