"""What a vault costs on this machine, beside restic and borg on the same files: to fill, to run again, to restore.

Peers run with their defaults: restic encrypts, for it cannot do otherwise; borg, which must be told, does not. All
begin their stores unmeasured, and find the files in memory: borg lets go of every file it has read, so without that
whoever comes after it would wait for the disk, and borg itself would not. `scripts/bench` needs both programs for
these benches: apt-get install restic borgbackup
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sample_share
from bench_measure import CommandFailed, Comparison, Measure, in_pairs
from bench_print import BytesBeside, Figures, Line
from bench_run import MIB, Bench, warm
from local_store import REGION, LocalStore, serve_s3
from sample_board import SCHOOL, write_board

PACKAGES = {"restic": "restic", "borg": "borgbackup"}
NO_KEYS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Program:
    """A program that keeps one share in one store, and the words of its commands."""

    run: Callable[..., Measure]
    begin: tuple[str | Path, ...]
    save: tuple[str | Path, ...]
    restore: tuple[str | Path, ...] = ()
    """All of the newest snapshot, into the folder whose name follows."""

    def first(self) -> Measure:
        """Begin the store, and save the share for the first time: that alone is measured."""
        self.run(*self.begin)
        return self.run(*self.save)


Make = Callable[[Bench, Path, str, Mapping[str, str]], Program]
"""From the share, where its store shall lie (a folder or an address), and the keys to it."""


def first(bench: Bench) -> Iterator[Line]:
    """First full backup of school-shaped files to a folder against restic and borg."""
    share = _school(bench)
    ours = partial(_first, bench, kdx, share)
    for peer, make, limit in (("restic backup", restic, 0.35), ("borg create", borg, 0.5)):
        pairs = in_pairs(ours, partial(_first, bench, make, share), bench.size.pairs)
        yield Comparison("vault-first", peer, "wall", pairs, limit)


def again(bench: Bench) -> Iterator[Line]:
    """Backup of tiny files of which none changed, with and without a part of them read again, against both."""
    share = bench.files(f"tiny-{bench.size.tiny}", sample_share.tiny(bench.size.tiny), seed=60)
    ours = _filled(bench, kdx, share)
    for peer, make in (("restic backup", restic), ("borg create", borg)):
        theirs = _filled(bench, make, share)
        for name, words, limit in (("vault-again", (), 0.4), ("vault-unread", ("--no-reread",), 0.3)):
            save = partial(ours.run, *ours.save, *words)
            pairs = in_pairs(save, partial(theirs.run, *theirs.save), bench.size.pairs)
            yield Comparison(name, peer, "wall", pairs, limit)


def entries(bench: Bench) -> Iterator[Line]:
    """Backup of a share of very many entries of which none changed: time, and memory of all its processes."""
    share = bench.files(f"entries-{bench.size.vault}", sample_share.entries(bench.size.vault), seed=1)
    program = _filled(bench, kdx, share)
    runs = [program.run(*program.save) for _ in range(max(1, bench.size.pairs // 2))]
    yield Figures("vault-entries", "no change", "s", [run.wall for run in runs], 120)
    yield Figures("vault-entries", "peak memory", "MB", [run.peak / 1e6 for run in runs], 500)


def restore(bench: Bench) -> Iterator[Line]:
    """Restore of school-shaped files into an empty folder against restic."""
    ours, theirs = (_filled(bench, make, _school(bench)) for make in (kdx, restic))
    pairs = in_pairs(partial(_restore, bench, ours), partial(_restore, bench, theirs), bench.size.pairs)
    yield Comparison("vault-restore", "restic restore", "wall", pairs, 0.6)


def to_s3(bench: Bench) -> Iterator[Line]:
    """First full backup of school-shaped files to one S3 endpoint against restic."""
    share = _school(bench)
    with serve_s3(bench.new_folder(), "vault") as store:
        ours = partial(_first_in_bucket, bench, kdx, share, store, "s3://vault/{name}?endpoint={at}&region={region}")
        theirs = partial(_first_in_bucket, bench, restic, share, store, "s3:{at}/vault/{name}")
        yield Comparison("vault-s3", "restic backup", "wall", in_pairs(ours, theirs, bench.size.pairs), 0.35)


def size(bench: Bench) -> Iterator[Line]:
    """Bytes that a store of school-shaped files, which do not compress, takes against restic's."""
    ours, theirs = (_stored_bytes(bench, make, _school(bench)) for make in (kdx, restic))
    yield Figures("vault-size", "bytes over restic's", "x", [ours / theirs], 1.05)


