"""Begin: the vault where the configuration says, and this machine's own key to sign snapshots with."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kdx import signing
from kdx.backup.format.signed_text import MACHINE
from kdx.backup.format.vault import About, create_vault, place_of_vault
from kdx.config.model import Board
from kdx.state.folder import StateFolder


@dataclass(frozen=True, slots=True)
class Earlier:
    """A key of a machine of the same name that is still trusted: of one that burnt, or of a namesake."""

    file: Path
    ended: str
    """The line that would end it now. What it signed until then stays good."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What there is now."""

    place: str
    about: About
    key: signing.PublicKey
    is_new_key: bool
    public_file: Path
    earlier: tuple[Earlier, ...]


def begin(board: Board, state: StateFolder, keys_folder: Path, machine: str, now: datetime) -> Begun:
    """Make what is missing of vault and key; what is there stays. NoVault, VaultForeign, or what the place raises.

    A machine that was built anew gets a new key beside its old one: nobody can say that the old one did not get into
    other hands. Only the board ends a key.
    """
    place = place_of_vault(board)
    if place.location.scheme == "file":
        # only the folder itself: a missing one above it is a disk that is not mounted
        folder = Path(place.location.path)
        if folder.parent.is_dir():
            folder.mkdir(exist_ok=True)
    about = create_vault(place, board.name, now)
    names = _names(machine)
    name = next(each for each in names if not (keys_folder / f"{each}.pub").exists())
    try:
        key, is_new = signing.load_private_key(state.keys(), MACHINE).public, False
    except signing.KeyMissing:
        key = signing.create_board_key(state.keys(), keys_folder, owner=machine, now=now, role=MACHINE, file=name)
        is_new = True
    earlier = tuple(_earlier(keys_folder, machine, key, now))
    return Begun(str(place.location), about, key, is_new, keys_folder / f"{name}.pub", earlier)


def _names(machine: str) -> list[str]:
    """Return the names its public keys' files may have, the first first."""
    name = f"{MACHINE}-{re.sub('[^a-z0-9-]+', '-', machine.lower())}"
    return [name, *(f"{name}-{number}" for number in range(2, 1000))]


def _earlier(folder: Path, machine: str, own: signing.PublicKey, now: datetime) -> Iterator[Earlier]:
    """Yield the other keys of machines of this name that are still trusted."""
    for name in _names(machine):
        path = folder / f"{name}.pub"
        if not path.exists():
            return
        # a file that cannot be read stops whatever trusts it, and says so
        with suppress(signing.KeyUnusable, signing.PublicKeysWrong):
            key = signing.read_public_key(path)
            if key.comment == machine and key.blob != own.blob and not (key.valid_before and key.valid_before <= now):
                yield Earlier(path, replace(key, valid_before=now).line())
