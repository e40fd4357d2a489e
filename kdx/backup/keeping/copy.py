"""Copy a vault: from a USB disk that was filled in the school into the cloud, or out of it. Plain files, seals last.

What is there already with the same size is not sent again. Objects are proven on their way; the copy of a vault is the
same vault, with the same id.
"""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from kdx.backup.format.names import ABOUT, PACK_BYTES, REFERENCES, SEAL, digest_in
from kdx.backup.format.vault import (
    LONGEST_ABOUT,
    FileTooLong,
    ObjectDamaged,
    ObjectMissing,
    ObjectUnread,
    Vault,
    whole_file,
)
from kdx.errors import DifferenceFound, ExitCode, KdxError
from kdx.language import N_
from kdx.progress import SILENT, Progress
from kdx.remotes import Place
from kdx.remotes.interface import Entry, NotFound, ReadFailed, Remote
from kdx.remotes.once import write_once
from kdx.state.events.saving import VaultCopied
from kdx.transfer.limit import Limiter, Rate

LONGEST_LIST = 1 << 30
"""A reference list of 30,000,000 objects, as it is copied."""


class OtherVault(DifferenceFound):
    """Where a vault is to be copied lies another one."""

    message = N_("At {place} lies another vault.")
    advice = N_("Choose an empty folder or bucket, or one that holds an earlier copy of this vault.")
    exit_code = ExitCode.GATE


@dataclass(slots=True)
class Copied:
    """What a copy did."""

    files: int = 0
    bytes: int = 0
    there: int = 0
    """Files that were there already."""
    faults: list[KdxError] = field(default_factory=list)

    @property
    def exit_code(self) -> ExitCode:
        """5 where something could not be copied because it is damaged."""
        return ExitCode.DIFFERENCE if self.faults else ExitCode.DONE

    def event(self, vault: Vault, target: Place) -> VaultCopied:
        """Return what the ledger keeps of it."""
        return VaultCopied(
            vault.about.id, str(target.location), self.files, self.bytes, self.there, len(self.faults),
            int(self.exit_code),
        )


def copy_vault(
    vault: Vault, target: Place, *, bandwidth: int | None | Rate = None, dry_run: bool = False,
    progress: Progress = SILENT,
) -> Copied:
    """Copy everything that belongs to a vault to another place.

    `bandwidth` is bytes per second, or what tells them at any moment.
    """
    done, limiter = Copied(), Limiter(bandwidth)
    with closing(vault.place.open()) as source, closing(target.open()) as remote:
        there = {entry.path: entry.size for entry in remote.walk() if entry.kind == "file"}
        if ABOUT in there and _about(remote) != _about(source):
            raise OtherVault(place=target.location)
        entries = sorted(_belonging(source), key=_order)
        progress.start(N_("Copying the vault"), sum(entry.size for entry in entries), "bytes")
        try:
            for entry in entries:
                if there.get(entry.path) == entry.size:
                    done.there += 1
                elif not dry_run:
                    _copy(source, remote, entry, limiter, done)
                else:
                    done.files, done.bytes = done.files + 1, done.bytes + entry.size
                progress.advance(entry.size)
        finally:
            progress.done()
    return done


def _belonging(source: Remote) -> Iterator[Entry]:
    for entry in source.walk():
        top = entry.path.split("/")[0]
        if entry.kind == "file" and (entry.path == ABOUT or top in ("schools", "board")):
            yield entry


def _order(entry: Entry) -> tuple[int, str]:
    """What others rely on goes first, and a seal after everything it names."""
    if entry.path == ABOUT:
        return 0, ""
    return (2 if entry.path.endswith((SEAL, ".accepted", ".pruned")) else 1), entry.path


def _about(remote: Remote) -> bytes:
    return whole_file(remote, ABOUT, LONGEST_ABOUT)


def _copy(source: Remote, target: Remote, entry: Entry, limiter: Limiter, done: Copied) -> None:
    try:
        data = whole_file(source, entry.path, LONGEST_LIST if entry.path.endswith(REFERENCES) else PACK_BYTES)
    except NotFound:
        done.faults.append(ObjectMissing(name=entry.path))
        return
    except ReadFailed as error:
        done.faults.append(ObjectUnread(name=entry.path, why=str(error)))
        return
    except FileTooLong as error:
        done.faults.append(error)
        return
    name = "/".join(entry.path.split("/")[-3:])
    try:
        whole = hashlib.sha256(data).hexdigest() == digest_in(name)
    except ValueError:
        # a seal, a note, a list: whoever reads it proves it
        whole = True
    if not whole or not write_once(target, entry.path, [data], len(data), limiter.take if limiter.is_capped else None):
        done.faults.append(ObjectDamaged(name=entry.path))
        return
    done.files, done.bytes = done.files + 1, done.bytes + len(data)