def resent(bench: Bench) -> Iterator[Line]:
    """Bytes stored anew after small changes in one large file, as a mailbox or a database has them, beside restic."""
    share = bench.new_folder()
    generator = random.Random(2000)
    with (share / "outlook.pst").open("wb") as file:
        for _ in range(bench.size.large // MIB):
            file.write(generator.randbytes(MIB))
    stores = [bench.new_folder() for _ in range(2)]
    programs = [make(bench, share, str(at / "store"), NO_KEYS) for make, at in zip((kdx, restic), stores, strict=True)]
    for program in programs:
        program.first()
    for what, change in (("200 writes of 4 KiB", _write_at_random), ("1 MiB appended", _append)):
        before = [_bytes_below(store) for store in stores]
        change(share / "outlook.pst", generator)
        for program in programs:
            program.run(*program.save)
        ours, theirs = (_bytes_below(store) - old for store, old in zip(stores, before, strict=True))
        yield BytesBeside("vault-resent", f"restic, {what}", ours, theirs)


def _write_at_random(path: Path, generator: random.Random) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(200):
            file.seek(generator.randrange(size - 4096))
            file.write(generator.randbytes(4096))


def _append(path: Path, generator: random.Random) -> None:
    with path.open("ab") as file:
        file.write(generator.randbytes(MIB))


def _bytes_below(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def kdx(bench: Bench, share: Path, place: str, keys: Mapping[str, str]) -> Program:
    """A board of its own, whose signing key `backup init` makes."""
    board = write_board(bench.new_folder(), {"共有": share})
    with (board / "kdx.yml").open("a", encoding="utf-8") as file:
        file.write(f"vault: {{url: '{place}'}}\n")
    return Program(
        run=partial(bench.kdx, board, bench.new_folder(), **keys),
        begin=("backup", "init"),
        save=("backup", "run", SCHOOL),
        restore=("restore", SCHOOL, "--to"),
    )


def restic(bench: Bench, share: Path, place: str, keys: Mapping[str, str]) -> Program:
    """A repository with a cache of its own."""
    variables = {"RESTIC_REPOSITORY": place, "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(bench.new_folder())}
    return Program(
        run=partial(bench.run, _installed("restic"), **variables, **keys),
        begin=("init",),
        save=("backup", share),
        restore=("restore", "latest", "--target"),
    )


def borg(bench: Bench, share: Path, place: str, keys: Mapping[str, str]) -> Program:
    """A repository with a cache of its own."""
    return Program(
        run=partial(bench.run, _installed("borg"), BORG_REPO=place, BORG_BASE_DIR=str(bench.new_folder()), **keys),
        begin=("init", "--encryption", "none"),
        save=("create", "::{uuid4}", share),
    )


def peer_versions() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    return {
        name: subprocess.run([name, word], capture_output=True, text=True, check=True).stdout.split()[1]
        for name, word in (("restic", "version"), ("borg", "--version")) if shutil.which(name)
    }


def _installed(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise CommandFailed(f"{name} is not installed: apt-get install {PACKAGES[name]}")


def _school(bench: Bench) -> Path:
    return bench.files(f"school-{bench.size.school}", sample_share.school_shaped(bench.size.school), seed=20)


def _first(bench: Bench, make: Make, share: Path) -> Measure:
    place = bench.new_folder()
    warm(share)
    cost = make(bench, share, str(place / "store"), NO_KEYS).first()
    _removed(place)
    return cost


def _first_in_bucket(bench: Bench, make: Make, share: Path, store: LocalStore, address: str) -> Measure:
    name = bench.new_folder().name
    warm(share)
    cost = make(bench, share, address.format(name=name, at=store.endpoint, region=REGION), store.keys()).first()
    _removed(store.folder / "vault" / name)
    return cost


def _removed(folder: Path) -> None:
    """Remove a folder, and wait until the disk has let go of it: whoever comes next would be slowed down."""
    shutil.rmtree(folder)
    os.sync()


def _filled(bench: Bench, make: Make, share: Path) -> Program:
    program = make(bench, share, str(bench.new_folder() / "store"), NO_KEYS)
    program.first()
    return program


def _restore(bench: Bench, program: Program) -> Measure:
    # nothing is removed between two runs: ext4 passes over the inodes of what was just deleted, for whoever comes next
    target = bench.new_folder()
    # restic leaves its files to be written later: kdx, which waits for the disk, would wait for restic's too
    os.sync()
    return program.run(*program.restore, target)


def _stored_bytes(bench: Bench, make: Make, share: Path) -> int:
    place = bench.new_folder()
    make(bench, share, str(place / "store"), NO_KEYS).first()
    total = _bytes_below(place)
    _removed(place)
    return total


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "vault-first": first,
    "vault-again": again,
    "vault-entries": entries,
    "vault-restore": restore,
    "vault-s3": to_s3,
    "vault-size": size,
    "vault-resent": resent,
}
