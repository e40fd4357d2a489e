"""One budget for the line that all schools share, kept by the jobs themselves: no server, no clock, no memory.

Every running job has a file in one folder, holds a lock on it, and writes there how much it weighs and what it may take
at the most. Who moves bytes reads all files and works out its own part; a job that dies takes its lock with it, and the
next who looks clears its file away. The rule is pure: claims go in, a rate comes out.
"""

import fcntl
import math
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from kdx.transfer.limit import Rate

SUFFIX = ".job"
LENGTH = 32
"""Bytes of a claim, written in one piece."""


class Weight(IntEnum):
    """How much of the line a job gets beside others, in the order in which the planner would let them go."""

    DRILL = 1
    MIGRATION = 2
    BACKUP = 4
    RESTORE = 8
    """Somebody waits for the files."""


class Claim(NamedTuple):
    """What one job asks for."""

    weight: int
    most: int | None = None
    """Bytes per second it may take in any case; None is no cap of its own."""


def part_of(claims: Sequence[Claim], mine: int, total: int) -> int:
    """Return what the job number `mine` may take of `total` bytes per second.

    By weight; what a job may not take because of its own cap goes to the others, by weight again.
    """
    left, weights = float(total), sum(claim.weight for claim in claims)
    for number in sorted(range(len(claims)), key=lambda number: _level(claims[number])):
        claim = claims[number]
        given = min(claim.most or math.inf, left * claim.weight / weights)
        if number == mine:
            return max(1, int(given))
        left, weights = left - given, weights - claim.weight
    raise IndexError(mine)


@contextmanager
def joined(folder: Path, weight: Weight, own: Rate, total: int) -> Iterator[Rate]:
    """Take part in the budget kept in `folder` for the length of the block; gives what tells the rate of the moment.

    `own` is what the job may take in any case, asked anew each time; `total` is what all together may take.
    """
    unfinished = folder / f".{secrets.token_hex(8)}"
    path = folder / f"{os.getpid()}-{unfinished.name[1:]}{SUFFIX}"
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # locked before it has its name: whoever finds it unlocked may take it for dead
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.pwrite(descriptor, _written(Claim(weight, own())), 0)
        unfinished.rename(path)

        def ask() -> int | None:
            claim = Claim(weight, own())
            # by name: a worker that was forked has let go of what its parent holds open, the lock stays the parent's
            with suppress(FileNotFoundError), path.open("r+b") as file:
                file.write(_written(claim))
            others = [found for name, found in _claims(folder) if name != path.name]
            return part_of([claim, *others], 0, total)

        yield ask
    finally:
        for name in (path, unfinished):
            name.unlink(missing_ok=True)
        os.close(descriptor)


def _claims(folder: Path) -> Iterator[tuple[str, Claim]]:
    """Yield the claims of all living jobs, with the names of their files; clear away those of dead ones."""
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path.name, _read(file.read(LENGTH))
            else:
                path.unlink(missing_ok=True)


def _level(claim: Claim) -> float:
    """Return at which rate per weight a job has all it may take."""
    return (claim.most or math.inf) / claim.weight


def _written(claim: Claim) -> bytes:
    return f"{claim.weight} {claim.most or 0}".ljust(LENGTH - 1).encode("ascii") + b"\n"


def _read(text: bytes) -> Claim:
    """Return a claim; one that cannot be read takes part all the same."""
    try:
        weight, most = map(int, text.split())
        return Claim(max(1, min(weight, max(Weight))), most if most > 0 else None)
    except ValueError:
        return Claim(Weight.MIGRATION)
