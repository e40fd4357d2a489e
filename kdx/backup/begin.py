"""Begin: the vault where the configuration says, and this machine's own key to sign snapshots with."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kdx import signing
from kdx.backup.signed_text import MACHINE
from kdx.backup.vault import About, create_vault, place_of_vault
from kdx.config.model import Board
from kdx.state.folder import StateFolder


@dataclass(frozen=True, slots=True)
class Begun:
    """What there is now."""

    place: str
    about: About
    key: signing.PublicKey
    is_new_key: bool
    public_file: Path


def begin(board: Board, state: StateFolder, keys_folder: Path, machine: str, now: datetime) -> Begun:
    """Make what is missing of vault and key; what is there stays. NoVault, VaultForeign, or what the place raises."""
    place = place_of_vault(board)
    if place.location.scheme == "file":
        # only the folder itself: a missing one above it is a disk that is not mounted
        folder = Path(place.location.path)
        if folder.parent.is_dir():
            folder.mkdir(exist_ok=True)
    about = create_vault(place, board.name, now)
    name = _free_name(keys_folder, f"{MACHINE}-{re.sub('[^a-z0-9-]+', '-', machine.lower())}")
    try:
        key, is_new = signing.load_private_key(state.keys(), MACHINE).public, False
    except signing.KeyMissing:
        key = signing.create_board_key(state.keys(), keys_folder, owner=machine, now=now, role=MACHINE, file=name)
        is_new = True
    return Begun(str(place.location), about, key, is_new, keys_folder / f"{name}.pub")


def _free_name(folder: Path, name: str) -> str:
    """Return a name for a public key's file: a machine that lost its key gets another one beside the old."""
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(each for each in names if not (folder / f"{each}.pub").exists())
