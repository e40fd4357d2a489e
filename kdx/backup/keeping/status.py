"""How every share stands, computed from what lies in the vault alone: no ledger, no state, no share is asked."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from kdx.backup.format.chain import Chain, Keys, Stored
from kdx.backup.format.promise import Standing, counts, standing
from kdx.backup.format.seal import forks, snapshot_time
from kdx.backup.format.unread import Unread, unread_in
from kdx.backup.format.vault import Unit, Vault
from kdx.backup.saving.before import OlderTail, future_alarm
from kdx.config.model import BackupSettings, Share
from kdx.errors import ExitCode, KdxError, gravest

ROTATION_RED = timedelta(days=90)
"""So old may the reading again of unchanged files grow before it is told."""


@dataclass(frozen=True, slots=True)
class ShareStatus:
    """One share."""

    share: Share
    standing: Standing
    newest: Stored | None
    good: Stored | None
    """The newest that counts: what would be brought back."""
    snapshots: int
    rotation_began: datetime | None
    is_rotation_late: bool
    faults: tuple[KdxError, ...]

    @property
    def exit_code(self) -> ExitCode:
        """14 where a promise is broken; what is wrong with the vault is graver or not."""
        broken = self.standing.is_broken or self.standing.is_file_broken
        own = ExitCode.PROMISE if broken else ExitCode.DONE
        return gravest((own, *(fault.exit_code for fault in self.faults)))


def status_of(
    vault: Vault, shares: Sequence[Share], keys: Keys, settings: BackupSettings, now: datetime,
    tails: dict[str, str] | None = None,
) -> Iterator[ShareStatus]:
    """Yield how each share stands. `tails`: the newest snapshot the ledger knows of each share id."""
    for share in shares:
        with closing(vault.unit(share.school)) as unit:
            yield _status(unit, share, keys, settings, now, (tails or {}).get(share.id, ""))


def _status(
    unit: Unit, share: Share, keys: Keys, settings: BackupSettings, now: datetime, tail: str
) -> ShareStatus:
    chain = Chain(unit, share.id, keys)
    faults: list[KdxError] = []
    newest, good = None, None
    unread: list[Unread] = []
    for stored in chain.newest_first():
        rows = unread_in(unit, stored.seal, faults)
        if newest is None:
            newest, unread = stored, rows
            faults += future_alarm(stored)
        if counts(stored.seal, stored.state, rows, settings.exceptions):
            good = stored
            break
    if tail and tail not in set(map(str, chain.all_names)):
        faults.append(OlderTail(snapshot=tail, share=share.name))
    rotation = newest.seal.rotation if newest else None
    return ShareStatus(
        share=share,
        standing=standing(
            snapshot_time(good.seal, good.stored) if good else None, unread, settings.exceptions,
            timedelta(hours=settings.rpo_hours),
            timedelta(days=settings.file_rpo_days), now,
        ),
        newest=newest,
        good=good,
        snapshots=len(chain.names),
        rotation_began=rotation.began if rotation else None,
        is_rotation_late=bool(rotation) and now - rotation.began > ROTATION_RED if rotation else False,
        faults=(*chain.faults.values(), *faults),
    )


@dataclass(frozen=True, slots=True)
class Snapshots:
    """All snapshots of one share that hold, newest first, and what is wrong with the others."""

    share: Share
    stored: tuple[Stored, ...]
    forked: tuple[str, ...]
    """Names of snapshots that share their predecessor with another."""
    faults: tuple[KdxError, ...]


def snapshots_of(vault: Vault, shares: Sequence[Share], keys: Keys) -> Iterator[Snapshots]:
    """Yield the snapshots of each share."""
    for share in shares:
        with closing(vault.unit(share.school)) as unit:
            chain = Chain(unit, share.id, keys)
            stored = tuple(chain.newest_first())
            forked = tuple(str(name) for names in forks([each.seal for each in stored]) for name in names)
            yield Snapshots(share, stored, forked, tuple(chain.faults.values()))
