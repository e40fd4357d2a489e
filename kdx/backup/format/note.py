"""Notes (FORMAT.md, section 10): what the board says about snapshots and objects. Text and noun; no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kdx import signing
from kdx.backup.format import signed_text
from kdx.backup.format.names import digest_in, moment_of, stamp
from kdx.backup.format.seal import Link, link_of
from kdx.backup.format.signed_text import ACCEPT, DAMAGE, MARK, PRUNED, TextDamaged
from kdx.language import _

GOOD, RECOVERING = "good", "recovering"
MISSING, DAMAGED = "missing", "damaged"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's word on a suspect snapshot."""

    vault: str
    school: str
    share: str
    seal: Link
    word: str
    """GOOD, or RECOVERING: right while a restore is under way."""
    at: datetime
    reason: str = ""

    def text(self, key: signing.SigningKey) -> bytes:
        """Return it as it is stored, signed."""
        items = [
            ("vault", self.vault), ("school", self.school), ("share", self.share), ("seal", str(self.seal)),
            ("as", self.word), ("at", stamp(self.at)), *((("reason", self.reason),) if self.reason else ()),
        ]
        return signed_text.compose(ACCEPT, items, key)


@dataclass(frozen=True, slots=True)
class Damage:
    """An object that is not there, or whose bytes are not what its name says."""

    vault: str
    school: str
    object: str
    found: str
    """MISSING or DAMAGED."""
    at: datetime

    def text(self, key: signing.SigningKey) -> bytes:
        """Return it as it is stored, signed."""
        items = [
            ("vault", self.vault), ("school", self.school), ("object", self.object), ("found", self.found),
            ("at", stamp(self.at)),
        ]
        return signed_text.compose(DAMAGE, items, key)


@dataclass(frozen=True, slots=True)
class MarkNote:
    """Objects of a school that nobody needs and that will be removed."""

    vault: str
    school: str
    at: datetime
    objects: tuple[str, ...]

    def text(self, key: signing.SigningKey) -> bytes:
        """Return it as it is stored, signed."""
        items = [("vault", self.vault), ("school", self.school), ("at", stamp(self.at))]
        items += (("object", name) for name in self.objects)
        return signed_text.compose(MARK, items, key)


@dataclass(frozen=True, slots=True)
class PrunedNote:
    """A snapshot that is no longer one."""

    vault: str
    school: str
    share: str
    seal: Link
    at: datetime

    def text(self, key: signing.SigningKey) -> bytes:
        """Return it as it is stored, signed."""
        items = [
            ("vault", self.vault), ("school", self.school), ("share", self.share), ("seal", str(self.seal)),
            ("at", stamp(self.at)),
        ]
        return signed_text.compose(PRUNED, items, key)


def read_acceptance(data: bytes, name: str, keys: Iterable[signing.PublicKey]) -> Acceptance:
    """Given the bytes of an .accepted file, return what it says. TextDamaged, SignerUnlisted or SignerRefused."""
    text = signed_text.take_apart(data, ACCEPT, name)
    try:
        at = moment_of(text.value("at"))
        signed_text.check(text, keys, at, name)
        found = Acceptance(
            text.value("vault"), text.value("school"), text.value("share"), link_of(text.value("seal")),
            text.value("as"), at, "".join(text.values("reason")),
        )
    except ValueError as error:
        raise TextDamaged(name=name, why=_("a part of it is missing or malformed")) from error
    if found.word not in (GOOD, RECOVERING):
        raise TextDamaged(name=name, why=_("a part of it is missing or malformed"))
    return found


def read_damage(data: bytes, name: str, keys: Iterable[signing.PublicKey]) -> Damage:
    """Given the bytes of a file in damaged/, return what it says. TextDamaged, SignerUnlisted or SignerRefused."""
    text = signed_text.take_apart(data, DAMAGE, name)
    try:
        at = moment_of(text.value("at"))
        signed_text.check(text, keys, at, name)
        found = Damage(text.value("vault"), text.value("school"), text.value("object"), text.value("found"), at)
        if digest_in(found.object) != name.rpartition("/")[2] or found.found not in (MISSING, DAMAGED):
            raise ValueError(found.object)
    except ValueError as error:
        raise TextDamaged(name=name, why=_("a part of it is missing or malformed")) from error
    return found


def read_mark(
    data: bytes, name: str, keys: Iterable[signing.PublicKey], place: tuple[str, str] | None = None
) -> tuple[str, ...]:
    """Given the bytes of a file in marks/, return the objects it names. TextDamaged, SignerUnlisted, SignerRefused.

    `place` is the (vault, school) it must speak of.
    """
    text = signed_text.take_apart(data, MARK, name)
    try:
        signed_text.check(text, keys, moment_of(text.value("at")), name)
        there = text.value("vault"), text.value("school")
        for each in text.values("object"):
            digest_in(each)
    except ValueError as error:
        raise TextDamaged(name=name, why=_("a part of it is missing or malformed")) from error
    if place and there != place:
        raise TextDamaged(name=name, why=_("it speaks of another school"))
    return tuple(text.values("object"))


def read_pruned(data: bytes, name: str, keys: Iterable[signing.PublicKey]) -> PrunedNote:
    """Given the bytes of a .pruned file, return what it says. TextDamaged, SignerUnlisted or SignerRefused."""
    text = signed_text.take_apart(data, PRUNED, name)
    try:
        at = moment_of(text.value("at"))
        signed_text.check(text, keys, at, name)
        return PrunedNote(
            text.value("vault"), text.value("school"), text.value("share"), link_of(text.value("seal")), at
        )
    except ValueError as error:
        raise TextDamaged(name=name, why=_("a part of it is missing or malformed")) from error
