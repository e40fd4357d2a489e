"""The board's own part of the vault: inventory, ledger and receipts, from which a new machine can begin.

They are laid out in the state folder and then backed up like any share, signed with the board's key. Never a secret:
what the configuration names as one stays where it is.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from kdx import signing
from kdx.backup.format import signed_text
from kdx.backup.format.names import BOARD
from kdx.backup.format.vault import open_vault
from kdx.backup.saving.guard import Limits
from kdx.backup.saving.job import Job
from kdx.config.location import Location
from kdx.config.model import BackupSettings, IgnoreRules, Share
from kdx.config.model import Board as BoardOfEducation
from kdx.config.secret import SecretReference
from kdx.remotes import Place
from kdx.state.folder import StateFolder
from kdx.state.ledger import Ledger
from kdx.transfer.receipt import PAGE, RECEIPT, SUMS

LEDGER = "ledger.sqlite3"
UNGUARDED = Limits(gone=10.0, changed=10.0, new=1000.0, renamed=10.0, endings=10.0, entropy=10.0)
"""A board's inventory may be turned inside out in a day; its former states stay in the vault."""


def board_job(board: BoardOfEducation, state: StateFolder, inventory: Path, ledger: Ledger) -> Job:
    """Lay out what the board itself must not lose, and return the job that backs it up. KeyMissing without its key."""
    signer = signing.load_private_key(state.keys(), signed_text.BOARD)
    folder = state.backup(BOARD).with_name(f"{BOARD}.staged")
    lay_out(board, inventory, ledger, folder)
    location = Location("file", str(folder))
    share = Share(BOARD, board.name, "-", "", location, IgnoreRules("", ()))
    settings = BackupSettings(rpo_hours=board.backup.rpo_hours, reread_days=0)
    keys = signing.load_public_keys(inventory / "keys")
    return Job(
        share=share,
        source=Place(location),
        vault=open_vault(board),
        state=state,
        keys=keys,
        signer=signer,
        settings=settings,
        limits=UNGUARDED,
        zone=board.time_zone,
    )


def lay_out(board: BoardOfEducation, inventory: Path, ledger: Ledger, folder: Path) -> None:
    """Fill `folder` with the inventory, a consistent copy of the ledger, and every receipt that is still there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    secret = set(_secret_files(board))

    def without_secrets(parent: str, names: list[str]) -> list[str]:
        return [name for name in names if (Path(parent) / name).absolute() in secret]

    shutil.copytree(inventory, folder / "inventory", symlinks=True, ignore=without_secrets)
    ledger.copy_to(folder / LEDGER)
    for number, recorded in enumerate(ledger.events("receipt.issued")):
        receipt = Path(str(recorded.body.get("path", "")))
        # by name: a receipt may have been written into a folder full of other things
        for file in (receipt.with_name(name) for name in (RECEIPT, SUMS, PAGE)):
            if receipt.is_file() and file.is_file():
                kept = folder / "receipts" / f"{number:06d}"
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, kept)


def _secret_files(board: BoardOfEducation) -> Iterator[Path]:
    """Yield the files that the configuration names as holding a secret."""
    references: list[SecretReference | None] = [
        share.secret for school in board.schools for share in school.shares
    ]
    for target in (*board.targets, *((board.vault,) if board.vault else ())):
        references += (target.access_key, target.secret_key)
    for reference in references:
        if reference and reference.kind == "file":
            yield (board.folder / reference.name).absolute()
