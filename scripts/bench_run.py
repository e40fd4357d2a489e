"""The folder a bench works in and the commands it measures. Files are made once and kept."""

import compileall
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import sample_share
from bench_measure import Measure, measure
from local_store import RCLONE

MIB = 1 << 20
KDX = Path(sys.executable).with_name("kdx")
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    tiny: int
    school: int
    entries: int
    vault: int
    """Entries of a share that is in the vault already."""
    migrate: int
    far: int
    """Entries of a share behind a line."""
    large: int
    """Bytes of a file behind a line."""
    capped_seconds: int
    """How long a cap is watched."""
    pairs: int


FULL = Size(
    tiny=60_000, school=20_000, entries=1_000_000, vault=2_000_000, migrate=4_000, far=50_000, large=2_000 * MIB,
    capped_seconds=60, pairs=5,
)
QUICK = Size(
    tiny=6_000, school=2_000, entries=100_000, vault=200_000, migrate=400, far=5_000, large=100 * MIB,
    capped_seconds=6, pairs=3,
)


class Bench:
    """The folder a run works in: files that are kept, scratch that is not."""

    def __init__(self, work: Path, size: Size) -> None:
        self.work = work
        self.size = size
        self.scratch = Path(tempfile.mkdtemp(prefix="run-", dir=work))
        self._numbers = count(1)

    def files(self, name: str, samples: Iterator[sample_share.Sample], seed: int) -> Path:
        """Return the folder of these files, made now if it is not there, and read it once."""
        folder = self.work / "files" / name
        if not folder.exists():
            print(f"making {folder} ...", file=sys.stderr)
            unfinished = folder.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            sample_share.write_samples(unfinished, samples, seed)
            unfinished.rename(folder)
        warm(folder)
        return folder

    def new_folder(self) -> Path:
        """Return an empty folder that goes away with the run."""
        folder = self.scratch / str(next(self._numbers))
        folder.mkdir()
        return folder

    def run(self, *command: str | Path, **variables: str) -> Measure:
        """Measure one command."""
        environment = {**os.environ, "KDX_LANG": "en", "RCLONE_CONFIG": os.devnull, **variables}
        # an installed program is compiled once; a setting of whoever develops it must not be measured with it
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return measure(command, environment, self.scratch / "output")

    def kdx(self, board: Path, state: Path, *words: str, **variables: str) -> Measure:
        """Measure one kdx command."""
        return self.run(KDX, *words, KDX_INVENTORY=str(board), KDX_STATE=str(state), **variables)

    def hashsum(self, folder: Path) -> Measure:
        """Measure the peer of a scan."""
        return self.run(RCLONE, "hashsum", "sha256", "--checkers", str(CORES), folder)


def warm(folder: Path) -> None:
    """Read every file once."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb", buffering=0) as file:
                while file.read(MIB):
                    pass


@contextmanager
def opened(work: Path, size: Size) -> Iterator[Bench]:
    """A Bench whose scratch is removed when the block ends, however it ends."""
    work.mkdir(parents=True, exist_ok=True)
    compileall.compile_dir("kdx", quiet=1)
    bench = Bench(work, size)
    try:
        yield bench
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
