"""One share and its way into the vault: everything a run needs to know, before it touches anything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kdx import signing
from kdx.backup.format.chain import Keys
from kdx.backup.format.names import SnapshotName, stamp
from kdx.backup.format.seal import Seal
from kdx.backup.format.signed_text import BOARD, MACHINE, SEAL, check, compose, take_apart
from kdx.backup.format.vault import Vault, open_vault
from kdx.backup.saving.guard import Limits
from kdx.backup.saving.stop import StoppedEarly
from kdx.config.location import Location
from kdx.config.model import BackupSettings, Board, Share
from kdx.errors import ConfigurationError, ExitCode, GateClosed, KdxError, gravest
from kdx.language import N_
from kdx.remotes import Place, place_of_share
from kdx.state.events.saving import SnapshotSealed
from kdx.state.folder import StateFolder


class NotInitialised(ConfigurationError):
    """This machine has no key to sign snapshots with."""

    message = N_("This machine has no key to sign snapshots with.")
    advice = N_("Make one with kdx backup init, and have its public half in inventory/keys reviewed.")


class SignerNotTrusted(GateClosed):
    """What this machine would sign now, nobody would believe."""

    message = N_("The key of this machine is not trusted for snapshots at this moment ({why}). Nothing was stored.")
    advice = N_(
        "Have its public half in inventory/keys, with the role machine. One that the board has ended is replaced: move "
        "the file {path} away and make another with kdx backup init."
    )


class VaultInside(ConfigurationError):
    """The vault lies in a share, or a share in the vault."""

    message = N_("The vault {vault} and the share {share} lie one in the other.")
    advice = N_("Put the vault on another disk: what takes the share must not take the vault.")


@dataclass(frozen=True, slots=True)
class Job:
    """One share on its way into the vault."""

    share: Share
    source: Place
    vault: Vault
    state: StateFolder
    keys: Keys
    """All that is trusted."""
    signer: signing.SigningKey
    settings: BackupSettings
    limits: Limits
    zone: str


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did to one share."""

    job: Job
    seal: Seal
    alarms: tuple[KdxError, ...]
    """What is wrong with the vault, though the run went on."""
    forks: tuple[SnapshotName, ...]
    """Snapshots by another run that was at work at the same time."""
    silent: tuple[str, ...]
    """Files whose content changed though their size and time did not, found by reading them again."""
    unread: tuple[tuple[str, str], ...]
    """(path, reason) of the first entries that were not read."""
    interruption: StoppedEarly | None
    """Where it was asked to stop before it was done: its snapshot holds what it had."""
    started: datetime
    ended: datetime

    @property
    def exit_code(self) -> ExitCode:
        """The gravest of how the snapshot came out, what is wrong with the vault, and that it was interrupted."""
        outcome = {"complete": ExitCode.DONE, "partial": ExitCode.INCOMPLETE, "suspect": ExitCode.GATE}
        wrong = (*self.alarms, self.interruption) if self.interruption else self.alarms
        return gravest((outcome[self.seal.state], *(error.exit_code for error in wrong)))


def sign_with(state: StateFolder) -> signing.SigningKey:
    """Return this machine's key: the one made for it, else the board's where this is the board's machine."""
    for role in (MACHINE, BOARD):
        try:
            return signing.load_private_key(state.keys(), role)
        except signing.KeyMissing:
            continue
    raise NotInitialised()


def refuse_untrusted(job: Job, now: datetime) -> None:
    """SignerNotTrusted where a seal signed now would be no snapshot: unlisted, ended, not yet begun, another role."""
    text = take_apart(compose(SEAL, (("sealed", stamp(now)),), job.signer), SEAL, SEAL)
    try:
        check(text, job.keys, now, SEAL)
    except signing.KeyUnlisted as error:
        why = error.values.get("why") or error.values.get("role") or error
        raise SignerNotTrusted(why=why, path=job.state.keys() / (job.signer.public.role or MACHINE)) from error


def open_jobs(board: Board, state: StateFolder, shares: Sequence[Share], keys_folder: Path) -> list[Job]:
    """Return the jobs of these shares. NoVault, VaultUnmade, VaultForeign, NotInitialised, PublicKeysWrong."""
    vault, signer = open_vault(board), sign_with(state)
    keys = signing.load_public_keys(keys_folder)
    for share in shares:
        _refuse_inside(vault.place.location, share.location)
    return [
        Job(
            share=share,
            source=place_of_share(board, share),
            vault=vault,
            state=state,
            keys=keys,
            signer=signer,
            settings=board.backup,
            limits=Limits(**{**board.backup.guards}),  # type: ignore[arg-type]
            zone=board.time_zone,
        )
        for share in shares
    ]


def _refuse_inside(vault: Location, share: Location) -> None:
    """VaultInside where a run would store its own vault, or store into the share."""
    if replace(vault, path="") == replace(share, path=""):
        one, other = f"{vault.path.rstrip('/')}/", f"{share.path.rstrip('/')}/"
        if one.startswith(other) or other.startswith(one):
            raise VaultInside(vault=vault, share=share)


def event_of(job: Job, seal: Seal, seal_sha256: str) -> SnapshotSealed:
    """Return what the ledger keeps of a seal."""
    counts = seal.counts
    return SnapshotSealed(
        school=job.share.school,
        share=job.share.name,
        share_id=job.share.id,
        vault=seal.vault,
        snapshot=str(seal.name),
        sequence=seal.name.sequence,
        seal_sha256=seal_sha256,
        previous=str(seal.previous.name) if seal.previous else "",
        state=str(seal.state),
        reasons=list(seal.reasons),
        waiting=counts.waiting,
        entries=counts.entries,
        files=counts.files,
        bytes=counts.bytes,
        new=counts.new,
        changed=counts.changed,
        gone=counts.gone,
        unread=counts.unread,
        ignored=counts.ignored,
        stored_objects=counts.stored_objects,
        stored_bytes=counts.stored_bytes,
        exit_code=int({"complete": ExitCode.DONE, "partial": ExitCode.INCOMPLETE}.get(seal.state, ExitCode.GATE)),
        started=seal.name.started,
        sealed=seal.sealed,
    )
