"""Where a restore reads from and writes to, given what was typed. Opens the vault, nothing else."""

import json
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from kdx import signing
from kdx.backup.format.names import ABOUT, BOARD
from kdx.backup.format.vault import LONGEST_ABOUT, FileTooLong, VaultUnmade, open_vault, whole_file
from kdx.backup.restoring.restored import Source
from kdx.config.location import parse_location
from kdx.config.model import Board, Share
from kdx.errors import ConfigurationError
from kdx.language import N_
from kdx.remotes import Place
from kdx.remotes.interface import NotFound, ReadFailed

BOARD_ITSELF = "-"
"""How the vault calls the unit of the board."""


class NothingTrusted(ConfigurationError):
    """There is no public key that could say whether a seal is the board's."""

    message = N_("No public key is known here, so nothing in the vault can be trusted.")
    advice = N_("Name the board's public key with --key FILE; it hangs with the sheet, and lies in inventory/keys.")


def keys_of(folder: Path, key: Path | None) -> tuple[signing.PublicKey, ...]:
    """Return what is trusted: the one key named, else all of the inventory. NothingTrusted, PublicKeysWrong."""
    keys = (signing.read_public_key(key),) if key else signing.load_public_keys(folder)
    if not keys:
        raise NothingTrusted()
    return keys


def share_sources(
    board: Board, shares: Sequence[Share], keys: Sequence[signing.PublicKey], tails: dict[str, dict[str, object]]
) -> list[Source]:
    """Return these shares as the vault holds them. `tails`: share id -> body of the ledger's newest snapshot.sealed."""
    vault = open_vault(board)
    sources = []
    for share in shares:
        tail = tails.get(share.id, {})
        known = str(tail["snapshot"]) if tail.get("vault") == vault.about.id else ""
        sources.append(Source(vault, share.school, share.id, share.name, tuple(keys), known))
    return sources


def board_source(place: Place, keys: Sequence[signing.PublicKey]) -> Source:
    """Return the board's own unit of a vault, on a machine that knows nothing yet. VaultUnmade, VaultForeign."""
    place = replace(place, few_large=True)
    with closing(place.open()) as remote:
        try:
            data = whole_file(remote, ABOUT, LONGEST_ABOUT)
        except NotFound as error:
            raise VaultUnmade(place=place.location) from error
        except (FileTooLong, ReadFailed):
            # whoever opens it says so
            data = b""
    name = ""
    with suppress(ValueError, KeyError, TypeError):
        name = str(json.loads(data)["board"])
    # whose it is, is what its seals prove; here it is only what it calls itself
    vault = open_vault(Board(name, Path(), ()), place)
    return Source(vault, BOARD_ITSELF, BOARD, name, tuple(keys))


def place_to(text: str) -> Place:
    """Return where --to points: an address, else a folder as typed. Keys of a store come from their usual places."""
    is_address = "://" in text or text.startswith("rclone:")
    return Place(parse_location(text if is_address else str(Path(text).expanduser().absolute())))
