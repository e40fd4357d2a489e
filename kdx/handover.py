"""Hand a school's migration over: one receipt for its shares, written from the last verification of each.

Issues nothing over a difference, nothing that was planned or moved again after it was verified, and never half a
receipt: receipt.json, which vouches for the other files, is written last.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kdx import __version__, signing
from kdx.config.model import Board
from kdx.errors import ExitCode, GateClosed
from kdx.language import N_
from kdx.migration import Migration, NothingPlanned, open_migration
from kdx.state.events.moving import ReceiptIssued
from kdx.state.folder import StateFolder, full_disk_explained
from kdx.transfer import receipt
from kdx.transfer.receipt import PAGE, RECEIPT, SUMS, Facts, Held
from kdx.transfer.records import digest_of

Draw = Callable[[Facts, str], str]
"""Given the facts and the signing key's fingerprint, return the page."""


class NotVerified(GateClosed):
    """A receipt was asked for over something that was not verified as it now is."""

    message = N_("The share {share} was not verified since it was last planned or moved.")
    advice = N_("Run: kdx migrate verify {school} --share {share} --to {target}")


class NotAsProven(GateClosed):
    """A receipt was asked for though the last verification found differences."""

    message = N_("The last verification of {school} found differences; there is nothing to vouch for.")
    advice = N_("Run kdx migrate run {school} and kdx migrate verify {school}, then ask again.")


class DecidedSince(GateClosed):
    """A receipt was asked for though the school decided otherwise after the share was planned."""

    message = N_("The school decided anew after the share {share} was last planned.")
    advice = N_("Run kdx migrate run {school} --share {share} --to {target}, then kdx migrate verify, and ask again.")


@dataclass(frozen=True, slots=True)
class Issued:
    """A receipt that was written."""

    folder: Path
    facts: Facts
    files: tuple[Facts, ...]
    """Name and SHA-256 of receipt.json and of the files it vouches for; none on a dry run."""
    fingerprint: str
    target: str
    """Address of the target itself."""

    @property
    def exit_code(self) -> ExitCode:
        """3 where something was not taken or not proven: the receipt says so."""
        return ExitCode.DONE if self.facts["whole"] else ExitCode.INCOMPLETE

    def event(self) -> ReceiptIssued:
        """Return what the ledger keeps of it."""
        return ReceiptIssued(
            school=self.facts["school"]["id"],
            target=self.target,
            shares=[share["share_id"] for share in self.facts["shares"]],
            whole=self.facts["whole"],
            receipt_sha256=self.files[0]["sha256"],
            key_fingerprint=self.fingerprint,
            path=str(self.folder / RECEIPT),
        )


def open_migrations(
    board: Board, state: StateFolder, school: str, share: str | None, to: str | None
) -> list[Migration]:
    """Return the migrations of a school's shares (of one where it is named) to one target."""
    found = board.school(school)
    names = [share] if share else [one.name for one in found.shares]
    return [open_migration(board, state, found.id, name, to) for name in names]


def issue_receipt(
    migrations: Sequence[Migration],
    board: Board,
    state: StateFolder,
    folder: Path,
    *,
    ledger_head: tuple[int, str],
    now: datetime,
    draw: Draw,
    dry_run: bool = False,
) -> Issued:
    """Write receipt.json, SHA256SUMS and the page into `folder`, signed with the board's key; nothing on a dry run.

    NothingPlanned, NotVerified or NotAsProven say what is missing.
    """
    key = signing.load_private_key(state.keys())
    with ExitStack() as held:
        for migration in migrations:
            held.enter_context(migration.locked())
        facts = _facts(migrations, board.name, ledger_head, now)
        files = () if dry_run else _write_all(migrations, folder, facts, key, draw)
    return Issued(
        folder=folder,
        facts=facts,
        files=files,
        fingerprint=key.public.fingerprint,
        target=str(migrations[0].target.location),
    )


def _write_all(
    migrations: Sequence[Migration], folder: Path, facts: Facts, key: signing.SigningKey, draw: Draw
) -> tuple[Facts, ...]:
    with full_disk_explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / SUMS, _sums(migrations))
        facts["files"] = [_vouched(folder / SUMS)]
        _write(folder / PAGE, draw(facts, key.public.fingerprint).encode("utf-8"))
        facts["files"].append(_vouched(folder / PAGE))
        _write(folder / RECEIPT, receipt.sealed(facts, key))
    return _vouched(folder / RECEIPT), *facts["files"]


def check_receipt(path: Path, trusted: Path) -> Held:
    """Check a receipt against the keys in `trusted`: a folder of public keys, or one such file."""
    keys = signing.load_public_keys(trusted) if trusted.is_dir() else (signing.read_public_key(trusted),)
    return receipt.check(path, keys)


def exit_code_of_check(held: Held) -> ExitCode:
    """Return 3 where a file the receipt vouches for did not lie beside it, so was not looked at."""
    return ExitCode.INCOMPLETE if held.absent else ExitCode.DONE


def _facts(migrations: Sequence[Migration], board_name: str, head: tuple[int, str], now: datetime) -> Facts:
    first = migrations[0]
    facts: Facts = {
        "format": receipt.FORMAT,
        "kdx": __version__,
        "board": board_name,
        "school": {"id": first.school.id, "name": first.school.name},
        "target": str(first.root.location.child(first.school.id)),
        "issued": now.isoformat(),
        "ledger": {"event": head[0], "hash": head[1]},
        "shares": [_share(migration) for migration in migrations],
    }
    if receipt.is_wrong(facts):
        raise NotAsProven(school=first.school.id)
    facts["whole"] = receipt.is_whole(facts)
    return facts


def _share(migration: Migration) -> Facts:
    records = migration.records
    names = {"share": migration.share.name, "school": migration.school.id, "target": migration.target.name}
    if not records.plan.exists():
        raise NothingPlanned(**names)
    verified = records.about_verification()
    if verified.get("plan_sha256") != digest_of(records.plan):
        raise NotVerified(**names)
    plan = records.about_plan()
    if plan.get("decisions_sha256", "") != digest_of(records.decisions):
        raise DecidedSince(**names)
    return {
        "share": migration.share.name,
        "share_id": migration.share.id,
        "source": plan["source"],
        "scanned": plan["scanned"],
        "catalog_sha256": plan["catalog_sha256"],
        "verified": verified["verified"],
        "level": verified["level"],
        "ignore": {"version": plan["ignore_version"], "patterns": json.loads(plan["ignore_patterns"])},
        **receipt.share_facts(records),
    }


def _sums(migrations: Sequence[Migration]) -> bytes:
    return b"".join(line for migration in migrations for line in receipt.sums(migration.share.name, migration.records))


def _vouched(path: Path) -> Facts:
    return {"name": path.name, "sha256": receipt.sha256_of(path), "bytes": path.stat().st_size}


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
