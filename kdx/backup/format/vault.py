"""A vault, opened: what lies in it, fetched only as what its name says, stored only under a name nobody else has.

Writes nothing over and deletes nothing. Names from the store become paths only after format.names has known them.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from kdx.backup.format.names import (
    ABOUT,
    FORMAT,
    MANIFESTS,
    PACK_BYTES,
    PACKS,
    SEGMENT_BYTES,
    SEGMENTS,
    digest_in,
    stamp,
    unit_of,
)
from kdx.config.model import Board
from kdx.errors import ConfigurationError, DifferenceFound
from kdx.language import N_, _
from kdx.remotes import Place, place_of_target
from kdx.remotes.interface import Entry, NotFound, PlaceMissing, ReadFailed, Remote
from kdx.remotes.once import Pace, Piece, write_once

LONGEST_ABOUT = 64 << 10


class NoVault(ConfigurationError):
    """The configuration names no vault."""

    message = N_("There is no vault in the configuration.")
    advice = N_("Write vault: {{url: …}} in kdx.yml, then: kdx backup init")


class VaultUnmade(ConfigurationError):
    """There is no vault yet where the configuration says."""

    message = N_("There is no vault at {place} yet.")
    advice = N_("Check the address and that the disk is mounted; if the vault is to begin there: kdx backup init")


class VaultForeign(ConfigurationError):
    """What lies there is a vault this board or this version cannot use."""

    message = N_("The vault at {place} cannot be used: {why}.")
    advice = N_("Check vault: in kdx.yml. A vault belongs to one board; kdx reads those of its own age and older.")


class ObjectMissing(DifferenceFound):
    """An object that is needed is not in the vault."""

    message = N_("The object {name} is missing in the vault.")
    advice = N_("kdx backup verify says what else is missing; the next backup stores it anew from the source.")


class ObjectDamaged(ObjectMissing):
    """An object is not what its name says."""

    message = N_("The object {name} in the vault is damaged: its bytes are not those its name says.")
    advice = N_("kdx backup verify --full says what else is damaged; the next backup stores it anew from the source.")


class ObjectUnread(ObjectDamaged):
    """An object is there and the place does not give its bytes: a bad sector, or no right to read it."""

    message = N_("The object {name} in the vault cannot be read: {why}")
    advice = N_("Check the disk of the vault and who may read there. kdx backup verify --full names what else is so.")


class FileTooLong(DifferenceFound):
    """Something under a name of the vault that no kdx wrote."""

    message = N_("{name} in the vault is larger than such a file can be.")
    advice = N_("No kdx wrote it. Do not delete it; tell the board. kdx backup list says what can be restored.")


def whole_file(remote: Remote, path: str, most: int = PACK_BYTES) -> bytes:
    """Return a file that is no object, unproven. FileTooLong where it is larger than such a file can be; NotFound,
    ReadFailed.
    """
    pieces, size = [], 0
    with closing(remote.read(path)) as chunks:  # type: ignore[type-var]
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise FileTooLong(name=path)
            pieces.append(chunk)
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class About:
    """What kdx-vault.json says."""

    id: str
    board: str
    created: str

    def text(self) -> bytes:
        """Return it as it is stored."""
        facts = {
            "format": FORMAT, "vault": self.id, "board": self.board, "created": self.created, "pack_bytes": PACK_BYTES,
            "segment_bytes": SEGMENT_BYTES, "encryption": None,
        }
        return json.dumps(facts, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"


def place_of_vault(board: Board) -> Place:
    """Return where the board's vault lies. NoVault."""
    if board.vault is None:
        raise NoVault()
    return replace(place_of_target(board, board.vault), few_large=True)


def create_vault(place: Place, board: str, now: datetime) -> About:
    """Begin a vault, unless it has begun. VaultForeign where it is another board's or of another format."""
    with closing(place.open()) as remote:
        about = About(secrets.token_hex(16), board, stamp(now))
        text = about.text()
        try:
            return _read_about(remote, board)
        except VaultUnmade:
            if not write_once(remote, ABOUT, [text], len(text)):
                raise VaultForeign(place=place.location, why=_("kdx-vault.json is there and cannot be read")) from None
        return about


@dataclass(frozen=True, slots=True)
class Vault:
    """Where it lies and what it is. Picklable; whoever works with it opens a unit."""

    place: Place
    about: About

    def unit(self, school: str) -> "Unit":
        """Return the unit of a school, "-" being the board's own. Closed by the caller."""
        return Unit(self, school)


