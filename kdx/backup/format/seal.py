"""Seals (FORMAT.md, section 8): what makes a snapshot one. Text and noun, and the rules of their chain. No I/O."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kdx import signing
from kdx.backup.format import signed_text
from kdx.backup.format.names import SnapshotName, digest_in, moment_of, snapshot_name, stamp
from kdx.backup.format.signed_text import SignedText, TextDamaged
from kdx.errors import DifferenceFound
from kdx.language import N_, _

CLOCKS_MAY_DIFFER = timedelta(minutes=15)


class State(StrEnum):
    """How a snapshot came out."""

    COMPLETE = N_("complete")
    PARTIAL = N_("partial")
    SUSPECT = N_("suspect")


class SealReplayed(DifferenceFound):
    """A seal lies where it was not written for."""

    message = N_("The seal {name} was made for another place ({why}); somebody put it there.")
    advice = N_("Do not restore from it. Find out who can write to the vault, and tell the board.")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a manifest."""

    object: str
    rows: int
    bytes: int
    """As stored."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far the reading again of unchanged files has come: `next` of `of` equal shares of them, since `began`."""

    next: int
    of: int
    began: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a snapshot."""

    entries: int = 0
    files: int = 0
    bytes: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    unread: int = 0
    ignored: int = 0
    waiting: int = 0
    stored_objects: int = 0
    stored_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A snapshot and the SHA-256 of its seal file, as others name it."""

    name: SnapshotName
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.sha256}"


@dataclass(frozen=True, slots=True)
class Seal:
    """One snapshot of one share."""

    vault: str
    school: str
    share: str
    title: str
    """What people call the share."""
    name: SnapshotName
    previous: Link | None
    sealed: datetime
    state: State
    reasons: tuple[str, ...]
    counts: Counts
    compared: SnapshotName | None
    rotation: Rotation | None
    references: str
    """SHA-256 of the reference list's file."""
    unread_list: str
    """Its object, empty where everything was read."""
    parts: tuple[Part, ...]


_NUMBERS = ("entries", "files", "bytes", "new", "changed", "gone", "unread", "ignored")


def seal_text(seal: Seal, key: signing.SigningKey) -> bytes:
    """Return a seal as it is stored, signed."""
    counts, rotation = seal.counts, seal.rotation
    items = [
        ("vault", seal.vault),
        ("school", seal.school),
        ("share", seal.share),
        ("name", seal.title),
        ("sequence", str(seal.name.sequence)),
        ("previous", str(seal.previous or "-")),
        ("started", stamp(seal.name.started)),
        ("sealed", stamp(seal.sealed)),
        ("state", str(seal.state)),
        *(("reason", reason) for reason in seal.reasons),
        ("waiting", str(counts.waiting)),
        *((name, str(getattr(counts, name))) for name in _NUMBERS[:6]),
        ("compared", str(seal.compared or "-")),
        *((name, str(getattr(counts, name))) for name in _NUMBERS[6:]),
        ("stored", f"{counts.stored_objects} {counts.stored_bytes}"),
        ("reread", f"{rotation.next}/{rotation.of} {stamp(rotation.began)}" if rotation else "-"),
        ("references", seal.references),
        *((("unreadlist", seal.unread_list),) if seal.unread_list else ()),
        *(("manifest", f"{part.object} {part.rows} {part.bytes}") for part in seal.parts),
    ]
    return signed_text.compose(signed_text.SEAL, items, key)


@dataclass(frozen=True, slots=True)
class SealPlace:
    """Where a seal must have been made for."""

    vault: str
    school: str
    share: str


def read_seal(data: bytes, place: SealPlace, name: SnapshotName, keys: Iterable[signing.PublicKey]) -> Seal:
    """Given the bytes of a seal file, return the seal. TextDamaged, SealReplayed, SignerUnlisted or SignerRefused."""
    text = signed_text.take_apart(data, signed_text.SEAL, f"{name}.seal")
    try:
        seal = _seal_of(text)
    except ValueError as error:
        # whether its signature fits is asked first: a changed byte is a change, not a malformed text
        signed_text.check(text, keys, name.started, f"{name}.seal")
        raise TextDamaged(name=f"{name}.seal", why=_("a part of it is missing or malformed")) from error
    signed_text.check(text, keys, seal.sealed, f"{name}.seal")
    for what, here, there in (
        (_("vault"), place.vault, seal.vault),
        (_("school"), place.school, seal.school),
        (_("share"), place.share, seal.share),
        (_("snapshot"), name, seal.name),
    ):
        if here != there:
            raise SealReplayed(name=f"{name}.seal", why=f"{what}: {there}")
    return seal


def _seal_of(text: SignedText) -> Seal:
    previous, compared, reread = text.value("previous"), text.value("compared"), text.value("reread")
    objects, size = map(int, text.value("stored").split(" "))
    return Seal(
        vault=text.value("vault"),
        school=text.value("school"),
        share=text.value("share"),
        title=text.value("name"),
        name=SnapshotName(moment_of(text.value("started")), text.number("sequence")),
        previous=None if previous == "-" else link_of(previous),
        sealed=moment_of(text.value("sealed")),
        state=State(text.value("state")),
        reasons=tuple(text.values("reason")),
        counts=Counts(
            **{name: text.number(name) for name in (*_NUMBERS, "waiting")}, stored_objects=objects, stored_bytes=size
        ),
        compared=None if compared == "-" else snapshot_name(compared),
        rotation=None if reread == "-" else _rotation_of(reread),
        references=_digest(text.value("references")),
        unread_list=_object(text.value("unreadlist")) if text.values("unreadlist") else "",
        parts=tuple(_part_of(value) for value in text.values("manifest")),
    )


def link_of(text: str) -> Link:
    """Return the snapshot a text like `<UTC>-<seq> <sha256>` names. ValueError."""
    name, digest = text.split(" ")
    return Link(snapshot_name(name), digest)


def _rotation_of(text: str) -> Rotation:
    share, began = text.split(" ")
    number, total = map(int, share.split("/"))
    if not 0 <= number < total:
        raise ValueError(text)
    return Rotation(number, total, moment_of(began))


def _part_of(text: str) -> Part:
    name, rows, size = text.split(" ")
    return Part(_object(name), int(rows), int(size))


def _digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(text)
    return text


def _object(name: str) -> str:
    digest_in(name)
    return name


def newest(names: Iterable[SnapshotName]) -> SnapshotName | None:
    """Return the newest of a share's snapshots: the highest sequence, of equals the later start."""
    return max(names, key=lambda name: name.rank, default=None)


def forks(seals: Sequence[Seal]) -> list[tuple[SnapshotName, ...]]:
    """Return the snapshots of one share that name the same predecessor: two runs at once, or somebody's forgery."""
    by_previous: dict[str, list[SnapshotName]] = {}
    for seal in seals:
        by_previous.setdefault(str(seal.previous or "-"), []).append(seal.name)
    return [tuple(sorted(names)) for names in by_previous.values() if len(names) > 1]


def snapshot_time(seal: Seal, stored: datetime) -> datetime:
    """Return the time of a snapshot, given the store's own time of its seal: the earlier of the two counts."""
    return min(seal.name.started, stored)


def is_from_the_future(seal: Seal, stored: datetime) -> bool:
    """Whether a seal says a later time than the store has: a wrong clock, or somebody who wants it to count longer.

    The other way round is what a copied vault looks like, and counts for nothing: the earlier time is taken.
    """
    return seal.sealed - stored > CLOCKS_MAY_DIFFER
