"""A person's word on a suspect snapshot, signed with the board's key."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kdx import signing
from kdx.backup.format.chain import Chain, Stored
from kdx.backup.format.note import GOOD, RECOVERING, Acceptance
from kdx.backup.format.seal import State
from kdx.backup.format.signed_text import BOARD
from kdx.backup.format.vault import open_vault
from kdx.config.model import Board as BoardOfEducation
from kdx.config.model import Share
from kdx.errors import GateClosed
from kdx.language import N_
from kdx.state.folder import StateFolder


class NothingSuspect(GateClosed):
    """There is no suspect snapshot to accept."""

    message = N_("The newest snapshot of {share} is not suspect, or somebody has accepted it already.")
    advice = N_("See what there is with: kdx backup list {school}")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted."""

    share: Share
    stored: Stored
    word: str


def accept(
    board: BoardOfEducation, state: StateFolder, share: Share, keys_folder: Path, now: datetime, *,
    recovering: bool = False, reason: str = "", dry_run: bool = False,
) -> Accepted:
    """Make the newest snapshot of a share good, if it is suspect; with `recovering` only right for the time being."""
    key = signing.load_private_key(state.keys(), BOARD)
    vault = open_vault(board)
    with closing(vault.unit(share.school)) as unit:
        chain = Chain(unit, share.id, signing.load_public_keys(keys_folder))
        stored = next(chain.newest_first(), None)
        if stored is None or stored.state != State.SUSPECT or stored.acceptance:
            raise NothingSuspect(share=share.name, school=share.school)
        word = RECOVERING if recovering else GOOD
        acceptance = Acceptance(vault.about.id, share.school, share.id, stored.link, word, now, reason)
        if not dry_run:
            chain.put_acceptance(stored.link, acceptance.text(key))
    return Accepted(share, stored, word)