def open_vault(board: Board, place: Place | None = None) -> Vault:
    """Return the board's vault. NoVault, VaultUnmade, VaultForeign, or what the place raises."""
    place = place or place_of_vault(board)
    with closing(place.open()) as remote:
        return Vault(place, _read_about(remote, board.name))


def _read_about(remote: Remote, board: str) -> About:
    try:
        data = whole_file(remote, ABOUT, LONGEST_ABOUT)
    except NotFound as error:
        # a bucket that is not there must not look like one that is empty
        next(iter(remote.list()), None)
        raise VaultUnmade(place=remote.location) from error
    except (FileTooLong, ReadFailed) as error:
        raise VaultForeign(place=remote.location, why=_("kdx-vault.json is there and cannot be read")) from error
    try:
        facts = json.loads(data)
        about = About(str(facts["vault"]), str(facts["board"]), str(facts["created"]))
        number, encryption, segment = facts["format"], facts["encryption"], facts["segment_bytes"]
    except (ValueError, KeyError, TypeError) as error:
        raise VaultForeign(place=remote.location, why=_("kdx-vault.json is there and cannot be read")) from error
    if number != FORMAT or segment != SEGMENT_BYTES:
        raise VaultForeign(place=remote.location, why=_("its format is {number}").format(number=number))
    if encryption is not None:
        raise VaultForeign(place=remote.location, why=_("it is encrypted"))
    if about.board != board:
        raise VaultForeign(place=remote.location, why=_("it belongs to {board}").format(board=about.board))
    return about


class Unit:
    """One school's part of a vault, opened in this process. Close it."""

    def __init__(self, vault: Vault, school: str) -> None:
        self.vault = vault
        self.school = school
        self.folder = unit_of(school)
        self.remote: Remote = vault.place.open()

    def close(self) -> None:
        """Let go of connections."""
        self.remote.close()

    def confirm(self, board: str) -> None:
        """See that the vault is still the one that was opened: a disk unmounted meanwhile looks like an empty one.

        VaultUnmade, VaultForeign, or what the place raises.
        """
        if _read_about(self.remote, board) != self.vault.about:
            raise VaultForeign(place=self.remote.location, why=N_("it is another one than a moment ago"))

    def objects(self) -> dict[str, int]:
        """Return every object that is there and its size in bytes, damaged ones among them."""
        return {name: entry.size for name, entry in self.stored().items()}

    def stored(self) -> dict[str, Entry]:
        """Return every object that is there as the store lists it."""
        found = {}
        for kind in (PACKS, SEGMENTS, MANIFESTS):
            for entry in self._files(kind):
                name = f"{kind}/{entry.path}"
                try:
                    digest_in(name)
                except ValueError:
                    continue
                found[name] = entry
        return found

    def _files(self, *folder: str) -> Iterator[Entry]:
        location = self.vault.place.location.child(*self.folder.split("/"), *folder)
        try:
            with closing(replace(self.vault.place, location=location).open()) as remote:
                for entry in remote.walk():
                    if entry.kind == "file" and entry.skip is None:
                        yield entry
        except PlaceMissing:
            # the vault itself has answered; only this folder has nothing in it yet
            return

    def put(self, name: str, pieces: Sequence[Piece], size: int, pace: Pace | None = None) -> bool:
        """Store an object, durably. False where its name is taken by something of another size."""
        return write_once(self.remote, f"{self.folder}/{name}", pieces, size, pace, digest_in(name))

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        """Yield stored bytes of an object, unproven. ObjectMissing, ObjectUnread."""
        try:
            yield from self.remote.read(f"{self.folder}/{name}", start=start)
        except NotFound as error:
            raise ObjectMissing(name=name) from error
        except ReadFailed as error:
            raise ObjectUnread(name=name, why=str(error), reason=error.reason) from error

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        """Return `length` stored bytes of an object, unproven. ObjectMissing; ObjectDamaged where there are fewer."""
        pieces, left = [], length
        with closing(self.read(name, offset)) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                pieces.append(chunk[:left])
                left -= len(pieces[-1])
                if not left:
                    break
        if left:
            raise ObjectDamaged(name=name)
        return b"".join(pieces)

    def fetch(self, name: str) -> bytes:
        """Return the stored bytes of an object, proven to be those its name says. ObjectMissing, ObjectDamaged."""
        pieces, size, digest = [], 0, hashlib.sha256()
        for chunk in self.read(name):
            size += len(chunk)
            if size > PACK_BYTES:
                raise ObjectDamaged(name=name)
            digest.update(chunk)
            pieces.append(chunk)
        if digest.hexdigest() != digest_in(name):
            raise ObjectDamaged(name=name)
        return b"".join(pieces)
